"""Overrides from the command line: typed, validated and told like the file."""

import pytest

from agcli.spec import SpecError, parse_spec

SMALL = "data: digits\nmodel:\n  - dense: 10\nloss: softmax_cross_entropy\n"
FULL = SMALL + "metrics: [accuracy]\noptimizer: {sgd: 0.1}\ntrain: {epochs: 2}\n"


def told(text: str, *overrides: str) -> str:
    with pytest.raises(SpecError) as caught:
        parse_spec(text, overrides=overrides)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "override", "same_as"),
    [
        (SMALL, "train.epochs=5", SMALL + "train: {epochs: 5}"),
        (SMALL, "optimizer.adam.lr=3e-4", SMALL + "optimizer: {adam: {lr: 3e-4}}"),
        (SMALL, "optimizer.sgd.momentum=0.9", SMALL + "optimizer: {sgd: {momentum: 0.9}}"),
        (SMALL, "model[0].dense.units=32", SMALL.replace("10", "32")),
        (
            SMALL,
            "model[0].dense.activation={leaky_relu: 0.2}",
            SMALL.replace("10", "{units: 10, activation: {leaky_relu: 0.2}}"),
        ),
        (SMALL, "model[0]=relu", SMALL.replace("dense: 10", "relu")),
        (SMALL, "model=[dense: 3, relu]", SMALL.replace("\n  - dense: 10", " [dense: 3, relu]")),
        (SMALL, "data=iris", SMALL.replace("digits", "iris")),
        (SMALL, "data.raw=true", SMALL.replace("digits", "{name: digits, raw: true}")),
        (SMALL, "loss=mse", SMALL.replace("softmax_cross_entropy", "mse")),  # and so the metrics
        (SMALL, "name=other", "name: other\n" + SMALL),
        (FULL, "optimizer.sgd.momentum=0.9", FULL.replace("0.1", "{lr: 0.1, momentum: 0.9}")),
        (FULL, "optimizer=adam", FULL.replace("{sgd: 0.1}", "adam")),
        (SMALL, "model[0].dense.activation=", SMALL.replace("10", "{units: 10, activation: null}")),
        (FULL, "metrics[0]=mae", FULL.replace("accuracy", "mae")),
        (FULL, "metrics=[]", FULL.replace("accuracy", "")),
        (FULL, "train.batch_size=7", FULL.replace("epochs: 2", "epochs: 2, batch_size: 7")),
        (FULL, "train.shuffle=false", FULL.replace("epochs: 2", "epochs: 2, shuffle: false")),
    ],
)
def test_override_is_as_if_written(text: str, override: str, same_as: str) -> None:
    assert parse_spec(text, overrides=[override]) == parse_spec(same_as)


def test_last_override_counts() -> None:
    assert parse_spec(SMALL, overrides=["train.epochs=5", "train={batch_size: 7}", "seed=1", "seed=2"]) == parse_spec(
        SMALL + "train: {batch_size: 7}\nseed: 2"
    )


def test_override_may_step_into_what_another_wrote() -> None:
    text = FULL.replace("{sgd: 0.1}", "{adam: 0.1}").replace("digits", "{name: mnist, flatten: true}")
    overrides = ["optimizer=adam", "optimizer.adam.lr=0.1", "data=mnist", "data.flatten=true"]
    assert parse_spec(FULL, overrides=overrides) == parse_spec(text)


def test_place_is_that_of_the_last_override() -> None:
    assert parse_spec(SMALL, overrides=["seed=1", "seed=2", "name=x"]).location(("seed",)) == "--set seed=2"
    assert told(SMALL, "seed=1", "seed=-2", "name=x").startswith("--set seed=-2: seed: ")


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("epochs", "--set epochs: expected `path=value`, such as `optimizer.adam.lr=3e-4`, got no `=`"),
        ("=3", '--set =3: expected a path such as `model[0].dense.units`, got ""'),
        ("a b=3", '--set a b=3: expected a path such as `model[0].dense.units`, got "a b"'),
        ("model.0=3", '--set model.0=3: expected a path such as `model[0].dense.units`, got "model.0"'),
        ("train.epochs=ten", 'train.epochs: expected a positive integer, got "ten"'),
        ("train.epochs=", "train.epochs: expected a positive integer, got nothing"),
        ("train.epochs=[", "--set train.epochs=[: expected a value, got the end of the file"),
        ("train.epochs=!x 3", "train.epochs=!x 3: expected plain data, got the tag `!x`; remove it"),
        ("train.epoch=3", "train.epoch: expected a known key, got `epoch`; did you mean `epochs`?"),
        ("trian.epochs=3", "trian: expected a known key, got `trian`; did you mean `train`?"),
        ("optimizer.adam.lr=1", "optimizer: expected one optimizer, got the keys `sgd`, `adam`"),
        ("model[3].dense.units=1", "model[3]: expected an index from 0 to 0, got `3`"),
        ("model.dense.units=1", "model.dense: expected an index from 0 to 0, got `dense`"),
        ("train.epochs.x=1", "train.epochs.x: expected a path that the spec has, got a step into 2"),
        ("train[0]=1", "train[0]: expected a path that the spec has, got a step into a mapping with the key `epochs`"),
        ("model[0].dense={unit: 3}", "model[0].dense.unit: expected a known key, got `unit`; did you mean `units`?"),
        ("a=" + "x" * 20_000, "expected at most 10,000 characters, got more"),
        ("seed=\0", "expected printable text, got the control character U+0000"),
    ],
)
def test_wrong_override(override: str, says: str) -> None:
    text = told(FULL, override)
    assert says in text.split("\n")[0]
    assert text.startswith("--set ")


def test_all_wrong_overrides_are_told_with_a_caret() -> None:
    assert told(SMALL, "seed=-1", "train.epochs=ten") == (
        "--set seed=-1: seed: expected an integer of 0 or more, got -1\n"
        "    --set seed=-1\n"
        "               ^^\n"
        '--set train.epochs=ten: train.epochs: expected a positive integer, got "ten"\n'
        "    --set train.epochs=ten\n"
        "                       ^^^"
    )


def test_file_comes_before_overrides() -> None:
    assert told(SMALL + "seed: x", "seed=1").startswith("<spec>:5:7: seed: ")
