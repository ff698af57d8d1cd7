"""Run folders: the resolved spec, metrics and checkpoints, all plain files."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agcli.engine.errors import EngineError
from agcli.engine.leaves import Variable
from agcli.engine.variables import assign, load_arrays, save_arrays, write_atomically
from agcli.spec import Spec, read_spec

KEPT = 2  # checkpoints; the older of the two is there should the newer be damaged
MARK = "spec.yaml"
LEARNT = "data.json"
MAX_LEARNT = 1 << 28  # bytes of statistics; 10,000 columns of 100 names each take some 20 MB


class RunError(ValueError):
    """A run folder that cannot be made, or is none."""

    exit_code = 2


class Run:
    """One training's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def create(cls, spec: Spec, out: Path | None = None, learnt: Mapping[str, Any] | None = None) -> Run:
        """A new folder: ``out``, or ``runs/<name>-<time>``. ``learnt`` is what the data taught, as plain data."""
        folder = out if out is not None else free(Path("runs") / f"{spec.name}-{time.strftime('%Y%m%d-%H%M%S')}")
        try:
            if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
                raise RunError(f"{folder}: exists and is not an empty folder; name another with --out")
            (folder / "checkpoints").mkdir(parents=True, exist_ok=True)
            if learnt is not None:
                write_atomically(folder / LEARNT, json.dumps(learnt).encode())
            write_atomically(folder / MARK, spec.dump().encode())
        except OSError as e:
            raise RunError(f"{folder}: the run's folder cannot be written: {e.strerror or e}") from None
        return cls(folder)

    @classmethod
    def open(cls, folder: Path) -> Run:
        """An existing run."""
        if not (folder / MARK).is_file():
            raise RunError(f"{folder}: expected a run folder with a {MARK}, {found(folder)}")
        return cls(folder)

    @property
    def spec(self) -> Spec:
        return read_spec(self.folder / MARK)

    @property
    def learnt(self) -> dict[str, Any] | None:
        """What the training split taught: categories, means, a vocabulary; None for data that needs nothing."""
        path = self.folder / LEARNT
        if not path.exists():
            return None
        try:
            with path.open("rb") as f:
                content = f.read(MAX_LEARNT + 1)
            plain = json.loads(content) if len(content) <= MAX_LEARNT else None
        except OSError as e:
            raise RunError(f"{path}: cannot be read: {e.strerror or e}") from None
        except (ValueError, RecursionError):
            plain = None
        if not isinstance(plain, dict):
            raise RunError(f"{path}: expected the statistics that training wrote, found something else")
        return plain

    def log(self, event: Mapping[str, Any]) -> None:
        """Append one line to ``metrics.jsonl``."""
        with self.writing(), (self.folder / "metrics.jsonl").open("a", encoding="utf-8") as f:
            f.write(json.dumps(event) + "\n")

    def writing(self) -> Writing:
        return Writing(self.folder)

    def save(self, step: int, variables: Mapping[str, Variable], metadata: Mapping[str, str]) -> Path:
        """Write a checkpoint and remove all but the newest two."""
        path = self.folder / "checkpoints" / f"step-{step:08}.safetensors"
        with self.writing():
            save_arrays(path, {k: v.value for k, v in variables.items()}, metadata)
            for old in self.checkpoints()[:-KEPT]:
                old.unlink(missing_ok=True)
        return path

    def checkpoints(self) -> list[Path]:
        """The checkpoints, oldest first."""
        return sorted((self.folder / "checkpoints").glob("step-*.safetensors"))

    def restore(self, variables: Mapping[str, Variable]) -> dict[str, str]:
        """Set ``variables`` from the newest checkpoint; returns what the checkpoint says of itself."""
        saved = self.checkpoints()
        if not saved:
            raise RunError(f"{self.folder}: has no checkpoint; the training ended before its first epoch did")
        arrays, metadata = load_arrays(saved[-1])
        wanted = {k: v for k, v in arrays.items() if k in variables or k.startswith("model.")}
        assign(variables, wanted, str(saved[-1]))
        return metadata


class Writing:
    """Turns what can go wrong while writing into one sentence."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, OSError) and not isinstance(error, EngineError):
            message = f"{error.filename or self.folder}: cannot be written: {error.strerror or error}"
            failed = RunError(message)
            failed.exit_code = 1
            raise failed from None


def free(folder: Path) -> Path:
    """``folder``, or the first of ``folder-2``, ``folder-3``, ... that does not exist."""
    candidate, n = folder, 1
    while candidate.exists():
        n += 1
        candidate = folder.with_name(f"{folder.name}-{n}")
    return candidate


def found(folder: Path) -> str:
    """What is in the place of a run folder, and which runs are near."""
    what = "found a file" if folder.is_file() else "found another folder" if folder.is_dir() else "found nothing there"
    parent = folder if folder.is_dir() else folder.parent
    try:
        near = sorted(str(p.parent) for p in parent.glob(f"*/{MARK}"))[-3:]
    except OSError:
        near = []
    return what + (f"; runs near it: {', '.join(near)}" if near else "; `ag train SPEC` makes one")
