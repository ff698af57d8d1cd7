"""What may change when a training goes on: the differences of two specs, and why some of them are refused."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from agcli.events import Note
from agcli.runs import Run, RunError
from agcli.runs.run import RUNS, all_runs
from agcli.spec import Spec
from agcli.spec.dump import plain
from agcli.spec.names import path_text

from .best import Best, watching

# Path of the spec -> why it stays as it is.
FIXED: dict[tuple[str, ...], str] = {
    ("data",): "the figures would speak of other samples",
    ("model",): "the weights belong to this model",
    ("loss",): "the figures before and after could not be compared",
    ("dtype",): "weights and the optimizer's state are of this type",
    ("seed",): "the order of the samples and all random numbers follow from it",
}
# The same for settings that may change between two epochs.
FIXED_WITHIN_EPOCH: dict[tuple[str, ...], str] = {
    ("train", "batch_size"): "the place within the epoch is counted in batches",
    ("train", "shuffle"): "the place within the epoch is counted in this order",
    ("train", "drop_last"): "the place within the epoch is counted in batches",
    ("metrics",): "the sums of this epoch lack it",
}


@dataclass(frozen=True)
class Change:
    """A setting that differs."""

    path: tuple[str | int, ...]
    old: object
    new: object

    def __str__(self) -> str:
        return f"{path_text(self.path)}: {shown(self.old)} -> {shown(self.new)}"


def shown(value: object) -> str:
    text = "not there" if value is MISSING else "none" if value is None else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


MISSING = object()


def changes(old: Spec, new: Spec) -> list[Change]:
    """The settings in which two specs differ, in the order of the spec."""
    return list(differences(plain(old), plain(new), ()))


def differences(old: object, new: object, path: tuple[str | int, ...]) -> Iterator[Change]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(k for k in new if k not in old)]:
            yield from differences(old.get(key, MISSING), new.get(key, MISSING), (*path, key))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for i, (a, b) in enumerate(zip(old, new, strict=True)):
            yield from differences(a, b, (*path, i))
    elif old != new or type(old) is not type(new):
        yield Change(path, old, new)


def refusals(found: list[Change], batch: int) -> Iterator[str]:
    """Why some of the changes cannot be, for a training that stands behind ``batch`` batches of an epoch."""
    for change in found:
        for fixed, reason in FIXED.items():
            if change.path[: len(fixed)] == fixed:
                yield f"{change}: {reason}"
        for fixed, reason in FIXED_WITHIN_EPOCH.items():
            if batch and change.path[: len(fixed)] == fixed:
                yield f"{change}: {reason}; it may change when an epoch is complete"
        if change.path[0] == "optimizer" and (change.old is MISSING or change.new is MISSING):
            yield f"{change}: another optimizer has another state"


def settled(run: Run, overrides: tuple[str, ...], given: Spec | None, batch: int) -> tuple[Spec, list[Change]]:
    """The spec by which a run goes on, and what is new in it. Raises RunError for what cannot change.

    ``given`` is a spec that should be the run's own: what it says differently has to be said by overrides.
    """
    old = run.spec
    new = run.changed(overrides) if overrides else old
    found = changes(old, new)
    problems = list(refusals(found, batch))
    if problems:
        raise RunError(f"{run.folder}: cannot go on with other settings:\n  " + "\n  ".join(problems))
    if given is not None:
        others = [c for c in changes(new, given) if c.path[0] != "data"]
        if others:
            lines = "\n  ".join(map(str, others))
            advice = "give them with --set, or leave the spec out to go on as before"
            raise RunError(f"{run.folder}: the spec has other settings than the run:\n  {lines}\n{advice}")
    return new, found


def check_unwatched(run: Run, spec: Spec, overrides: tuple[str, ...]) -> None:
    """Raise RunError for settings of a run without validation data that look at it, with the command that works.

    Up to 0.2 they looked at the test data.
    """
    found = watching(spec)
    if not found:
        return
    # A number takes the place of the whole schedule.
    reset = {".".join(path[:-1] if path[-1] == "plateau" else path): value for path, value in found.items()}
    kept = [text for text in overrides if not f"{text.partition('=')[0]}.".startswith(tuple(f"{k}." for k in reset))]
    options = " ".join(f"--set {shlex.quote(text)}" for text in (*kept, *(f"{k}={v}" for k, v in reset.items())))
    names = " and ".join(f"`{path[-1]}`" for path in found)
    raise RunError(
        f"{run.folder}: the run has no validation data, at which {names} {'look' if len(found) > 1 else 'looks'}; "
        f"to go on: ag train --resume {shlex.quote(str(run.folder))} {options}"
    )


def lost_best(run: Run, best: Best) -> list[Note]:
    """Without the checkpoint of the best evaluation, the next evaluation is the best; says so."""
    if best.step is None or run.path(best.step).exists():
        return []
    note = Note(f"the best checkpoint, of step {best.step}, is gone; looking for another", "best")
    best.found, best.since = None, 0
    return [note]


def unfinished(name: str | None, place: Path = RUNS) -> Run | None:
    """The newest run in a folder, of a spec's name if one is given, that has not come to its end."""
    candidates = [run for run in all_runs(place) if not (run.folder / "result.json").exists()]
    if name is not None:
        candidates = [run for run in candidates if run.spec.name == name]
    return max(candidates, key=lambda run: (run.folder / "spec.yaml").stat().st_mtime, default=None)
