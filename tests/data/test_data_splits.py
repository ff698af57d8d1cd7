"""Splits: shares, classes, groups, time, tails, folds; the same again from a seed, and in pieces of a file."""

from dataclasses import replace

import numpy as np
import pytest

from agcli.datasets import RULES, DataError, Fold, Numeric, Table, TableFile
from agcli.datasets.frame import Frame
from agcli.datasets.splits import share_of, validation_count

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
        rule("shuffled", test=0.9),
        rule("stratified", validation=0.3, test=0.1),
        rule("tail", validation=0.4),
        Fold(number=3),
        Fold(number=3, group="who", validation=0.2),
    ],
    ids=str,
)
def test_every_sample_is_in_one_part(made):
    parts = made.parts(frame(), LABELS)
    assert all(map(len, parts))
    assert sorted(np.concatenate(parts)) == list(range(COUNT))
    assert all((np.diff(part) > 0).all() for part in parts)
    assert all(map(np.array_equal, made.parts(frame(), LABELS), parts))


@pytest.mark.parametrize(
    "made", [rule(name, **({"column": "when"} if name == "time" else {})) for name in RULES], ids=str
)
def test_validation_takes_nothing_from_the_test_samples(made):
    changed = [replace(made, validation=share).parts(frame(), LABELS) for share in (0.0, None, 0.4)]
    assert len(changed[0][1]) == 0
    if made.name in ("shuffled", "stratified", "tail", "fold"):
        assert all(np.array_equal(parts[2], changed[0][2]) for parts in changed)
        assert len(changed[1][1]) == round((COUNT - len(changed[1][2])) * 0.15)


@pytest.mark.parametrize(
    ("count", "share", "held_out"),
    [(1_000, None, 150), (66_600, None, 9_990), (100_000, None, 10_000), (3, None, 0), (100_000, 0.15, 15_000),
     (10, 0.0, 0), (10, 0.001, 1), (10, 0.99, 9)],
)  # fmt: skip
def test_how_many_samples_are_for_validation(count, share, held_out):
    assert validation_count(count, share) == held_out
    if share is None:
        assert validation_count(count, share_of(held_out, count)) == held_out


@pytest.mark.parametrize("name", ["shuffled", "stratified", "group"])
def test_the_seed_draws_the_samples(name):
    found = [rule(name, seed=seed).parts(frame(), LABELS) for seed in (0, 1)]
    assert all(a.tolist() != b.tolist() for a, b in zip(*found, strict=True))


def test_each_class_has_its_share():
    _, validation, test = rule("stratified").parts(frame(), LABELS)
    assert np.bincount(LABELS[test]).tolist() == [12, 7, 2]
    assert np.bincount(LABELS[validation]).tolist() == [7, 4, 1]


@pytest.mark.parametrize("made", [rule("group", test=0.25), Fold(of=4, group="who")], ids=str)
def test_a_group_is_in_one_part(made):
    samples = frame()
    who = samples.columns["who"].to_numpy()
    train, validation, test = (set(who[part]) for part in made.parts(samples, None))
    assert len(train) + len(validation) + len(test) == len(train | validation | test) == 10
    assert len(test) == (3 if made.name == "group" else len(test))
    assert len(validation) == 2


@pytest.mark.parametrize("column", ["when", "number", "length"])
def test_time_goes_on_from_part_to_part(column):
    samples = frame()
    train, validation, test = (
        samples.columns["length"][part] for part in rule("time", column=column).parts(samples, None)
    )
    assert train.max() < validation.min() < validation.max() < test.min()
    assert (len(validation), len(test)) == (12, 21)


