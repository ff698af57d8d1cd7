"""What stands beside the digits: it is found out in training, and holds at prediction."""

from __future__ import annotations

import re

import polars as pl
import pytest

import agcli as ag
from agcli.data.first_spec import draft
from agcli.data.section import load_data
from agcli.datasets import DataError, Numeric, TableFile
from agcli.datasets.frame import Frame
from agcli.datasets.marks import affixed, bared, mark_of, several
from agcli.spec import SpecError, parse_spec

MARKS = {
    "percent": (["1%", "2.5 %", "0"], "%", ["1", "2.5", "0"]),
    "a unit": (["0.10 kg", "5kg"], "kg", ["0.10", "5"]),
    "a unit with a power": (["3 m/s2", "4 m/s2"], "m/s2", ["3", "4"]),
    "a stray": (["1 cm", "2 cm", "3 cm", "4"], "cm", ["1", "2", "3", None]),
    "a word in all cells": (["3 rooms", "4 rooms"], "rooms", ["3", "4"]),
    "a word in some": (["3 rooms", "4 doors"], "", ["3 rooms", "4 doors"]),
    "streets": (["12 Main Street", "3 Oak Lane"], "", ["12 Main Street", "3 Oak Lane"]),
    "halves of a day": (["9 am", "10 am"], "", ["9 am", "10 am"]),
    "codes": (["01A", "12A"], "", ["01A", "12A"]),
    "a currency in few cells": (["$5", "7", "8"], "$", ["5", "7", "8"]),
    "two currencies": (["$5", "€6", "$7"], "$", ["5", "€6", "7"]),
    "powers of ten": (["1e5", "2e6"], "", ["1e5", "2e6"]),
}


@pytest.mark.parametrize(("cells", "mark", "bare"), MARKS.values(), ids=MARKS)
def test_a_column_has_one_mark(cells, mark, bare):
    column = pl.Series("x", cells)
    assert mark_of(column) == mark
    assert bared(column, mark).to_list() == bare


def test_several_units_are_told():
    assert several(pl.Series(["1 kg", "2 g", "3 kg"])) == '2 in "kg", 1 in "g"'
    assert several(pl.Series(["1 kg", "2", "3 kg"])) == '2 in "kg", 1 without one'
    assert not several(pl.Series(["1 kg", "2 kg"]))
    assert not several(pl.Series(["1 kg", "Kim"]))


def test_what_stands_around_every_number_is_told():
    around = {"~0.5": "~{}", "x0.5": "x{}", "12k": "{}k", "'5": "'{}", "user12": "", "A012": "", "0.5 ± 1": ""}
    for cell, found in around.items():
        assert affixed(pl.Series([cell, cell.replace("5", "7").replace("12", "34")])) == found
    assert not affixed(pl.Series(["~0.5", "<0.7"]))


def test_a_cell_without_the_unit_is_told_and_is_not_called_missing(tmp_path):
    rows = "".join(f"{i * 0.5}{' kg' * (i != 7)},{i * 0.7:.1f},{i * 3}\n" for i in range(1, 41))
    (tmp_path / "t.csv").write_text(f"w,x,y\n{rows}")
    made = draft(TableFile(tmp_path / "t.csv"))
    assert 'w: ignore # numbers in several units: 39 in "kg", 1 without one; write all in one' in made.text
    assert "missing:" not in made.text.partition("\ndata:")[2]
    said = '39 of 40 cells are numbers with "kg" beside the digits, and "3.5" (1) is not'
    with pytest.raises(SpecError, match=re.escape(said)):
        load_data(parse_spec(f"data: {{file: '{tmp_path}/t.csv', target: y}}\nmodel: [{{dense: 1}}]\nloss: huber\n"))


def trained(folder, cells, more=""):
    rows = "".join(f'"{cells(i)}",{i * 3}\n' for i in range(1, 41))
    (folder / "t.csv").write_text(f"w,y\n{rows}")
    return parse_spec(
        f"data: {{file: '{folder}/t.csv', target: y{more}}}\nmodel: [{{dense: 1}}]\nloss: mean_squared_error\n"
        "train: {epochs: 1}\n"
    )


