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
from agcli.engine.variables import assign
from agcli.printable import printable
from agcli.spec import Spec, spec_in
from agcli.spec.source import MAX_BYTES

from . import checkpoints, contents, identity, migrate
from .checkpoints import Checkpoint, DamagedError
from .files import Folder, RunError, writing
from .identity import Provenance
from .lock import Lock
from .migrate import ENVIRONMENT, FIT, METRICS, PREPROCESSING, RESULT
from .places import MARK, RUNS, check_free, found, runs_in, usual

KEPT = 2  # checkpoints beside the best; the older of the two is there should the newer be damaged
LAST, BEST = "last", "best"  # files that hold the name of a checkpoint
LOG = "log.txt"
DAMAGED = ".damaged"  # what a checkpoint is called that is not counted any more
MAX_NAME = 4096  # bytes of such a file


class Run:
    """A run's folder. Whoever writes into it holds its lock: ``create`` and ``lock`` see to that."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files = Folder(folder)
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
            folder.mkdir(parents=True, exist_ok=True)
            run.files.make(checkpoints.PART)
            run.held = Lock(folder)
            run.clear()
            about = {"format": migrate.FORMAT, identity.KEY: identity.new_id(spec.name), **(environment or {})}
            if preprocessing is not None:
                run.files.write(PREPROCESSING, json.dumps(preprocessing).encode())
                about[contents.STATISTICS] = contents.hash_of(preprocessing)
            run.write(ENVIRONMENT, about)
            run.files.write(MARK, spec.dump().encode())
        except BaseException as e:
            run.close()
            if isinstance(e, OSError):
                place = e.filename if e.filename not in (None, str(folder)) else folder
                raise RunError(f"{place}: the run's folder cannot be written: {e.strerror or e}") from None
            raise
        return run

    @classmethod
    def open(cls, folder: Path, place: Path = RUNS) -> Run:
        """An existing run, to be read: a folder, or the name of one in ``place``."""
        if not Folder(folder).has(MARK) and Folder(place / folder).has(MARK):
            return cls(place / folder)
        if not Folder(folder).has(MARK):
            raise RunError(f"{folder}: expected a run folder with a {MARK}, {found(folder, place)}")
        return cls(folder)

    def lock(self) -> Run:
        """The run, to be trained on: locked, and without what a killed process left half written."""
        migrate.format_of(self.environment, str(self.folder))  # before anything of a newer run is touched
        self.held = Lock(self.folder)
        try:
            with writing(self.folder):
                self.files.make(checkpoints.PART)
                self.clear()
        except BaseException:
            self.close()
            raise
        return self

    def clear(self) -> None:
        """Remove what a killed process left half written."""
        self.files.clear()
        self.files.clear(checkpoints.PART)

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
        reading = partial(migrate.migrated, MARK, written=self.format)
        return spec_in(self.text.encode("utf-8", "surrogateescape"), self.folder / MARK, overrides, reading)

    @property
    def text(self) -> str:
        """The resolved spec as it is written."""
        content = self.files.read(MARK, MAX_BYTES)
        if content is None:
            raise RunError(f"{self.folder}: the run's {MARK} is gone")
        return content.decode("utf-8", "surrogateescape")

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
        content = self.files.read_json(ENVIRONMENT, "the environment that training wrote") or {}
        return contents.checked(ENVIRONMENT, content, f"{self.folder / ENVIRONMENT}")

    @property
    def format(self) -> int:
        """The format of its files. Raises NewerError for one that this version does not know."""
        return migrate.format_of(self.environment, str(self.folder))

    @property
    def id(self) -> str:
        """What no other run is called; empty of a run of an older version, until it is trained on."""
        return str(self.environment.get(identity.KEY, ""))

    def read(self, name: str, expected: str) -> dict[str, Any] | None:
        """A JSON file of the folder as today's runs have it; None if there is none.

        Raises ForeignError for one that another run wrote.
        """
        plain = self.files.read_json(name, expected)
        known = self.environment.get(contents.STATISTICS) if name == PREPROCESSING else None
        if plain is not None and known is not None and contents.hash_of(plain) != known:
            said = "is not what the training of this run wrote; put back the file, or train anew"
            raise RunError(f"{self.folder / name}: {said}")
        if plain is None:
            return None
        content = self.checked(name, plain, f"{self.folder / name}")
        self.check_own(content.get(identity.KEY), name)
        return content

    def check_own(self, run_id: str | None, name: str) -> None:
        """Raise ForeignError if a file says that it is of another run; up to 0.3 none did."""
        if run_id in (None, self.id):
            return
        near = next((run.folder for run in all_runs(self.folder.parent) if run.is_called(run_id)), None)
        place = f" ({near})" if near else ""
        mine = self.id or "which has no id, being of an older version"
        raise identity.ForeignError(
            f"{self.folder / name}: belongs to another run, {run_id}{place}, not to this one, {mine}; "
            "put back this run's own file, or remove this one"
        )

    def is_called(self, run_id: str) -> bool:
        """Whether a run has this id, as far as can be read."""
        try:
            return self.id == run_id
        except (OSError, RunError):
            return False

    def checked(self, name: str, plain: dict[str, Any], where: str) -> dict[str, Any]:
        """What a file of the run says, as today's runs have it. Raises RunError if it is not what a training writes."""
        try:
            content: dict[str, Any] = migrate.migrated(name, plain, self.format)
        except (AttributeError, LookupError, TypeError):
            raise RunError(f"{where}: is not what a training of format {self.format} wrote; it is damaged") from None
        return contents.checked(name, content, where)

    def upgrade(self) -> None:
        """Bring the files of an older run into today's form, in which they go on; checkpoints keep theirs.

        The format is written last, with an id: a process that is killed on the way leaves an older run.
        """
        if self.format == migrate.FORMAT and self.id:
            return
        about = {identity.KEY: identity.new_id(self.spec.name), **self.environment}
        if self.format < migrate.FORMAT:
            self.rewrite(self.spec)
            for name in (PREPROCESSING, RESULT, FIT):
                if (content := self.read(name, "what training wrote")) is not None:
                    self.write(name, content)
            self.rewind(lambda record: True)
            self.remove(BEST)  # training says which it is today
        self.write(ENVIRONMENT, {**about, "format": migrate.FORMAT})

    def rewrite(self, spec: Spec) -> None:
        """Put another spec in place, whose settings a resumed training follows."""
        with writing(self.folder):
            self.files.write(MARK, spec.dump().encode())

    def write(self, name: str, content: Mapping[str, Any], indent: int | None = 2) -> None:
        """Write a JSON file of the folder."""
        with writing(self.folder):
            self.files.write(name, (json.dumps(content, indent=indent) + "\n").encode())

    def remove(self, *names: str) -> None:
        """Remove files of the folder, if they are there."""
        with writing(self.folder):
            for name in names:
                self.files.remove(name)

    def record(self, event: Mapping[str, Any]) -> None:
        """Append one line to ``metrics.jsonl``."""
        self.append(METRICS, json.dumps(event))

    def log(self, text: str) -> None:
        """Append to ``log.txt``, with the time; what would steer a terminal that shows the file is left out."""
        now = time.strftime("%Y-%m-%d %H:%M:%S")
        self.append(LOG, "\n".join(f"{now}  {printable(line)}" for line in text.splitlines()))

    def append(self, name: str, line: str) -> None:
        with writing(self.folder, self.safe):
            self.files.append(name, (line + "\n").encode("utf-8", "backslashreplace"))

    @property
    def metrics(self) -> list[dict[str, Any]]:
        """The lines of ``metrics.jsonl``."""
        place = self.folder / METRICS
        return [self.checked(METRICS, record, f"{place}:{n}") for n, record in self.files.read_lines(METRICS)]

    def rewind(self, stays: Callable[[Mapping[str, Any]], bool]) -> list[dict[str, Any]]:
        """Take out of ``metrics.jsonl`` what comes again when training goes on; returns what stays."""
        kept = [record for record in self.metrics if stays(record)]
        with writing(self.folder):
            self.files.write(METRICS, "".join(json.dumps(r) + "\n" for r in kept).encode())
        return kept

    # Checkpoints

    def save(
        self,
        arrays: Mapping[str, Array],
        progress: Mapping[str, Any],
        provenance: Provenance,
        best: int | None = None,
    ) -> Path:
        """Write the checkpoint of a progress, then remove all but the newest two and the one of step ``best``."""
        step = int(progress["step"])
        with writing(self.folder, self.safe):
            checkpoints.write(self.files, checkpoints.name_of(step), arrays, progress, provenance)
            self.set_links(step, best)
            steps = checkpoints.steps(self.files)
            for old in set(steps) - {step, best, *steps[-KEPT:]}:
                self.files.remove(checkpoints.name_of(old))
        return self.path(step)

    def safe(self) -> str:
        """What is there to go on from, in words; empty if nothing is."""
        try:
            good = self.checkpoints()
        except (OSError, RunError):
            return ""
        return f"the last whole checkpoint is {good[-1].name}" if good else ""

    def set_links(self, last: int, best: int | None) -> None:
        """Write the names of two checkpoints into ``last`` and ``best``. What they say can be found out again."""
        with writing(self.folder, self.safe):
            self.files.write(LAST, f"{self.path(last).name}\n".encode(), durable=False)
            if best is not None and self.has_checkpoint(best):
                self.files.write(BEST, f"{self.path(best).name}\n".encode(), durable=False)

    def named_in(self, pointer: str) -> str:
        """The name of a checkpoint in ``last`` or ``best``; empty if there is none."""
        content = self.files.read(pointer, MAX_NAME) or b""
        return Path(content.decode("utf-8", "replace").strip().replace("\0", "")).name

    def path(self, step: int) -> Path:
        """The file for the checkpoint of a step."""
        return self.folder / checkpoints.name_of(step)

    def has_checkpoint(self, step: int) -> bool:
        """Whether there is a file for the checkpoint of a step."""
        return self.files.has(checkpoints.name_of(step))

    def checkpoints(self) -> list[Path]:
        """The files of checkpoints, oldest first."""
        return [self.path(step) for step in checkpoints.steps(self.files)]

    def checkpoint(self, name: str) -> Checkpoint:
        """The checkpoint in a file. Raises DamagedError if it does not verify, ForeignError for one of another run."""
        found = checkpoints.read(self.files, name)
        self.check_own(found.provenance.run_id if found.provenance else None, name)
        return found

    def newest(self) -> tuple[Checkpoint | None, list[str]]:
        """The newest checkpoint that verifies, and why later ones do not.

        Raises ForeignError if it is of another run.
        """
        passed_over: list[str] = []
        for step in reversed(checkpoints.steps(self.files)):
            try:
                return self.checkpoint(checkpoints.name_of(step)), passed_over
            except DamagedError as e:
                passed_over.append(str(e))
        return None, passed_over

    def lost(self) -> str:
        """Why a run without a checkpoint cannot go on; empty if it never had one, and nothing is lost."""
        pointer = self.named_in(LAST) or self.named_in(BEST)
        if pointer:
            return f"its checkpoints are gone: it had {pointer}"
        return "its checkpoints are gone: the training came to its end" if self.files.has(RESULT) else ""

    def archive(self, after: int) -> None:
        """Rename checkpoints of later steps than ``after``, which do not verify: they are not counted any more."""
        with writing(self.folder):
            for step in checkpoints.steps(self.files):
                if step > after:
                    self.files.rename(checkpoints.name_of(step), checkpoints.name_of(step) + DAMAGED)

    def chosen(self, which: str = "") -> Checkpoint:
        """A checkpoint: ``last``, ``best``, or the number of a step; if not said, the best, or last where none is.

        Raises RunError if there is none that verifies.
        """
        which = which or migrate.weights(self.format, self.spec.train.patience)
        which = which or (BEST if self.files.has(BEST) else LAST)
        if which != LAST:
            return self.checkpoint(f"{checkpoints.PART}/{self.named(which).name}")
        checkpoint, problems = self.newest()
        if checkpoint is None:
            why = self.lost() or "has no checkpoint yet; the training ended before it wrote its first"
            raise RunError("; ".join(problems) or f"{self.folder}: {why}")
        return checkpoint

    def named(self, which: str) -> Path:
        """The file that ``best`` or the number of a step means."""
        if which == "best":
            path = self.best
            if path is None:
                raise RunError(
                    f"{self.folder}: has no best weights, as nothing was judged by validation data; take last"
                )
            if not self.files.has(f"{checkpoints.PART}/{path.name}"):
                if not list(checkpoints.steps(self.files)):
                    raise RunError(f"{self.folder}: {self.lost()}")
                raise RunError(f"{path}: the best weights are gone; --weights last takes the last ones")
            return path
        there = {str(step): self.path(step) for step in checkpoints.steps(self.files)}
        if which not in there:
            raise RunError(f"{self.folder}: expected best, last or one of the steps {', '.join(there)}, got {which}")
        return there[which]

    @property
    def best(self) -> Path | None:
        """The file of the best weights, whether it is there or not; None if no evaluation was the best."""
        name = self.named_in(BEST)
        return self.folder / checkpoints.PART / name if name else None

    def kind(self, step: int) -> str:
        """What the checkpoint of a step is: ``best``, ``last`` or ``step``."""
        if self.best == self.path(step):
            return "best"
        last = self.checkpoints()[-1:]
        return "last" if last == [self.path(step)] else "step"

    def restore(self, variables: Mapping[str, Variable], which: str = "") -> Checkpoint:
        """Set the model's ``variables`` from a checkpoint."""
        checkpoint = self.chosen(which)
        identity.check(checkpoint.provenance, self.spec, self.path(checkpoint.step))
        wanted = {k: v for k, v in checkpoint.arrays.items() if k in variables or k.startswith("model.")}
        assign(variables, wanted, f"{self.path(checkpoint.step)}")
        return checkpoint


def all_runs(folder: Path) -> Iterator[Run]:
    """The runs in a folder, by name."""
    yield from map(Run, runs_in(folder))
