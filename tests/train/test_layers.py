"""Every name that a spec may write is built and trains: layers, activations, initialisers."""

import numpy as np
import pytest

from agcli.datasets import Column, Dataset, Split
from agcli.model.build import build
from agcli.spec import SpecError, parse_spec
from agcli.spec.nouns import ACTIVATIONS, INITIALIZERS
from agcli.spec.nouns import LAYERS as LAYER_ROWS

pytestmark = pytest.mark.numeric

RNG = np.random.default_rng(5)
ROWS = RNG.normal(size=(24, 6)).astype("f4")
IMAGES = RNG.normal(size=(24, 8, 6, 4)).astype("f4")
VOLUMES = np.random.default_rng(6).normal(size=(24, 4, 5, 3, 2)).astype("f4")
SEQUENCES = RNG.normal(size=(24, 5, 4)).astype("f4")
TOKENS = RNG.integers(0, 7, (24, 5))
CLASSES = np.arange(24) % 3


def dataset(y=CLASSES, **columns):
    """Columns that are trained and tested on; the first one is called x unless it has a name."""
    split = Split({**{k: Column(v) for k, v in columns.items()}, **({} if y is None else {"y": Column(y)})})
    return Dataset(name="made", description="", source="", licence="", splits={"train": split, "test": split})


def built(model, x=ROWS, y=CLASSES, more="loss: softmax_cross_entropy\n", **others):
    return build(parse_spec(f"data: iris\nmodel: {model}\n{more}"), dataset(y, x=x, **others))


def fed(function, data):
    return function({p: data.train[p.name] for p in function.inputs})


def trained(model, x=ROWS, y=CLASSES, more="loss: softmax_cross_entropy\n", steps=4, **others):
    """The losses of some steps on all samples, and the model after them."""
    made = built(model, x, y, f"{more}optimizer: {{adam: 0.01}}\n", **others)
    data = dataset(y, x=x, **others)
    step, _ = made.trainer()
    losses = [float(fed(step, data)["loss"]) for _ in range(steps)]
    assert np.isfinite(losses).all()
    return losses, made


@pytest.mark.parametrize("name", ACTIVATIONS.rows)
def test_every_activation_trains(name):
    losses, _ = trained(f"[dense: {{units: 8, activation: {name}}}, {name}, dense: 3]")
    assert losses[-1] < losses[0]


