"""The figures of a finished run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from agcli.data import load_data
from agcli.runs import Run

from .session import Session
from .sums import Sums


def opened(folder: Path, which: str = "") -> tuple[Session, Run, int]:
    """A finished run as a session with the weights of a checkpoint (see ``Run.chosen``), and that one's step."""
    run = Run.open(folder)
    session = Session(run.spec, load_data(run.spec, run.learnt))
    checkpoint = run.restore({f"model.{k}": v for k, v in session.model.parameters.items()}, which)
    session.epoch = int(checkpoint.progress["epoch"])
    return session, run, checkpoint.step


def evaluate_run(folder: Path, split: str = "test", which: str = "") -> dict[str, Any]:
    """The metrics of a finished run on one split of its data."""
    session, _, step = opened(folder, which)
    sums = session.evaluate(session.data[split]) or Sums()
    return {
        "run": str(folder),
        "name": session.spec.name,
        "data": session.data.name,
        "split": split,
        "samples": sums.samples,
        "epoch": session.epoch,
        "step": step,
        "loss": sums.mean_loss,
        "metrics": sums.metrics,
    }
