"""A sample of what the fuzzers do for hours, and the harness itself."""

import os
import signal
import subprocess
import sys
import time

import fuzz_runs
import harness
import pytest
from conftest import ROOT

pytestmark = pytest.mark.only(hasattr(os, "fork"))


@pytest.mark.parametrize(
    ("program", "count"), [("fuzz_runs.py", 60), ("fuzz_specs.py", 300), ("kills.py", 1), ("injected.py", 12)]
)
def test_a_sample_is_refused_or_read(program, count):
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
