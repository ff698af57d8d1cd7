"""Binary tables are read in a process of its own, whose end is an error about the file."""

import json
import os
import signal
import subprocess
import sys
from datetime import date, datetime, time, timedelta
from decimal import Decimal

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from agcli.data.formats import table_file
from agcli.datasets import DataError, apart

TYPES = pl.DataFrame(
    {
        "i8": pl.Series([1, None, -3], dtype=pl.Int8),
        "u64": pl.Series([1, None, 2**64 - 1], dtype=pl.UInt64),
        "f32": pl.Series([0.1, None, float("nan")], dtype=pl.Float32),
        "f64": [0.1, None, float("inf")],
        "yes": [True, None, False],
        "text": ["a", None, "ü" * 40],
        "day": [date(2024, 1, 31), None, date(1, 1, 1)],
        "moment": [datetime(2024, 1, 31, 12), None, datetime(1969, 1, 1)],
        "zone": pl.Series([datetime(2024, 1, 31), None, None], dtype=pl.Datetime("us", "Europe/Paris")),
        "time": [time(12, 30), None, time(0)],
        "long": [timedelta(seconds=1), None, timedelta(-1)],
        "money": pl.Series([Decimal("1.25"), None, Decimal("-3.00")], dtype=pl.Decimal(12, 2)),
        "cat": pl.Series(["x", None, "y"], dtype=pl.Categorical),
        "enum": pl.Series(["x", None, "y"], dtype=pl.Enum(["y", "x"])),
        "list": [[1, 2], None, []],
        "pair": pl.Series([[1, 2], None, [3, 4]], dtype=pl.Array(pl.Int64, 2)),
        "struct": [{"k": 1}, {"k": None}, None],
        "bytes": [b"a", None, b""],
        "nothing": pl.Series([None, None, None], dtype=pl.Null),
    }
)
WRITERS = {"t.parquet": pl.DataFrame.write_parquet, "t.arrow": pl.DataFrame.write_ipc,
           "t.arrows": pl.DataFrame.write_ipc_stream}  # fmt: skip
ANSWERS = """
import json, os, sys
def send(kind, content):
    sys.stdout.buffer.write(kind + len(content).to_bytes(8, "little") + content)
    sys.stdout.buffer.flush()
send(b"J", b"{}")
for line in sys.stdin.buffer:
    request = json.loads(line)
    if "format" in request:
        send(b"J", b'{"count": 3, "widths": {}}')
    elif "start" in request:
        os.kill(os.getpid(), int(os.environ["OWN_SIGNAL"]))
"""


def frame_of(path):
    with apart.opened(path, "Parquet" if path.suffix == ".parquet" else "Arrow", path) as rows:
        return rows.count, rows.widths, rows.rows(0, 10), rows


@pytest.fixture
def fresh(monkeypatch):
    """No process is there yet; the one that is started ends with the test."""
    known = apart.Processes()
    monkeypatch.setattr(apart, "PROCESSES", known)
    yield known
    if (process := known.begun()) is not None:
        process.end()


@pytest.fixture
def other(monkeypatch, tmp_path, fresh):
    """Another program is the one that reads."""

    def put(text):
        path = tmp_path / "program.py"
        path.write_text(text)
        monkeypatch.setattr(apart, "PROGRAM", path)

    return put


@pytest.mark.parametrize("name", WRITERS)
def test_every_type_comes_through_as_it_is(name, tmp_path):
    WRITERS[name](TYPES, tmp_path / name)
    count, widths, found, rows = frame_of(tmp_path / name)
    assert isinstance(rows, apart.Apart)
    assert (count, widths) == (3, {})
    assert_frame_equal(found, TYPES, categorical_as_str=False)


@pytest.mark.parametrize("name", WRITERS)
def test_of_no_rows_there_are_the_columns(name, tmp_path):
    WRITERS[name](TYPES.head(0), tmp_path / name)
    assert_frame_equal(frame_of(tmp_path / name)[2], TYPES.head(0))


def test_pieces_that_follow_each_other_and_others(tmp_path):
    frame = pl.DataFrame({"a": range(1_000), "l": [[i, i] for i in range(1_000)]})
    frame.write_parquet(tmp_path / "t.parquet", row_group_size=90)
    with apart.opened(tmp_path / "t.parquet", "Parquet", tmp_path / "t.parquet") as rows:
        assert rows.widths == {"l": 2}
        for start, count in ((0, 100), (100, 100), (200, 1), (0, 7), (950, 100), (1_000, 5)):
            assert rows.rows(start, count)["a"].to_list() == list(range(1_000))[start : start + count]


