"""Where runs lie: free names for new ones, and what is found in the place of one."""

from __future__ import annotations

import time
from pathlib import Path

from . import checkpoints
from .files import PART, Folder, RunError
from .migrate import ENVIRONMENT, PREPROCESSING, SPEC

MARK = SPEC  # a folder with this file is a run
RUNS = Path("runs")  # where runs lie, if nobody says otherwise


def free(folder: Path) -> Path:
    """``folder``, or the first of ``folder-2``, ``folder-3``, ... that does not exist."""
    candidate, n = folder, 1
    while candidate.exists() or candidate.is_symlink():
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
    files = Folder(folder)
    known = {PREPROCESSING, ENVIRONMENT, "lock", checkpoints.PART}
    names = {name for name in files.names() if not PART.fullmatch(name)}
    return names <= known and (checkpoints.PART not in names or not files.names(checkpoints.PART))


def hint(folder: Path) -> str:
    return f", or train on with --resume {folder}" if Folder(folder).has(MARK) else ""


def found(folder: Path, place: Path = RUNS) -> str:
    """What is in the place of a run folder, and which runs are near: beside it, or in ``place`` with its name first."""
    what = "found a file" if folder.is_file() else "found another folder" if folder.is_dir() else "found nothing there"
    beside = runs_in(folder if folder.is_dir() else folder.parent)
    near = beside or [run for run in runs_in(place) if run.name.startswith(folder.name)] or runs_in(place)
    return what + (f"; runs near it: {', '.join(map(str, near[-3:]))}" if near else "; `ag train SPEC` makes one")


def runs_in(folder: Path) -> list[Path]:
    """The folders of the runs in a folder, by name; none if it cannot be read."""
    try:
        return [path for path in sorted(folder.iterdir()) if path.is_dir() and _has_mark(path)]
    except OSError:
        return []


def _has_mark(folder: Path) -> bool:
    try:
        return Folder(folder).has(MARK)
    except RunError:  # it is somebody else's, who lets nobody look
        return False
