"""Printers: golden texts in every format, programs that compute what the engine computes, and text that parses back."""

import ctypes
import json
import math
import re
import shutil
import subprocess
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import agcli as ag
from agcli.expression import ExpressionError
from agcli.expression.api import derivative, parse, to_format, to_latex, to_python, to_text, variables
from agcli.expression.printers import FORMATS
from agcli.expression.values import pointwise, values

GOLDEN = Path(__file__).parents[1] / "golden" / "grad"
SPEC = spec_from_file_location("make_golden_grad", GOLDEN / "make.py")
MAKE = module_from_spec(SPEC)
SPEC.loader.exec_module(MAKE)


def golden(kind):
    return json.loads((GOLDEN / f"{kind}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("kind", [*FORMATS, "derivatives"])
def test_golden(kind):
    assert MAKE.golden(kind) == golden(kind)


# Programs -------------------------------------------------------------------------------------------------------


def point(f):
    """Values of the variables at which the formulas of the golden files are defined."""
    names = list(variables(f))
    return dict(zip(names, 0.3 + 0.1 * np.arange(len(names)), strict=True))


def printed(form):
    """The formulas that a format has words for, with what it prints."""
    return [(text, code) for text, code in golden(form).items() if not code.startswith("error")]


def expected(text):
    f = parse(text)
    at = point(f)
    return [float(v) for v in at.values()], values([f], at)[0]


@pytest.mark.parametrize("form", ["python", "numpy"])
def test_programs_compute_the_formula(form):
    for text, code in printed(form):
        arguments, value = expected(text)
        if not np.isfinite(value).all():
            continue
        exec(code, names := {})  # noqa: S102  our own output
        np.testing.assert_allclose(names["f"](*arguments), value, rtol=1e-12, atol=1e-15, err_msg=text)


def test_c_computes_the_formula(tmp_path):
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no C compiler")
    formulas = [(text, code) for text, code in printed("c") if "double *out" not in code]
    (tmp_path / "formulas.c").write_text("\n".join(renamed(code, i) for i, (_, code) in enumerate(formulas)))
    library = tmp_path / "formulas.so"
    options = ["-std=c99", "-Wall", "-Werror", "-shared", "-fPIC"]
    subprocess.run([compiler, *options, "-o", library, tmp_path / "formulas.c", "-lm"], check=True)
    loaded = ctypes.CDLL(str(library))
    for i, (text, _) in enumerate(formulas):
        arguments, value = expected(text)
        function = getattr(loaded, f"f{i}")
        function.restype, function.argtypes = ctypes.c_double, [ctypes.c_double] * len(arguments)
        if np.isfinite(value):
            assert function(*arguments) == pytest.approx(float(value), rel=1e-12), text


def renamed(code, i):
    """A C program whose functions have other names than those of the programs beside it."""
    for helper in re.findall(r"static double (\w+)", code):
        code = re.sub(rf"\b{helper}\(", f"{helper}{i}(", code)
    return code.replace("double f(", f"double f{i}(")


def test_a_vector_in_c_is_written_to_out():
    assert to_format(parse("[x, 2*y]"), "c").endswith("    out[0] = x;\n    out[1] = 2.0*y;\n}")


def test_shared_parts_have_names():
    f = parse("x")
    for _ in range(40):
        f = ag.sin(f) * f
    for form in ("python", "numpy", "c", "dot"):
        assert len(to_format(f, form)) < 20_000
    with pytest.raises(ExpressionError, match="more than 400,000 parts"):
        to_text(f)
    exec(to_python(f), names := {})  # noqa: S102  our own output
    assert names["f"](1.2) == pytest.approx(float(values([f], {"x": np.float64(1.2)})[0]))


def test_names_are_identifiers_of_the_language():
    assert "def f(lambda_, x):" in to_python(parse("lambda*x"))
    assert "def f(alpha):" in to_python(parse("α^2"))
    assert "double f(double double_, double x)" in to_format(parse("double*x"), "c")


def test_mathml_is_well_formed():
    for text in golden("mathml"):
        ElementTree.fromstring(to_format(parse(text), "mathml").replace("&#x2061;", ""))


def test_latex_braces_and_brackets_match():
    for text, latex in golden("latex").items():
        assert latex.count("{") == latex.count("}"), text
        assert latex.count(r"\left") == latex.count(r"\right"), text


def test_notebooks_show_the_formula():
    assert ag.parse("x^2")._repr_latex_() == "$x^{2}$"
    x = ag.placeholder("x")
    assert (2 * ag.sin(x))._repr_latex_() == r"$2 \sin\left(x\right)$"


def test_notebooks_show_other_tensors_as_text():
    doubled = parse("x")
    for _ in range(40):  # a text of 2^40 terms
        doubled = doubled + doubled
    logits, labels = ag.placeholder("z", (None, 3)), ag.placeholder("y", (None,), "int64")
    per_sample = ag.sparse_softmax_cross_entropy(logits, labels)
    for t in [parse("[x, y]"), doubled, *per_sample.inputs, logits, ag.unique(labels)]:
        assert t._repr_latex_() is None
        assert repr(t).startswith("<Tensor")
    assert ag.mean(per_sample)._repr_latex_().startswith("$")


# Text and back ---------------------------------------------------------------------------------------------------

LEAVES = st.sampled_from(["x", "y", "2", "3", "1/2", "0.25", "pi", "7", "1e-3"])
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds("({})+({})".format, inner, inner),
        st.builds("({})-({})".format, inner, inner),
        st.builds("({})*({})".format, inner, inner),
        st.builds("({})/({})".format, inner, inner),
        st.builds("({})^({})".format, inner, st.sampled_from(["2", "3", "-1", "1/2", "y"])),
        st.builds("-({})".format, inner),
        st.builds("{}({})".format, st.sampled_from(["sin", "cos", "exp", "log", "sqrt", "abs", "tanh"]), inner),
        st.builds("max({}, {})".format, inner, inner),
        st.builds("where({} < {}, {}, {})".format, inner, inner, inner, inner),
    ),
    max_leaves=12,
)
AT = {"x": np.array([0.3, 1.7, -0.6, 2.5]), "y": np.array([1.2, 0.4, 0.9, -1.1])}


