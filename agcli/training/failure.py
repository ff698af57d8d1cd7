"""A step that gives NaN or infinity: found again, explained, and kept in a bundle that repeats it bit for bit.

Parameters are changed in place, so when it is noticed the state before the step is gone. It is computed again: from
the last checkpoint, or from the seed, over the steps since; the same numbers come out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from agcli.data.section import load_data
from agcli.datasets import Batch, Column, Dataset, Split, fitted
from agcli.datasets.memory import PYTHON
from agcli.engine.types import Array
from agcli.engine.variables import packed_arrays, unpacked_arrays
from agcli.runs import Run, RunError, checkpoints, digest, migrate, writing
from agcli.runs.contents import checked
from agcli.runs.files import Folder
from agcli.runs.identity import KEY, ForeignError, Provenance
from agcli.runs.migrate import PREPROCESSING
from agcli.runs.places import MARK
from agcli.spec import Spec, spec_in
from agcli.spec.source import MAX_BYTES

from .advice import clipping, other_rate
from .evaluate import fed
from .nan_trace import Culprit, find
from .session import Session
from .threads import suited

STATE, BATCH, ABOUT = "state.safetensors", "batch.safetensors", "failure.json"
ROWS = 10  # that are named; all are in the bundle


class TrainingError(RunError):
    """Training cannot go on; ``bundle`` is the folder that holds its last step."""

    exit_code = 1
    bundle: Path | None = None


@dataclass(frozen=True)
class Broken:
    """The state before a broken step, and its batch."""

    arrays: dict[str, Array]
    progress: dict[str, Any]
    batch: Batch


def kept(batch: Batch) -> Batch:
    """A batch of its own memory, which the next ones do not overwrite."""
    return Batch(batch.rows.copy(), {name: np.array(array) for name, array in batch.columns.items()})


def investigate(session: Session, run: Run) -> TrainingError:
    """The error for a session whose last step was not sound, with a bundle if the step can be repeated."""
    spec, loss = session.spec, session.sums.loss
    what = f"the loss became {loss}" if not np.isfinite(loss) else "parameters became infinite or NaN"
    lines = [f"{what} at step {session.step:,} (batch {session.batch} of epoch {session.epoch + 1})"]
    again = Session(spec, session.data)
    broken = repeated(again, run, session.step, session.observed)
    if broken is None:
        lines.append(advice(spec))
        return TrainingError("\n".join(lines))
    culprit, after = explained(again, broken)
    if again.step < session.step:
        lines.append(f"it began at step {again.step:,}")
    lines += [*story(culprit, broken.batch), advice(spec, culprit)]
    name = f"failure-step-{again.step:08}"
    try:
        write(name, run, broken, again.provenance(run.id), culprit, after, lines)
    except RunError as problem:  # a full disk, say; why the training failed matters more
        return TrainingError("\n".join([*lines, f"the step could not be kept: {problem}"]))
    bundle = run.folder / name
    lines.append(f"the step is kept: ag replay {bundle}")
    error = TrainingError("\n".join(lines))
    error.bundle = bundle
    return error


def repeated(session: Session, run: Run, step: int, observed: list[tuple[int, float]]) -> Broken | None:
    """Train again up to ``step``, and stop before the first step that is not sound; None if all are."""
    checkpoint = None
    with suppress(ForeignError):  # put there meanwhile; then from the seed
        checkpoint, _ = run.newest()
    if checkpoint is not None:
        session.restore(checkpoint.arrays, checkpoint.progress, "the last checkpoint")
    told = {at: loss for at, loss in observed if at > session.step}
    while session.step < step:
        arrays, progress = {k: v.copy() for k, v in session.arrays.items()}, json.loads(json.dumps(session.progress))
        batch = kept(session.next_batch())
        if not session.advance(batch) or not is_finite(session.arrays):
            session.leave()
            return Broken(arrays, progress, batch)
        if session.step in told:
            session.step_function.observe(told[session.step])
        if session.is_epoch_complete:
            session.next_epoch()
    return None


def is_finite(arrays: Mapping[str, Array]) -> bool:
    """Whether all parameters are finite; optimizers may hold an infinity, such as a best loss before any."""
    return all(np.isfinite(a).all() for k, a in arrays.items() if k.startswith("model.") and a.dtype.kind == "f")


def explained(session: Session, broken: Broken) -> tuple[Culprit | None, str]:
    """The culprit of a broken step, and the hash of all variables after it. Leaves the session after the step."""

    def reset() -> None:
        session.restore(broken.arrays, broken.progress, "the state before the step")

    reset()
    session.advance(broken.batch)
    after = digest(session.arrays, {"loss": repr(session.sums.loss)})
    feeds = fed(session.step_function, broken.batch)
    culprit = find(session.step_function, len(broken.batch), reset, lambda: session.step_function(feeds))
    session.step = int(broken.progress["step"]) + 1
    return culprit, after


def story(culprit: Culprit | None, batch: Batch) -> list[str]:
    """What is known, in lines."""
    rows = [int(row) for row in batch.rows]
    lines = [*culprit.lines()] if culprit is not None else []
    if culprit is not None and 0 < len(culprit.rows) < len(rows):
        return [*lines, f"for {named([rows[i] for i in culprit.rows])} of the training data"]
    return [*lines, f"the batch: {named(rows)} of the training data"]


def named(rows: list[int]) -> str:
    first = ", ".join(map(str, rows[:ROWS]))
    more = f" and {len(rows) - ROWS} more" if len(rows) > ROWS else ""
    return f"row{'s' * (len(rows) > 1)} {first}{more}"


def advice(spec: Spec, culprit: Culprit | None = None) -> str:
    """What to try."""
    if culprit is not None and not culprit.op and culprit.result.name.startswith("the batch's"):
        return "look at these rows of the data"
    if spec.optimizer.fields.full_batch:
        return "try other starting values, at which the loss and its derivatives are numbers, or `bounds`"
    return f"try {other_rate(spec, 0.1)}, or limit the gradient: {clipping(spec)}"


# Bundles


def write(
    part: str, run: Run, broken: Broken, provenance: Provenance, culprit: Culprit | None, after: str, lines: list[str]
) -> None:
    """Write all that the step needs into a folder below the run's."""
    with writing(run.folder):
        run.files.make(part)
        for name in (MARK, PREPROCESSING):
            if (content := run.files.read(name)) is not None:
                run.files.write(f"{part}/{name}", content)
        checkpoints.write(run.files, f"{part}/{STATE}", broken.arrays, broken.progress, provenance)
        batch = {"rows": broken.batch.rows, **columns(broken.batch)}
        run.files.write(f"{part}/{BATCH}", packed_arrays(batch))
        about = {
            "step": int(broken.progress["step"]) + 1,
            "epoch": int(broken.progress["epoch"]) + 1,
            "rows": [int(row) for row in broken.batch.rows],
            "culprit": culprit.to_json() if culprit is not None else None,
            "text": lines,
            "sha256": after,
            "environment": run.environment,
        }
        run.files.write(f"{part}/{ABOUT}", (json.dumps(about, indent=2) + "\n").encode())


