"""Workbooks: which sheet is meant, what the cells are, and what a sheet may cost."""

import sys
import zipfile

import pytest
from books import write_book
from click.testing import CliRunner

from agcli.cli import ag
from agcli.data.formats import table_file
from agcli.datasets import DataError, excel

TABLE = [["a", "y"], *([i / 2, "no" if i < 20 else "yes"] for i in range(40))]


@pytest.fixture
def book(tmp_path):
    pytest.importorskip("fastexcel", reason="the extra excel is not installed")
    path = tmp_path / "book.xlsx"

    def write(**sheets):
        write_book(path, sheets)
        return path

    return write


def told(call):
    with pytest.raises(DataError) as caught:
        call()
    return str(caught.value)


def cells(path, **options):
    file = table_file(path, **options)
    return {name: values.to_list() for name, values in file.read().columns.items()}, file.notes


def test_cells_are_what_they_are_in_the_sheet(book):
    rows = [["n", "f", "t", "b", "gap"], [1, 0.5, "x", True, None], [2, 1, "y", False, 3], [None] * 5]
    found, notes = cells(book(one=rows))
    assert found == {"n": [1, 2], "f": [0.5, 1.0], "t": ["x", "y"], "b": [True, False], "gap": [None, 3]}
    assert notes == []


def test_a_cell_far_down_decides_too(book):
    found, _ = cells(book(one=[["a"], *([i] for i in range(3_000)), ["x"]]))
    assert found["a"][-2:] == ["2999", "x"]


def test_names_are_told_as_of_other_formats(book):
    found, notes = cells(book(one=[[None, "a", "a", ""], [0, 1, 2, 3], [1, 2, 3, 4]]))
    assert list(found) == ["a", "a_2", "column_4"]
    assert len(notes) == 3
    assert list(cells(book(one=[["", "a"], [0, 1]]), index=True)[0]) == ["column_1", "a"]
    assert cells(book(one=[[1, 2], [3, 4]]), header=False)[0] == {"column_1": [1, 3], "column_2": [2, 4]}
    assert cells(book(one=[[1, 2], [3, 4]]), header=("p", "q"))[0] == {"p": [1, 3], "q": [2, 4]}
    assert "2 columns" in told(lambda: cells(book(one=[[1, 2]]), header=("p",)))


def test_several_sheets_are_told(book):
    path = book(**{"one": TABLE, "last year": TABLE[:9]})
    assert told(lambda: cells(path)) == (
        f"{path}: expected one of 2 sheets to be named: one, last year; write `sheet: one`, or --sheet one"
    )
    assert len(cells(path, sheet="last year")[0]["a"]) == 8
    assert told(lambda: cells(path, sheet="two")) == f'{path}: unknown sheet "two"; known: one, last year'


def test_a_sheet_is_trained_on_and_judged(book, tmp_path):
    path = book(one=TABLE, other=[["z"], [1]])
    run = tmp_path / "run"
    call = CliRunner().invoke
    assert call(ag, ["data", "info", str(path)]).output.split()[:5] == ["name", "book.xlsx", "sheets", "one,", "other"]
    made = call(ag, ["init", str(path), "--sheet", "one", "--out", str(tmp_path / "s.yaml")])
    assert made.exit_code == 0, made.output
    assert "  sheet: one\n" in (tmp_path / "s.yaml").read_text()
    for args in (
        ["train", tmp_path / "s.yaml", "--out", run, "--quiet", "--set", "train.epochs=2"],
        ["eval", run],
        ["eval", run, "--data", path, "--sheet", "one"],
        ["predict", run, path],  # the sheet of the training
        ["data", "head", path, "--sheet", "other"],
    ):
        done = call(ag, list(map(str, args)))
        assert done.exit_code == 0, done.output


def test_a_sheet_that_spans_too_much_is_refused(book, tmp_path):
    path = book(one={"A1": "a", "XFD1048576": 1})
    text = told(lambda: cells(path))
    assert "found one of 1,048,576 rows by 16,384 columns; clear the cells that stand far from the others" in text
    path = book(one=TABLE)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/media/large", bytes(3_000_000))
    assert "a workbook that unpacks to at most" in told(lambda: table_file(path).read(2_000_000))


@pytest.mark.parametrize("content", [b"", b"junk", b"PK\x03\x04junk", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)])
def test_what_is_no_workbook_is_one_message(content, book):
    path = book(one=TABLE)
    path.write_bytes(content)
    assert told(lambda: cells(path)).startswith(f"{path}: ")


def test_without_the_extra_the_message_says_what_to_install(tmp_path, monkeypatch):
    write_book(tmp_path / "b.xlsx", {"one": TABLE})
    monkeypatch.setitem(sys.modules, "fastexcel", None)
    text = told(lambda: cells(tmp_path / "b.xlsx"))
    assert text == f'{tmp_path}/b.xlsx: Excel needs the package fastexcel; run pip install "agcli[excel]"'


@pytest.mark.parametrize(
    "cell",
    ['<c r="nanA3"', "<c r='XFE3'", '<x:c r="A2000000"', '<c r = "A2000000"', '<c t=">" r="A2000000"', '<c r="xfe3"'],
)
def test_a_cell_beyond_the_sheets_of_excel_is_damage_however_it_is_written(cell, book):
    """The places of cells alone are looked at: no library has to bear them."""
    path = book(one={"A1": "a", "A3": 1})
    altered(path, b'<c r="A3"', cell.encode())
    told = "damaged Excel file: expected at most 1,048,576 rows and 16,384 columns, as Excel has them, found cells to "
    with pytest.raises(DataError, match=told):
        excel._check_contents(path, 1 << 20)


def test_a_row_beyond_them_is_damage_too(book):
    path = book(one={"A1": "a", "A3": 1})
    altered(path, b'<row r="3">', b'<row r="2000000">')
    with pytest.raises(DataError, match="found cells to row 2,000,000 and column 1"):
        excel._check_contents(path, 1 << 20)


def test_a_sheet_may_lie_anywhere(book):
    path = book(one={"A1": "a", "A3": 1})
    altered(path, b'<c r="A3"', b'<c r="A2000000"', place="elsewhere/s.xml")
    with pytest.raises(DataError, match="found cells to row 2,000,000"):
        excel._check_contents(path, 1 << 20)


def altered(path, old, new, place=""):
    """Another text in the sheet of a workbook, which may lie elsewhere."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    assert old in parts[sheet]
    parts[place or sheet] = parts.pop(sheet).replace(old, new)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
