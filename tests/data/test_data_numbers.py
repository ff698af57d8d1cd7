"""How numbers are written in text, what is no number among them, and what no number can hold."""

from __future__ import annotations

import csv
import warnings as python_warnings

import numpy as np
import polars as pl
import pytest

import agcli as ag
from agcli.data.dataset_info import about
from agcli.data.section import load_data
from agcli.datasets import Categorical, DataError, Table, TableFile
from agcli.datasets.frame import Cells
from agcli.datasets.numerals import Ambiguous, Numerals, told
from agcli.datasets.strays import strays_of
from agcli.spec import SpecError, parse_spec

SPACE, THIN, MINUS = "\u00a0", "\u202f", "\u2212"
READ = {
    "decimal comma": (["21,5", "3,25"], [21.5, 3.25]),
    "commas between thousands": (["1,234.5", "12"], [1234.5, 12]),
    "a currency before": (["$3,402.00", "$12.50"], [3402, 12.5]),
    "a currency behind": (["12,50 €", "3 €"], [12.5, 3]),
    "a code for money": (["EUR 12,50", "EUR 3"], [12.5, 3]),
    "a word for money": (["6.689,55 kr", "120,10 kr"], [6689.55, 120.1]),
    "percent": (["12.7%", "3 %"], [12.7, 3]),
    "points between thousands": (["1.234,50", "2,5"], [1234.5, 2.5]),
    "groups of points": (["1.234.567", "2.000"], [1234567, 2000]),
    "groups of commas": (["1,234,567", "2,000"], [1234567, 2000]),
    "spaces": (["1 234", "12"], [1234, 12]),
    "no-break spaces": ([f"1{SPACE}234,5", f"7{THIN}001,1"], [1234.5, 7001.1]),
    "apostrophes": (["1'234.50", "3"], [1234.5, 3]),
    "negative as in books": (["(3,402.00)", "17.5"], [-3402, 17.5]),
    "a minus of its own": ([f"{MINUS}3.5", "2"], [-3.5, 2]),
    "signs": (["-1,5", "+2,5"], [-1.5, 2.5]),
    "a comma behind a lone 0": (["0,123", "0,456"], [0.123, 0.456]),
    "Python's way": (["1.234", "1e5"], [1.234, 1e5]),
}


@pytest.mark.parametrize(("cells", "numbers"), READ.values(), ids=READ)
def test_how_numbers_are_written_is_told_by_the_cells(cells, numbers):
    column = pl.Series("x", cells)
    found = told([column])
    assert isinstance(found, Numerals)
    assert found.read(column).to_list() == pytest.approx(numbers)


def test_another_column_decides_what_one_leaves_open():
    open_ = pl.Series("x", ["1,234", "5,678"])
    assert isinstance(told([open_]), Ambiguous)
    assert isinstance(told([open_, pl.Series("n", ["1", "23"])]), Ambiguous)  # whole numbers say nothing
    points, commas = (told([open_, pl.Series("y", cells)]) for cells in (["3.5", "1.25"], ["3,5", "1,25"]))
    assert points.read(open_).to_list() == [1234, 5678]
    assert commas.read(open_).to_list() == [1.234, 5.678]


@pytest.mark.parametrize("cells", [["1,23,456", "2"], ["1.2.3", "4"], ["12:30", "1"], ["a", "1,5"], ["--5", "1"]])
def test_what_is_no_number_in_any_way_stays_text(cells):
    assert told([pl.Series("x", cells)]).read(pl.Series("x", cells)).has_nulls()


def test_random_numbers_come_back_from_every_way():
    rng = np.random.default_rng(0)
    for decimal, thousands in [(".", ""), (",", ""), (".", ","), (",", "."), (".", " "), (",", " "), (".", "'")]:
        way = Numerals(decimal, thousands)
        values = np.round(rng.normal(size=300) * 10.0 ** rng.integers(0, 7, 300), 2)
        plain = [f"{value:,.2f}" for value in values]
        swap = str.maketrans({",": thousands, ".": decimal})
        cells = pl.Series("x", [text.translate(swap) for text in plain])
        assert told([cells]) == way
        assert way.read(cells).to_list() == pytest.approx(values.tolist())


