"""Columns that only tell samples apart, columns that give the target away, and rows without a target."""

import numpy as np
import polars as pl
import pytest

from agcli.datasets import Categorical, Ignore, Numeric, Table, TableFile, Text, guess
from agcli.datasets.frame import Frame
from agcli.datasets.leaks import DECIDES, NAMED, RISING, SCALED, leaks
from agcli.datasets.splits import Fold, Group

N = 60
RNG = np.random.default_rng(3)
NOISE = RNG.random(N)
WORDS = ["ash", "beech", "cedar", "elm", "fir", "oak", "pine", "yew"]
UUIDS = [f"{a:08x}-{b:04x}-4abc-8def-{c:012x}" for a, b, c in RNG.integers(0, 1 << 16, (N, 3))]


def frame(**columns):
    return Frame("t.csv", {name: pl.Series(name, [*values]).cast(pl.String) for name, values in columns.items()})


@pytest.mark.parametrize(
    ("name", "values", "reason"),
    [
        ("n", range(N), "counts the rows"),
        ("rownames", range(1, N + 1), "counts the rows"),
        ("anything", range(501, 501 + N), "counts the rows"),
        ("PassengerId", RNG.permutation(N) + 1, "an identifier, different in every row"),
        ("customer_id", 1000 + np.cumsum(RNG.integers(1, 9, N)), "an identifier, different in every row"),
        ("model", [f"{word} {i}" for i in range(12) for word in WORDS[:5]], "an identifier, different in every row"),
        ("who", [f"p{i if i > 3 else 0}" for i in range(N)], "an identifier, hardly any name twice"),
        ("key", UUIDS, "an identifier, a random name"),
        ("session", [UUIDS[2 * i // 3] for i in range(N)], "an identifier, a random name"),
    ],
)
def test_what_only_tells_samples_apart_is_no_input(name, values, reason):
    shown = frame(**{name: values, "y": range(N)})
    assert guess.roles(shown, ("y",)) != {}
    assert isinstance(guess.role(shown[name]), Ignore)
    assert guess.reasons(shown, [name]) == {reason: [name]}


@pytest.mark.parametrize(
    ("name", "values", "role"),
    [
        ("year", range(1950, 1950 + N), Numeric),
        ("time", range(N), Numeric),
        ("dose", [10 * i for i in range(N)], Numeric),
        ("weight", RNG.permutation(N), Numeric),
        ("size", np.cumsum(RNG.integers(1, 9, N)), Numeric),
        ("customer_id", RNG.integers(0, 9, N), Numeric),
        ("tree", [WORDS[i % 8] for i in range(N)], Categorical),
        ("street", [f"road {i % 40}" for i in range(N)], Categorical),
        ("review", [" ".join(RNG.choice(WORDS, 6)) for _ in range(N)], Text),
    ],
)
def test_what_may_say_more_is_an_input(name, values, role):
    assert type(guess.role(frame(**{name: values, "y": range(N)})[name])) is role


def test_a_counter_is_an_input_where_nothing_else_is():
    assert isinstance(guess.roles(frame(place=range(N), y=NOISE), ("y",))["place"], Numeric)
    assert isinstance(guess.roles(frame(place=range(N), a=NOISE, y=NOISE), ("y",))["place"], Ignore)
    assert isinstance(guess.roles(frame(id=range(N), y=NOISE), ("y",))["id"], Ignore)


@pytest.mark.parametrize(
    ("columns", "target"),
    [
        ({"a": NOISE, "b": NOISE**2, "id": range(N)}, "b"),
        ({"a": NOISE, "same": ["x"] * N}, "a"),
        ({"a": NOISE, "review": [" ".join(RNG.choice(WORDS, 6)) for _ in range(N)]}, "a"),
        ({"a": NOISE, "who": [f"p{i // 2}" for i in range(N)]}, "a"),
        ({"price": NOISE, "b": NOISE}, "price"),
        ({"label": range(N), "b": NOISE}, "b"),
        ({"a": NOISE, "kind": [WORDS[i % 3] for i in range(N)]}, "kind"),
    ],
)
def test_the_target_that_is_guessed_can_be_learnt(columns, target):
    assert guess.target(frame(**columns)) == target


# Leaks

Y = RNG.normal(size=N) + 3
CLASS = [WORDS[i % 3] for i in range(N)]


@pytest.mark.parametrize(
    ("a", "y", "how"),
    [
        (2 * Y - 1, Y, SCALED),
        (-Y, Y, SCALED),
        (Y + 1e-3 * NOISE, Y, SCALED),
        (Y + 0.2 * NOISE, Y, None),
        (np.exp(2 * Y), Y, RISING),
        (1 / (Y + 9) ** 3, Y, RISING),
        (np.where(np.arange(N) == 7, 0.0, np.exp(2 * Y)), Y, None),
        (range(N), np.sort(Y), None),  # what grows with time
        (NOISE, Y, None),
        (CLASS, [10.0 * WORDS.index(name) for name in CLASS], DECIDES),
        (CLASS, [10.0 * WORDS.index(name) + x for name, x in zip(CLASS, NOISE, strict=True)], None),
        ([WORDS[::-1][WORDS.index(name)] for name in CLASS], CLASS, NAMED),
        ([1.5 * WORDS.index(name) for name in CLASS], CLASS, NAMED),
        ([WORDS[3 + i % 3] if i else "oak" for i in range(N)], CLASS, None),
        ([WORDS[2 * (i % 3) + i // 30] for i in range(N)], CLASS, DECIDES),
        ([f"n{i}" for i in range(N)], CLASS, None),
    ],
)
def test_a_column_that_gives_the_target_away_is_found(a, y, how):
    data = read_roles(frame(a=a, b=RNG.random(N), y=y), a)
    assert dict(leaks(*data)) == ({"a": how} if how else {})


def read_roles(shown, a):
    from agcli.datasets.fitting import fit

    roles = guess.roles(shown, ("y",)) | {"b": Numeric()}
    roles["a"] = Categorical() if isinstance(next(iter(a)), str) else Numeric()
    return shown, fit([shown], roles, ("y",))


def test_a_leak_is_told_and_stays_an_input(tmp_path):
    table = table_of(tmp_path, a=2 * Y, b=NOISE, y=Y)
    data = table.read()
    assert any(text.startswith('column "a": says the target "y" (') for text in data.warnings)
    assert [part.column for part in data.fitted.inputs] == ["a", "b"]


# Groups


def table_of(folder, target="y", name="t.csv", **columns):
    path = folder / name
    rows = zip(*columns.values(), strict=True)
    path.write_text("\n".join([",".join(columns), *(",".join(map(str, row)) for row in rows)]) + "\n")
    return Table(source=TableFile(path), target=(target,))


@pytest.mark.parametrize("split", [Group(column="who"), Fold(of=3, number=1, group="who")], ids=["group", "fold"])
def test_the_groups_of_a_split_are_no_input_unless_asked(split, tmp_path):
    from dataclasses import replace

    table = replace(table_of(tmp_path, who=[WORDS[i % 8] for i in range(N)], b=NOISE, y=Y), split=split)
    data = table.read()
    assert [part.column for part in data.fitted.inputs] == ["b"]
    expected = 'left out: "who" (the split keeps its groups together); a role in `columns` brings a column back'
    assert expected in data.warnings
    asked = replace(table, columns={"who": Categorical()}).read()
    assert [part.column for part in asked.fitted.inputs] == ["who", "b"]
    assert not any("left out" in text for text in asked.warnings)


# Rows without a target


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_rows_without_a_target_are_counted(stream, tmp_path):
    from dataclasses import replace

    y = [["", "NA", "low", "high", "low"][i % 5] for i in range(N)]
    table = replace(table_of(tmp_path, a=NOISE, b=Y, y=y), stream=stream)
    test = table_of(tmp_path, name="test.csv", a=[1, 2, 3, 4], b=[1, 2, 3, 4], y=["low", "", "high", "low"])
    data = replace(table, test=test.source).read()
    assert sum(map(len, data.splits.values())) == 36 + 3
    assert len(data.lost) == 2
    assert set(data.lost) <= set(data.warnings)
    assert data.lost[0].startswith('24 of 60 rows have no "y" and are left out')
    assert data.lost[1].startswith(f'{tmp_path / "test.csv"}: 1 of 4 rows have no "y" and are left out')
    if not stream:
        assert '(12 "NA", 12 empty); if one of these is a class, write `missing: ["", "?"' in data.lost[0]


def test_what_is_advised_brings_the_rows_back(tmp_path):
    import json
    from dataclasses import replace

    table = table_of(tmp_path, a=NOISE, b=Y, y=[["NA", "low", "high", "low"][i % 4] for i in range(N)])
    (lost,) = table.read().lost
    missing = json.loads(lost.partition("`missing: ")[2].partition("`")[0])
    data = replace(table, source=replace(table.source, missing=tuple(missing))).read()
    assert data.lost == ()
    assert data.classes == ("NA", "high", "low")


def test_there_is_no_word_where_all_rows_have_a_target(tmp_path):
    assert table_of(tmp_path, a=NOISE, b=Y, y=Y).read().lost == ()
