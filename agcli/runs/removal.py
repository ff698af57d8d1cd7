"""Taking a run's folder away: only what a training writes, so that nothing else is lost by mistake."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from . import checkpoints
from .files import PART, RunError, writing
from .lock import is_locked
from .migrate import ENVIRONMENT
from .places import MARK
from .run import DAMAGED, Run

NAMES = frozenset(
    (
        MARK, "data.json", "environment.json", "metrics.jsonl", "log.txt", "best", "last", "lock", "result.json",
        "looks.json", "fit.json", "report.html", "profile.json",
    )
)  # fmt: skip
LAST = (MARK, ENVIRONMENT)  # up to there, a removal that was cut short can be done again; then the folder is free
FAILURE = re.compile(r"failure-step-\d+")  # folders, each of which holds a bundle


def size(folder: Path) -> int:
    """Bytes of all files in a folder."""
    return sum(found.st_size for path in entries(folder) if stat.S_ISREG((found := path.lstat()).st_mode))


def entries(folder: Path) -> Iterator[Path]:
    """Everything in a folder and below it but the folders; links are not followed."""
    for place, folders, names in os.walk(folder):
        yield from (Path(place, name) for name in (*names, *(f for f in folders if Path(place, f).is_symlink())))


def remove(run: Run) -> list[Path]:
    """Remove a run; returns what in its folder is not of it, which stays. Raises RunError while it trains."""
    folder, files = run.folder, run.files
    if folder.is_symlink():
        raise RunError(f"{folder}: is a link; remove what it leads to")
    if not any(files.has(name) for name in (checkpoints.PART, "metrics.jsonl", "environment.json")):
        raise RunError(f"{folder}: has a {MARK}, but nothing else of a run; it is left alone")
    if is_locked(folder):
        raise RunError(f"{folder}: a process trains in it now; stop it first")
    with writing(folder):
        found = ours(run)
        for name in found:
            if name not in LAST:
                files.remove(name)
        for part in parts(run):
            files.remove_empty(part)
        for name in LAST:
            if name in found:
                files.remove(name)
        if not files.names():
            folder.rmdir()
    return sorted(entries(folder)) if folder.exists() else []


def parts(run: Run) -> list[str]:
    """The folders of a run below its own."""
    names = [name for name in run.files.names() if name == checkpoints.PART or FAILURE.fullmatch(name)]
    return [name for name in names if stat.S_ISDIR(run.files.mode(name) or 0)]


def ours(run: Run) -> list[str]:
    """The files that a training wrote: by their names, and no links."""
    files = run.files
    found = [name for name in files.names() if name in NAMES or PART.fullmatch(name)]
    for part in parts(run):
        inside = files.names(part)
        if part == checkpoints.PART:
            names = {name: name.removesuffix(DAMAGED) for name in inside}
            inside = [name for name, known in names.items() if checkpoints.step_in(known) >= 0 or PART.fullmatch(name)]
        found += [f"{part}/{name}" for name in inside]
    return [name for name in found if files.is_file(name)]
