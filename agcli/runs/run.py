"""One training's folder.

spec.yaml           the resolved spec          environment.json    format, versions, machine, data
metrics.jsonl       a line an epoch            log.txt             what was said, with the time
checkpoints/        step-00000045.safetensors  best, last          the names of two of them
data.json           what the data taught       lock                the process that trains here
result.json         the end of the training    looks.json          looks at the test data before there is one
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from agcli.engine.leaves import Variable
from agcli.engine.types import Array
from agcli.engine.variables import assign, write_atomically
from agcli.model.undefined import restored
from agcli.spec import Spec, read_spec

from . import checkpoints, migrate
from .checkpoints import Checkpoint, DamagedError
from .files import RunError, read_json, read_lines, write_pointer, writing
from .lock import Lock
from .migrate import ENVIRONMENT, FIT, METRICS, PREPROCESSING, RESULT

REST = ".*.part"  # what a process leaves that is killed while it writes
KEPT = 2  # checkpoints beside the best; the older of the two is there should the newer be damaged
MARK = migrate.SPEC
RUNS = Path("runs")  # where runs lie, if nobody says otherwise


class Run:
    """A run's folder. Whoever writes into it holds its lock: ``create`` and ``lock`` see to that."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.held: Lock | None = None

    @classmethod
    def create(
        cls,
        spec: Spec,
        out: Path | None = None,
        preprocessing: Mapping[str, Any] | None = None,
        environment: Mapping[str, Any] | None = None,
    ) -> Run:
        """A new folder: ``out``, or ``runs/<name>-<time>``. ``preprocessing`` and ``environment`` are plain data."""
        folder = out if out is not None else usual(spec.name)
        run = cls(folder)
        try:
            check_free(folder)
            (folder / "checkpoints").mkdir(parents=True, exist_ok=True)
            run.held = Lock(folder)
            run.clear()
            if preprocessing is not None:
                write_atomically(folder / PREPROCESSING, json.dumps(preprocessing).encode())
            run.write(ENVIRONMENT, {"format": migrate.FORMAT, **(environment or {})})
            write_atomically(folder / MARK, spec.dump().encode())
        except BaseException as e:
            run.close()
            if isinstance(e, OSError):
                raise RunError(f"{folder}: the run's folder cannot be written: {e.strerror or e}") from None
            raise
        return run

    @classmethod
    def open(cls, folder: Path, place: Path = RUNS) -> Run:
        """An existing run, to be read: a folder, or the name of one in ``place``."""
        if not (folder / MARK).is_file() and (place / folder / MARK).is_file():
            return cls(place / folder)
        if not (folder / MARK).is_file():
            raise RunError(f"{folder}: expected a run folder with a {MARK}, {found(folder, place)}")
        return cls(folder)

    def lock(self) -> Run:
        """The run, to be trained on: locked, and without what a killed process left half written."""
        migrate.format_of(self.environment, str(self.folder))  # before anything of a newer run is touched
        self.held = Lock(self.folder)
        try:
            with writing(self.folder):
                (self.folder / "checkpoints").mkdir(exist_ok=True)
                self.clear()
        except BaseException:
            self.close()
            raise
        return self

    def clear(self) -> None:
        """Remove what a killed process left half written."""
        for rest in (*self.folder.glob(REST), *(self.folder / "checkpoints").glob(REST)):
            rest.unlink(missing_ok=True)

    def close(self) -> None:
        """Let other processes train in the folder."""
        if self.held is not None:
            self.held.release()
            self.held = None

    @property
    def spec(self) -> Spec:
        """The resolved spec."""
        return self.changed()

    def changed(self, overrides: Sequence[str] = ()) -> Spec:
        """The resolved spec with other settings, as `--set` takes them."""
        return read_spec(self.folder / MARK, overrides, partial(migrate.migrated, MARK, written=self.format))

    @property
    def preprocessing(self) -> dict[str, Any] | None:
        """What the training split taught: categories, means, a vocabulary; None for data that needs nothing."""
        return self.read(PREPROCESSING, "the statistics that training wrote")

    @property
    def result(self) -> dict[str, Any] | None:
        """What the training said at its end; None if it has not come to it."""
        return self.read(RESULT, "the result that training wrote")

    @property
    def environment(self) -> dict[str, Any]:
        """Format, versions, machine, data; empty if the process was killed before it was written."""
        return read_json(self.folder / ENVIRONMENT, "the environment that training wrote") or {}

    @property
    def format(self) -> int:
        """The format of its files. Raises NewerError for one that this version does not know."""
        return migrate.format_of(self.environment, str(self.folder))

    def read(self, name: str, expected: str) -> dict[str, Any] | None:
        """A JSON file of the folder as today's runs have it; None if there is none."""
        content: dict[str, Any] | None = migrate.migrated(name, read_json(self.folder / name, expected), self.format)
        return content

    def upgrade(self) -> None:
        """Bring the files of an older run into today's form, in which they go on; checkpoints keep theirs.

        The format is written last: a process that is killed on the way leaves an older run.
        """
        if self.format == migrate.FORMAT:
            return
        self.rewrite(self.spec)
        for name in (PREPROCESSING, RESULT, FIT):
            if (content := self.read(name, "what training wrote")) is not None:
                self.write(name, content)
        self.rewind(lambda record: True)
        with writing(self.folder):
            (self.folder / "best").unlink(missing_ok=True)  # training says which it is today
        self.write(ENVIRONMENT, {"format": migrate.FORMAT, **self.environment})

    def rewrite(self, spec: Spec) -> None:
        """Put another spec in place, whose settings a resumed training follows."""
        with writing(self.folder):
            write_atomically(self.folder / MARK, spec.dump().encode())

    def write(self, name: str, content: Mapping[str, Any], indent: int | None = 2) -> None:
        """Write a JSON file of the folder."""
        with writing(self.folder):
            write_atomically(self.folder / name, (json.dumps(content, indent=indent) + "\n").encode())

    def record(self, event: Mapping[str, Any]) -> None:
        """Append one line to ``metrics.jsonl``."""
        self.append(METRICS, json.dumps(event))

    def log(self, text: str) -> None:
        """Append to ``log.txt``, with the time."""
        self.append("log.txt", "\n".join(f"{time.strftime('%Y-%m-%d %H:%M:%S')}  {line}" for line in text.splitlines()))

    def append(self, name: str, line: str) -> None:
        with writing(self.folder, self.safe), (self.folder / name).open("a", encoding="utf-8") as f:
            f.write(line + "\n")

    @property
    def metrics(self) -> list[dict[str, Any]]:
        """The lines of ``metrics.jsonl``."""
        written = self.format
        return [migrate.migrated(METRICS, record, written) for record in read_lines(self.folder / METRICS)]

    def rewind(self, stays: Callable[[Mapping[str, Any]], bool]) -> list[dict[str, Any]]:
        """Take out of ``metrics.jsonl`` what comes again when training goes on; returns what stays."""
        kept = [record for record in self.metrics if stays(record)]
        with writing(self.folder):
            write_atomically(self.folder / METRICS, "".join(json.dumps(r) + "\n" for r in kept).encode())
        return kept

    # Checkpoints

    def save(self, arrays: Mapping[str, Array], progress: Mapping[str, Any], best: int | None = None) -> Path:
        """Write the checkpoint of a progress, then remove all but the newest two and the one of step ``best``."""
        path = self.path(int(progress["step"]))
        with writing(self.folder, self.safe):
            checkpoints.write(path, arrays, progress)
            self.set_links(int(progress["step"]), best)
            keep = {path, *self.checkpoints()[-KEPT:]}
            if best is not None:
                keep.add(self.path(best))
            for old in set(self.checkpoints()) - keep:
                old.unlink(missing_ok=True)
        return path

    def safe(self) -> str:
        """What is there to go on from, in words; empty if nothing is."""
        good = self.checkpoints()
        return f"the last whole checkpoint is {good[-1].name}" if good else ""

    def set_links(self, last: int, best: int | None) -> None:
        """Write the names of two checkpoints into ``last`` and ``best``."""
        with writing(self.folder, self.safe):
            write_pointer(self.folder / "last", self.path(last).name + "\n")
            if best is not None and self.path(best).exists():
                write_pointer(self.folder / "best", self.path(best).name + "\n")

    def path(self, step: int) -> Path:
        """The file for the checkpoint of a step."""
        return self.folder / "checkpoints" / f"step-{step:08}.safetensors"

    def checkpoints(self) -> list[Path]:
        """The files of checkpoints, oldest first."""
        return sorted((self.folder / "checkpoints").glob("step-*.safetensors"))

    def newest(self) -> tuple[Checkpoint | None, list[str]]:
        """The newest checkpoint that verifies, and why later ones do not."""
        passed_over: list[str] = []
        for path in reversed(self.checkpoints()):
            try:
                return checkpoints.read(path), passed_over
            except DamagedError as e:
                passed_over.append(str(e))
        return None, passed_over

    def archive(self, after: int) -> None:
        """Rename checkpoints of later steps than ``after``, which do not verify: they are not counted any more."""
        with writing(self.folder):
            for path in self.checkpoints():
                if path > self.path(after):
                    path.rename(path.with_name(path.name + ".damaged"))

    def chosen(self, which: str = "") -> Checkpoint:
        """A checkpoint: ``last``, ``best``, or the number of a step; if not said, the best, or last where none is.

        Raises RunError if there is none that verifies.
        """
        which = which or migrate.weights(self.format, self.spec.train.patience)
        which = which or ("best" if (self.folder / "best").is_file() else "last")
        if which != "last":
            return checkpoints.read(self.named(which))
        checkpoint, problems = self.newest()
        if checkpoint is None:
            why = "; ".join(problems) or "has no checkpoint; the training ended before its first epoch did"
            raise RunError(why if problems else f"{self.folder}: {why}")
        return checkpoint

    def named(self, which: str) -> Path:
        """The file that ``best`` or the number of a step means."""
        if which == "best":
            path = self.best
            if path is None:
                raise RunError(
                    f"{self.folder}: has no best weights, as nothing was judged by validation data; take last"
                )
            if not path.is_file():
                raise RunError(f"{path}: the best weights are gone; --weights last takes the last ones")
            return path
        there = {str(int(p.stem.partition("-")[2])): p for p in self.checkpoints() if p.stem[5:].isdigit()}
        if which not in there:
            raise RunError(f"{self.folder}: expected best, last or one of the steps {', '.join(there)}, got {which}")
        return there[which]

    @property
    def best(self) -> Path | None:
        """The file of the best weights, whether it is there or not; None if no evaluation was the best."""
        pointer = self.folder / "best"
        name = pointer.read_text("utf-8", "replace").strip() if pointer.is_file() else ""
        return self.folder / "checkpoints" / Path(name).name if name else None

    def kind(self, step: int) -> str:
        """What the checkpoint of a step is: ``best``, ``last`` or ``step``."""
        if self.best == self.path(step):
            return "best"
        last = self.checkpoints()[-1:]
        return "last" if last == [self.path(step)] else "step"

    def restore(self, variables: Mapping[str, Variable], which: str = "") -> Checkpoint:
        """Set the model's ``variables`` from a checkpoint."""
        checkpoint = self.chosen(which)
        wanted = {k: v for k, v in checkpoint.arrays.items() if k in variables or k.startswith("model.")}
        assign(variables, wanted, f"{self.path(checkpoint.step)}")
        return checkpoint


