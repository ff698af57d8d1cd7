"""A file that a command was asked to write: it appears whole, or what was there before stays."""

from __future__ import annotations

import os
import re
import secrets
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from agcli.datasets import DataError
from agcli.engine.variables import sync_folder

DESCRIPTORS = {"/dev/stdout": 1, "/dev/stderr": 2}
_BY_NUMBER = re.compile(r"(?:/dev|/proc/self)/fd/(\d{1,6})")
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


@contextmanager
def whole_file(out: Path) -> Iterator[IO[bytes]]:
    """A file of bytes that takes the place of ``out`` when all is written, with the permissions of the old one.

    A link stays one, to the new file. A device, a pipe or an open descriptor (`/dev/stdout`) is written into as the
    bytes come. Raises DataError that names the file: exit code 2 for a name that cannot be, 1 where the system refuses
    to write on.
    """
    descriptor = _descriptor(out)
    if descriptor is not None:
        with _naming(out), os.fdopen(os.dup(descriptor), "wb") as file:
            yield file
        return
    target = _place(out)
    try:
        old = target.stat()
    except FileNotFoundError:
        old = None
    except OSError as error:
        raise DataError(f"{out}: cannot be written: {error.strerror or error}") from None
    if old is not None and not stat.S_ISREG(old.st_mode):
        with _naming(out), target.open("wb") as file:
            yield file
        return
    if old is not None and not os.access(target, os.W_OK):
        raise DataError(f"{out}: cannot be written: Permission denied")
    temporary = target.with_name(f".ag-{os.getpid()}-{secrets.token_hex(4)}.part")
    try:
        handle = os.open(temporary, _NEW, 0o666)  # less what umask takes away
    except OSError as error:
        raise DataError(f"{out}: cannot be written: {error.strerror or error}") from None
    try:
        with _naming(out), os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            if old is not None:
                os.chmod(temporary, stat.S_IMODE(old.st_mode))
            os.fsync(file.fileno())
        with _naming(out):
            os.replace(temporary, target)
            with suppress(OSError):
                sync_folder(target.parent)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


def _descriptor(out: Path) -> int | None:
    """The descriptor that a name stands for. What it points to may be a file, which is not ours to replace."""
    numbered = _BY_NUMBER.fullmatch(str(out))
    return int(numbered[1]) if numbered else DESCRIPTORS.get(str(out))


def _place(out: Path) -> Path:
    """Where the content goes: behind a link, what it points to."""
    try:
        target = out.resolve() if out.is_symlink() else out
        is_folder, is_inside = target.is_dir(), target.parent.is_dir()
    except (OSError, RuntimeError, ValueError) as error:  # a circle of links; a NUL in the name
        raise DataError(f"{out}: cannot be written: {getattr(error, 'strerror', None) or error}") from None
    if is_folder:
        raise DataError(f"{out}: expected the name of a file, found a folder")
    if not is_inside:
        raise DataError(f"{out}: there is no folder {target.parent}")
    return target


@contextmanager
def _naming(out: Path) -> Iterator[None]:
    """Turns what the system says against writing into one sentence with the file's name, exit code 1."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        said = DataError(f"{out}: cannot be written: {error.strerror or error}")
        said.exit_code = 1
        raise said from None


def is_one_of(out: Path, files: Iterable[Path]) -> bool:
    """Whether what is to be written would take the place of one of some files, by whatever name."""
    for path in files:
        with suppress(OSError):
            if out.exists() and path.exists() and out.samefile(path):
                return True
    return False
