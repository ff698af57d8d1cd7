"""Formats of files: every ending means the same to every command, and a format may come from another distribution."""

import ast
import gzip
import json
import re
import sys

import jsonschema
import numpy as np
import pytest
from click.testing import CliRunner
from conftest import ROOT
from sample_files import SAMPLES, WORDS, X, Y, idx, run, write

from agcli.cli import ag
from agcli.data import formats
from agcli.data.formats import ARRAYS, FORMATS, KINDS, TABLE, TEXT
from agcli.spec import SpecError, json_schema, parse_spec
from agcli.spec.plugins import GROUPS, PluginError

PLAIN = [(row, end) for row in FORMATS for end in row.endings]
SPELLINGS = [(row, spelling) for row, end in PLAIN for spelling in (end.upper(), end.title())]
SPELLINGS += [(row, end) for row in FORMATS for end in row.spellings]
IDS = [spelling for _, spelling in SPELLINGS]
MODEL = "model: [{dense: 2}]\nloss: softmax_cross_entropy\noptimizer: {adam: 0.1}\ntrain: {epochs: 3}\n"
LANGUAGE = "model: [{embedding: {size: 40, width: 4}}, {dense: 40}]\nloss: softmax_cross_entropy\ntrain: {epochs: 1}\n"


def spec_of(row, path):
    """A spec that trains on a file of a format."""
    if row.kind == TEXT:
        return f"data: {{file: {path}, length: 8}}\n{LANGUAGE}"
    target = "target: kind" if row.kind == TABLE else ""
    if row.name in ("NPY", "IDX"):
        labels = path.with_name("labels-idx1-ubyte")
        labels.write_bytes(idx(Y, 0x08))
        target = f"target_file: {labels}"
    if row.kind == ARRAYS:
        target += (", " if target else "") + "columns: {y: categorical}"
    return f"data: {{file: {path}, {target}}}\n{MODEL}"


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A run of a table, one of arrays, one of text."""
    found = {}
    for name in ("CSV", "NPZ", "text"):
        row = next(row for row in FORMATS if row.name == name)
        folder = tmp_path_factory.mktemp(row.kind)
        (folder / "spec.yaml").write_text(spec_of(row, write(row, folder, row.endings[0])))
        assert run("train", folder / "spec.yaml", "--out", folder / "run", "--quiet")[0] == 0
        found[row.kind] = folder / "run"
    return found


@pytest.mark.sampled(6)  # the full check tries all
@pytest.mark.parametrize(("row", "ending"), SPELLINGS, ids=IDS)
def test_every_ending_means_the_same_to_every_command(row, ending, runs, tmp_path):
    path = write(row, tmp_path, ending)
    samples = formats.families(TABLE, ARRAYS)

    (tmp_path / "spec.yaml").write_text(spec_of(row, path))
    assert run("check", tmp_path / "spec.yaml")[0] == 0
    assert run("train", tmp_path / "spec.yaml", "--out", tmp_path / "run", "--quiet")[0] == 0
    code, said = run("data", "info", path)
    assert code == 0
    assert "40" in said or row.kind == TEXT
    code, said = run("data", "head", path, "-n", "2")
    assert code == 0
    assert len(said.strip().splitlines()) == 3

    code, said = run("init", path, "--out", "-")
    if row.name in ("NPY", "IDX"):
        assert code == 2
        assert 'holds one array, "x", and no target; name a file of targets with `target_file`' in said
    else:
        assert code == 0
        assert "train: {epochs: " in said

    code, said = run("predict", runs[ARRAYS if row.kind == ARRAYS else TABLE], path)
    if row.kind == TEXT:
        assert (code, said) == (2, f"{path}: expected {samples}, found text")
    else:
        assert code == 0
        assert len([line for line in said.splitlines() if re.match(r"low,|high,|[01],", line)]) == 40
    assert run("predict", runs[TEXT], path)[0] == 2

    code, said = run("eval", runs[ARRAYS if row.kind == ARRAYS else TABLE], "--data", path)
    if row.kind == TEXT:
        assert (code, said) == (2, f"{path}: expected {samples}, found text")
    elif row.name in ("NPY", "IDX"):
        assert code == 2
        assert '"y"' in said
    else:
        assert code == 0
        assert "accuracy" in said


def test_the_families_of_formats_in_a_few_words():
    tables = "a table (CSV, TSV, JSON lines, Parquet, Arrow, Excel or SQLite)"
    assert formats.families(TABLE) == tables
    assert formats.families() == f"{tables}, arrays (NPZ, NPY or IDX) or text (.txt or .md)"
    listed = run("data", "list")[1]
    assert all(end in listed for row in FORMATS for end in row.endings)


@pytest.mark.parametrize("name", ["samples.xyz", "samples", "samples.csv.zip", "samples.npz.gz", "samplescsv"])
def test_an_unknown_ending_is_told_by_every_command_in_the_same_words(name, runs, tmp_path):
    path = tmp_path / name
    path.write_text(SAMPLES.write_csv())
    for kinds, command in (
        ((), ("data", "info", path)),
        ((), ("data", "head", path)),
        ((), ("init", path)),
        ((TABLE, ARRAYS), ("predict", runs[TABLE], path)),
        ((TABLE, ARRAYS), ("eval", runs[TABLE], "--data", path)),
    ):
        shown = f"a name that ends in {path.suffix}" if path.suffix else "a name without an ending"
        told = f"{path}: expected {formats.families(*kinds)}, found {shown}; `ag data list` shows all endings"
        assert run(*command) == (2, told)
    with pytest.raises(SpecError) as caught:
        parse_spec(f"data: {{file: {path}, target: kind}}\n{MODEL}")
    assert f"data.file: expected {formats.families()}, got " in str(caught.value)


@pytest.mark.parametrize(("row", "ending"), SPELLINGS, ids=IDS)
def test_the_schema_takes_what_is_read(row, ending, validator):
    other = next(each for each in FORMATS if each.kind != row.kind)
    spec = {"model": [{"dense": 2}], "loss": "mse"}
    fields = {"target": "kind"} if row.kind == TABLE else {}
    for file, fits in ((f"x{ending}", True), (f"x{other.endings[0]}", False), (f"x{ending}.bak", False)):
        data = {"name": row.kind, "file": file, **fields}
        assert validator.is_valid({**spec, "data": data}) == fits, file
        if fits:
            assert parse_spec(json.dumps({**spec, "data": {"file": file, **fields}})).data.name == row.kind
        else:
            with pytest.raises(SpecError, match=f"expected {re.escape(formats.families(row.kind))}, got"):
                parse_spec(json.dumps({**spec, "data": data}))


@pytest.mark.parametrize("ending", [end for row in FORMATS if row.writer for end in row.spellings])
def test_what_is_written_is_read_again(ending, runs, tmp_path):
    path, out = write(FORMATS[0], tmp_path, ".csv"), tmp_path / f"out{ending.upper()}"
    assert run("predict", runs[TABLE], path, "--keep", "--out", out)[0] == 0
    again = formats.table_file(out).read()
    assert again.columns["predicted"].to_list() == [
        line.split(",")[0] for line in run("predict", runs[TABLE], path)[1].splitlines()[1:41]
    ]
    assert [float(value) for value in again.columns["a"]] == SAMPLES["a"].to_list()
    packing = {"gzip": b"\x1f\x8b", "bzip2": b"BZ", "xz": b"\xfd7", "Zstandard": b"\x28\xb5"}
    assert out.read_bytes().startswith(packing.get(formats.packing_of(ending), b""))


@pytest.mark.parametrize(
    "name", ["CSV", "TSV", "JSON lines", "Parquet", "Arrow", "Excel", "SQLite", "NPZ", "NPY", "IDX"]
)
def test_standard_input_is_told_by_its_first_bytes(name, runs, tmp_path):
    row = next(row for row in FORMATS if row.name == name)
    for ending in row.spellings:
        content = write(row, tmp_path, ending).read_bytes()
        done = CliRunner().invoke(ag, ["predict", str(runs[row.kind]), "-"], input=content)
        assert done.exit_code == 0, done.exception
        assert len(done.stdout.splitlines()) == 41


def test_a_file_that_ends_like_a_format_and_has_no_more_of_it(runs, tmp_path):
    assert run("data", "info", tmp_path / "none.csv")[1].endswith("cannot be read: No such file or directory")
    (tmp_path / "folder.csv").mkdir()
    said = f"{tmp_path}/folder.csv: expected a file, or a folder with tables, found a folder without one"
    assert run("data", "info", tmp_path / "folder.csv") == (2, said)


def test_the_page_has_a_row_a_format():
    page = (ROOT / "docs" / "datasets.md").read_text("utf-8")
    shown = re.search(r"<!-- formats -->\n(.*?)<!-- end -->", page, re.DOTALL)[1]
    lines = ["| format | endings | packed | holds | `ag predict --out` |", "|---|---|---|---|---|"]
    for row in FORMATS:
        ends = ", ".join(f"`{end}`" for end in row.endings)
        packed, written = ("yes" if each else "" for each in (row.packed, row.writer))
        lines.append(f"| {row.name} | {ends} | {packed} | {row.kind} | {written} |")
    assert shown.splitlines() == lines


ELSEWHERE = {"datasets/arrays.py": {".npy"}}  # what the arrays within an NPZ file are called


def test_no_other_file_of_the_program_knows_an_ending():
    ends = {spelling for row in FORMATS for spelling in row.spellings}
    for folder in ("agcli", "datasets"):
        for path in (ROOT / folder).rglob("*.py"):
            if any(parent.is_symlink() for parent in path.parents) or path == ROOT / "agcli/data/formats.py":
                continue
            nodes = ast.walk(ast.parse(path.read_text("utf-8")))
            found = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
            assert found & ends <= ELSEWHERE.get(str(path.relative_to(ROOT)), set()), path


# Plug-ins

TOY = """
from agcli.data.formats import Format

