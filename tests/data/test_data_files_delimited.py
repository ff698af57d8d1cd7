"""Delimited text as people write it: encodings, comments, units, indexes without a name, short rows."""

import pytest

from agcli.data.formats import table_file, text_of
from agcli.datasets import DataError, Table, delimited
from agcli.datasets.encodings import ENCODINGS, canonical
from agcli.datasets.units import are_units
from agcli.spec import SpecError, parse_spec


def table(tmp_path, content, **options):
    path = tmp_path / "t.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return table_file(path, **options)


def cells(file):
    return {name: values.to_list() for name, values in file.read().columns.items()}


UNNAMED = 'column 2 has no name; it is called "column_2"'
INDEX = 'the first column has no name and is left out as a row index; `index: true` keeps it as "column_1"'
COMMENTS = 'left out {} above the header, marked by "#"'
UNITS = "the line below the header holds units, and is no sample: "
AB = {"a": ["1"], "b": ["2"]}


@pytest.mark.parametrize(
    ("content", "options", "expected", "notes"),
    [
        (",a,b\n7,1,2\n", {}, AB, [INDEX]),
        (",a,b\n7,1,2\n", {"index": True}, {"column_1": ["7"], **AB}, []),
        ("a,b\nr1,1,2\n", {}, AB, [INDEX]),  # R's write.table
        ("a,,b\n1,3,2\n", {}, {"a": ["1"], "column_2": ["3"], "b": ["2"]}, [UNNAMED]),
        ("a,a\n1,2\n", {}, {"a": ["1"], "a_2": ["2"]}, ['there are several columns "a"; column 2 is called "a_2"']),
        ("a,a_2,a,a\n1,2,3,4\n", {}, {"a": ["1"], "a_2": ["2"], "a_2_2": ["3"], "a_3": ["4"]}, None),
        ("sep=;\na;b\n1;2\n", {}, AB, ['the first line says that cells are separated by ";"']),
        ("sep=\t\na\tb\n1\t2\n", {}, AB, ["the first line says that cells are separated by tabs"]),
        ("sep= \r\na b\r\n1 2\r\n", {}, AB, ["the first line says that cells are separated by spaces"]),
        ("sep=; \na;b\n1;2\n", {}, AB, ['the first line says that cells are separated by ";"']),
        ('"sep=|"\r\na|b\r\n1|2\r\n', {}, AB, ['the first line says that cells are separated by "|"']),
        ("# by x\n\n# of y\na,b\n1,2\n", {}, AB, [COMMENTS.format("2 comment lines")]),
        ("# by x\n# a,b\n1,2\n", {}, AB, [COMMENTS.format("1 comment line")]),
        ("#a,b\n1,2\n", {}, {"#a": ["1"], "b": ["2"]}, []),
        ("% by x\na,b\n% mid\n1,2\n% end\n", {"comment": "%"}, AB, []),
        ('a,b\n"1\n# no comment",2\n', {"comment": "#"}, {"a": ["1\n# no comment"], "b": ["2"]}, []),
        ("a,b\nm,s\n1,2\n1,2\n", {}, {"a": ["1", "1"], "b": ["2", "2"]}, [UNITS + "m, s"]),
        ("a,b,c\n[m/s],,°C\n1,x,2\n1,y,3\n", {}, None, [UNITS + "[m/s], °C"]),
        ("a,b\nx,unknown\ny,2\nz,3\n", {}, {"a": ["x", "y", "z"], "b": ["unknown", "2", "3"]}, []),
        ("a,b\r1,2\r", {}, AB, []),
        ("a,b\r\n1,2\r\n", {}, AB, []),
    ],
)  # fmt: skip
def test_what_stands_above_and_beside_the_samples_is_told(content, options, expected, notes, tmp_path):
    file = table(tmp_path, content, **options)
    found = cells(file)
    assert expected is None or found == expected
    assert notes is None or file.notes == notes
    assert cells(file.settled()) == found


def test_a_comment_line_is_counted_in_the_places_of_errors(tmp_path):
    file = table(tmp_path, "# c\na,b\n1,2\n# c\n3,4,5\n", comment="#")
    with pytest.raises(DataError, match="expected 2 cells, found 3"):
        file.read()


