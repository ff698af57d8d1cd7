"""A sample of what the fuzzers do for hours, and the harness itself."""

import os
import signal
import time

import fuzz_runs
import fuzz_specs
import harness
import pytest

pytestmark = pytest.mark.only(hasattr(os, "fork"))


def test_mutated_runs_are_refused_or_read(tmp_path):
    work = fuzz_runs.worked(fuzz_runs.Place(tmp_path))
    assert harness.run(work, range(60)) == []


def test_mutated_specs_are_refused_or_read():
    assert harness.run(fuzz_specs.work, range(400)) == []


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
        return 0, ""

    monkeypatch.setattr(fuzz_runs, "called", careless)
    assert "something outside has changed" in fuzz_runs.worked(place)(1)