TOY = Format(
    name="toy", kind="table", endings=(".toy",), packed=True, reader="toy_reader:read", writer="toy_reader:write"
)
GRID = Format(name="grid", kind="arrays", endings=(".grid",), reader="toy_reader:grid")
PROSE = Format(name="prose", kind="text", endings=(".prose",), reader="toy_reader:prose")
FAILS = Format(name="fails", kind="table", endings=(".fails",), reader="toy_reader:fails")
LOST = Format(name="lost", kind="table", endings=(".lost",), reader="nowhere:read")
ELSE = Format(name="else", kind="table", endings=(".other",), reader="toy_reader:read")
TEXT = "no format"
"""
READER = """
import gzip
from contextlib import contextmanager

import numpy as np


def read(path):
    opened = gzip.open if path.name.endswith(".gz") else open
    with opened(path, "rt") as file:
        rows = [dict(cell.split("=") for cell in line.split()) for line in file]
    return {name: [row[name] for row in rows] for name in rows[0]}


@contextmanager
def write(file):
    def rows(table):
        for row in table.to_dicts():
            file.write((" ".join(f"{k}={v}" for k, v in row.items()) + "\\n").encode())

    yield rows


def grid(path):
    table = np.loadtxt(path)
    return {"x": table[:, :-1], "y": table[:, -1].astype(int)}