@pytest.mark.parametrize(
    ("cells", "good", "bad"),
    [
        (lambda i: f"{i * 0.5}", "2.5", ["2.5%", "$2.5", "2,5", "2.5 kg"]),
        (lambda i: f"{i * 0.5}%", "2.5%", ["2.5", "$2.5", "2,5%", "2.5 kg"]),
        (lambda i: f"{i * 0.5} kg", "2.5 kg", ["2.5", "2.5 g", "2,5 kg"]),
        (lambda i: f"${i * 0.5}", "2.5", ["2.5%", "€2.5"]),
        (lambda i: f"{i * 0.5} kg".replace(".", ","), "2,5kg", ["2.5 kg", "2,5"]),
    ],
    ids=["plain", "percent", "a unit", "a currency", "a decimal comma"],
)
def test_how_numbers_are_written_holds_at_prediction(tmp_path, cells, good, bad):
    run = ag.train(trained(tmp_path, cells), out=tmp_path / "run")
    assert len(run.predict({"w": [good, cells(3)]})) == 2
    for cell in bad:
        with pytest.raises(DataError, match="write it as training had them") as error:
            run.predict({"w": [cell]})
        assert f'found "{cell}"' in str(error.value)
        assert "columns:" not in str(error.value)  # which would help in training alone


def test_a_file_for_testing_is_in_the_units_of_training(tmp_path):
    (tmp_path / "test.csv").write_text("w,y\n" + "".join(f"{i} g,{i}\n" for i in range(1, 20)))
    with pytest.raises(SpecError, match=r'test.csv: row 1: column "w": expected a number such as 1234.5 kg'):
        load_data(trained(tmp_path, lambda i: f"{i} kg", f", test_file: '{tmp_path}/test.csv'"))


def test_a_unit_may_be_written_in_the_spec(tmp_path):
    data = load_data(trained(tmp_path, lambda i: f"{i} kg", ", columns: {w: {numeric: {unit: kg}}}"))
    assert data.fitted.inputs[0].role == Numeric(unit="kg")
    with pytest.raises(SpecError, match='found "1 kg"'):
        load_data(trained(tmp_path, lambda i: f"{i} kg", ", columns: {w: {numeric: {unit: g}}}"))


def test_a_first_spec_has_the_unit(tmp_path):
    trained(tmp_path, lambda i: f"{i * 0.5:.2f} kg")
    made = draft(TableFile(tmp_path / "t.csv"))
    assert 'w: {numeric: {unit: "kg"}} # 0.5 to 20, mean 10.25' in made.text
    assert 'numbers are read: "0.50 kg" in "w" as 0.5 kg' in " ".join(made.warnings)


def test_several_units_are_a_reason_of_their_own(tmp_path):
    rows = "".join(f"{i * 0.5:.2f} {'kg' if i % 2 else 'g'},{i * 0.7:.1f},{i * 0.3:.2f}\n" for i in range(1, 41))
    (tmp_path / "t.csv").write_text(f"w,x,y\n{rows}")
    made = draft(TableFile(tmp_path / "t.csv"))
    assert 'left out: "w" (numbers in several units: 20 in "g", 20 in "kg"; write all in one)' in " ".join(
        made.warnings
    )


def test_cells_of_new_samples_know_it():
    frame = Frame("t", {"w": pl.Series("w", ["1,5"])}, is_new=True)
    with pytest.raises(DataError, match=r"such as 1234.5, with nothing beside the digits$"):
        frame["w"].numbers("")


@pytest.mark.parametrize("odd", ["136A", "12 kg", "7%"])
def test_codes_with_a_letter_are_names(tmp_path, odd):
    """Numbers of families: zeros that lead make names of all cells, whatever stands behind some."""
    file = tmp_path / "t.csv"
    cells = [f"{i:03d}" for i in range(1, 120)] + [odd]
    file.write_text("family,x,y\n" + "".join(f"{c},{i % 7},{i % 3}\n" for i, c in enumerate(cells * 2)))
    assert several(pl.Series(cells)) == ""
    made = draft(TableFile(file), "y")
    assert "family: categorical" in made.text
    assert not [note for note in made.warnings if "family" in note]