END = "flatten, dense: 3"
LAYERS = {
    "dense": (ROWS, "dense: 3"),
    "dense on the last axis": (SEQUENCES, f"dense: 5, {END}"),
    "dropout": (ROWS, "dropout: 0.2, dense: 3"),
    "activation": (ROWS, "dense: 3, activation: tanh, dense: 3"),
    "embedding": (TOKENS, f"embedding: {{size: 7, width: 4}}, {END}"),
    "conv1d": (SEQUENCES, f"conv1d: {{filters: 4, kernel: 3, padding: same, dilation: 2}}, {END}"),
    "conv2d": (IMAGES, f"conv2d: {{filters: 6, kernel: [3, 2], stride: 2, groups: 2, activation: relu}}, {END}"),
    "conv3d": (VOLUMES, f"conv3d: {{filters: 4, kernel: [2, 3, 1], stride: 2, padding: 1, groups: 2}}, {END}"),
    "conv3d_transpose": (VOLUMES, f"conv3d_transpose: {{filters: 3, stride: 2, output_padding: [1, 0, 1]}}, {END}"),
    "depthwise_conv2d": (IMAGES, f"depthwise_conv2d: {{kernel: 3, multiplier: 2}}, {END}"),
    "conv1d_transpose": (SEQUENCES, f"conv1d_transpose: {{filters: 3, stride: 2}}, {END}"),
    "conv2d_transpose": (IMAGES, f"conv2d_transpose: {{filters: 3, stride: 2, padding: same}}, {END}"),
    "max_pool": (IMAGES, f"max_pool: 2, {END}"),
    "max_pool of volumes": (VOLUMES, f"max_pool: {{size: [2, 2, 1], stride: 1, dilation: [1, 2, 1]}}, {END}"),
    "avg_pool of images": (
        IMAGES,
        f"avg_pool: {{size: 3, stride: 2, padding: 1, ceil_mode: true, count_include_pad: true}}, {END}",
    ),
    "adaptive_max_pool": (IMAGES, f"adaptive_max_pool: [3, 2], {END}"),
    "adaptive_avg_pool": (SEQUENCES, f"adaptive_avg_pool: 2, {END}"),
    "interpolate": (IMAGES, f"interpolate: 1.5, {END}"),
    "interpolate of volumes": (VOLUMES, f"interpolate: {{size: [3, 4, 5], mode: linear, align_corners: true}}, {END}"),
    "avg_pool": (SEQUENCES, f"avg_pool: {{size: 2, stride: 1, padding: same}}, {END}"),
    "global_max_pool": (IMAGES, "global_max_pool, dense: 3"),
    "global_avg_pool": (SEQUENCES, "global_avg_pool, dense: 3"),
    "batch_norm": (IMAGES, f"batch_norm, {END}"),
    "layer_norm": (ROWS, "layer_norm, dense: 3"),
    "rms_norm": (ROWS, "rms_norm, dense: 3"),
    "group_norm": (IMAGES, f"group_norm: 2, {END}"),
    "positional": (SEQUENCES, f"positional, positional: learned, {END}"),
    "simple_rnn": (SEQUENCES, "simple_rnn: 6, dense: 3"),
    "lstm": (SEQUENCES, f"lstm: {{units: 4, return_sequences: true, bidirectional: true}}, {END}"),
    "gru": (SEQUENCES, "gru: {units: 4, bidirectional: true}, dense: 3"),
    "attention": (SEQUENCES, f"attention: {{heads: 2, causal: true, dropout: 0.1}}, {END}"),
    "transformer": (SEQUENCES, f"transformer: {{heads: 2, causal: true}}, {END}"),
    "transformer, norm last": (SEQUENCES, f"transformer: {{heads: 4, norm_first: false}}, {END}"),
    "flatten": (IMAGES, END),
    "reshape": (ROWS, f"reshape: [2, -1], {END}"),
    "residual": (ROWS, "residual: [dense: 6, tanh], dense: 3"),
    "parallel": (ROWS, "parallel: {branches: [[dense: 2], [dense: 3, relu]], join: concat}, dense: 3"),
    "repeat": (ROWS, "repeat: {times: 3, layers: [dense: 6, tanh]}, dense: 3"),
    "lambda": (ROWS, "lambda: 'x * sigmoid(x)', dense: 3"),
    "concat": (ROWS, "{dense: 4, name: a}, {dense: 4, name: b, input: x}, {concat: , input: [a, b]}, dense: 3"),
    "add": (ROWS, "{dense: 4, name: a}, {dense: 4, name: b}, {add: , input: [a, b, a]}, dense: 3"),
    "multiply": (ROWS, "{dense: 4, name: a}, {dense: 4, name: b}, {multiply: , input: [a, b]}, dense: 3"),
    "stack": (ROWS, f"{{dense: 4, name: a}}, {{dense: 4, name: b}}, {{stack: , input: [a, b]}}, {END}"),
}


def test_every_layer_has_its_case():
    assert {name.partition(" ")[0].rstrip(",") for name in LAYERS} == set(LAYER_ROWS.rows) - set(ACTIVATIONS.rows)


@pytest.mark.parametrize("name", LAYERS)
def test_every_layer_trains(name):
    x, layers = LAYERS[name]
    losses, made = trained(f"[{layers}]", x)
    assert min(losses[1:]) < losses[0]
    predict = made.predictor()
    np.testing.assert_array_equal(predict(x), predict(x))
    assert predict(x).shape == (24, 3)


