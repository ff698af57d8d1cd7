"""Every program that `ag grad` writes: it runs, takes all variables in order, and computes what the engine computes."""

import ctypes
import math
import os
import re
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from agcli.engine.graph import toposort
from agcli.expression import ExpressionError
from agcli.expression.answers import answer
from agcli.expression.api import parse, variables
from agcli.expression.printers import programs
from agcli.expression.questions import Question
from agcli.expression.values import pointwise, values
from agcli.report.formulas import lines

pytestmark = pytest.mark.numeric

CORPUS = Path(__file__).parents[1] / "corpus"
FORMULAS = sorted({
    line.strip() for path in CORPUS.glob("*.txt") for line in path.read_text("utf-8").splitlines()
    if line.strip() and not line.startswith("#")
})  # fmt: skip
BEYOND = [  # what the corpus lacks: functions, large values, branches, names
    "1/(1 + exp(-x))", "exp(x)/(1 + exp(x))", "1/(1 + x^2)", "1/(1 + x^10)", "1/(1 + 2^x)", "1/cosh(x)", "tanh(x)",
    "sigmoid(k*x)", "softplus(x)*y", "log_sigmoid(x)", "log_cosh(x)", "relu(x) + y", "clip(x, -1, y)", "mod(x, 3)",
    "mod(-x, y)", "floor(x)*y", "ceil(x) + trunc(y)", "round(x)", "sign(x)*y^2", "where(x > 0, x^2*log(x), -x)",
    "where(x == 0, 1, sin(x)/x)", "where(x > y, 1/x, sqrt(-x))", "where(x > 0, sin(x)/x + (sin(x)/x)^2, x)", "sinc(x)",
    "gamma(x)", "lgamma(x)", "digamma(x)", "erf(x) + erfc(y)", "erfinv(x)", "xlogy(x, y)", "logaddexp(x, y)",
    "hypot(x, y)", "arctan2(y, x)", "x^y", "x^-2", "x^-3*y", "(-x)^3", "2^-x", "-x^2", "(x - y)^2 - -x", "x - (y - z)",
    "x/(y/z)", "x/(y*z)", "x*(y/z)", "x/2/3", "1/2*x", "7*x/3", "10^18*x", "12345678901234567890*x + 1",
    "x/12345678901234567890", "1e300*x*1e-300", "0.1*x", "1e-7*x", "|x|^3", "max(x, y, 1)", "min(x, 2*y)", "x!",
    "lambda*int + double", "α*alpha", "ω*t + f", "out*main", "np*math", "exp10(x)", "rsqrt(x)", "softsign(x)",
    "exp2(x)", "logaddexp2(x, y)", "copysign(x, y)*y", "lerp(x, y, k)", "celu(x)*y", "quick_gelu(x)", "hard_swish(x)",
    "cbrt(x)", "expm1(x)", "log1p(x)", "log2(x) + log10(y)", "elu(x)", "silu(x)", "gelu(x)", "sinh(x)/cosh(y)",
    "sec(x)", "acoth(x)", "t1*t2 + sin(t1*t2 + 1)*cos(t1*t2 + 1)", "i0*x",
]  # fmt: skip
SAMPLE = FORMULAS[::9] + BEYOND
VALUES = [0.3, 1.7, -0.6, 2.5, 0.9, -1.4, 40.0, -40.0, 800.0, -800.0, 1e3, 1e-8, 1e200, 0.0]
LANGUAGES = ["python", "numpy", "c"]


def question(text):
    """The formula, its first derivatives, and the second by its first variable; with all variables."""
    found = answer(text, Question()).results if variables(parse(text)) else ()
    f = parse(text)
    tensors = [f, *(r.formula for r in found)]
    names = variables(f)
    if names:
        tensors += [r.formula for r in answer(text, Question(wrt=(next(iter(names)),), order=2)).results]
    return names, tensors


