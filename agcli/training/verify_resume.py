"""Proof that a resumed training is the same training: processes are killed at random moments and resumed."""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from agcli.runs import Run, RunError
from agcli.runs.places import MARK

PROGRAM = [sys.executable, "-c", "from agcli.cli import main; main()"]
REFUSED = 2  # the exit code of a command for what its user is to mend
CHECKPOINTS = 20  # of a training that is killed, about
TIMINGS = ("seconds", "elapsed", "samples_per_second")


@dataclass(frozen=True)
class Trial:
    """One training that was killed so many times: the hash of its last checkpoint, and that of the undisturbed one."""

    kills: int
    steps: int
    expected: str
    found: str
    same_metrics: bool

    @property
    def ok(self) -> bool:
        return self.expected == self.found and self.same_metrics


def verify_resume(spec: Path, overrides: tuple[str, ...] = (), kills: int = 5, seed: int = 0) -> Iterator[Trial]:
    """Train a spec once undisturbed; then again, killed at random moments, until there were ``kills`` kills.

    Raises RunError for a spec that does not train, and if a training fails by itself. Everything lies in a temporary
    folder that is removed.
    """
    with tempfile.TemporaryDirectory(prefix="ag-verify-") as place:
        base, rng = Path(place), random.Random(seed)
        began = time.perf_counter()
        train(spec, base / "undisturbed", overrides, None)
        duration = time.perf_counter() - began
        expected, _ = Run(base / "undisturbed").newest()
        if expected is None:
            raise RunError(f"{spec}: the training left no checkpoint")
        lines = untimed(Run(base / "undisturbed"))
        # Often enough that a resumption begins in the middle; where checkpoints are written changes nothing else.
        settings = (*overrides, f"train.checkpoint_every={max(1, expected.step // CHECKPOINTS)} steps")
        done = number = 0
        while done < kills:
            number += 1
            run, count = base / f"killed-{number}", 0
            while not train(spec, run, settings, rng.uniform(0.2, 0.95) * duration if done + count < kills else None):
                count += 1
            found, _ = Run(run).newest()
            done += count
            hash, step = (found.hash, found.step) if found else ("none", 0)
            yield Trial(count, step, expected.hash, hash, untimed(Run(run)) == lines)


def train(spec: Path, run: Path, overrides: tuple[str, ...], seconds: float | None) -> bool:
    """Train, or go on, in a process of its own; false if it was killed after so many seconds."""
    settings = [part for text in overrides for part in ("--set", text)]
    begun = (run / MARK).exists()
    if begun:
        arguments = ["train", "--resume", str(run), "--quiet"]
    else:
        arguments = ["train", str(spec), "--out", str(run), "--quiet", *settings]
    process = subprocess.Popen(  # noqa: S603  # this program, with the arguments above
        [*PROGRAM, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    try:
        _, said = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return False
    except BaseException:
        process.kill()
        raise
    message = said.strip().removeprefix("error: ")
    if process.returncode == REFUSED and not begun:
        raise RunError(message)
    if process.returncode:
        raise RunError(f"the training failed by itself: {message}")
    return True


def untimed(run: Run) -> list[dict[str, object]]:
    """The lines of the metrics without what depends on the clock."""
    return [{k: v for k, v in record.items() if k not in TIMINGS} for record in run.metrics]
