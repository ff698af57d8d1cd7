"""Taking a run's folder away: only what a training writes, so that nothing else is lost by mistake."""

from __future__ import annotations

import shutil
from pathlib import Path

from .files import RunError, writing
from .lock import is_locked
from .run import MARK, Run

OURS = (
    MARK,
    "data.json",
    "environment.json",
    "metrics.jsonl",
    "log.txt",
    "best",
    "last",
    "lock",
    "result.json",
    "looks.json",
    "fit.json",
    "report.html",
    "profile.json",
    "failure-step-*/*",
    ".*.part",
    "checkpoints/step-*.safetensors",
    "checkpoints/.*.part",
)


def size(folder: Path) -> int:
    """Bytes of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def remove(run: Run) -> list[Path]:
    """Remove a run; returns the files in its folder that are not of it, which stay. Raises RunError while it trains."""
    folder = run.folder
    if folder.is_symlink():
        raise RunError(f"{folder}: is a link; remove what it leads to")
    if not any((folder / name).exists() for name in ("checkpoints", "metrics.jsonl", "environment.json")):
        raise RunError(f"{folder}: has a {MARK}, but nothing else of a run; it is left alone")
    if is_locked(folder):
        raise RunError(f"{folder}: a process trains in it now; stop it first")
    with writing(folder):
        for path in (found for pattern in OURS for found in sorted(folder.glob(pattern))):
            path.unlink(missing_ok=True)
        for part in (folder / "checkpoints", *folder.glob("failure-step-*"), folder):
            if part.is_dir() and not any(part.iterdir()):
                shutil.rmtree(part)
    return sorted(path for path in folder.rglob("*") if path.is_file()) if folder.exists() else []