def points(names):
    """One row of values for each point, in the order of the names."""
    return [[VALUES[(i + 3 * k) % len(VALUES)] for k in range(len(names))] for i in range(len(VALUES))]


def written(formulas, form):
    """(text, names, tensors, program) of each formula that the language has words for; functions f0, f1, ..."""
    found = []
    for number, text in enumerate(formulas):
        parameters, tensors = question(text)
        names = list(parameters)
        functions, kept = [], []
        for t in tensors:
            try:
                programs(form)([("f", t)], parameters)
            except ExpressionError as error:
                refused = "has no function" in error.message and bool(error.hint)
                if not refused:  # by name, and with the language that has it
                    raise
                continue
            functions.append((f"f{number}_{len(kept)}", t))
            kept.append(t)
        if kept:
            found.append((text, names, kept, programs(form)(functions, parameters), number))
    return found


POLES = {"divide", "reciprocal", "log", "log2", "log10", "log1p", "gamma", "lgamma", "digamma", "polygamma", "arctanh"}
SHIFTS = 1e-16 * np.array([0, 2, -2, 5, -5, 12, -12, 30, -30])


def expected(t, names, point):
    """The engine's value, and how far rounding may move it: by the last digits of the variables and of its terms.
    NaN at a pole of a part: there the formula has no value, whatever IEEE 754 makes of it."""
    at = {name: v * (1 + SHIFTS) for name, v in zip(names, point, strict=True)}
    order = toposort([t])
    sums = [x for s in order if s.op is not None and s.op.name in ("add", "subtract") for x in s.inputs]
    choices = any(x.op is not None and x.op.name == "where" for x in order)
    poles = [x for x in order if x.op is not None and x.op.name in POLES and not choices]
    with np.errstate(all="ignore"):
        if not all(np.isfinite(np.broadcast_to(v, len(SHIFTS))[0]) for v in pointwise(poles, at)):
            return math.nan, 0.0
        values = pointwise([t, *sums], at)
        moved = np.broadcast_to(values[0], len(SHIFTS))
        terms = [abs(float(np.broadcast_to(v, len(SHIFTS))[0])) for v in values[1:]]
        noise = float(np.abs(moved - moved[0]).max()) + 1e-16 * max((v for v in terms if np.isfinite(v)), default=0.0)
    return float(moved[0]), noise


def compare(text, names, tensors, call):
    """Each function at each point; a language may refuse to compute only where there is no value."""
    compared = 0
    for point in points(names):
        for place, t in enumerate(tensors):
            value, noise = expected(t, names, point)
            if not np.isfinite(value) or not np.isfinite(noise):
                continue
            found = float(call(place, point))
            compared += 1
            close = abs(found - value) <= 1e-9 * abs(value) + 30 * noise + 1e-199
            assert close, f"{text} function {place} at {dict(zip(names, point, strict=True))}: {found}, not {value}"
    return compared


def run_python(cases):
    compared = 0
    for text, names, tensors, code, number in cases:
        exec(code, space := {})  # noqa: S102  our own output
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compared += compare(
                text, names, tensors, lambda place, point, s=space, n=number: s[f"f{n}_{place}"](*point)
            )
    return compared


