"""A lock on a run's folder, which the system takes back when its process ends, however it ends."""

from __future__ import annotations

import os
from pathlib import Path

from .files import RunError, writing

NAME = "lock"

try:
    import fcntl
except ImportError:  # Windows, where an open file cannot be replaced; the lock is only advice there
    fcntl = None  # type: ignore[assignment]


class Lock:
    """One process at a time trains in a folder. Raises RunError, with the other's number, if it is taken."""

    def __init__(self, folder: Path) -> None:
        path = folder / NAME
        with writing(folder):
            self._file: int | None = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        if fcntl is not None:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                owner = os.read(self._file, 32).decode("ascii", "replace").strip() or "unknown"
                os.close(self._file)
                raise RunError(f"{folder}: another process (number {owner}) is training in this folder") from None
        try:
            with writing(folder):
                os.ftruncate(self._file, 0)
                os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)
        except BaseException:
            self.release()
            raise

    def release(self) -> None:
        """Let others in."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def is_locked(folder: Path) -> bool:
    """Whether a process trains in the folder now."""
    if fcntl is None or not (folder / NAME).exists():
        return False
    try:
        file = os.open(folder / NAME, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(file)
    return False
