"""Warnings: what is strange about the samples of a table, and no word where nothing is."""

import numpy as np
import pytest

from agcli.datasets import Numeric, Table, TableFile, Tail

RNG = np.random.default_rng(0)
PLAIN = {"a": RNG.random(200), "k": np.array(list("uvw"))[RNG.integers(0, 3, 200)], "y": RNG.integers(0, 2, 200)}
FAR = np.where(np.arange(3_000) < 2_900, 1.0, RNG.random(3_000))


def said(tmp_path, cells, **options):
    path = tmp_path / "t.csv"
    rows = zip(*cells.values(), strict=True)
    path.write_text(",".join(cells) + "\n" + "".join(",".join(map(str, row)) + "\n" for row in rows))
    return " | ".join(Table(source=TableFile(path), target=("y",), **options).read().warnings)


def names(values, *labels):
    return np.array(labels)[values]


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"a": 3 * PLAIN["a"], "y": -2 * PLAIN["a"] + 5}, 'column "a": says the target "y" ('),
        ({"k": names(PLAIN["y"], "no", "yes")}, 'column "k": says the target "y" ('),
        ({"a": np.where(np.arange(200) % 50, PLAIN["a"].astype(str), "")}, "of 136 training samples have no value"),
        ({"k": np.where(np.arange(200) % 50, PLAIN["k"], "?")}, "training samples have no value; fed as unknown"),
        ({"y": np.sort(PLAIN["y"])}, "the samples are sorted by their class; keep `shuffle: true`"),
        ({"y": np.where(np.arange(200) < 4, 2, PLAIN["y"])}, 'classes of fewer than 8 training samples: "2" (2)'),
    ],
)
def test_what_is_strange_is_said(changed, text, tmp_path):
    assert text in said(tmp_path, {**PLAIN, **changed})


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"y": PLAIN["a"] + 0.1 * RNG.random(200)},
        {"k": names((PLAIN["y"] + (np.arange(200) == 7)) % 2, "no", "yes")},
    ],
    ids=["plain", "nearly the same", "one other name"],
)
def test_there_is_no_word_where_nothing_is_strange(changed, tmp_path):
    assert said(tmp_path, {**PLAIN, **changed}) == ""


def test_constant_columns_are_named(tmp_path):
    text = said(tmp_path, {**PLAIN, "c": np.ones(200)}, columns={"c": Numeric()})
    assert text == 'column "c": the same value in all training samples; give it the role `ignore`'


def test_classes_without_a_test_sample_are_named(tmp_path):
    rare = np.where(np.arange(200) < 4, 2, PLAIN["y"])
    text = said(tmp_path, {**PLAIN, "y": rare}, split=Tail())
    assert 'classes without a test sample: "2"; `split: stratified` gives each its share' in text


@pytest.mark.parametrize(("noise", "leaks"), [(0.0, True), (0.3, False)])
def test_a_leak_is_seen_behind_samples_that_do_not_tell(noise, leaks, tmp_path):
    columns = {"a": FAR, "b": RNG.random(3_000), "y": 2 * FAR + noise * RNG.random(3_000)}
    roles = {"a": Numeric(), "y": Numeric()}
    assert (
        'column "a": says the target' in said(tmp_path, columns, columns=roles, split=Tail(test=0.01, validation=0))
    ) is leaks
