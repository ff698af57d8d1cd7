"""What is written where: all of it or an error with a name, and nothing on a terminal that steers it."""

import os
import pty
import re
import resource
import stat
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import polars as pl
import pytest
from conftest import ROOT

from agcli.cli import COMMANDS
from agcli.cli.terminal import Named
from agcli.data.whole_file import whole_file
from agcli.datasets import DataError
from agcli.prediction.sinks import Complete
from agcli.printable import printable, printable_lines
from agcli.report.console import PlainConsole
from agcli.spec import parse_spec
from agcli.spec.errors import SpecError
from agcli.training import Trainer

pytestmark = pytest.mark.sampled(2)  # each takes a while; the full check runs all

COMMAND = [sys.executable, "-c", "from agcli.cli import main; main()"]
EVIL = "\x1b]0;title\x07\x1b[31m"
ROWS = 20_000
FULL = Path("/dev/full")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A model of one number, and a file with more rows than a pipe holds."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "t.csv").write_text("x,y\n" + "".join(f"{i % 9},{2 * (i % 9)}\n" for i in range(90)))
    spec = f"data: {{file: {folder}/t.csv, target: y}}\nmodel: [dense: 1]\nloss: mse\ntrain: {{epochs: 1}}"
    list(Trainer(parse_spec(spec), folder / "run"))
    (folder / "many.csv").write_text("x\n" + "".join(f"{i % 1000}\n" for i in range(ROWS)))
    return folder / "run"


def called(*args, unbuffered=False, limit=None, umask=None, **options):
    """A process of `ag`; its files may have at most ``limit`` bytes."""

    def prepare():
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        if umask is not None:
            os.umask(umask)

    env = {**os.environ, "PYTHONPATH": str(ROOT)} | ({"PYTHONUNBUFFERED": "1"} if unbuffered else {})
    return subprocess.run(
        [*COMMAND, *map(str, args)],
        env=env,
        stderr=subprocess.PIPE,
        preexec_fn=prepare,
        timeout=300,
        **{"cwd": ROOT, **options},
    )


def on_terminal(*args, cwd):
    """What `ag` shows on a terminal, and its exit code."""
    main, side = pty.openpty()
    env = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color", "COLUMNS": "200"}
    process = subprocess.Popen([*COMMAND, *map(str, args)], cwd=cwd, env=env, stdin=side, stdout=side, stderr=side)
    os.close(side)
    shown = b""
    while True:
        try:
            part = os.read(main, 1 << 16)
        except OSError:  # nobody writes any more (Linux)
            break
        if not part:
            break
        shown += part
    os.close(main)
    return process.wait(), shown.decode()


# Nothing is lost


@pytest.mark.skipif(not FULL.exists(), reason="the system has no /dev/full")
@pytest.mark.parametrize("unbuffered", [False, True])
@pytest.mark.parametrize("command", ["predict", "grad", "schema"])
def test_a_full_disk_is_an_error(run, command, unbuffered):
    words = {"predict": ("predict", run, run.parent / "many.csv"), "grad": ("grad", "x^2"), "schema": ("schema",)}
    with FULL.open("wb") as full:
        done = called(*words[command], unbuffered=unbuffered, stdout=full)
    assert done.returncode == 1
    assert done.stderr.decode() == "error: standard output: No space left on device\n"


@pytest.mark.parametrize("unbuffered", [False, True])
def test_a_short_write_is_an_error(run, tmp_path, unbuffered):
    with (tmp_path / "out.csv").open("wb") as out:
        done = called("predict", run, run.parent / "many.csv", unbuffered=unbuffered, limit=5000, stdout=out)
    assert done.returncode == 1
    assert re.fullmatch(r"error: standard output: File too large\n", done.stderr.decode())


@pytest.mark.parametrize("name", ["out.csv", "out.csv.gz", "out.jsonl", "out.parquet"])
def test_a_file_that_cannot_be_finished_is_not_there(run, tmp_path, name):
    done = called("predict", run, run.parent / "many.csv", "--out", tmp_path / name, limit=500, stdout=subprocess.PIPE)
    assert done.returncode == 1
    assert done.stderr.decode().startswith(f"error: {tmp_path / name}: cannot be written: ")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("unbuffered", [False, True])
