"""Padding of text changes nothing: every layer that takes sequences leaves it out, or refuses."""

import csv
from dataclasses import replace

import numpy as np
import pytest

import agcli as ag
from agcli.data.section import load_data
from agcli.datasets import Column, Recipe, Split
from agcli.model.build import build
from agcli.runs.migrate import FORMAT, PREPROCESSING, migrated
from agcli.spec import SpecError, read_spec
from agcli.spec.nouns import ACTIVATIONS, LAYERS, Layer
from agcli.spec.tables import Row
from agcli.training.sums import Sums

pytestmark = pytest.mark.numeric

WORDS = ["the", "a", "film", "plot", "end", "with", "great", "fine", "lovely", "poor", "awful", "dull"]
MOST = 8  # words of a text
MORE = MOST + 50
POOL = "global_avg_pool"

# What follows an embedding of width 4, up to the scores.
CASES = {
    "dense": f"{{dense: 5}}, tanh, {POOL}",
    "activation": f"activation: softmax, {POOL}",
    "dropout": f"dropout: 0.0, {POOL}",
    "embedding": POOL,
    "layer_norm": f"layer_norm, {POOL}",
    "rms_norm": f"rms_norm, {POOL}",
    "group_norm": f"{{dense: 6}}, group_norm: 3, {POOL}",
    "batch_norm": f"batch_norm, {POOL}",
    "batch_norm, affine": f"batch_norm: {{affine: false}}, {POOL}",
    "global_avg_pool": POOL,
    "global_max_pool": "{dense: 5}, global_max_pool",
    "conv1d": f"conv1d: {{filters: 5, kernel: 3, padding: same}}, {POOL}",
    "conv1d, valid": "conv1d: {filters: 5, kernel: 2}, global_max_pool",
    "conv1d, wide": f"conv1d: {{filters: 5, kernel: 4, padding: 3, dilation: 2}}, {POOL}",
    "conv1d, twice": f"conv1d: {{filters: 4, kernel: 4, padding: same}}, relu, conv1d: {{filters: 5}}, {POOL}",
    "conv1d, stride": f"conv1d: {{filters: 5, kernel: 3, stride: 2, padding: 2}}, {POOL}",
    "conv1d_transpose": f"conv1d_transpose: {{filters: 5, kernel: 3, stride: 2}}, {POOL}",
    "conv1d_transpose, same": f"conv1d_transpose: {{filters: 5, kernel: 4, stride: 2, padding: same}}, tanh, {POOL}",
    "conv1d_transpose, less": f"conv1d_transpose: {{filters: 5, kernel: 4, padding: 1}}, {POOL}",
    "max_pool": f"max_pool: {{size: 3, stride: 1, padding: same}}, {POOL}",
    "max_pool, stride": f"max_pool: 2, {POOL}",
    "avg_pool": "avg_pool: {size: 3, stride: 1, padding: same}, {dense: 5}, global_max_pool",
    "max_pool, dilation": f"max_pool: {{size: 2, stride: 2, dilation: 2}}, {POOL}",
    "max_pool, dilation and padding": f"max_pool: {{size: 3, stride: 1, dilation: 2, padding: same}}, {POOL}",
    "avg_pool, stride": "avg_pool: {size: 3, stride: 2, padding: 1}, gru: 3",
    "simple_rnn": "simple_rnn: 3",
    "lstm": "lstm: 3",
    "gru": "gru: {units: 3, bidirectional: true}",
    "lstm, sequences": "lstm: {units: 3, bidirectional: true, return_sequences: true}, simple_rnn: 3",
    "positional": f"positional, {POOL}",
    "attention": f"attention: 2, {POOL}",
    "attention, causal": f"attention: {{heads: 2, causal: true}}, {POOL}",
    "attention, memory": "{dense: 4, name: a}, {conv1d: 4, input: a, name: b}, {attention: 1, input: [a, b]}, gru: 2",
    "transformer": f"positional, transformer: {{heads: 2, hidden: 6}}, {POOL}",
    "transformer, norm last": f"transformer: {{heads: 1, hidden: 6, norm_first: false}}, {POOL}",
    "residual": f"residual: [{{conv1d: {{filters: 4, padding: same}}}}, relu], {POOL}",
    "parallel": f"parallel: {{branches: [[dense: 2], [gru: {{units: 3, return_sequences: true}}]]}}, {POOL}",
    "repeat": f"repeat: {{times: 2, layers: [{{dense: 4}}, batch_norm]}}, {POOL}",
    "concat": "{dense: 3, name: a}, {gru: {units: 2, return_sequences: true}, name: b}, {concat: , input: [a, b]}, "
    "global_max_pool",
    "add": "{dense: 4, name: a}, {conv1d: {filters: 4, padding: same}, name: b}, {add: , input: [a, b]}, "
    "global_max_pool",
    "multiply": f"{{dense: 4, name: a}}, {{tanh: , name: b}}, {{multiply: , input: [a, b]}}, {POOL}",
    "lambda": f"lambda: 'x * sigmoid(x) + softmax(x)', {POOL}",
    "lambda, mask": "lambda: 'sum(x * mask, 1) / maximum(sum(mask, 1), 1)'",
    "stack": f"{{dense: 4, name: a}}, {{{POOL}: , name: b}}, {{global_max_pool: , input: a, name: c}}, "
    "{stack: , input: [b, c]}, flatten",
}
POOLS = "put `global_avg_pool`, `global_max_pool` or `lstm` before it"
COUNTS = "text is filled up to 8 places, and this layer would count its padding"
REFUSED = {
    "flatten": ("flatten", f"flatten: {COUNTS}", POOLS),
    "reshape": ("reshape: [-1]", f"reshape: {COUNTS}", POOLS),
    "stack": ("{dense: 4, name: a}, {stack: , input: [a, a]}", f"stack: {COUNTS}", POOLS),
    "conv2d": ("conv2d: 3", f"conv2d: {COUNTS}", POOLS),
    "depthwise_conv2d": ("depthwise_conv2d: 3", f"depthwise_conv2d: {COUNTS}", POOLS),
    "conv2d_transpose": ("conv2d_transpose: 3", f"conv2d_transpose: {COUNTS}", POOLS),
    "conv3d": ("conv3d: 3", f"conv3d: {COUNTS}", POOLS),
    "conv3d_transpose": ("conv3d_transpose: 3", f"conv3d_transpose: {COUNTS}", POOLS),
    "adaptive_max_pool": ("adaptive_max_pool: 3", f"adaptive_max_pool: {COUNTS}", POOLS),
    "adaptive_avg_pool": ("adaptive_avg_pool: 3", f"adaptive_avg_pool: {COUNTS}", POOLS),
    "interpolate": ("interpolate: 2", f"interpolate: {COUNTS}", POOLS),
    "avg_pool": ("avg_pool: {size: 2, ceil_mode: true}", "avg_pool: `ceil_mode` looks beyond", "leave it out"),
    "conv1d_transpose": (
        "conv1d_transpose: {filters: 2, stride: 2, output_padding: 1}",
        "`output_padding` looks beyond",
        "leave it out",
    ),
    "lambda": ("lambda: 'x[:, -1]'", "`x` is text, filled up to 8 places", "sum(x * mask, 1)"),
    "conv1d": ("conv1d: {filters: 3, stride: 2, padding: same}", "conv1d: `padding: same`", "write `padding: valid`"),
    "max_pool": ("max_pool: {padding: same}", "max_pool: `padding: same`", "write `padding: valid`, or a number"),
}


