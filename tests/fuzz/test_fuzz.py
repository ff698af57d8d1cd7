"""A sample of what the fuzzers do for hours, and the harness itself."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import broken_files
import fuzz_files
import fuzz_runs
import harness
import pytest
from conftest import ROOT

pytestmark = pytest.mark.only(hasattr(os, "fork"))


@pytest.mark.parametrize(
    ("program", "count"),
    [("fuzz_runs.py", 30), ("fuzz_specs.py", 150), ("fuzz_files.py", 75), ("kills.py", 1), ("injected.py", 6)],
)
def test_a_sample_is_refused_or_read(program, count):
    count *= 4 if os.environ.get("AG_LONG") else 1
    command = [sys.executable, ROOT / "tests" / "fuzz" / program, str(count)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    if done.stdout.startswith("skipped: "):  # without strace, or where nothing may be traced
        pytest.skip(done.stdout.strip())
    assert f"{count} " in done.stdout
    assert ", 0 failures," in done.stdout


FAULTS = """
import sys
sys.path[:0] = ["tests/fuzz"]
import traced
if why := traced.refused():
    sys.exit(f"refused: {why}")
for call, n, kind in [("write", 1, "error=ENOSPC"), ("write", 1, traced.KILL), ("fsync", 1, "error=EIO")]:
    outcome = traced.run(["show", "tests"], ["--version"], traced.Fault(call, n, kind))
    print(outcome.code, outcome.hit.partition("<")[0])
"""


def test_a_fault_is_that_of_the_call_that_was_meant():
    done = subprocess.run([sys.executable, "-c", FAULTS], cwd=ROOT, capture_output=True, text=True, timeout=600)
    if done.stderr.startswith("refused: "):
        pytest.skip(done.stderr.strip())
    assert done.stdout.splitlines() == ["2 write(2", "-9 write(2", "2 "], done.stderr  # the message is what it writes


def test_a_worker_that_dies_hangs_or_raises_is_a_failure_and_the_others_go_on():
    def work(seed):
        if seed == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        if seed == 4:
            time.sleep(60)
        if seed == 6:
            raise ValueError("of this input")
        return "wrong" if seed == 8 else ""

    failures = {f.seed: f.said for f in harness.run(work, range(10), size=3, seconds=1.0)}
    assert set(failures) == {2, 4, 6, 8}
    assert failures[2].startswith("its process died")
    assert failures[4].startswith("no answer within 1 s")
    assert "ValueError: of this input" in failures[6]
    assert failures[8] == "wrong"


def test_a_change_outside_is_noticed(tmp_path, monkeypatch):
    place = fuzz_runs.Place(tmp_path)

    def careless(arguments):
        (place.outside / "log.txt").write_text("mine now")
        return 0, "", b""

    monkeypatch.setattr(fuzz_runs, "called", careless)
    assert "something outside has changed" in fuzz_runs.worked(place)(1)


PLACE = """
import os, sys
from pathlib import Path
sys.path[:0] = [sys.argv[1]]
import fuzz_files, fuzz_runs
place = fuzz_files.Place(Path(sys.argv[2]))
os.chdir(place.files)
for name in place.contents:
    code, said, _ = fuzz_runs.called(["data", "info", name])
    if code:
        print(name, said)
"""


def test_the_files_are_read_before_they_are_damaged(tmp_path):
    """In a process of its own, since it uses polars, after which nothing may fork."""
    command = [sys.executable, "-c", PLACE, str(ROOT / "tests" / "fuzz"), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout == ""


@pytest.mark.parametrize("damage", {each.__name__: each for each in broken_files.DAMAGES}.values())
def test_every_damage_changes_a_file(damage):
    changed = 0
    for seed in range(20):
        content = bytearray(b'{"a": 1, "b": "text"}\n' * 9)
        damage(content, random.Random(seed))
        changed += content != b'{"a": 1, "b": "text"}\n' * 9
    assert changed > 15


def test_a_file_left_behind_and_words_past_python_are_noticed(tmp_path, monkeypatch):
    (tmp_path / "files").mkdir()
    place = fuzz_files.Place.__new__(fuzz_files.Place)
    place.folder, place.files, place.tried = tmp_path, tmp_path / "files", tmp_path / "tried"
    (place.files / "samples.csv").write_text("a,kind\n1,x\n")
    place.runs = dict.fromkeys(("table", "arrays"), tmp_path / "run")
    place.contents = {"samples.csv": b"a,kind\n1,x\n"}
    place.before = place.state()

    def careless(arguments):
        os.write(2, b"a panic" if monkeyed == "words" else b"")
        (Path("left") if monkeyed == "file" else Path(os.devnull)).write_text("")
        return 0, "", b"\x1b]0;" if monkeyed == "screen" else b""

    monkeypatch.setattr(fuzz_files, "called", careless)
    kept, here = os.dup(2), os.getcwd()
    try:
        said = {}
        for monkeyed in ("file", "words", "screen", ""):
            said[monkeyed] = fuzz_files.worked(place)(1)
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.chdir(here)
    assert "something outside has changed {'left'}" in said["file"]
    assert said["words"].endswith("written past Python: a panic")
    assert "the terminal is steered" in said["screen"]
    assert said[""] == ""
