"""What may change when a training goes on: the differences of two specs, and why some of them are refused."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from agcli.engine.errors import StateError
from agcli.engine.graph import toposort
from agcli.engine.ops.words import Words
from agcli.events import Note
from agcli.runs import Checkpoint, DamagedError, Run, RunError
from agcli.runs.checkpoints import name_of
from agcli.runs.environment import drew_otherwise, moved
from agcli.runs.identity import MISSING, Change, changes, check, fixed, is_place, other_samples, spec_then
from agcli.runs.migrate import RESULT
from agcli.runs.places import MARK, RUNS
from agcli.runs.run import LAST, all_runs
from agcli.spec import Spec, SpecError
from agcli.spec.dump import plain

from .best import Best, watching
from .rates import bent
from .session import Session, batches
from .sums import Sums

PUT_BACK = "put back the checkpoint of this run, or train anew"

# Settings that may change between two epochs, but not within one.
FIXED_WITHIN_EPOCH: dict[tuple[str, ...], str] = {
    ("train", "batch_size"): "the place within the epoch is counted in batches",
    ("train", "shuffle"): "the place within the epoch is counted in this order",
    ("train", "drop_last"): "the place within the epoch is counted in batches",
    ("metrics",): "the sums of this epoch lack it",
}


def refusals(found: list[Change], batch: int) -> Iterator[str]:
    """Why some of the changes cannot be, for a training that stands behind ``batch`` batches of an epoch."""
    for change in found:
        if fixed(change):
            yield f"{change}: {fixed(change)}"
        for path, reason in FIXED_WITHIN_EPOCH.items():
            if batch and change.path[: len(path)] == path:
                yield f"{change}: {reason}; it may change when an epoch is complete"
        if change.path[0] == "optimizer" and (change.old is MISSING or change.new is MISSING):
            yield f"{change}: another optimizer has another state"


@dataclass(frozen=True)
class Settings:
    """The spec by which a run goes on, that by which it was trained up to here, and in what they differ.

    ``asked`` are the changes that the command line asks for; others are in spec.yaml.
    """

    spec: Spec
    then: Spec
    found: tuple[Change, ...]
    asked: frozenset[tuple[str | int, ...]]

    def changes(self, section: str) -> bool:
        """Whether anything is new in a section."""
        return any(change.path[0] == section for change in self.found)


def settled(
    run: Run, checkpoint: Checkpoint | None, overrides: tuple[str, ...] = (), given: Spec | None = None
) -> Settings:
    """The settings with which a run goes on from a checkpoint. Raises RunError for what cannot change.

    ``given`` is a spec that should be the run's own: what it says differently has to be said by overrides.
    """
    now = then = run.spec
    if checkpoint is not None:
        then = spec_then(checkpoint.provenance, now, run.path(checkpoint.step))
    new = run.changed(overrides) if overrides else now
    asked = frozenset(change.path for change in changes(now, new))
    found = changes(then, new)
    refused = [change for change in found if change.path in asked or not is_place(change)]
    problems = list(refusals(refused, checkpoint.progress["batch"] if checkpoint else 0))
    if problems:
        raise RunError(f"{run.folder}: cannot go on with other settings:\n  " + "\n  ".join(problems))
    if given is not None:
        others = [c for c in changes(new, given) if c.path[0] != "data"]
        if others:
            lines = "\n  ".join(map(str, others))
            advice = "give them with --set, or leave the spec out to go on as before"
            raise RunError(f"{run.folder}: the spec has other settings than the run:\n  {lines}\n{advice}")
    return Settings(new, then, tuple(found), asked)


def changed(settings: Settings, session: Session) -> list[Note]:
    """A note for each setting that is new, and one on the learning rate if that is another by now."""
    since = f" (in spec.yaml, since step {session.step})"
    notes = [Note(f"changed {c}{'' if c.path in settings.asked else since}", "setting") for c in settings.found]
    if not notes or not session.step:
        return notes
    per_epoch = len(batches(settings.then, session.data)), len(session.batches)
    told = bent(settings.then, settings.spec, per_epoch, session.step, session.rate)
    return [*notes, Note(told, "rate")] if told else notes


def remeasured(settings: Settings, session: Session) -> list[Note]:
    """Where metrics are others by now, forget the figures from before: one of the same name may mean something else.

    Where another figure is watched, the best weights by it begin with those of this step, and a note says so.
    """
    best, then, spec = session.best, settings.then, settings.spec
    if not session.step:
        return []
    if settings.changes("metrics"):
        session.measured_anew, session.validation = True, Sums(session.model.test.meters)
        best.found = None if best.found is None else {**best.found, "figures": {}}
    watch = best.watch
    if not session.data.has_validation or (then.train.watch, meaning(then, watch)) == (watch, meaning(spec, watch)):
        return []
    best.found, best.since = None, 0
    session.validation = session.evaluate() or session.validation
    best.judge(session.validation.figures, session.epoch + bool(session.batch), session.step)
    return [Note(f"`{watch}`, which is watched, is another figure than before: the best is looked for anew", "best")]


def meaning(spec: Spec, name: str) -> list[object]:
    """What a spec says of the metric of a name."""
    items = spec.metric_items()
    return [(c.name, plain(c.fields)) for at, c in items if name in (at, c.name, getattr(c.fields, "name", None))]


def last_of(run: Run) -> tuple[Checkpoint | None, list[str]]:
    """The checkpoint from which a run goes on, and what is to be said of it; None if it never had one.

    Raises RunError if it had checkpoints and none can be read, or the one that can is not of this run.
    """
    checkpoint, passed_over = run.newest()
    anew = f"to train anew: ag train {run.folder / MARK} --out FOLDER"
    if checkpoint is None:
        if passed_over:
            lines = "\n  ".join(passed_over)
            raise RunError(f"no checkpoint is whole, and the run cannot go on:\n  {lines}\n{anew}")
        if lost := run.lost():
            raise RunError(f"{run.folder}: cannot go on: {lost}; put them back into checkpoints/, or {anew}")
        begun = run.files.has("metrics.jsonl")
        return None, ["the run had no checkpoint yet: it begins again"] if begun else []
    said = [f"passed over {text}" for text in passed_over]
    check(checkpoint.provenance, run.spec, run.path(checkpoint.step))
    if checkpoint.provenance is None:
        said.append(f"step {checkpoint.step} was written by an older version: whether it is of this run is not known")
    name = run.named_in(LAST)
    if name > run.path(checkpoint.step).name and not passed_over:
        said.append(f"{name}, the last checkpoint, is gone; going on from step {checkpoint.step}")
    return checkpoint, said


def restore(session: Session, checkpoint: Checkpoint, path: Path) -> None:
    """Put a checkpoint's state into a session. Raises RunError if it is not of this training."""
    if others := other_samples(checkpoint.provenance, session.samples):
        raise RunError(f"{path}: was trained on other data than the run's: {', '.join(others)} differ; {PUT_BACK}")
    try:
        session.restore(checkpoint.arrays, checkpoint.progress, str(path))
    except StateError as e:
        raise RunError(f"{e}; the settings of the optimizer have to stay as they were") from None
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        raise RunError(f"{path}: its progress is not that of a training of this spec; {PUT_BACK}") from None