def at_points(t):
    return np.broadcast_to(pointwise([t], AT)[0], 4)


@settings(max_examples=150, deadline=None)
@given(TREES)
def test_parsing_is_the_inverse_of_printing(text):
    try:
        f = parse(text)
    except ExpressionError:  # a number that is too large, or 1/0
        return
    back = parse(to_text(f))
    before, after = at_points(f), at_points(back)
    finite = np.isfinite(before) & np.isfinite(after)  # the sign of 0, and so of 1/0, may differ
    np.testing.assert_allclose(after[finite], before[finite], rtol=1e-9, atol=1e-12)
    assert to_text(parse(to_text(back))) == to_text(back)


@settings(max_examples=60, deadline=None)
@given(TREES)
def test_python_computes_what_the_engine_computes(text):
    try:
        f = parse(text)
    except ExpressionError:
        return
    exec(to_python(f), names := {})  # noqa: S102  our own output
    for i, value in enumerate(at_points(f)):
        try:
            found = names["f"](*(float(AT[name][i]) for name in variables(f)))
        except (ArithmeticError, ValueError):  # Python raises where NumPy gives NaN or infinity
            continue
        if math.isfinite(value):
            assert found == pytest.approx(float(value), rel=1e-9, abs=1e-12)


UNKNOWN = re.compile("where|clip|max|min|mod|floor|relu|sign|lambda|1/0")  # to SymPy, or without a derivative there
READ = [text for text in MAKE.FORMULAS if parse(text).shape == () and not re.search("[][]", text)]


@pytest.mark.parametrize("text", [text for text in READ if not UNKNOWN.search(text) or "sigmoid" in text])
def test_derivatives_agree_with_sympy(text):
    sympy = pytest.importorskip("sympy")
    f = parse(text)
    symbols = {name: sympy.Symbol(name, real=True) for name in variables(f)}
    theirs = sympy.sympify(to_text(f).replace("^", "**"), locals={**translation(sympy), **symbols}, rational=True)
    at = point(f)
    for name, symbol in symbols.items():
        ours = float(values([derivative(f, name)], at)[0])
        value = complex(sympy.diff(theirs, symbol).subs({symbols[n]: v for n, v in at.items()}).evalf())
        if math.isfinite(ours) and math.isfinite(abs(value)):
            assert ours == pytest.approx(value.real, rel=1e-9, abs=1e-12), name


def translation(sympy):
    """SymPy's names of our functions."""
    one = {"arcsin": "asin", "arccos": "acos", "arctan": "atan", "arcsinh": "asinh", "arccosh": "acosh",
           "arctanh": "atanh", "lgamma": "loggamma", "abs": "Abs"}  # fmt: skip
    return {name: getattr(sympy, there) for name, there in one.items()} | {
        "log2": lambda x: sympy.log(x, 2),
        "log1p": lambda x: sympy.log(1 + x),
        "expm1": lambda x: sympy.exp(x) - 1,
        "exp2": lambda x: 2**x,
        "sigmoid": lambda x: 1 / (1 + sympy.exp(-x)),
        "softplus": lambda x: sympy.log(1 + sympy.exp(x)),
        "hypot": lambda a, b: sympy.sqrt(a**2 + b**2),
        "arctan2": sympy.atan2,
        "gamma": sympy.gamma,
    }


def test_latex_of_an_answer():
    assert to_latex(derivative("exp(-x^2/2)")) == r"-x e^{-\frac{x^{2}}{2}}"