@pytest.mark.parametrize("name", INITIALIZERS.rows)
def test_every_initialiser_draws(name):
    model = f"[dense: {{units: 3, init: {name if name != 'constant' else '{constant: 0.5}'}}}]"
    spec = parse_spec(f"data: iris\nmodel: {model}\nloss: softmax_cross_entropy\n")
    value = spec.model[0].fields.init.fields.draw((50, 20), np.random.default_rng(0), "float32")
    assert value.shape == (50, 20)
    assert value.dtype == np.float32
    assert np.isfinite(value).all()
    if name == "orthogonal":
        np.testing.assert_allclose(value.T @ value, np.eye(20), atol=1e-5)
    elif name not in ("zeros", "ones", "constant"):
        assert abs(value.mean()) < 0.1 < 20 * value.std()


def test_dropout_is_for_training_only():
    _, made = trained("[dropout: 0.9, dense: 3]")
    predict = made.predictor()
    np.testing.assert_array_equal(predict(ROWS), predict(ROWS))


def test_running_statistics_are_state():
    """batch_norm: the running mean after one step is momentum * 0 + (1 - momentum) * the batch's."""
    _, made = trained("[batch_norm: {momentum: 0.75}, dense: 3]", steps=1)
    statistics = {k: v for k, v in made.parameters.items() if not v.trainable}
    assert list(statistics) == ["batch_norm_1.mean", "batch_norm_1.variance"]
    np.testing.assert_allclose(statistics["batch_norm_1.mean"].value, 0.25 * ROWS.mean(0), atol=1e-6)
    assert {f"model.{name}" for name in statistics} <= set(made.state({}))


def test_weights_are_shared_by_name():
    model = "[{dense: 6, name: a}, tanh, {dense: 6, weights: a}, dense: 3]"
    _, made = trained(model)
    assert list(made.parameters) == ["a.weight", "a.bias", "dense_3.weight", "dense_3.bias"]
    a = made.parameters["a.weight"].value, made.parameters["a.bias"].value
    h = np.tanh(ROWS @ a[0] + a[1]) @ a[0] + a[1]
    expected = h @ made.parameters["dense_3.weight"].value + made.parameters["dense_3.bias"].value
    np.testing.assert_allclose(made.predictor()(ROWS), expected, rtol=1e-4, atol=1e-5)


def test_repeated_layers_share_or_not():
    for share, count in (("true", 2), ("false", 6)):
        made = built(
            f"[repeat: {{times: 3, share: {share}, layers: [dense: 6]}}]", y=np.zeros((24, 6), "f4"), more="loss: mse"
        )
        assert len(made.parameters) == count


def test_frozen_parameters_stay():
    made = built("[{dense: 4, name: low}, relu, dense: 3]", more="loss: softmax_cross_entropy\nfreeze: low.*\n")
    before = {k: v.value.copy() for k, v in made.parameters.items()}
    step, _ = made.trainer()
    fed(step, dataset(x=ROWS))
    changed = {k for k, v in made.parameters.items() if not np.array_equal(v.value, before[k])}
    assert changed == {"dense_2.weight", "dense_2.bias"}


def test_frozen_statistics_stay():
    made = built("[batch_norm, dense: 3]", more="loss: softmax_cross_entropy\nfreeze: 'batch_norm*'\n")
    step, _ = made.trainer()
    fed(step, dataset(x=ROWS))
    np.testing.assert_array_equal(made.parameters["batch_norm_1.mean"].value, np.zeros(6))


def test_penalties_of_weights_are_in_the_training_loss():
    made = built("[{dense: 3, l1: 0.1, l2: 0.01}]")
    w = made.parameters["dense_1.weight"].value.astype("f8")
    feeds = {made.x: ROWS, made.y: CLASSES}
    difference = made.train.loss.eval(feeds) - made.test.loss.eval(feeds)
    np.testing.assert_allclose(difference, 0.1 * np.abs(w).sum() + 0.01 * (w**2).sum(), rtol=1e-5)


def test_layers_as_a_graph_with_two_inputs():
    model = """
  left: {dense: 4, input: x}
  right: {embedding: {size: 7, width: 4}, input: kind}
  both: {add: , input: [left, right]}
  scores: {dense: 3}
"""
    losses, made = trained(model, kind=TOKENS[:, 0])
    assert losses[-1] < losses[0]
    assert [p.name for p in made.predictor().inputs] == ["x", "kind"]
    assert [t.path for t in made.train.traces] == ["left", "right", "both", "scores"]


