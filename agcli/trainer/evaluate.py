"""A finished run, opened with its weights."""

from __future__ import annotations

from pathlib import Path

from agcli.data import load_data
from agcli.runs import Run

from .session import Session


def opened(folder: Path, which: str = "") -> tuple[Session, Run, int]:
    """A finished run as a session with the weights of a checkpoint (see ``Run.chosen``), and that one's step."""
    run = Run.open(folder)
    session = Session(run.spec, load_data(run.spec, run.learnt))
    checkpoint = run.restore({f"model.{k}": v for k, v in session.model.parameters.items()}, which)
    session.epoch = int(checkpoint.progress["epoch"])
    return session, run, checkpoint.step