def rows(path, header, made, delimiter=","):
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=delimiter).writerows([header, *made])
    return path


SPEC = "data: {{file: {}, target: {}}}\nmodel: [dense: 1]\nloss: mean_squared_error\ntrain: {{epochs: 1}}"


def test_a_run_reads_later_files_as_it_read_its_own(tmp_path):
    rng = np.random.default_rng(0)
    swap = {44: ".", 46: ","}
    made = [(f"{x:.2f}".translate(swap), f"{1000 + 100 * x:,.1f}".translate(swap)) for x in rng.random(60)]
    file = rows(tmp_path / "t.csv", ("size", "price"), made, ";")
    run = ag.train(parse_spec(SPEC.format(file, "price")), tmp_path / "run")
    form = run.spec.data.fields
    assert (form.decimal, form.thousands) == (",", ".")
    files = (rows(tmp_path / f"p{cell}.csv", ("size", "k"), [(cell, "a")], ";") for cell in ("0,0", "1,0"))
    low, high = (float(run.predict(file)[0]) for file in files)
    same = run.predict({"size": np.array([0.0, 1.0])})
    assert [low, high] == pytest.approx(np.ravel(same).tolist(), rel=1e-6)
    with pytest.raises(DataError, match=r'expected a number such as 1\.234,5, found "0\.5"'):
        run.predict(rows(tmp_path / "q.csv", ("size", "k"), [("0.5", "a")], ";"))


@pytest.mark.parametrize(
    ("common", "other", "example"),
    [("{},5", "{}.25", "1234,5"), ("{}.5", "{},50 €", "1234.5"), ("{},5", "$ {}.25", "1234,5")],
)
def test_numbers_in_another_way_than_the_others_are_told(common, other, example, tmp_path):
    """They may have few values, so that they look like names, also as a target."""
    path = tmp_path / "t.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = [[common.format(i % 13), common.format(i % 11), other.format(i % 5)] for i in range(60)]
        csv.writer(file).writerows([["a", "b", "v"], *rows])
    said = f'no numbers, as others of this file are written as {example}: "{other.format(0)}" in "v"; write all'
    assert any(said in text for text in about(str(path), ("v",))["warnings"])


def test_two_readings_are_never_guessed(tmp_path):
    file = rows(tmp_path / "t.csv", ("x", "y"), [(f"{i},{100 + i}", i) for i in range(1, 40)])
    with pytest.raises(SpecError, match=r': 1101, or 1\.101; write `thousands: ","` or `decimal: ","` in `data`'):
        ag.train(parse_spec(SPEC.format(file, "y")), tmp_path / "run")
    for mark, low in (("thousands", 1101.0), ("decimal", 1.101)):
        table = Table(source=TableFile(file, **{mark: ","}), target=("y",))
        assert table.read().fitted.inputs[0].stats["low"] >= low * 0.999
        assert (table.read().fitted.inputs[0].stats["high"] > 1000) == (mark == "thousands")
    told = 'column "x": "1,101" in row 1 can be read in 2 ways, and no cell decides: 1101, or 1.101'
    assert any(text.startswith(f"left out: {file}: {told}") for text in about(str(file), ("y",))["warnings"])


def test_strays_in_a_column_of_numbers_are_named_with_what_to_write(tmp_path):
    made = [("tbd" if i % 12 == 0 else "unknown" if i % 17 == 0 else i * 0.5, i) for i in range(1, 200)]
    file = rows(tmp_path / "t.csv", ("x", "y"), made)
    with pytest.raises(SpecError) as error:
        ag.train(parse_spec(SPEC.format(file, "y")), tmp_path / "run")
    said = str(error.value)
    assert 'column "x": 172 of 199 cells are numbers, and "tbd" (16), "unknown" (11) are not' in said
    assert '`missing: ["tbd", "unknown"]`' in said
    assert "`columns: {x: categorical}`" in said
    mended = SPEC.format(file, 'y, missing: ["tbd", "unknown"]')
    run = ag.train(parse_spec(mended), tmp_path / "run")
    assert "" in run.spec.data.fields.missing  # added to the usual ones


