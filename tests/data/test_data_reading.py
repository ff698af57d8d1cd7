"""Numbers that are parsed at once are those of the text, and what is read again, and when."""

from __future__ import annotations

import json
import random

import numpy as np
import polars as pl
import pytest

from agcli.data.dataset_info import about
from agcli.data.first_spec import draft
from agcli.datasets import Categorical, DataError, Numeric, Table, TableFile, typed
from agcli.datasets.columns import Columns
from agcli.datasets.errors import AmbiguousError

ODD = (
    "", "NA", "nan", "inf", "1e400", "-", " 1.5", "2.5 ", "1_000", "0x10", "abc", "1e5", "-0.0", ".5", "5.", "+2.5",
    "1.0", "12:30", "1e39", "9007199254740993.0", "tbd", '"1.5"', "0.1234567890123456789", "1e-320", "-999", "1e22",
)  # fmt: skip
MADE = (
    lambda r: repr(round(r.gauss(0, 1), r.randrange(1, 17))),
    lambda r: f"{r.gauss(0, 1) * 10 ** r.randrange(-5, 12):.{r.randrange(1, 18)}g}",
    lambda r: str(r.randrange(-5, 6)),
    lambda r: f"{r.randrange(3)}.0",
    lambda r: r.choice(["red", "green", ""]),
    lambda r: r.choice(["1.0", "1.00", "1"]),
    lambda r: f"{r.randrange(10):02d}",
)