WRONG = {
        "[reshape: [2, 3], conv3d: 4]": "conv3d: expected samples of shape (depth, height, width, channels), got",
    "[interpolate: 2]": "model[0]: interpolate: expected samples of shape (length, channels), (height",
    "[reshape: [2, 3], interpolate: ]": "model[1]: interpolate: expected scale or size, got neither",
    "[reshape: [2, 3], interpolate: {scale: 2, mode: bilinear}]": "expected one of `nearest`, `nearest-exact`, ",
    "[reshape: [2, 3], interpolate: {scale: [2, 2]}]": "interpolate: expected one length or 1, got [2.0, 2.0]",
    "[reshape: [2, 3], conv1d_transpose: {filters: 2, output_padding: 1}]": "output_padding is 0 or more and less than",
    "[reshape: [6, 1], max_pool: {size: 2, dilation: 6}]": "max_pool1d: a window that spans 7 does not fit on axis 1",
    "[dense: 3, conv2d: 4]": "model[1]: conv2d: expected samples of shape (height, width, channels), got (None, 3)",
    "[dense: 4, reshape: [3, 3], dense: 3]": "model[1]: reshape: a sample of shape (4,) has 4 values, which (3, 3)",
    "[dense: 4, relu, dense: 5, reshape: [7]]": "; shapes so far: (None, 6) -> (None, 4) -> (None, 4) -> (None, 5)",
    "[{dense: 3, input: z}]": "expected an input or a layer above with a name, got `z`; known: `x`",
    "[{dense: 3, weights: a}]": "expected the name of another `dense` layer, got `a`, which is no layer above it",
    "[{tanh: , name: a}, {dense: 3, weights: a}]": "got `a`, which is of kind `tanh`",
    "[{dense: 3, name: a}, {dense: 6, weights: a}]": "the parameter `a.weight` has shape (6, 3); a layer",
    "[{dense: 3, name: a}, {dense: 4, name: a}]": "expected a name of its own, got `a`, which is another's",
    "[{dense: 3, input: [x, x]}]": "dense: takes one input, got 2; put `concat` or `add` before it",
    "[{dense: 3, name: a}, {add: , input: [x, a]}]": "add: expected inputs of one shape, got (None, 6) and (None, 3)",
    "[residual: [dense: 7]]": "model[0]: add: expected inputs of one shape, got (None, 6) and (None, 7)",
    "[residual: [dense: 7, conv1d: 3]]": "model[0].residual.layers[1]: conv1d: expected samples of shape",
    "[parallel: {branches: [[dense: 2], [flatten, gru: 2]]}]": "model[0].parallel.branches[1][1]: gru: expected",
    "[reshape: [2, 3], lstm: 4, gru: 4]": "got (None, 4); a recurrent layer before it needs return_sequences: true",
    "[embedding: {size: 3, width: 2}]": "embedding: expected whole numbers, got float32(None, 6)",
    "[transformer: 2]": "transformer: expected sequences of shape (places, width), got (None, 6)",
    "[lambda: 'x + unknown']": "model[0].lambda.formula: there is no `unknown` here",
    "[lambda: 'x + [1, 2]']": "model[0].lambda.formula: ",
}  # fmt: skip


@pytest.mark.parametrize("model", WRONG)
def test_layers_that_do_not_fit_are_told_at_their_line(model):
    with pytest.raises(SpecError) as caught:
        built(model)
    text = str(caught.value)
    assert WRONG[model] in text
    assert text.startswith("<spec>:2:")
    assert text.rstrip().endswith("^")


def test_a_pattern_that_freezes_nothing_is_told():
    with pytest.raises(SpecError, match=r"freeze\[0\]: expected a pattern of names of parameters, got `lov\.\*`"):
        built("[{dense: 4, name: low}, dense: 3]", more="loss: softmax_cross_entropy\nfreeze: [lov.*]\n")
