"""Splits: shares, classes, groups, time, tails, folds; the same again from a seed, and in pieces of a file."""

from dataclasses import replace

import numpy as np
import pytest

from agcli.datasets import RULES, DataError, Numeric, Table, TableFile
from agcli.datasets.frame import Frame
from agcli.datasets.splits import folds

COUNT = 103


def frame(count=COUNT):
    import polars as pl

    days = np.random.default_rng(0).permutation(count)
    columns = {
        "who": pl.Series([f"p{i % 10}" for i in range(count)]),
        "when": pl.Series([f"2024-{1 + d // 28:02}-{1 + d % 28:02}" for d in days]),
        "number": pl.Series([str(d) for d in days]),
        "length": days.astype(float),
    }
    return Frame("t.csv", columns)


LABELS = np.repeat([0, 1, 2], [60, 33, 10])


def rule(name, **options):
    return RULES[name](**({"column": options.pop("column", "who")} if name in ("group", "time") else {}), **options)


@pytest.mark.parametrize(
    "made",
    [
        rule("shuffled"),
        rule("stratified"),
        rule("group"),
        rule("time", column="when"),
        rule("tail"),
        rule("shuffled", test=0.001),
        rule("shuffled", test=0.999),
    ],
    ids=str,
)
def test_every_sample_is_on_one_side(made):
    train, test = made.rows(frame(), LABELS)
    assert len(train)
    assert len(test)
    assert sorted([*train, *test]) == list(range(COUNT))
    assert (np.diff(train) > 0).all()
    assert (np.diff(test) > 0).all()
    again = made.rows(frame(), LABELS)
    assert np.array_equal(again[1], test)


@pytest.mark.parametrize("name", ["shuffled", "stratified", "group"])
def test_the_seed_draws_the_samples(name):
    sides = [rule(name, seed=seed).rows(frame(), LABELS)[1].tolist() for seed in (0, 1)]
    assert sides[0] != sides[1]


def test_each_class_has_its_share():
    _, test = rule("stratified").rows(frame(), LABELS)
    assert np.bincount(LABELS[test]).tolist() == [12, 7, 2]


def test_a_group_is_on_one_side():
    samples = frame()
    train, test = rule("group", test=0.25).rows(samples, None)
    who = samples.columns["who"].to_numpy()
    assert not set(who[train]) & set(who[test])
    assert len(set(who[test])) == 3


@pytest.mark.parametrize("column", ["when", "number", "length"])
def test_the_latest_samples_are_for_testing(column):
    samples = frame()
    train, test = rule("time", column=column).rows(samples, None)
    assert samples.columns["length"][train].max() < samples.columns["length"][test].min()


def test_the_tail_is_the_end_of_the_file():
    assert rule("tail", test=0.1).rows(frame(), None)[1].tolist() == list(range(93, 103))


@pytest.mark.parametrize("made", [rule("shuffled"), rule("stratified"), rule("group"), rule("tail")], ids=str)
def test_pieces_of_a_file_are_split_as_the_whole(made):
    whole = frame(5_000)
    mask = made.is_test(whole, 5_000)
    pieces = []
    for start in range(0, 5_000, 777):
        part = whole.take(slice(start, start + 777))
        pieces.append(made.is_test(replace(part, first=start + 1, picked=None), 5_000))
    assert np.array_equal(np.concatenate(pieces), mask)
    assert abs(mask.mean() - 0.2) < (0.11 if made.name == "group" else 0.02)


@pytest.mark.parametrize(
    ("act", "text"),
    [
        (
            lambda: rule("stratified").rows(frame(), None),
            "expected classes as the target, found numbers",
        ),
        (lambda: rule("shuffled").rows(frame(1), None), "expected at least 2 samples to split, found 1"),
        (lambda: rule("time", column="who").rows(frame(), None), 'column "who": expected a date such as 2024-12-31'),
        (lambda: rule("group").rows(frame().take(slice(0, 1)), None), 'expected several groups in "who", found one'),
        (
            lambda: rule("time").is_test(frame(), COUNT),
            "needs all samples in memory; with `stream: true`",
        ),
        (lambda: next(folds(5, 6)), "expected a number from 2 to 5, the number of samples, found 6"),
        (lambda: next(folds(5, 1)), "expected a number from 2 to 5"),
    ],
)
def test_what_cannot_be_split_is_said(act, text):
    with pytest.raises(DataError) as caught:
        act()
    assert text in str(caught.value)


# Folds


@pytest.mark.parametrize("labels", [None, LABELS], ids=["numbers", "classes"])
@pytest.mark.parametrize("k", [2, 5, COUNT])
def test_every_sample_is_tested_once(k, labels):
    tested = []
    for train, test in folds(COUNT, k, labels=labels):
        assert not set(train) & set(test)
        assert len(train) + len(test) == COUNT
        tested += test.tolist()
        if labels is not None and k == 5:
            assert np.bincount(labels[test], minlength=3) == pytest.approx([12, 6.6, 2], abs=1)
    assert sorted(tested) == list(range(COUNT))


def test_each_fold_of_a_table_learns_its_own_statistics(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,k\n" + "".join(f"{i},{'uv'[i % 2]}\n" for i in range(20)))
    table = Table(source=TableFile(path), target=("k",), columns={"a": Numeric()})
    found = list(table.folds(4, seed=3))
    assert [len(data.test) for data in found] == [5] * 4
    means = {data.fitted.inputs[0].stats["mean"] for data in found}
    assert len(means) > 1
    for data in found:
        assert data.train.x.mean() == pytest.approx(0, abs=1e-6)
        assert np.bincount(data.test.y).tolist() in ([2, 3], [3, 2])
    again = list(table.folds(4, seed=3))
    assert all(np.array_equal(a.test.x, b.test.x) for a, b in zip(found, again, strict=True))