@pytest.mark.parametrize("number", [signal.SIGABRT, signal.SIGSEGV])
def test_a_file_that_ends_its_reader_is_one_message(number, monkeypatch, other, tmp_path, capfd):
    monkeypatch.setenv("OWN_SIGNAL", str(int(number)))
    other(ANSWERS)
    TYPES.write_parquet(tmp_path / "t.parquet")
    told = rf"t\.parquet: cannot be read as Parquet: it is damaged \(its reader ended with {number.name}\)"
    with pytest.raises(DataError, match=told) as error:
        table_file(tmp_path / "t.parquet").read()
    assert error.value.exit_code == 2
    assert capfd.readouterr().err == ""


@pytest.mark.only(hasattr(signal, "SIGKILL"))
def test_a_reader_that_was_killed_may_have_lacked_memory(monkeypatch, other, tmp_path):
    monkeypatch.setenv("OWN_SIGNAL", str(int(signal.SIGKILL)))
    other(ANSWERS)
    TYPES.write_parquet(tmp_path / "t.parquet")
    with pytest.raises(DataError, match="its reader was killed; is there enough memory"):
        table_file(tmp_path / "t.parquet").read()


def test_a_file_is_not_to_blame_for_what_ended_the_process_before(fresh, tmp_path):
    TYPES.write_parquet(tmp_path / "t.parquet")
    with apart.opened(tmp_path / "t.parquet", "Parquet", tmp_path / "t.parquet") as rows:
        first = fresh.ready()
        first.end()
        assert rows.rows(1, 1)["text"].to_list() == [None]
        assert fresh.ready() is not first


@pytest.mark.parametrize("text", ["", "import no_such_package", "import os; os.abort()"])
def test_where_no_process_gets_ready_files_are_read_here(text, other, tmp_path):
    other(text)
    TYPES.write_parquet(tmp_path / "t.parquet")
    *_, found, rows = frame_of(tmp_path / "t.parquet")
    assert not isinstance(rows, apart.Apart)
    assert_frame_equal(found, TYPES)


@pytest.mark.parametrize("executable", ["", "/no/such/python"])
def test_where_none_can_be_started_files_are_read_here(executable, fresh, monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "executable", executable)
    TYPES.write_parquet(tmp_path / "t.parquet")
    assert not isinstance(frame_of(tmp_path / "t.parquet")[3], apart.Apart)


def test_what_was_interrupted_is_not_taken_for_the_next_answer(fresh, monkeypatch, tmp_path):
    TYPES.write_parquet(tmp_path / "t.parquet")
    with apart.opened(tmp_path / "t.parquet", "Parquet", tmp_path / "t.parquet") as rows:
        with monkeypatch.context() as patch:
            patch.setattr(apart.Process, "_answer", lambda self: (_ for _ in ()).throw(KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                rows.rows(0, 1)
        assert rows.rows(2, 1)["i8"].to_list() == [-3]


@pytest.mark.only(hasattr(os, "fork"))
def test_a_fork_has_a_process_of_its_own(fresh, tmp_path):
    TYPES.write_parquet(tmp_path / "t.parquet")
    process = fresh.ready()
    child = os.fork()
    if not child:
        os._exit(5 if not process.runs else 0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 5
    assert process.runs


PROGRAM = """
import json, sys
from pathlib import Path
from agcli.data.formats import table_file
from agcli.datasets import apart
table_file(Path(sys.argv[1])).read()
print(json.dumps(apart.PROCESSES.ready()._process.pid))
"""


@pytest.mark.only(sys.platform == "linux")
def test_the_process_ends_with_ours(tmp_path):
    TYPES.write_parquet(tmp_path / "t.parquet")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM, tmp_path / "t.parquet"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    with pytest.raises(ProcessLookupError):
        os.kill(json.loads(done.stdout), 0)


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("part", [0.2, 0.9])
def test_a_file_that_is_cut_off_is_one_message(name, part, tmp_path, capfd):
    WRITERS[name](TYPES, tmp_path / name)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: int(len(content) * part)])
    with pytest.raises(DataError, match=f"{name}: cannot be read as"):
        table_file(tmp_path / name).read()
    assert capfd.readouterr().err == ""


def test_a_footer_with_a_wrong_length_is_one_message(tmp_path):
    TYPES.write_parquet(tmp_path / "t.parquet")
    content = bytearray((tmp_path / "t.parquet").read_bytes())
    for length in (0, 1, 2**31 - 1, 2**32 - 1):
        content[-8:-4] = length.to_bytes(4, "little")
        (tmp_path / "t.parquet").write_bytes(content)
        with pytest.raises(DataError, match=r"t\.parquet: cannot be read as Parquet: "):
            table_file(tmp_path / "t.parquet").read()