def run_c(cases, folder):
    """All programs as one translation unit, in which a helper stands once."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no C compiler")
    blocks = dict.fromkeys(block for _, _, _, code, _ in cases for block in code.split("\n\n"))
    (folder / "formulas.c").write_text("\n\n".join(blocks) + "\n", encoding="utf-8")
    options = ["-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror", "-Wno-unused-parameter", "-shared", "-fPIC"]
    library = folder / "formulas.so"
    subprocess.run([compiler, *options, "-O0", "-o", library, folder / "formulas.c", "-lm"], check=True)
    loaded = ctypes.CDLL(str(library))
    compared = 0
    for text, names, tensors, _, number in cases:

        def call(place, point, number=number):
            function = getattr(loaded, f"f{number}_{place}")
            function.restype, function.argtypes = ctypes.c_double, [ctypes.c_double] * len(point)
            return function(*point)

        compared += compare(text, names, tensors, call)
    return compared


def run(form, formulas, folder):
    cases = written(formulas, form)
    compared = run_c(cases, folder) if form == "c" else run_python(cases)
    assert compared > 5 * len(cases)
    return len(cases), compared


@pytest.mark.parametrize("form", LANGUAGES)
def test_programs_compute_what_the_engine_computes(form, tmp_path):
    run(form, SAMPLE, tmp_path)


def shown(text, form, **asked):
    return "\n".join(lines(answer(text, Question(**asked)), form))


SIGNATURES = [
    ("x^2 + 3*y", "python", "def d_dy(x, y):"),
    ("x^2 + 3*y", "numpy", "def d_dy(x, y):"),
    ("x^2 + 3*y", "c", "double d_dy(double x, double y) {"),
    ("b*a + z", "c", "double d_dz(double a, double b, double z) {"),
    ("x^2 + 3*y", "c", "double d_dx(double x, double y) {"),
    ("lambda*int + double*ω", "c", "double d_ddouble(double double_, double int_, double lambda, double omega) {"),
    ("lambda*ω + np", "numpy", "def d_dlambda(lambda_, np_, omega):"),
]


@pytest.mark.parametrize(("text", "form", "line"), SIGNATURES)
def test_signatures_hold_all_variables_in_alphabetical_order(text, form, line):
    assert line in shown(text, form)


def test_signatures_of_vectors_matrices_and_series_hold_all_variables():
    assert "def gradient(x, y, z):" in shown("x + y^2 + 0*z", "python", gradient=True)
    assert "void hessian(double x, double y, double *out) {" in shown("x + y", "c", hessian=True)
    assert "def taylor(k, x):" in shown("sin(x) + 0*k", "numpy", taylor="x=0,n=3")
    assert "double dy_dx(double x, double y) {" in shown("x + y", "c", implicit="y")
    assert "def d_dx(x):" in shown("a*x^2", "python", given=("a=3",))  # what has a value is no variable


def test_results_of_one_question_are_one_program():
    text = shown("sigmoid(x*y)", "c")
    assert text.count("#include <math.h>") == text.count("static double sigmoid(double x)") == 1
    assert shown("sigmoid(x*y)", "python").count("import math") == 1


@pytest.mark.parametrize("form", ["python", "c"])
@pytest.mark.parametrize("text", ["sum(x^2)", "x", "norm(x)", "x[0]*x[1]"])
def test_vectors_are_refused_where_the_language_has_none(form, text):
    with pytest.raises(ExpressionError, match=r"functions take numbers here; `x` has the shape \(3,\)\n--format numpy"):
        shown(text, form, shape=("x=3",))


def test_lists_are_not_repeated():
    exec(shown("2*[x, y] + [1, x]", "python", wrt=("x",)), space := {})  # noqa: S102
    assert space["d_dx"](1.0, 5.0) == [2, 1]
    exec(shown("[[x, y], [y^2, 1]]", "python", wrt=("y",)), space := {})  # noqa: S102
    assert space["d_dy"](1.0, 5.0) == [[0, 1], [10, 0]]


REFUSED = [
    ("digamma(x)", "c", "C has no function `polygamma`\n--format numpy has it: `special.polygamma`"),
    ("gamma(x)", "python", "Python has no function `digamma`\n--format numpy has it: `special.digamma`"),
    ("erfinv(x)", "c", "C has no function `erfinv`\n--format numpy has it: `special.erfinv`"),
    ("sinc(x)", "numpy", "NumPy has no function `sinc(n=)`\n--at computes its values"),
]


@pytest.mark.parametrize(("text", "form", "words"), REFUSED)
def test_what_a_language_lacks_is_refused_by_name(text, form, words):
    with pytest.raises(ExpressionError, match=re.escape(words)):
        shown(text, form)


def test_derivatives_of_digamma_are_polygamma_in_scipy():
    special = pytest.importorskip("scipy.special")
    exec(shown("digamma(x)", "numpy"), space := {})  # noqa: S102
    assert space["d_dx"](2.5) == pytest.approx(float(special.polygamma(1, 2.5)), rel=1e-14)


@pytest.mark.parametrize("form", ["python", "numpy"])
def test_what_is_too_large_is_infinite_as_in_ieee_754(form):
    f = parse("1/(1 + exp(-x)) + 1/(1 + y^4) + 1/(1 + 2^z)")
    exec(programs(form)([("f", f)]), space := {})  # noqa: S102
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert float(space["f"](-800.0, 1e200, 5000.0)) == 0


VECTORS = [
    ("sum(x^2)", {"x": (3,)}), ("x.T @ A @ x", {"x": (3,), "A": (3, 3)}), ("norm(A @ x - b)", WIDE := {
        "x": (3,), "A": (2, 3), "b": (2,)}), ("sum(exp(A @ x) + b)", WIDE), ("sigmoid(A @ x + b)", WIDE),
    ("softmax(x)", {"x": (3,)}), ("logsumexp(x)", {"x": (3,)}), ("log_softmax(x)", {"x": (3,)}),
    ("trace(A)*x", {"x": (3,), "A": (3, 3)}), ("det(A)", {"A": (3, 3)}), ("inv(A) @ x", {"x": (3,), "A": (3, 3)}),
    ("solve(A, x)", {"x": (3,), "A": (3, 3)}), ("cumsum(x)*x", {"x": (3,)}), ("cumsum(x, reverse=True)", {"x": (3,)}),
    ("sum(A*x, axis=1)*b", WIDE), ("concatenate(x, x^2, axis=0)", {"x": (3,)}), ("x[[0, 2]]*2", {"x": (3,)}),
    ("outer(x, x)", {"x": (3,)}), ("mean(x^2)*x", {"x": (3,)}), ("max(x)", {"x": (3,)}), ("x[1:]*x[:-1]", {"x": (3,)}),
    ("eye(3, m=2) @ b", {"b": (2,)}), ("pad(x, ((1, 1),))", {"x": (3,)}), ("sort(x, descending=True)", {"x": (3,)}),
    ("where(x > 0, x^2, 0)", {"x": (3,)}), ("kron(x, x)", {"x": (3,)}), ("prod(x)", {"x": (3,)}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "shapes"), VECTORS, ids=[text for text, _ in VECTORS])
def test_numpy_of_vectors_and_matrices_computes_what_the_engine_computes(text, shapes):
    rng = np.random.default_rng(3)
    at = {name: rng.uniform(0.3, 1.8, shape) for name, shape in shapes.items()}
    f = parse(text, shapes)
    sizes = tuple(f"{name}={list(shape)}" for name, shape in shapes.items())
    written = 0
    derivatives = answer(text, Question(shape=sizes)).results if len(f.shape) < 2 else ()
    for t in [f, *(r.formula for r in derivatives)]:
        try:
            code = programs("numpy")([("f", t)], variables(f))
        except ExpressionError as error:
            if not error.hint:  # what is refused is named
                raise
            continue
        exec(code, space := {})  # noqa: S102
        found = space["f"](*(at[name] for name in sorted(shapes)))
        np.testing.assert_allclose(found, values([t], at)[0], rtol=1e-12, atol=1e-14)
        written += 1
    assert written


@pytest.mark.long
@pytest.mark.skipif(not os.environ.get("AG_LONG"), reason="AG_LONG is not set")
@pytest.mark.parametrize("form", LANGUAGES)
def test_every_program_of_the_corpus(form, tmp_path):
    print(form, *run(form, FORMULAS + BEYOND, tmp_path), file=sys.stderr)