def prose(path):
    return path.read_text().upper()


def fails(path):
    raise KeyError("column")
"""
ENTRIES = """[agcli.formats]
toy = toy_formats:TOY
.grid = toy_formats:GRID
prose = toy_formats:PROSE
fails = toy_formats:FAILS
lost = toy_formats:LOST
else = toy_formats:ELSE
text = toy_formats:TEXT
gone = nowhere.formats:GONE
"""


@pytest.fixture
def plugged(tmp_path_factory, monkeypatch):
    """A distribution on the path, as an installer leaves it, with good and with broken formats."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "toy_formats.py").write_text(TOY)
    (folder / "toy_reader.py").write_text(READER)
    about = folder / "toy_formats-1.5.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-formats\nVersion: 1.5\n")
    (about / "entry_points.txt").write_text(ENTRIES)
    monkeypatch.syspath_prepend(folder)
    yield folder
    for name in ("toy_formats", "toy_reader"):
        sys.modules.pop(name, None)


def toy(folder, ending=".toy"):
    path = folder / f"samples{ending}"
    text = "".join(f"a={a} b={b} kind={kind}\n" for a, b, _, kind in SAMPLES.rows())
    path.write_bytes(gzip.compress(text.encode()) if ending.endswith(".gz") else text.encode())
    return path


