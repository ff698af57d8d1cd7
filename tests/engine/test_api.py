"""The public face: names, documentation whose examples run, and the pages that are written from the table."""

import contextlib
import doctest
import inspect
import io
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import agcli as ag
from agcli.engine.table import OPS
from agcli.foreign_names import OTHERS, RUST_AUTOGRAD
from tools import ops_reference as reference

ROOT = Path(__file__).resolve().parents[2]
NAMES = """
    grad grad_with_default jacobians hessian_vector_product stop_gradient add sub mul div neg abs sign floor ceil
    square sqrt inv inv_sqrt pow exp exp2 exp10 ln log2 log10 sin cos tan asin acos atan sinh cosh tanh asinh acosh
    atanh lgamma digamma maximum minimum clip equal not_equal greater greater_equal lesser lesser_equal sigmoid relu
    leaky_relu elu softplus add_n reduce_sum reduce_mean reduce_prod reduce_max reduce_min reduce_variance
    reduce_logsumexp sum_all mean_all argmax argmin shape size rank reshape flatten expand_dims squeeze transpose
    tile split slice concat gather gather_common access_elem setdiff1d identity convert_to_tensor zeros ones matmul
    batch_matmul batch_matmul_t tensordot softmax log_softmax sigmoid_cross_entropy softmax_cross_entropy
    sparse_softmax_cross_entropy mean_squared_error normalize batch_norm dropout conv2d dilated_conv2d
    conv2d_transpose dilated_conv2d_transpose max_pool2d random_normal random_uniform standard_normal
    standard_uniform bernoulli random_exp random_gamma log_normal map print show_shape raw_hook control_dependencies
    assign placeholder variable VariableEnvironment namespace save load Op check_theoretical_grads
"""


def run_examples(name, text):
    """Run the examples of a text; what fails is the message."""
    test = doctest.DocTestParser().get_doctest(text, {"ag": ag, "np": np}, name, None, 0)
    assert test.examples, f"{name} has no example"
    report = io.StringIO()
    with contextlib.redirect_stderr(io.StringIO()):
        result = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(test, out=report.write)
    assert result.failed == 0, report.getvalue()


def test_names_are_sorted_unique_and_there():
    assert list(ag.__all__) == sorted(set(ag.__all__)) == dir(ag)
    assert set(OPS) <= set(ag.__all__)
    for name in ag.__all__:
        assert getattr(ag, name) is not None


@pytest.mark.parametrize("name", ag.__all__)
def test_documentation(name):
    """A sentence, and an example that runs."""
    doc = inspect.getdoc(getattr(ag, name))
    sentence = doc.split("\n\n")[0]
    assert sentence.endswith((".", ":")), sentence
    run_examples(name, doc)


@pytest.mark.parametrize("name", sorted(OPS))
def test_ops_look_like_functions(name):
    """Name, signature and documentation are those of the op, also where one class serves many ops."""
    public = getattr(ag, name)
    assert callable(public)
    assert inspect.isfunction(public)
    assert inspect.signature(public).parameters
    assert inspect.getdoc(public).startswith(OPS[name].doc.split("\n")[0])


def test_the_version_is_that_of_the_package(monkeypatch):
    from importlib import metadata

    monkeypatch.setattr(metadata, "version", {"agcli": "1.2.3"}.__getitem__)
    assert ag.__version__ == "1.2.3"


def test_a_checkout_that_is_not_installed_has_a_version_too(monkeypatch):
    from importlib import metadata

    def missing(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", missing)
    assert ag.__version__ == "0+unknown"


@pytest.mark.parametrize(("name", "hint"), [
    ("sofmax", "; did you mean ag.softmax?"),
    ("layernorm", "; did you mean ag.layer_norm?"),
    ("attention", "; did you mean ag.scaled_dot_product_attention?"),
    ("huber_loss", "; did you mean ag.huber?"),
    ("trigamma", "; write ag.polygamma(1, x)"),
    ("cat", "; write ag.concatenate"),
    *[(name, "") for name in ("attn", "quantile", "interp", "loss")],  # another word is no misspelling
])  # fmt: skip
def test_a_wrong_name_suggests_the_right_one_or_nothing(name, hint):
    with pytest.raises(AttributeError) as caught:
        getattr(ag, name)
    assert str(caught.value) == f"module 'agcli' has no attribute {name!r}{hint}"


def fresh(code):
    """The output of a Python that has loaded nothing yet."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout


def test_imports_are_lazy():
    loaded = "print(*(m for m in ('numpy', 'scipy', 'agcli.expression', 'rich', 'click') if m in sys.modules))"
    assert fresh(f"import sys, agcli as ag; {loaded}") == "\n"
    assert fresh(f"import sys, agcli as ag; ag.grad; {loaded}") == "numpy\n"
    assert fresh("from agcli import parse, sin; print(parse('x^2').eval({'x': 3.0}))") == "9.0\n"


def test_type_checkers_know_the_names(tmp_path):
    """Types of ops that are rows, of ops that are functions and of the rest; a wrong name or count is an error."""
    api = pytest.importorskip("mypy.api")
    program = tmp_path / "program.py"
    lines = ["ag.sin(1.0)", "ag.top_k([1.0], 1)", "ag.parse('x')", "ag.add(1, 2)", "ag.sofmax", "ag.sin(1.0, 2.0)"]
    program.write_text("import agcli as ag\n" + "".join(f"reveal_type({line})\n" for line in lines))
    known = [
        "--config-file",
        str(ROOT / "pyproject.toml"),
        "--cache-dir",
        str(ROOT / ".mypy_cache"),
    ]  # by `check types`
    out, _, _ = api.run([*known, str(program)])
    tensor = "agcli.engine.graph.Tensor"
    assert re.findall(r'Revealed type is "(.*)"', out)[:4] == [tensor, f"tuple[{tensor}, {tensor}]", tensor, tensor]
    assert 'Module has no attribute "sofmax"' in out
    assert 'Too many arguments for "sin"' in out


def test_written_files_are_current(capsys):
    assert reference.main(["--check"]) == 0, capsys.readouterr().out


def test_check_finds_an_old_file_and_writing_mends_it(tmp_path, capsys):
    for name in reference.FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / "docs/ops.md").write_text("old")
    assert reference.main(["--check"], tmp_path) == 1
    assert "docs/ops.md: not current" in capsys.readouterr().out
    assert reference.main([], tmp_path) == 0
    assert reference.main(["--check"], tmp_path) == 0


def test_every_function_of_rust_autograd_has_a_row():
    assert set(NAMES.split()) == set(RUST_AUTOGRAD)


@pytest.mark.parametrize("row", [*RUST_AUTOGRAD.values(), *OTHERS.values()])
def test_rows_name_what_exists(row):
    """The first word of every piece of code in a row is public, or a keyword argument."""
    codes = re.findall(r"`([^`]+)`", row)
    assert codes
    for code in codes:
        known = re.match(r"(\w+)(?=$|\(|\.)", code)
        if known and known.group() not in {"x", "a", "axis"}:
            assert known.group() in ag.__all__, code


def test_the_page_on_the_engine_runs():
    """Its examples, in order, as one session."""
    run_examples("engine.md", (ROOT / "docs/engine.md").read_text("utf-8").replace("```", ""))
    run_examples("complex numbers of ops.md", reference.COMPLEX.replace("```", ""))
