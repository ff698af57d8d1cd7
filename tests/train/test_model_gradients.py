"""`ag grad model.yaml`: matrix formulas, their proof, every format, and what is said of wrong names."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import agcli as ag
from agcli.data.section import load_data
from agcli.engine.graph import toposort
from agcli.engine.leaves import Placeholder
from agcli.expression.matrix import Lengths, factored, fixed, parts, shortened
from agcli.model.build import build
from agcli.model_gradients import evaluate, model_gradients, proof, short_names
from agcli.spec import read_spec

pytestmark = pytest.mark.numeric

ROOT = Path(__file__).resolve().parents[2]
SPECS = {
    "softmax": ("digits", "softmax_cross_entropy", ["{dense: 10}"]),
    "regression": ("sine", "mean_squared_error", ["{dense: {units: 4, activation: tanh}}", "{dense: 1}"]),
    "logistic": ("moons", "sigmoid_cross_entropy", ["{dense: 1}"]),
    "relu": ("iris", "softmax_cross_entropy", ["{dense: {units: 5, activation: relu}}", "{dense: 3}"]),
    "leaky": ("iris", "softmax_cross_entropy", ["{dense: {units: 5, activation: leaky_relu}}", "{dense: 3}"]),
    "deep": (
        "iris",
        "softmax_cross_entropy",
        [f"{{dense: {{units: 6, activation: {a}}}}}" for a in ("elu", "sigmoid", "gelu", "silu", "softplus")]
        + ["{dense: 3}"],
    ),
    "no bias": ("iris", "softmax_cross_entropy", ["{dense: {units: 3, use_bias: false}}"]),
    "random": ("iris", "softmax_cross_entropy", ["{dense: 4}", "{dropout: 0.5}", "{dense: 3}"]),
}
ERROR = "softmax(x @ W + b) - one_hot(y, 10)"
FORMULAS = [
    ("softmax", "dense_1.weight", f"x.T @ ({ERROR}) / n"),
    ("softmax", "b", f"sum({ERROR}, axis=0)/n"),
    ("regression", "dense_2.weight", "2*(h1.T @ (h1 @ W2 + b2 - y[:, None]))/n"),
    ("logistic", "W", "x.T @ (sigmoid(x @ W + b) - y[:, None]) / n"),
    ("relu", "dense_1.weight", "x.T @ where(h1 > 0, g1, 0) / n"),
    ("no bias", "W", "x.T @ (softmax(x @ W) - one_hot(y, 3)) / n"),
]


@pytest.fixture
def spec(tmp_path):
    def write(name):
        data, loss, layers = SPECS[name]
        path = tmp_path / "model.yaml"
        path.write_text(f"data: {data}\nmodel:\n" + "".join(f"  - {x}\n" for x in layers) + f"loss: {loss}\n")
        return str(path)

    return write


@pytest.mark.parametrize(("name", "wrt", "text"), FORMULAS)
def test_formulas_are_short(spec, name, wrt, text):
    assert [part.text for part in model_gradients(spec(name), [wrt]).parts.results] == [text]


@pytest.mark.parametrize("name", SPECS)
def test_every_gradient_is_what_the_engine_computes(spec, name):
    path = spec(name)
    model = build(read_spec(Path(path)), load_data(read_spec(Path(path))))
    found = model_gradients(path, list(model.parameters), check=True)
    assert found.wrt == tuple(model.parameters)
    assert [p.shape for p in found.parts.results] == [p.shape for p in model.parameters.values()]
    assert [check.ok for check in found.checks] == [True] * len(found.wrt)
    assert max(check.max_error for check in found.checks) < 1e-4
    assert all(len(part.text) <= 100 for part in (*found.parts.named, *found.parts.results))
    assert bool(found.notes) == (name == "random")


ZOO = [
    "autoencoder",
    "curve_fit",
    "digits",
    "digits_softmax",
    "gaussian_mixture",
    "iris",
    "logistic_regression",
    "sine",
]


@pytest.mark.parametrize("name", ZOO)
def test_the_zoo_is_proved(name):
    path = ROOT / "models" / f"{name}.yaml"
    model = build(read_spec(path), load_data(read_spec(path)))
    first = next(iter(model.parameters))
    assert [check.ok for check in model_gradients(str(path), [first], check=True).checks] == [True]


def test_formulas_of_a_spec_are_differentiated(tmp_path):
    path = tmp_path / "model.yaml"
    path.write_text(
        "data: iris\nvariables:\n  w: {shape: [4, 3]}\nlet:\n  z: x @ w\n"
        "loss: mean(logsumexp(z, axis=1) - sum(z*one_hot(y, 3), axis=1)) + 0.01*sum(w^2)\n"
    )
    found = model_gradients(str(path), ["w"], check=True)
    assert found.parts.results[0].text == "w/50 + x.T @ (softmax(x @ w) - one_hot(y, 3)) / n"
    assert found.checks[0].ok


@pytest.mark.parametrize(
    ("layers", "wrt", "text"),
    [
        (
            "[reshape: [8, 8, 1], conv2d: 2, max_pool: 2, flatten: , dense: 10]",
            "conv2d_1.weight",
            "conv2d_weight_grad(",
        ),
        ("[reshape: [8, 8], lstm: 4, dense: 10]", "dense_1.weight", "scan(h1, h1, "),
    ],
)
def test_what_formulas_have_no_words_for_is_shown_but_not_checked(grad, tmp_path, layers, wrt, text):
    path = tmp_path / "model.yaml"
    path.write_text(f"data: digits\nmodel: {layers}\nloss: softmax_cross_entropy\n")
    code, out, err = grad(str(path), "--wrt", wrt, "--check")
    assert (code, err) == (0, "")
    assert text in out
    assert "<" not in out
    assert "not done, as formulas have no words" in out


def test_a_wrong_formula_fails_its_check():
    spec = read_spec(ROOT / "models" / "iris.yaml")
    data = load_data(spec)
    model = build(spec, data)
    names = dict(zip(model.parameters.values(), ("W1", "b1", "W2", "b2"), strict=True))
    names |= {model.x: "x", model.y: "y"}
    right = model_gradients(str(ROOT / "models" / "iris.yaml"), ["b2"]).parts
    wrong = replace(right, results=(replace(right.results[0], text=f"2*({right.results[0].text})"),))
    weight = model.parameters["dense_2.bias"]
    for formulas, ok in ((right, True), (wrong, False)):
        (check,) = proof([weight], model.train.loss, formulas, data, names)
        assert check.ok is ok


def test_the_numpy_function_computes_the_gradient(grad, tmp_path):
    code, out, _ = grad(str(ROOT / "models" / "iris.yaml"), "--wrt", "W1", "--format", "numpy")
    assert code == 0
    scope = {}
    exec(out, scope)  # noqa: S102  our own text
    rng = np.random.default_rng(0)
    shapes = {"W1": (4, 16), "W2": (16, 3), "b1": (16,), "b2": (3,), "x": (7, 4)}
    values = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
    y = rng.integers(0, 3, 7)
    parts = model_gradients(str(ROOT / "models" / "iris.yaml"), ["W1"]).parts
    (expected,) = evaluate(parts, {"x": values["x"], **values, "y": y})
    np.testing.assert_allclose(scope["dloss_dW1"](**values, y=y), expected, rtol=1e-12)


SIGNS = {
    "text": "W2.T)*(1",
    "unicode": "W₂ᵀ) ⊙ (",
    "latex": r"\odot",
    "mathml": "⊙",
    "dot": "one_hot",
    "numpy": "np.eye",
}


@pytest.mark.parametrize("form", SIGNS)
def test_every_format_holds_the_formula(grad, form):
    code, out, err = grad(str(ROOT / "models" / "iris.yaml"), "--wrt", "W1", "--format", form)
    assert (code, err) == (0, "")
    assert SIGNS[form] in out


def test_json_has_shapes_parts_and_proof(grad):
    path = str(ROOT / "models" / "iris.yaml")
    code, out, _ = grad(path, "--wrt", "dense_1.weight", "--format", "json")
    found = json.loads(out)
    (result,) = found["results"]
    assert code == 0
    assert found["expression"] == path
    assert (result["wrt"], result["shape"], result["value"], result["check"]["ok"]) == (
        ["dense_1.weight"],
        [4, 16],
        None,
        True,
    )
    assert found["where"] == [{"name": "h1", "formula": "tanh(x @ W1 + b1)", "shape": ["n", 16]}]
    assert {"name": "x", "meaning": "a batch of the data", "shape": ["n", 4]} in found["variables"]


ERRORS = [
    ([], ["name a parameter", "dense_1.weight  W1   (4, 16)", "dense_2.bias    b2   (3,)"]),
    (["--wrt", "dense_1.wieght"], ["has no `dense_1.wieght`", "did you mean `dense_1.weight`?"]),
    (["--wrt", "y"], ["`y` holds int64; only floats have a derivative"]),
    (["--wrt", "W1", "--format", "c"], ["which c lacks", "--format numpy"]),
    (["--wrt", "W1", "--taylor", "x=0"], ["--taylor is for formulas"]),
    (["--wrt", "W1", "--order", "2"], ["--order is for formulas"]),
    (["--wrt", "W1", "--raw"], ["--raw is for formulas"]),
]


@pytest.mark.parametrize(("args", "words"), ERRORS)
def test_errors_say_what_to_type(grad, args, words):
    code, out, err = grad(str(ROOT / "models" / "iris.yaml"), *args)
    assert (code, out) == (2, "")
    assert [w for w in words if w not in err] == []


def test_a_file_that_is_not_there_is_named(grad):
    code, _, err = grad("models/nowhere.yaml", "--wrt", "W")
    assert code == 2
    assert "nowhere.yaml" in err


def test_names_are_short_and_differ():
    found = short_names(["a.weight", "a.bias", "c.kernel", "n", "W1"], ["x"])
    assert found == {"x": "x", "a.weight": "W1", "a.bias": "b1", "c.kernel": "W2", "n": "n_", "W1": "W1_"}


MATRIX = [
    ("sum((x@w)^2)/2", "x.T @ (x @ w)"),
    ("mean(x@w)", "x.T @ ones((n, 3)) / (3*n)"),
    ("mean((x@w)^2)", "2*(x.T @ (x @ w))/(3*n)"),
    ("sum(where(x@w > 0, x@w, 0))", "x.T @ where(x @ w > 0, 1, 0)"),
    ("-sum(tanh(x@w))", "-x.T @ (1 - tanh(x @ w)^2)"),
    ("sum(w*w) + sum(-w)", "2*w - 1"),
]


@pytest.mark.parametrize(("loss", "text"), MATRIX)
def test_factors_stand_in_front(loss, text):
    from agcli.model.formulas import tensor_of

    x, w = ag.placeholder("x", (None, 4)), ag.placeholder("w", (4, 3))
    f = tensor_of(loss, {"x": x, "w": w})
    names = {p: p.name for p in toposort([f]) if isinstance(p, Placeholder)}
    found = factored(fixed([ag.grad(f, w), f], names), Lengths())
    assert parts(shortened(found[:1], found[1:]), found[1:], names.values()).results[0].text == text


def test_the_name_of_a_model_is_one_where_a_formula_has_no_such_variable(grad):
    by_path = grad(str(ROOT / "models" / "iris.yaml"), "--wrt", "W2")
    assert grad("iris", "--wrt", "W2") == by_path
    assert by_path[0] == 0
    note = "note: iris is a model, too; --wrt with the name of a parameter differentiates its loss\n"
    assert grad("iris") == grad("iris", "--wrt", "iris") == (0, "d/diris = 1\n", note)
    code, _, err = grad("flowers", "--wrt", "W2")
    assert (code, "the formula has no variable `W2`" in err) == (2, True)


def test_formulas_are_checked_before_they_are_printed(grad, monkeypatch):
    """Without --check, too; but not with --no-check."""
    path = "models/iris.yaml"
    code, out, err = grad(path, "--wrt", "W2")
    assert (code, err) == (0, "")
    assert "check" not in out
    monkeypatch.setattr("agcli.model_gradients.shortened", lambda gradients, model: [2 * t for t in gradients])
    code, out, err = grad(path, "--wrt", "W2")
    assert code == 1
    assert err == f"error: a gradient of `{path}` failed its check; please report this model\n"
    code, out, err = grad(path, "--wrt", "W2", "--no-check")
    assert (code, err) == (0, "")


def test_a_gradient_that_cannot_be_checked_says_so(grad, tmp_path):
    path = tmp_path / "model.yaml"
    path.write_text("data: digits\nmodel: [reshape: [8, 8], lstm: 4, dense: 10]\nloss: softmax_cross_entropy\n")
    code, _, err = grad(str(path), "--wrt", "dense_1.weight")
    assert (code, err) == (
        0, "note: the gradient by dense_1.weight could not be checked: formulas lack some of its ops\n"
    )  # fmt: skip