def test_plug_ins_are_listed_from_metadata_and_loaded_when_they_are_used(plugged, tmp_path):
    schema = json_schema()
    assert jsonschema.Draft202012Validator(schema).is_valid(
        {"data": {"name": "table", "file": "x.TOY", "target": "kind"}, "model": [{"dense": 2}], "loss": "mse"}
    )
    assert ".toy" in formats.phrase()
    assert re.search(r"text \(.txt or .md\) or what a plug-in reads \(.* or .toy\)$", formats.families())
    assert formats.find("x.csv").name == "CSV"
    assert "toy_formats" not in sys.modules
    spec = parse_spec(f"data: {{file: {toy(tmp_path)}, target: kind}}\n{MODEL}")
    assert spec.data.name == "table"
    assert "toy_formats" in sys.modules
    assert "toy_reader" not in sys.modules
    assert GROUPS[-1] == formats.GROUP


@pytest.mark.parametrize("ending", [".toy", ".TOY", ".toy.gz"])
def test_a_table_of_a_plug_in_goes_through_every_command(ending, plugged, tmp_path):
    path = toy(tmp_path, ending)
    (tmp_path / "spec.yaml").write_text(f"data: {{file: {path}, target: kind}}\n{MODEL}")
    assert run("train", tmp_path / "spec.yaml", "--out", tmp_path / "run", "--quiet")[0] == 0
    assert run("data", "info", path)[0] == run("data", "head", path)[0] == run("init", path, "--out", "-")[0] == 0
    assert "accuracy" in run("eval", tmp_path / "run", "--data", path)[1]
    assert "accuracy" in run("eval", tmp_path / "run")[1]
    assert run("predict", tmp_path / "run", path, "--out", tmp_path / "out.toy")[0] == 0
    written = formats.table_file(tmp_path / "out.toy").read()
    assert len(written) == 40
    assert set(written.columns["predicted"]) <= {"low", "high"}


def test_arrays_and_text_of_a_plug_in(plugged, tmp_path):
    np.savetxt(tmp_path / "s.grid", np.column_stack([X, Y]))
    (tmp_path / "a.yaml").write_text(f"data: {{file: {tmp_path}/s.grid, columns: {{y: categorical}}}}\n{MODEL}")
    assert run("train", tmp_path / "a.yaml", "--out", tmp_path / "run", "--quiet")[0] == 0
    assert run("predict", tmp_path / "run", tmp_path / "s.grid")[0] == 0
    (tmp_path / "s.prose").write_text(WORDS)
    (tmp_path / "t.yaml").write_text(f"data: {{file: {tmp_path}/s.prose, length: 8}}\n{LANGUAGE}")
    assert run("train", tmp_path / "t.yaml", "--out", tmp_path / "text", "--quiet")[0] == 0
    assert "q" not in json.loads((tmp_path / "text" / "data.json").read_text())["vocabulary"]  # the reader makes it Q
    assert run("data", "info", tmp_path / "s.prose")[0] == 0


BROKEN = [
    (".gone", "gone", "agcli.formats: nowhere.formats:GONE", "ModuleNotFoundError: No module named 'nowhere'"),
    (".text", "text", "agcli.formats: toy_formats:TEXT", "expected agcli.data.formats.Format, found str"),
    (".else", "else", "agcli.formats: toy_formats:ELSE", "it is called else, and its endings are .other"),
    (".lost", "lost", "agcli.formats: toy_formats:LOST", "ModuleNotFoundError: No module named 'nowhere'"),
    (".fails", "fails", "agcli.formats: toy_formats:FAILS", "KeyError: 'column'"),
]


@pytest.mark.parametrize(("ending", "name", "place", "problem"), BROKEN, ids=[b[0] for b in BROKEN])
def test_a_broken_plug_in_is_one_message_with_its_name(ending, name, place, problem, plugged, runs, tmp_path):
    said = (
        f"the plug-in `{name}` of toy-formats 1.5 ({place}) is broken: {problem}; "
        "repair the distribution, or uninstall it"
    )
    path = tmp_path / f"s{ending}"
    path.write_text("a=1 b=2 kind=low\n")
    for command in (("data", "info", path), ("init", path), ("predict", runs[TABLE], path)):
        assert run(*command) == (2, said)
    (tmp_path / "spec.yaml").write_text(f"data: {{file: {path}, target: kind}}\n{MODEL}")
    code, text = run("train", tmp_path / "spec.yaml", "--out", tmp_path / "run")
    assert code == 2
    assert said in text
    assert formats.find("x.parquet").kind in KINDS  # the others go on


def test_a_broken_plug_in_keeps_its_cause(plugged):
    with pytest.raises(PluginError) as caught:
        formats.find("x.gone")
    assert isinstance(caught.value.__cause__, ModuleNotFoundError)