def written(path, seed):
    """A random table with odd cells, and sometimes with an odd row."""
    r = random.Random(seed)
    n, separator = r.choice([25, 80, 200]), r.choice([",", ";", "\t"])
    columns = [[make(r) for _ in range(n)] for make in r.choices(MADE, k=r.randrange(2, 6))]
    for cells in columns:
        if r.random() < 0.4:
            for row in r.choices(range(n), k=r.choice([1, 2, n // 4])):
                cells[row] = r.choice(ODD)
    lines = [separator.join(row) for row in zip(*columns, strict=True)]
    odd = {0: "", 1: lines[0].split(separator)[0], 2: separator * (len(columns) - 1), 3: f'"{lines[0]}'}
    if (kind := r.randrange(16)) in odd:
        lines.insert(r.randrange(n), odd[kind])
    names = separator.join(f"{r.choice(['x', 'date', 'id'])}{i}" for i in range(len(columns)))
    path.write_text(r.choice(["\n", "\r\n"]).join([names, *lines]) + r.choice(["", "\n"]), "utf-8", newline="")
    return path


def outcome(read):
    try:
        return read()
    except DataError as error:
        return str(error)


def alike(ours, theirs):
    """Whether two columns have the same text, gaps and numbers, or the same error, bit for bit."""
    for read in (lambda cells: cells.texts().to_list(), lambda cells: cells.missing().tolist()):
        assert read(ours) == read(theirs)
    numbers = [outcome(lambda cells=cells: cells.numbers().view(np.int64).tolist()) for cells in (ours, theirs)]
    assert numbers[0] == numbers[1] or np.array_equal(ours.numbers(), theirs.numbers(), equal_nan=True)
    wrong = np.arange(len(ours)) == len(ours) // 2
    assert str(ours.error(wrong, "another")) == str(theirs.error(wrong, "another"))


@pytest.fixture(params=[1, 100, typed.PIECE], ids=["lines", "pieces", "whole"])
def pieces(request, monkeypatch):
    """How much of a file is parsed at once."""
    monkeypatch.setattr(typed, "PIECE", request.param)


@pytest.mark.parametrize("seed", range(40))
def test_parsed_columns_are_those_of_the_text(tmp_path, seed, pieces):
    file = TableFile(written(tmp_path / "t.csv", seed))
    frames = [outcome(read) for read in (file.parsed, file.read)]
    if isinstance(frames[1], str):
        assert frames[0] == frames[1]
        return
    parsed, text = frames
    assert (list(parsed.columns), len(parsed)) == (list(text.columns), len(text))
    rows = np.flatnonzero(np.arange(len(text)) % 3 == 1)
    for ours, theirs in ((parsed, text), (parsed.take(rows), text.take(rows))):
        for name in text.columns:
            alike(ours[name], theirs[name])


@pytest.mark.parametrize("seed", range(40))
def test_a_table_is_read_as_if_every_column_was_text(tmp_path, monkeypatch, seed, pieces):
    file = TableFile(written(tmp_path / "t.csv", seed))

    def read():
        data = Table(source=file).read()
        stored = {n: {c: s.columns[c].stored.tolist() for c in s.columns} for n, s in data.splits.items()}
        return data.settled.columns, data.fitted.to_json(), stored, data.warnings

    parsed = outcome(read)
    monkeypatch.setattr(Table, "parsed", lambda table, source: source.read())
    assert str(parsed) == str(outcome(read))


def floats(path, columns=4, rows=300, digits=6):
    values = np.random.default_rng(0).normal(size=(rows, columns)).round(digits)
    pl.DataFrame({f"c{i}": values[:, i] for i in range(columns)}).write_csv(path)
    return path, values


def test_columns_of_fractions_leave_their_text_in_the_file(tmp_path):
    path, values = floats(tmp_path / "t.csv")
    frame = TableFile(path).parsed()
    assert isinstance(frame.columns, Columns)
    assert not frame.columns.held
    assert np.array_equal(np.stack([frame[name].numbers() for name in frame.columns], axis=1), values)
    assert TableFile(path).parsed(["c1"]).columns.held.keys() == {"c1"}


def test_a_cell_is_named_as_it_stands_in_its_file(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("x,y\n" + "".join(f"{i}.50,{i}.25\n" for i in range(40)) + "-3.50,1.00\n", "utf-8")
    with pytest.raises(DataError, match=r'row 41: column "x": expected a count.*found "-3\.50"'):
        Table(source=TableFile(path), target=("x",), wanted=("counts",), columns={"x": Numeric(scale="none")}).read()
    names = Table(source=TableFile(path), columns={"x": Categorical()}, target=("y",)).read().fitted.inputs[0].stats
    assert "0.50" in names["categories"]


def test_one_stray_makes_text_of_its_column_alone(tmp_path):
    path, values = floats(tmp_path / "t.csv")
    lines = path.read_text("utf-8").splitlines()
    lines[200] = "oops" + lines[200][lines[200].index(",") :]
    path.write_text("\n".join(lines), "utf-8")
    frame = TableFile(path).parsed()
    assert frame.columns.held.keys() == {"c0"}
    with pytest.raises(DataError, match=r'row 200: column "c0": expected a number, found "oops"'):
        frame["c0"].numbers()
    assert np.array_equal(frame["c3"].numbers(), values[:, 3])


def test_gaps_of_a_column_of_fractions_are_those_that_say_nothing(tmp_path):
    path, _ = floats(tmp_path / "t.csv")
    lines = path.read_text("utf-8").splitlines()
    for row, cell in ((20, "NA"), (40, ""), (60, "nan")):
        lines[row] = cell + lines[row][lines[row].index(",") :]
    path.write_text("\n".join(lines), "utf-8")
    frame = TableFile(path).parsed()
    assert np.flatnonzero(frame["c0"].missing()).tolist() == [19, 39, 59]
    assert not frame.columns.held
    assert TableFile(path, missing=("", "NA")).parsed().columns.held.keys() == {"c0"}  # nan may be a name
    told = TableFile(path, missing=("", "NA", "nan", lines[1].split(",")[1])).parsed()  # a number that says nothing
    assert told["c1"].missing()[0]


def test_decimal_commas_in_one_column_make_groups_of_points_in_another(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a;b\n" + "".join(f"{i},5;{i}.{100 + i}\n" for i in range(1, 40)), "utf-8")
    frame = TableFile(path).parsed()
    assert frame["b"].numbers()[:2].tolist() == [1101, 2102]


@pytest.mark.parametrize("row", ['2.5,"12.5', '2.5,"', '"2.5,12.5', '2.5,"12.5\n'])
@pytest.mark.parametrize("names", ["a,b", ",b"])
def test_a_quote_that_is_never_closed_cuts_no_number(tmp_path, names, row, capfd):
    path = tmp_path / "t.csv"
    path.write_text(names + "\n" + "".join(f"{i}.5,1.{i}\n" for i in range(60)) + row, "utf-8")
    parsed, text = (outcome(read) for read in (TableFile(path).parsed, TableFile(path).read))
    assert isinstance(text, str)
    assert parsed == text
    assert capfd.readouterr().err == ""


def test_a_file_that_changed_is_told(tmp_path):
    path, _ = floats(tmp_path / "t.csv")
    frame = TableFile(path).parsed()
    path.write_text("\n".join(path.read_text("utf-8").splitlines()[:50]), "utf-8")
    with pytest.raises(DataError, match="has it changed"):
        frame["c0"].texts()


@pytest.mark.parametrize("roles", [{}, {"c0": Numeric(scale="minmax"), "c1": Numeric(missing=0.0)}])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_columns_side_by_side_are_encoded_as_one_by_one(tmp_path, monkeypatch, dtype, roles):
    path, _ = floats(tmp_path / "t.csv", columns=9, rows=500, digits=15)
    lines = path.read_text("utf-8").splitlines()
    lines[7] = "NA," + lines[7].split(",", 1)[1]
    path.write_text("\n".join(lines), "utf-8")
    ours = Table(source=TableFile(path), dtype=dtype, columns=roles).read()
    monkeypatch.setattr(Table, "parsed", lambda table, source: source.read())
    theirs = Table(source=TableFile(path), dtype=dtype, columns=roles).read()
    assert ours.fitted == theirs.fitted
    for name, split in ours.splits.items():
        for key, column in split.columns.items():
            assert np.array_equal(column.stored, theirs.splits[name].columns[key].stored)


def test_data_info_reads_a_file_once(tmp_path, monkeypatch):
    path, _ = floats(tmp_path / "t.csv")
    calls = []
    read = TableFile.parsed
    monkeypatch.setattr(TableFile, "parsed", lambda file, texts=(): calls.append(file) or read(file, texts))
    monkeypatch.setattr(TableFile, "read", lambda *_: pytest.fail("read as text"))
    assert about(str(path))["samples"] == 300
    assert len(calls) == 1


def lines(path, made):
    path.write_text("\n".join(map(json.dumps, made)), "utf-8")
    return TableFile(path)


def test_lines_with_keys_of_their_own_are_told_at_once(tmp_path):
    few = lines(tmp_path / "a.jsonl", [{f"a{i}": 1, "y": i} for i in range(300)]).read()
    assert len(few.columns) == 301
    expected = "expected at most 10,000 keys, of which each line has one in 100 or more, found 4,001 different keys"
    with pytest.raises(DataError, match=f"{expected} in 4,000 lines; if these are values"):
        lines(tmp_path / "b.jsonl", [{f"a{i}": 1, "y": i} for i in range(4_000)]).read()
    late = [{"a": i, "y": i} for i in range(20_000)] + [{f"a{i}": 1} for i in range(11_000)]
    with pytest.raises(DataError, match="found 10,001 different keys in 29,999 lines"):
        lines(tmp_path / "c.jsonl", late).read()


def test_two_readings_of_numbers_raise_what_two_readings_of_dates_do(tmp_path):
    path = tmp_path / "t.csv"
    made = [f'"{i},{100 + i}","0{i % 9 + 1}/0{i % 7 + 1}/2022",{i * 7 % 9},{i % 5}' for i in range(1, 60)]
    path.write_text("\n".join(["price,day,y,z", *made]), "utf-8")
    with pytest.raises(AmbiguousError) as caught:
        Table(source=TableFile(path), target=("y",)).read()
    assert (caught.value.readings, caught.value.columns) == (("1101", "1.101"), ("price",))
    assert str(caught.value).endswith('write `thousands: ","` or `decimal: ","` in `data`')
    with pytest.raises(AmbiguousError, match='column "price"'):
        Table(source=TableFile(path), target=("price",)).read()
    text = draft(str(path), "y", tmp_path / "t.yaml").text
    for line in ('# thousands: "," # 1101', '# decimal: "," # 1.101', "{date: {format: "):
        assert line in text
    said = about(str(path), ("y",))["warnings"]
    assert sum("can be read in 2 ways" in each for each in said) == 2


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        ([16_777_216, 16_777_217, 10**9], "16777216 and 16777217 are one number in float32, which holds 7 digits"),
        ([16_777_216 + i for i in range(50)], ""),  # far fewer digits once the mean is taken away
        ([0.5, 1e39], "holds numbers to 1e+39, and float32 those to 3.4e+38"),
        ([2**53, 2**53 + 1, 2**53 + 2], "whole numbers beyond 2**53, of which some are one number as floats"),
        ([0.123456789, 0.1234567891], ""),
    ],
)
def test_digits_that_floats_do_not_hold_are_told_once(tmp_path, cells, told):
    path = tmp_path / "t.csv"
    rows = [f"{cells[i % len(cells)]},{i * 0.37 % 1:.4f},{i % 7}.5" for i in range(120)]
    path.write_text("\n".join(["x,y,z", *rows]), "utf-8")
    said = [each for each in about(str(path), ("y",))["warnings"] if 'column "x"' in each]
    assert [each for each in said if told and told in each] == said
    assert len(said) == bool(told)
