"""A lock on a run's folder, which the system takes back when its process ends, however it ends."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from .files import Folder, RunError, writing

NAME = "lock"
TRIES = 3  # some file systems do not count the names of a file

try:
    import fcntl
except ImportError:  # Windows, where an open file cannot be replaced; the lock is only advice there
    fcntl = None  # type: ignore[assignment]


class Lock:
    """One process at a time trains in a folder. Raises RunError, with the other's number, if it is taken."""

    def __init__(self, folder: Path) -> None:
        self._file: int | None = None
        files = Folder(folder)
        try:
            with writing(folder):
                self._take(files)
        except BaseException:
            self.release()
            raise

    def _take(self, files: Folder) -> None:
        """Lock the file that has the name, and write down whose it is."""
        for _ in range(TRIES):
            self._file = file = files.open(NAME, os.O_RDWR | os.O_CREAT)
            if fcntl is not None:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    owner = os.read(file, 32).decode("ascii", "replace").strip() or "unknown"
                    said = f"{files.path}: another process (number {owner}) is training in this folder"
                    raise RunError(said) from None
            if os.fstat(file).st_nlink == 1 or fcntl is None:
                break
            # It has another name somewhere, or was removed by now: one that is this folder's alone is taken instead.
            files.write(NAME, b"")
            os.close(file)
            self._file = None
        else:
            said = f"{files.path / NAME}: is the same file as another one somewhere else; remove it"
            raise RunError(said)
        os.ftruncate(file, 0)
        os.pwrite(file, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let others in."""
        if self._file is not None:
            with suppress(OSError):  # nothing was written that matters
                os.close(self._file)
            self._file = None


def is_locked(folder: Path) -> bool:
    """Whether a process trains in the folder now."""
    if fcntl is None:
        return False
    try:
        file = Folder(folder).open(NAME)
    except (OSError, RunError):
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        with suppress(OSError):
            os.close(file)
    return False