@pytest.mark.parametrize("each", [2, 7, 30])
def test_equal_times_are_not_cut(each):
    import polars as pl

    days = np.random.default_rng(1).permutation(np.arange(COUNT) // each)
    samples = Frame("t.csv", {"when": pl.Series([f"2024-{1 + d // 28:02}-{1 + d % 28:02}" for d in days])})
    train, validation, test = (days[part] for part in rule("time", column="when").parts(samples, None))
    assert train.max() < validation.min() <= validation.max() < test.min()
    assert abs(len(test) - 21) <= each
    if each < 30:
        assert abs(len(validation) - 12) <= each


def test_the_tail_is_the_end_of_the_file():
    _, validation, test = rule("tail", test=0.1).parts(frame(), None)
    assert test.tolist() == list(range(93, 103))
    assert validation.tolist() == list(range(79, 93))


@pytest.mark.parametrize(
    "made", [rule("shuffled"), rule("stratified"), rule("group"), rule("tail"), Fold(), Fold(group="who")], ids=str
)
def test_pieces_of_a_file_are_split_as_the_whole(made):
    whole = frame(5_000)
    made = made.with_share(5_000)
    sides = made.sides(whole, 5_000)
    pieces = []
    for start in range(0, 5_000, 777):
        part = whole.take(slice(start, start + 777))
        pieces.append(made.sides(replace(part, first=start + 1, picked=None), 5_000))
    assert np.array_equal(np.concatenate(pieces), sides)
    rough = 0.2 if made.by else 0.02
    assert np.bincount(sides, minlength=3) / 5_000 == pytest.approx([0.68, 0.12, 0.2], abs=rough)


def test_a_stream_holds_out_no_more_for_validation_than_a_whole_file():
    sides = rule("shuffled").with_share(1_000_000).sides(frame(5_000), 1_000_000)
    assert np.mean(sides == 1) == pytest.approx(0.01, abs=0.004)


@pytest.mark.parametrize(
    ("act", "text"),
    [
        (
            lambda: rule("stratified").parts(frame(), None),
            "expected classes as the target, found numbers",
        ),
        (lambda: rule("shuffled").parts(frame(1), None), "expected at least 2 samples to split, found 1"),
        (lambda: rule("time", column="who").parts(frame(), None), 'column "who": expected a date such as 2024-12-31'),
        (
            lambda: rule("group", validation=0.0).parts(frame().take([0, 10]), None),
            'expected 2 groups or more in "who", found 1',
        ),
        (
            lambda: rule("group").parts(frame().take(slice(0, 2)), None),
            'expected 3 groups or more in "who", found 2; with `validation: 0`, 2 suffice',
        ),
        (
            lambda: rule("time", column="number").parts(frame().take(slice(0, 2)), None),
            'expected 3 moments or more in "number", found 2; with `validation: 0`, 2 suffice',
        ),
        (
            lambda: rule("time").sides(frame(), COUNT),
            "needs all samples in memory; with `stream: true`",
        ),
        (lambda: Fold(of=6).parts(frame(5), None), "expected at most 5 parts, the number of samples, found 6"),
        (
            lambda: Fold(of=20, group="who").parts(frame(), None),
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
        train, validation, test = Fold(of=of, number=number).parts(frame(), labels)
        assert not set(train) & set(test)
        assert len(train) + len(validation) + len(test) == COUNT
        assert len(validation) == round((COUNT - len(test)) * 0.15)
        assert len(test) in (COUNT // of, COUNT // of + 1)
        tested += test.tolist()
        if labels is not None and of == 5:
            assert np.bincount(labels[test], minlength=3) == pytest.approx([12, 6.6, 2], abs=1)
    assert sorted(tested) == list(range(COUNT))


def test_a_group_is_in_one_fold_and_folds_are_even():
    samples = frame()
    who = samples.columns["who"].to_numpy()
    tested = [Fold(of=3, number=number, group="who").parts(samples, None)[2] for number in (1, 2, 3)]
    assert sorted(np.concatenate(tested)) == list(range(COUNT))
    names = [set(who[rows]) for rows in tested]
    assert sum(map(len, names)) == 10
    assert [len(rows) for rows in tested] == pytest.approx([COUNT / 3] * 3, abs=8)
    again = Fold(of=3, number=1, group="who", seed=1).parts(samples, None)[2]
    assert set(who[again]) != names[0]


@pytest.mark.parametrize("group", [None, "who"])
def test_folds_of_a_stream_hold_every_sample_once(group):
    whole = frame(3_000)
    sides = [Fold(of=4, number=number, group=group, validation=0.15).sides(whole, 3_000) for number in (1, 2, 3, 4)]
    assert np.array_equal(np.sum(np.equal(sides, 2), axis=0), np.ones(3_000))
    if group is not None:
        who = whole.columns["who"].to_numpy()
        assert all(len(set(side[who == name])) == 1 for side in sides for name in set(who))


def test_each_fold_of_a_table_learns_its_own_statistics(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,k\n" + "".join(f"{i},{'uv'[i % 2]}\n" for i in range(20)))
    table = Table(source=TableFile(path), target=("k",), columns={"a": Numeric()})
    found = [replace(table, split=Fold(of=4, number=number)).read() for number in (1, 2, 3, 4)]
    assert len({data.fitted.inputs[0].stats["mean"] for data in found}) > 1
    for data in found:
        assert data.train.x.mean() == pytest.approx(0, abs=1e-6)
        assert np.bincount(data.test.y).tolist() in ([2, 3], [3, 2])
