"""The whole process: three epochs of softmax regression from nothing, with evaluation and checkpoints."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from benchmarks.row import OURS, Problem, Row, is_ours

SPEC = Path(__file__).resolve().parents[2] / "models" / "mnist_softmax.yaml"
ROWS = (
    Row(
        "cold", "whole process, 3 epochs of MNIST softmax", "s", 0.3, ("torch", "jax", "numpy"),
        process=True, tolerance=0.01,
    ),
)  # fmt: skip


def problem(quick: bool) -> Problem:
    """Where the files of MNIST are; empty if they are not at hand."""
    folder = Path(os.environ.get("AG_DATA", ""), "mnist")
    return {"folder": str(folder) if folder.is_dir() else "", "epochs": 1 if quick else 3}


def command(system: str, p: Problem, out: Path) -> list[str]:
    """What to run for one system; files go below ``out``."""
    if is_ours(system):
        first = f"from benchmarks.without import switch_off; switch_off({system!r}); " if system != OURS else ""
        run = [sys.executable, "-c", f"{first}from agcli.cli import main; main()", "train", str(SPEC), "--json"]
        return [*run, "--out", str(out / "run"), "--set", f"train.epochs={p['epochs']}"]
    return [sys.executable, "-m", f"benchmarks.scripts.{system}", p["folder"], str(out / "model.npz"), str(p["epochs"])]


def result(system: str, printed: str) -> float:
    """The test accuracy that a process has printed in its last line."""
    last = json.loads(printed.splitlines()[-1])
    return float(last["metrics"]["accuracy"] if is_ours(system) else last["accuracy"])