def described(layers, length, side="right"):
    return f"""
data: {{file: t.csv, target: label, columns: {{text: {{text: {{length: {length}, padding: {side}}}}}}}, split: tail}}
dtype: float64
model: [embedding: {{size: 14, width: 4}}, {layers}, dense: 2]
loss: softmax_cross_entropy
metrics: [accuracy, f1]
optimizer: {{adam: 0.01}}
train: {{epochs: 1, batch_size: 8}}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    rng = np.random.default_rng(0)
    folder = tmp_path_factory.mktemp("texts")
    texts = [" ".join(rng.choice(WORDS, rng.integers(1, MOST + 1))) for _ in range(30)]
    with open(folder / "t.csv", "w", newline="") as file:
        csv.writer(file).writerows([["text", "label"], *([t, "ab"[len(t) % 2]] for t in texts)])
    return folder


def trained(folder, layers, length, side="right"):
    """The run of two steps on the texts, padded to a length."""
    file = folder / "model.yaml"
    file.write_text(described(layers, length, side))
    return ag.train(file, folder / f"run-{len(list(folder.iterdir()))}")


ASKED = {"text": ["the plot", "dull dull dull end", "", "a film of words it never saw", "great " * MOST]}


@pytest.mark.parametrize("name", CASES)
def test_padding_changes_no_figure(name, folder):
    """The same weights learn the same: losses, metrics and predictions, with 50 more places on either side."""
    layers = CASES[name]
    short = trained(folder, layers, MOST)
    sides = ["right"] if "stride: 2" in layers or "max_pool: 2" in layers else ["right", "left"]
    for side in sides if "transpose" in name or "stride" not in name else ["right"]:
        long = trained(folder, layers, MORE, side)
        losses = [[epoch["loss"] for epoch in run.history] for run in (short, long)]
        assert losses[1] == pytest.approx(losses[0], abs=1e-9)
        assert long.metrics == pytest.approx(short.metrics, abs=1e-9)
        a, b = (run.predict(ASKED, probabilities=True) for run in (short, long))
        np.testing.assert_allclose(b, a, atol=1e-9)
        assert np.isfinite(a).all()


def test_every_layer_is_asked():
    asked = {name.partition(",")[0] for name in CASES} | set(REFUSED)
    assert asked == set(LAYERS.rows) - set(ACTIVATIONS.rows)


def made(folder, text):
    """The model of a spec with its first weights, and its data."""
    file = folder / "made.yaml"
    file.write_text(text)
    spec = read_spec(file)
    data = load_data(spec)
    return build(spec, data), data


def built(folder, layers, length, side="right"):
    return made(folder, described(layers, length, side))


@pytest.mark.parametrize("name", [name for name in CASES if name != "lambda, mask"])
def test_a_text_is_read_as_if_it_were_alone(name, folder):
    """What a padded text is answered is what a model without padding answers to its tokens."""
    tokens = np.random.default_rng(1).integers(1, 14, (4, 5))
    padded, data = built(folder, CASES[name], MOST)
    split = Split({"x": Column(tokens), "y": Column(np.zeros(4, int))})
    alone = build(padded.spec, replace(data, splits={"train": split, "test": split}, fitted=None))
    found = padded.predictor()(np.pad(tokens, ((0, 0), (0, MOST - 5))))
    np.testing.assert_allclose(found, alone.predictor()(tokens), atol=1e-12)


def test_learned_places_are_counted_from_the_first_token(folder):
    tokens = np.random.default_rng(1).integers(1, 14, (4, 5))
    found = []
    for side, pads in (("right", (0, 3)), ("left", (3, 0))):
        model, _ = built(folder, f"positional: learned, {POOL}", MOST, side)
        found.append(model.predictor()(np.pad(tokens, ((0, 0), pads))))
    np.testing.assert_allclose(found[1], found[0], atol=1e-12)
    assert np.ptp(found[0], axis=0).min() > 0


@pytest.mark.parametrize("name", REFUSED)
def test_a_layer_that_would_count_padding_refuses_at_its_line(name, folder):
    layers, told, mend = REFUSED[name]
    with pytest.raises(SpecError) as caught:
        built(folder, layers, MOST)
    line, *_ = str(caught.value).splitlines()
    number = 1 + layers.count("name: ")
    assert f": model[{number}]" in line
    assert told in line
    assert mend in line


def test_a_layer_from_outside_refuses_until_it_says_what_it_does(folder, monkeypatch):
    class Doubled(Layer):
        """Twice its input."""

        def build(self, x, scope):
            return 2 * x

    monkeypatch.setitem(LAYERS.rows, "doubled", Row(Doubled))
    monkeypatch.setitem(LAYERS._spellings, "doubled", "doubled")
    with pytest.raises(SpecError, match=r"model\[1\]: doubled: text is filled up"):
        built(folder, f"doubled, {POOL}", MOST)
    Doubled.padded = "at each place"
    tokens = np.random.default_rng(1).integers(1, 14, (4, 5))
    found = built(folder, f"doubled, {POOL}", MOST)[0].predictor()(np.pad(tokens, ((0, 0), (0, 3))))
    np.testing.assert_allclose(found, 2 * built(folder, POOL, MOST)[0].predictor()(np.pad(tokens, ((0, 0), (0, 3)))))


def test_windows_that_begin_in_the_padding_refuse(folder):
    for layers in ("max_pool: 2", "conv1d: {filters: 3, stride: 2}"):
        with pytest.raises(SpecError, match="begin at the padding, which is left of the text; write `padding: right`"):
            built(folder, f"{layers}, {POOL}", MOST, "left")


def test_a_layer_of_tokens_asks_for_vectors(folder):
    text = described("relu", MOST).replace("embedding: {size: 14, width: 4}, ", "lambda: 'x * 1.0', ")
    with pytest.raises(SpecError, match=r"model\[1\]: relu: .*put an `embedding` and then `global_avg_pool`"):
        made(folder, text)


FORMULAS = {
    "loss": "mean(square(output[:, :, 0] - y))",
    "metrics": "{size: mean(abs(output))}",
    "outputs": "{first: 'output[:, 0]'}",
    "let": "{total: 'sum(states, 1)'}",
}


@pytest.mark.parametrize("section", FORMULAS)
def test_a_formula_that_counts_padding_is_told_of_the_mask(section, folder):
    with pytest.raises(
        SpecError, match=rf"{section}.*`(output|states)` is text, filled up to 8 places.*sum\(\w+ \* mask"
    ):
        of_places(folder, **{section: FORMULAS[section]})


def of_places(folder, **sections):
    """A model with a number for each place of a text, and its data."""
    columns = [f"p{i}" for i in range(MOST)]
    rng = np.random.default_rng(2)
    with open(folder / "places.csv", "w", newline="") as file:
        rows = [[" ".join(rng.choice(WORDS, 1 + i % MOST)), *rng.normal(size=MOST)] for i in range(20)]
        csv.writer(file).writerows([["text", *columns], *rows])
    sections = {"loss": "mean_squared_error", "metrics": "{}"} | sections
    more = "".join(f"{name}: {text}\n" for name, text in sections.items())
    plain = ", ".join(f"{name}: {{numeric: {{scale: none}}}}" for name in columns)
    return made(
        folder,
        f"data: {{file: places.csv, target: {columns}, columns: {{text: {{text: {{length: {MOST}}}}}, {plain}}}}}\n"
        "dtype: float64\nmodel: [embedding: {size: 14, width: 4}, {dense: 3, name: states}, dense: 1]\n" + more,
    )


def test_losses_of_places_are_means_over_tokens(folder):
    formula = "mean(sum(square(output - expand_dims(y, -1)) * mask, (1, 2)) / sum(mask, (1, 2)))"
    model, data = of_places(folder, metrics=f"{{l: {formula!r}, a: mean_absolute_error, r: r2}}")
    x, y = np.array(data.train.columns["text"].stored), np.array(data.train.y)
    output = model.predictor()(x)[:, :, 0]
    each = [np.mean((output[i] - y[i])[x[i] > 0] ** 2) for i in range(len(x))]
    y[x == 0] = 1e3  # targets of padding say nothing
    found = model.evaluator()({model.x: x, model.y: y})
    assert found["loss"] == pytest.approx(np.mean(each))
    assert found["l.0"] / found["l.0.count"] == pytest.approx(np.mean(each))
    sums = Sums(model.test.meters)
    sums.add(found, len(x))
    error, true = (output - y)[x > 0], y[x > 0]
    assert sums.metrics["a"] == pytest.approx(np.abs(error).mean())
    assert sums.metrics["r"] == pytest.approx(1 - (error**2).sum() / ((true - true.mean()) ** 2).sum())


def test_a_target_without_places_asks_for_a_pool(folder):
    with pytest.raises(SpecError, match=r"a row for each of 8 places of padded text.*put `global_avg_pool`"):
        built(folder, "tanh", MOST)


def test_an_lstm_learns_from_padded_texts(tmp_path):
    """One word among others says the class; without a mask it is forgotten over the zeros behind it."""
    rng = np.random.default_rng(3)
    texts = [(["great", "awful"][i % 2], rng.choice(WORDS[:5], rng.integers(1, 8))) for i in range(240)]
    rows = [
        [" ".join(rng.permutation([word, *others])), "good" if word == "great" else "bad"] for word, others in texts
    ]
    with open(tmp_path / "t.csv", "w", newline="") as file:
        csv.writer(file).writerows([["text", "label"], *rows])
    text = described("lstm: 8", 80).replace("epochs: 1", "epochs: 12").replace("0.01", "0.03")
    (tmp_path / "model.yaml").write_text(text)
    run = ag.train(tmp_path / "model.yaml", tmp_path / "run")
    assert run.metrics["accuracy"] > 0.95
    assert run.predict({"text": ["great", "the plot great a film"]}).tolist() == ["good", "good"]


def test_runs_of_0_1_count_the_padding_as_they_did():
    part = {"column": "text", "role": "text", "stats": {"vocabulary": ["<pad>", "<unknown>"]}}
    plain = {"kind": "table", "inputs": [part], "target": [], "dtype": "float32", "sigma": ""}
    plain |= {"of": "any", "code": "", "weights": ""}
    old, new = (Recipe.from_json(migrated(PREPROCESSING, plain, written)) for written in (1, FORMAT))
    assert (old.padded, new.padded) == ({}, {"text": "right"})
    assert Recipe.from_json(old.to_json()).padded == {}