def test_all_goes_through_a_slow_pipe(run, unbuffered):
    env = {**os.environ, "PYTHONPATH": str(ROOT)} | ({"PYTHONUNBUFFERED": "1"} if unbuffered else {})
    words = [*COMMAND, "predict", str(run), str(run.parent / "many.csv")]
    with subprocess.Popen(words, cwd=ROOT, env=env, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        lines = 0
        while part := os.read(process.stdout.fileno(), 997):
            lines += part.count(b"\n")
    assert (process.returncode, lines) == (0, ROWS + 1)


@pytest.mark.parametrize("unbuffered", [False, True])
def test_a_reader_that_has_gone_is_no_message(run, unbuffered):
    end, start = os.pipe()
    os.close(end)
    with os.fdopen(start, "wb") as out:
        done = called("predict", run, run.parent / "many.csv", unbuffered=unbuffered, stdout=out)
    assert (done.returncode, done.stderr) == (1, b"")


def test_a_piece_is_written_to_its_end():
    class Slow:
        def __init__(self):
            self.content = b""

        def write(self, some):
            self.content += bytes(some[:3])
            return min(3, len(some))

    slow = Slow()
    assert Complete(slow).write(b"0123456789") == 10
    assert slow.content == b"0123456789"


def test_a_descriptor_names_itself(tmp_path):
    (tmp_path / "file").touch()
    with (tmp_path / "file").open("rb") as file, pytest.raises(OSError, match="'standard output'"):
        Named(os.dup(file.fileno()), "standard output").write(b"x")


# Files


def test_files_have_the_permissions_that_they_should(run, tmp_path):
    (tmp_path / "in.csv").write_text("x\n1\n")
    out = tmp_path / "out.csv"
    done = called("predict", run, tmp_path / "in.csv", "--out", out, umask=0o027, stdout=subprocess.PIPE)
    assert done.returncode == 0
    assert stat.S_IMODE(out.stat().st_mode) == 0o640
    out.chmod(0o604)
    called("predict", run, tmp_path / "in.csv", "-o", out, umask=0o077, stdout=subprocess.PIPE)
    assert stat.S_IMODE(out.stat().st_mode) == 0o604


def test_a_file_is_there_whole_or_as_it_was(tmp_path):
    out = tmp_path / "out"
    out.write_bytes(b"old")
    with suppress(KeyboardInterrupt), whole_file(out) as file:
        file.write(b"half")
        raise KeyboardInterrupt
    assert out.read_bytes() == b"old"
    with whole_file(out) as file:
        file.write(b"new")
        assert out.read_bytes() == b"old"
    assert out.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [out]


def test_a_link_stays_one(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "folder" / "file")
    for content in (b"first", b"second"):
        with whole_file(tmp_path / "link") as file:
            file.write(content)
        assert (tmp_path / "link").is_symlink()
        assert (tmp_path / "folder" / "file").read_bytes() == content
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    (tmp_path / "dangling").symlink_to(tmp_path / "no" / "file")
    for name in ("circle", "dangling", "folder"):
        with pytest.raises(DataError, match=name), whole_file(tmp_path / name):
            pass
    assert sorted(path.name for path in tmp_path.iterdir()) == ["circle", "dangling", "folder", "link"]


def test_devices_pipes_and_descriptors_are_written_into(run, tmp_path):
    (tmp_path / "in.csv").write_text("x\n1\n")
    with (tmp_path / "all").open("wb") as out:
        out.write(b"before\n")
        out.flush()
        called("predict", run, tmp_path / "in.csv", "--format", "csv", "-o", "/dev/stdout", stdout=out)
        out.write(b"after\n")
    before, head, _, after = (tmp_path / "all").read_text().splitlines()
    assert (before, head, after) == ("before", "predicted", "after")
    os.mkfifo(tmp_path / "pipe.csv")
    reader = subprocess.Popen(["/bin/cat", tmp_path / "pipe.csv"], stdout=subprocess.PIPE)
    called("predict", run, tmp_path / "in.csv", "-o", tmp_path / "pipe.csv", stdout=subprocess.PIPE)
    assert reader.communicate()[0].startswith(b"predicted\n")
    assert stat.S_ISFIFO((tmp_path / "pipe.csv").stat().st_mode)


ASKED = {
    "init": (["init", "in.csv", "--force", "--out"], "model:"),
    "show": (["show", "iris", "--out"], "dense"),
    "report": (["report", "RUN", "--out"], "</html>"),
    "grad": (["grad", "x^2", "--save"], "<svg"),
}


@pytest.mark.parametrize("command", ASKED)
def test_files_that_were_asked_for_go_where_a_link_points_or_stay_as_they_were(run, tmp_path, command, monkeypatch):
    if command == "grad":
        pytest.importorskip("matplotlib")
    words, holds = ASKED[command]
    words = [str(run) if word == "RUN" else word for word in words]
    (tmp_path / "in.csv").write_text("x,y\n" + "".join(f"{i},{2 * i}\n" for i in range(40)))
    (tmp_path / "folder").mkdir()
    target = tmp_path / "folder" / "target.svg"
    target.write_text("old")
    (tmp_path / "link.svg").symlink_to(target)
    assert called(*words, "link.svg", cwd=tmp_path, stdout=subprocess.PIPE, limit=0).returncode == 1
    assert target.read_text() == "old"
    assert called(*words, "link.svg", cwd=tmp_path, stdout=subprocess.PIPE).returncode == 0
    assert (tmp_path / "link.svg").is_symlink()
    assert holds in target.read_text()
    assert [path.name for path in target.parent.iterdir()] == ["target.svg"]


# Terminals


@pytest.fixture(scope="module")
def evil(tmp_path_factory):
    """A table whose columns, cells and classes would color a terminal and name its window, and a run of it."""
    folder = tmp_path_factory.mktemp("evil")
    rows = {
        f"[red]a{EVIL}": [i / 10 for i in range(60)],
        "kind\x9b1m": [f"v{EVIL}" if i % 2 else "[bold]u" for i in range(60)],
        "z\u202e": [i % 7 for i in range(60)],
    }
    pl.DataFrame(rows).write_csv(folder / "t.csv")
    (folder / "spec.yaml").write_text(
        'data: {file: t.csv, target: "kind\\x9b1m"}\n'
        "model: [dense: 2]\nloss: softmax_cross_entropy\ntrain: {epochs: 2}\n"
    )
    code, shown = on_terminal("train", "spec.yaml", "--out", "run", cwd=folder)
    assert code == 0, shown
    return folder


WORDS = {
    "data": [("data", "head", "t.csv"), ("data", "info", "t.csv")],
    "eval": [("eval", "run", "--by", "kind\x9b1m"), ("eval", "run", "--data", f"no{EVIL}.csv")],
    "predict": [
        ("predict", "run", "t.csv", "--keep"), ("predict", "run", "t.csv", "--json", "--keep"),
        ("predict", "run", f"{EVIL}.csv"),
    ],
    "runs": [("runs", "--dir", "."), ("runs", "compare", "run", "run"), ("runs", "rm", EVIL)],
    "init": [("init", "t.csv", "--out", f"made{EVIL}.yaml")],
    "report": [("report", "run")],
    "check": [("check", "spec.yaml"), ("check", f"{EVIL}.yaml")],
    "show": [("show", "spec.yaml")],
    "train": [("train", "spec.yaml", "--out", f"run{EVIL}"), ("train", "spec.yaml", "--set", f"name={EVIL}")],
    "grad": [("grad", f"x + {EVIL}")],
    "minimize": [("minimize", f"x + {EVIL}"), ("minimize", "x^2", "--bounds", f"{EVIL}=0..1")],
    "solve": [("solve", f"x = {EVIL}"), ("solve", "x = 1", "--at", f"a={EVIL}")],
    "models": [("models",)],
    "schema": [],
    "replay": [("replay", EVIL)],
    "verify-resume": [("verify-resume", EVIL)],
}  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_nothing_of_a_file_steers_a_terminal(evil, command):
    for words in WORDS[command]:
        _, shown = on_terminal(*words, cwd=evil)
        own = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)  # colors and moves of the display itself
        assert "internal error" not in shown, shown
        assert not re.search("\x1b|\x07|\x9b|\u202e", own), (words, shown)
        assert "\x1b[31mv" not in shown
        assert f"{EVIL}"[-5:] + "\x1b" not in shown