def like(batch: Batch, preprocessing: Mapping[str, Any]) -> Dataset:
    """A data set of the columns of a batch, as they are fed; of samples that a program had there is nothing else."""
    known = fitted(preprocessing)
    split = Split({name: Column(array) for name, array in batch.columns.items()})
    splits = {"train": split, "test": split}
    return Dataset(
        name=PYTHON, description="", source="", licence="", classes=known.classes, splits=splits, fitted=known
    )


def columns(batch: Batch) -> dict[str, Array]:
    return {f"column.{name}": array for name, array in batch.columns.items()}


@dataclass(frozen=True)
class Replayed:
    """A step of a bundle, done again."""

    step: int
    same: bool  # bit for bit
    lines: tuple[str, ...]
    culprit: Culprit | None

    def to_json(self) -> dict[str, Any]:
        plain = self.culprit.to_json() if self.culprit is not None else None
        return {"step": self.step, "same": self.same, "text": list(self.lines), "culprit": plain}


def replay(folder: Path, data: Dataset | None = None) -> Replayed:
    """Repeat the step of a bundle. The data is read for its columns only; the batch comes from the bundle."""
    files = Folder(folder)
    about, text = files.read_json(ABOUT, "what a failed training wrote"), files.read(MARK, MAX_BYTES)
    if about is None or text is None:
        raise RunError(f"{folder}: expected a bundle with a {ABOUT}, which a training writes that fails")
    state = checkpoints.read(files, STATE)
    of = (about.get("environment") or {}).get(KEY) if isinstance(about.get("environment"), dict) else None
    if state.provenance is not None and state.provenance.run_id != of:
        raise ForeignError(
            f"{folder / STATE}: belongs to another run, {state.provenance.run_id}, than {ABOUT} beside it; "
            "put back the file of this bundle"
        )
    stored, _ = unpacked_arrays(files.read(BATCH, checkpoints.limit(), checkpoints.cut) or b"", str(folder / BATCH))
    if "rows" not in stored or not isinstance(about.get("environment") or {}, dict):
        raise RunError(f"{folder}: is not the bundle that a training wrote: {BATCH} or {ABOUT} is damaged")
    batch = Batch(stored["rows"], {k.removeprefix("column."): v for k, v in stored.items() if k != "rows"})
    written = migrate.format_of(about.get("environment") or {}, str(folder))
    spec = spec_in(text, folder / MARK, reading=partial(migrate.migrated, MARK, written=written))
    found = files.read_json(PREPROCESSING, "the statistics that training wrote")
    preprocessing = found and checked(
        PREPROCESSING, migrate.migrated(PREPROCESSING, found, written), f"{folder / PREPROCESSING}"
    )
    if data is None:
        is_gone = spec.data.name == PYTHON
        data = like(batch, preprocessing or {}) if is_gone else load_data(spec, preprocessing)
    session = Session(spec, data)
    with suited(session.model):
        culprit, after = explained(session, Broken(state.arrays, state.progress, batch))
    return Replayed(session.step, after == about.get("sha256"), tuple(story(culprit, batch)), culprit)