@pytest.mark.parametrize(
    ("row", "below", "is_so"),
    [
        ([], [["1"]], False),
        ([["m"]], [["1"], ["2"]], True),
        ([["kg m^-3"]], [["1"], ["2"]], True),
        ([["(W/m²)"]], [["1,5"], ["2"]], True),
        ([["%"]], [["1"], ["x"]], False),
        ([["m"]], [["1"]], False),
        ([["high"]], [["1"], ["2"]], False),
        ([["1"]], [["1"], ["2"]], False),
        ([["m", "2"]], [["1", "2"], ["2", "3"]], False),
        ([["-", "s"]], [["x", "2"], ["y", "3"]], True),
        ([["-", "-"]], [["1", "2"], ["2", "3"]], False),
    ],
)
def test_units_are_told_from_samples(row, below, is_so):
    assert are_units(row, below) == is_so


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("a,b,c\n1,2,3\n4,5\n", "1 row has fewer cells than the 3 columns, row 2 with 2; what they lack is taken as"),
        ("a,b,c\n1\n\n4,5\n6,7,8\n", "2 rows have fewer cells than the 3 columns, first row 1 with 1; what they"),
        ('a,b\n"x\ny",1\n2\n', "1 row has fewer cells than the 2 columns, row 2 with 1;"),
        ("a,b\n1,2\n3", "taken as missing; the last row has no line end: is the file cut off?"),
    ],
)  # fmt: skip
def test_short_rows_are_told(content, text, tmp_path):
    file = table(tmp_path, content)
    file.read()
    assert text in file.notes[0]


def test_rows_that_end_in_nothing_are_not_short(tmp_path):
    file = table(tmp_path, "a,b,c\n1,2,\n3,,\n")
    assert cells(file)["c"] == [None, None]
    assert file.notes == []


def test_short_rows_in_pieces_have_their_numbers(tmp_path, monkeypatch):
    monkeypatch.setattr(delimited.pieces, "__defaults__", (100,))
    rows = [f"{i},x" if i != 77 else "77" for i in range(1, 101)]
    file = table(tmp_path, "a,b\n" + "\n".join(rows) + "\n")
    file.read()
    assert "row 77 with 1" in file.notes[0]


# Encodings

GROESSE = "größe,b\n1,ü\n"
READ = {"größe": ["1"], "b": ["ü"]}
CP1252 = 'the text is no UTF-8; it is read as cp1252: "größe,b" in line 1; `encoding` names another'


@pytest.mark.parametrize(
    ("encoding", "notes"),
    [
        ("utf-8", []),
        ("utf-8-sig", []),
        ("utf-16", ["the text is UTF-16"]),
        ("utf-16-le", ["the text is UTF-16-LE"]),
        ("utf-16-be", ["the text is UTF-16-BE"]),
        ("utf-32", ["the text is UTF-32"]),
        ("cp1252", [CP1252]),
    ],
)
def test_encodings_are_found_out(encoding, notes, tmp_path):
    file = table(tmp_path, GROESSE.encode(encoding))
    assert cells(file) == READ
    assert file.notes == notes
    (tmp_path / "t.txt").write_bytes("größe".encode(encoding))
    said = []
    assert text_of(tmp_path / "t.txt", None, said.append) == "größe"
    assert bool(said) == bool(notes)


def test_a_byte_far_from_the_beginning_is_found_too(tmp_path, monkeypatch):
    monkeypatch.setattr(delimited.pieces, "__defaults__", (1_000,))
    file = table(tmp_path, b"a,b\n" + b"1,x\n" * 5_000 + "2,café\n".encode("cp1252"))
    assert cells(file)["b"][-1] == "café"
    assert 'it is read as cp1252: "2,café" in line 5,002' in file.notes[0]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("größe,b\n".encode() + b"\xff,1\n", "expected UTF-8 text, found the byte 0xff in line 2; save the file"),
        ("имя,b\nИван,Пётр\n".encode("cp1251"), "as in `encoding: cp1252`"),
        (b"a,b\n1,\x81\n", "found the byte 0x81 in line 2"),
        (b"a,b\n1,\0\n", "expected text, found a NUL byte in line 2"),
    ],
)  # fmt: skip
def test_bytes_that_may_be_anything_are_not_guessed(content, text, tmp_path):
    with pytest.raises(DataError) as caught:
        table(tmp_path, content).read()
    assert text in str(caught.value)


