"""From what a person asks for to a trainer: a new run, a run to go on with, or whichever of the two fits."""

from __future__ import annotations

from pathlib import Path

from agcli.runs import Run, RunError
from agcli.runs.files import Folder
from agcli.runs.places import MARK, RUNS
from agcli.spec import Spec

from .folds import CrossValidation
from .resume import unfinished
from .trainer import Trainer

AUTO = "auto"


def trainer_for(
    given: Spec | None,
    out: Path | None = None,
    overrides: tuple[str, ...] = (),
    resume: str | None = None,
    folds: int | None = None,
) -> Trainer | CrossValidation:
    """A trainer for a new run of the spec ``given``, or for the run ``resume`` (with ``auto``, one that has not ended).

    With ``folds``, a cross-validation of that many trainings.
    """
    if resume is None:
        if given is None:
            raise RunError("expected a spec, or a run to go on with")
        if folds is not None:
            return CrossValidation(given, folds, out)
        return Trainer(given, out)
    if resume != AUTO:
        if out is not None:
            raise RunError(f"--out: a resumed run stays in its folder {resume}; leave --out away")
        return Trainer.resume(Path(resume), overrides, given)
    run = automatic(given, out)
    if run is not None:
        return Trainer.resume(run.folder, overrides, given)
    if given is None:
        raise RunError(f"{RUNS}: there is no run that has not ended; `ag train SPEC` makes one")
    return Trainer(given, out)


def automatic(given: Spec | None, out: Path | None) -> Run | None:
    """The run that ``auto`` means: the one in ``out`` if given, else the newest of the name that has not ended."""
    if out is not None:
        return Run(out) if Folder(out).has(MARK) else None
    return unfinished(given.name if given else None)