def test_markup_in_a_name_is_shown_as_it_is(evil):
    assert "[red]a" in on_terminal("data", "head", "t.csv", cwd=evil)[1]
    assert "[bold]u" in on_terminal("eval", "run", cwd=evil)[1]


def test_what_goes_into_a_pipe_is_as_it_was(evil):
    done = called("predict", evil / "run", evil / "t.csv", "--keep", stdout=subprocess.PIPE)
    assert done.stdout.decode().splitlines()[0].startswith(f"[red]a{EVIL},kind\x9b1m,z\u202e,predicted")


def test_text_is_shown_character_for_character():
    assert printable("a\tb\x1b[1m\x9b\u202e\n") == "a b·[1m···"
    assert printable_lines("a\tb\r\n\x1bc\u00a0d") == "a\tb·\n·c d"
    assert printable("Grüße, 世界 \u0645\u06cc\u200c\u062e") == "Grüße, 世界 \u0645\u06cc\u200c\u062e"


def test_a_console_takes_texts_as_they_are(capsys):
    console = PlainConsole(force_terminal=True, color_system="standard", width=80, highlight=False)
    console.print("[red]x[/red] :smile: " + EVIL, style="bold")
    assert capsys.readouterr().out == "\x1b[1m[red]x[/red] :smile: ·]0;title·[31m\x1b[0m\n"  # rich has no bell


def test_there_is_one_way_to_a_terminal():
    """No other file makes a console of its own or goes past the streams."""
    allowed = {"report/console.py", "cli/terminal.py", "prediction/sinks.py"}
    for path in (ROOT / "agcli").glob("*/**/*.py"):
        if path.relative_to(ROOT / "agcli").parts[0] in ("engine", "datasets", "models"):
            continue
        text = path.read_text("utf-8")
        past = re.search(r"(?<![\w.])Console\(|sys\.__std|sys\.std(out|err)\.buffer|os\.write\([12],", text)
        assert not past or path.relative_to(ROOT / "agcli").as_posix() in allowed, path


def test_a_spec_with_any_name_can_be_read_again(tmp_path):
    name = f"a: b{EVIL} #"
    pl.DataFrame({name: [i % 5 for i in range(40)], "y": [i % 5 for i in range(40)]}).write_csv(tmp_path / "t.csv")
    spec = f"data: {{file: {tmp_path}/t.csv, target: y}}\nmodel: [dense: 1]\nloss: mse\ntrain: {{epochs: 1}}"
    list(Trainer(parse_spec(spec), tmp_path / "run"))
    assert name in parse_spec((tmp_path / "run" / "spec.yaml").read_text("utf-8")).data.fields.columns
    with pytest.raises(SpecError):
        parse_spec(spec.replace("target: y", f"target: {EVIL}"))
