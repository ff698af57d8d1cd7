"""Splits: shares, classes, groups, time, tails, folds; the same again from a seed, and in pieces of a file."""

from dataclasses import replace

import numpy as np
import pytest

from agcli.datasets import RULES, DataError, Fold, Numeric, Table, TableFile
from agcli.datasets.frame import Frame

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
        (lambda: Fold(of=6).rows(frame(5), None), "expected at most 5 parts, the number of samples, found 6"),
        (
            lambda: Fold(of=20, group="who").rows(frame(), None),
            'at most 10 parts, the number of different names in "who"',
        ),
        (lambda: Fold(of=1), "expected 2 parts or more, and one of their numbers, found 1 of 1"),
        (lambda: Fold(of=3, number=4), "found 4 of 3"),
    ],
)
def test_what_cannot_be_split_is_said(act, text):
    with pytest.raises(DataError) as caught:
        act()
    assert text in str(caught.value)


# Folds


@pytest.mark.parametrize("labels", [None, LABELS], ids=["numbers", "classes"])
@pytest.mark.parametrize("of", [2, 5, COUNT])
def test_every_sample_is_tested_once(of, labels):
    tested = []
    for number in range(1, of + 1):
        train, test = Fold(of=of, number=number).rows(frame(), labels)
        assert not set(train) & set(test)
        assert len(train) + len(test) == COUNT
        assert len(test) in (COUNT // of, COUNT // of + 1)
        tested += test.tolist()
        if labels is not None and of == 5:
            assert np.bincount(labels[test], minlength=3) == pytest.approx([12, 6.6, 2], abs=1)
    assert sorted(tested) == list(range(COUNT))


def test_a_group_is_in_one_fold_and_folds_are_even():
    samples = frame()
    who = samples.columns["who"].to_numpy()
    tested = [Fold(of=3, number=number, group="who").rows(samples, None)[1] for number in (1, 2, 3)]
    assert sorted(np.concatenate(tested)) == list(range(COUNT))
    names = [set(who[rows]) for rows in tested]
    assert sum(map(len, names)) == 10
    assert [len(rows) for rows in tested] == pytest.approx([COUNT / 3] * 3, abs=8)
    again = Fold(of=3, number=1, group="who", seed=1).rows(samples, None)[1]
    assert set(who[again]) != names[0]


@pytest.mark.parametrize("group", [None, "who"])
def test_folds_of_a_stream_hold_every_sample_once(group):
    whole = frame(3_000)
    masks = [Fold(of=4, number=number, group=group).is_test(whole, 3_000) for number in (1, 2, 3, 4)]
    assert np.array_equal(np.sum(masks, axis=0), np.ones(3_000))


def test_each_fold_of_a_table_learns_its_own_statistics(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,k\n" + "".join(f"{i},{'uv'[i % 2]}\n" for i in range(20)))
    table = Table(source=TableFile(path), target=("k",), columns={"a": Numeric()})
    found = [replace(table, split=Fold(of=4, number=number)).read() for number in (1, 2, 3, 4)]
    assert len({data.fitted.inputs[0].stats["mean"] for data in found}) > 1
    for data in found:
        assert data.train.x.mean() == pytest.approx(0, abs=1e-6)
        assert np.bincount(data.test.y).tolist() in ([2, 3], [3, 2])