def rewound(run: Run, session: Session, checkpoint: Checkpoint | None) -> float:
    """Bring the folder of a run to where its session stands; returns the seconds that it has trained up to there."""
    run.upgrade()
    saved = checkpoint.provenance.seconds if checkpoint and checkpoint.provenance else 0.0
    if checkpoint is not None:
        run.archive(checkpoint.step)
        run.set_links(checkpoint.step, session.best.step)
    kept = run.rewind(session.has_logged)
    return max([saved, *(float(record.get("elapsed") or 0.0) for record in kept)])


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


def lost_best(run: Run, best: Best, last: int) -> list[Note]:
    """Without the checkpoint of the best evaluation, the next evaluation is the best; says so.

    That of step ``last`` is known to be good. Raises ForeignError for one of another run.
    """
    if best.step in (None, last):
        return []
    why = "is gone"
    if run.has_checkpoint(best.step):
        try:
            run.checkpoint(name_of(best.step))
            return []
        except DamagedError as e:
            why = f"cannot be used ({e})"
    note = Note(f"the best checkpoint, of step {best.step}, {why}; looking for another", "best")
    best.found, best.since = None, 0
    return [note]


def other_machine(run: Run, session: Session, begins: bool) -> list[Note]:
    """What is not as it was where the run began, and may change its numbers.

    ``begins`` says that there was no checkpoint: the first weights are drawn again.
    """
    told = "other numbers may come out than"
    notes = [f"{told} on the machine before: {text}" for text in moved(run.environment)]
    draws = begins or any(isinstance(t.op, Words) for t in toposort([session.model.train.loss]))
    if draws and drew_otherwise(run.environment):
        notes.append(f"{told} before: normal and exponential numbers are drawn in another way since this run began")
    return [Note(text, "environment") for text in notes]


def unfinished(name: str | None, place: Path = RUNS) -> Run | None:
    """The newest run in a folder, of a spec's name if one is given, that has not come to its end."""
    candidates = [run for run in all_runs(place) if not run.files.has(RESULT)]
    if name is not None:
        candidates = [run for run in candidates if named(run) == name]
    return max(candidates, key=lambda run: run.files.modified(MARK), default=None)


def named(run: Run) -> str:
    """The name of a run's spec; empty if it cannot be read."""
    try:
        return run.spec.name
    except (RunError, SpecError):
        return ""