@pytest.mark.parametrize("cells", [["1", "2", "3+"] * 30, [f"A{i}" for i in range(40)] + [str(i) for i in range(50)]])
def test_names_that_hold_digits_have_no_strays(cells):
    assert strays_of(Cells(pl.Series("x", cells), "x", "t.csv")) is None


@pytest.mark.parametrize("spelled", ["n/a", "na", "none", "-", ".", "#N/A", "<NA>", "NULL", "NaN", "?"])
def test_the_usual_spellings_of_nothing_are_missing(tmp_path, spelled):
    file = rows(tmp_path / "t.csv", ("x", "y"), [(spelled if i == 7 else i * 0.5, i) for i in range(40)])
    frame = TableFile(file).read()
    assert frame["x"].missing().sum() == 1
    assert np.isnan(frame["x"].numbers()[7])


def test_codes_with_leading_zeros_are_names(tmp_path):
    made = [(["01234", "12345", "02345"][i % 3], (i % 2 and "a") or "b") for i in range(60)]
    table = Table(source=TableFile(rows(tmp_path / "t.csv", ("zip", "k"), made)), target=("k",))
    part = table.read().fitted.inputs[0]
    assert (part.role.name, part.stats["categories"]) == ("categorical", ["01234", "02345", "12345"])
    made = [(b, a) for a, b in made]
    table = Table(source=TableFile(rows(tmp_path / "u.csv", ("k", "zip"), made)), target=("zip",))
    assert table.read().classes == ("01234", "02345", "12345")


def test_large_integers_stay_apart_as_names(tmp_path):
    made = [(2**53 + i % 2, "ab"[i % 2]) for i in range(40)]
    file = rows(tmp_path / "t.csv", ("id", "k"), made)
    table = Table(source=TableFile(file), target=("k",), columns={"id": Categorical()})
    assert len(table.read().fitted.inputs[0].stats["categories"]) == 2


@pytest.mark.parametrize("cell", ["inf", "1e300", "-Infinity"])
def test_values_beyond_are_one_error_without_a_warning(tmp_path, cell):
    file = rows(tmp_path / "t.csv", ("x", "y"), [(cell if i == 30 else i * 0.5, i) for i in range(40)])
    with python_warnings.catch_warnings():
        python_warnings.simplefilter("error")
        with pytest.raises(DataError, match=rf'row 31: column "x": expected .*, found "{cell}"'):
            Table(source=TableFile(file), target=("y",)).read()


@pytest.mark.parametrize("cell", ["inf", "-Infinity", "1e400"])
@pytest.mark.parametrize("step", [0.5, 1])
def test_an_infinite_target_is_one_error_without_a_warning(tmp_path, cell, step):
    """To a loss of numbers it is none, whatever stands beside it; to a loss of classes it is no whole number."""
    file = rows(
        tmp_path / "t.csv", ("w", "x", "y"), [(i * 0.3, i * 0.7, cell if i == 30 else i % 2 * step) for i in range(40)]
    )
    number = 'row 31: column "y": expected a finite number'
    cases = [("mean_squared_error", "y", number), ("mean_squared_error", "[y, x]", number)]
    cases.append(("softmax_cross_entropy", "y", 'and "y" holds numbers such as -?(0.5|inf)'))
    for loss, target, message in cases:
        text = f"data: {{file: {file}, target: {target}}}\nmodel: [dense: 2]\nloss: {loss}\n"
        with python_warnings.catch_warnings():
            python_warnings.simplefilter("error")
            with pytest.raises((DataError, SpecError), match=message):
                load_data(parse_spec(text))


def test_large_integers_as_numbers_are_not_called_constant(tmp_path):
    made = [(2**60 + i % 2, i * 0.5, "ab"[i % 2]) for i in range(60)]
    table = Table(source=TableFile(rows(tmp_path / "t.csv", ("id", "v", "k"), made)), target=("k",))
    said = "\n".join(table.read().warnings)
    assert 'column "id": whole numbers beyond 2**53, of which some are one number as floats' in said
    assert "same value" not in said