def all_runs(folder: Path) -> Iterator[Run]:
    """The runs in a folder, by name."""
    yield from map(Run, runs_in(folder))


def final(result: Mapping[str, Any] | None, history: Sequence[Mapping[str, Any]]) -> tuple[str, dict[str, Any]]:
    """A split, and loss and metrics of it: as the run was judged at its end, or by validation before."""
    if result:
        split = str(result.get("split", "test"))
        loss = result["loss"] if split == "train" else result.get(f"{split}_loss")
        return split, {"loss": loss, **measured(result)}
    for record in reversed(history):
        if record.get("validation_loss") is not None:
            return "validation", {"loss": record["validation_loss"], **measured(record)}
    return "validation", {}


def measured(record: Mapping[str, Any]) -> dict[str, Any]:
    """The metrics of a record; those without a value know why."""
    return restored(record.get("metrics", {}), record.get("undefined", {}))


def free(folder: Path) -> Path:
    """``folder``, or the first of ``folder-2``, ``folder-3``, ... that does not exist."""
    candidate, n = folder, 1
    while candidate.exists():
        n += 1
        candidate = folder.with_name(f"{folder.name}-{n}")
    return candidate


def usual(name: str) -> Path:
    """Where a run of this name is written to, if nobody says otherwise."""
    return free(RUNS / f"{name}-{time.strftime('%Y%m%d-%H%M%S')}")