@pytest.mark.parametrize("encoding", ["cp1251", "koi8-r", "gb18030", "shift-jis", "mac-cyrillic", "utf-16"])
def test_an_encoding_may_be_given(encoding, tmp_path):
    file = table(tmp_path, "имя,b\nИван,x\n".encode(encoding), encoding=encoding)
    assert cells(file) == {"имя": ["Иван"], "b": ["x"]}
    assert file.notes == []
    with pytest.raises(DataError, match="expected text in ascii, found the byte 0x"):
        table(tmp_path, "имя,b\nИван,x\n".encode(encoding), encoding="ascii").read()


def test_wide_text_without_a_mark_says_which_way_round(tmp_path):
    with pytest.raises(DataError, match="expected a byte order mark, found none; write `encoding: utf-16-le` or"):
        table(tmp_path, "a,b\n1,2\n".encode("utf-16-le"), encoding="utf-16").read()
    assert cells(table(tmp_path, "a,b\n1,2\n".encode("utf-16-be"), encoding="utf-16-be")) == AB


def test_encodings_have_the_names_that_python_knows():
    assert [canonical(name) for name in ENCODINGS] == list(ENCODINGS)
    assert (canonical("UTF8"), canonical("latin-1"), canonical("windows-1252")) == ("utf-8", "iso-8859-1", "cp1252")
    assert canonical("rot13") == canonical("base64") == canonical("no such") == ""


def test_a_spec_says_how_a_file_is_written(tmp_path):
    spec = (
        "data: {file: t.csv, target: b, encoding: Latin1, comment: '%', index: true}\nmodel: [{dense: 1}]\nloss: mse\n"
    )
    fields = parse_spec(spec).data.fields
    assert (fields.encoding, fields.comment, fields.index) == ("iso-8859-1", "%", True)
    with pytest.raises(SpecError, match=r"expected an encoding such as utf-8, utf-16 or cp1252, got .cp1253x"):
        parse_spec(spec.replace("Latin1", "cp1253x"))


def test_notes_are_among_the_warnings_of_a_data_set(tmp_path):
    content = ",größe,y\n" + "".join(f"{i},{i % 7},{i % 3}.5\n" for i in range(60))
    data = Table(source=table(tmp_path, content.encode("cp1252")), target=("y",)).read()
    assert [text for text in data.warnings if "cp1252" in text or "row index" in text] == [
        'the text is no UTF-8; it is read as cp1252: ",größe,y" in line 1; `encoding` names another', INDEX
    ]  # fmt: skip
    assert data.features == ("größe",)


@pytest.mark.parametrize("content", ["a,b\n1,2,\n3,4,\n", "a,b\n1,2,3\n"])
def test_a_cell_too_many_shifts_no_column(tmp_path, content):
    (tmp_path / "t.csv").write_text(content)
    with pytest.raises(DataError, match="line 2: expected 2 cells, found 3"):
        table_file(tmp_path / "t.csv").read()


@pytest.mark.parametrize(
    ("content", "names"),
    [
        ("country,1999,2000,2001\nA,5,6,7\nB,5,1,7\n", ["country", "1999", "2000", "2001"]),
        ("country,1999,2001,2000\nA,5,6,7\n", ["column_1", "column_2", "column_3", "column_4"]),
        ("1,2,3\n4,5,6\n", ["column_1", "column_2", "column_3"]),
        ("a,1,2\nb,5,6\n", ["column_1", "column_2", "column_3"]),
        ("21,5;a\n3,5;b\n", ["column_1", "column_2"]),
    ],
)
def test_a_header_of_years_is_one(tmp_path, content, names):
    (tmp_path / "t.csv").write_text(content)
    assert list(table_file(tmp_path / "t.csv").read().columns) == names


@pytest.mark.parametrize("mark", ["²", "a", "1", "é"])
def test_what_can_be_no_separator_is_none(mark, tmp_path):
    """A line that seems to name one is then a line as any other."""
    (tmp_path / "t.csv").write_bytes(f"sep={mark}\n1\n2\n".encode())
    assert list(table_file(tmp_path / "t.csv").read().columns) == [f"sep={mark}"]