def check_free(folder: Path) -> None:
    """Raise RunError if something is in the way of a new folder."""
    if folder.exists() and not is_free(folder):
        raise RunError(f"{folder}: exists and is not an empty folder; name another with --out{hint(folder)}")


def is_free(folder: Path) -> bool:
    """Whether a folder is empty, or holds only what a process made that was killed before its run began."""
    if not folder.is_dir():
        return False
    known = {PREPROCESSING, ENVIRONMENT, "lock", "checkpoints"}
    names = {path.name for path in folder.iterdir() if not path.match(REST)}
    return names <= known and not any(folder.glob("checkpoints/*"))


def hint(folder: Path) -> str:
    return f", or train on with --resume {folder}" if (folder / MARK).is_file() else ""


def found(folder: Path, place: Path = RUNS) -> str:
    """What is in the place of a run folder, and which runs are near: beside it, or in ``place`` with its name first."""
    what = "found a file" if folder.is_file() else "found another folder" if folder.is_dir() else "found nothing there"
    beside = runs_in(folder if folder.is_dir() else folder.parent)
    near = beside or [run for run in runs_in(place) if run.name.startswith(folder.name)] or runs_in(place)
    return what + (f"; runs near it: {', '.join(map(str, near[-3:]))}" if near else "; `ag train SPEC` makes one")


def runs_in(folder: Path) -> list[Path]:
    """The folders of the runs in a folder, by name; none if it cannot be read."""
    try:
        return sorted(path.parent for path in folder.glob(f"*/{MARK}"))
    except OSError:
        return []
