"""The files of a run: the one way in which they are opened, written and removed, with errors in one sentence.

A run's folder may come from anyone. So a name in it is looked up relative to the open folder, and what is there has to
be a file of its own: a link would lead out of the folder, a pipe would wait for ever.
"""

from __future__ import annotations

import errno
import json
import os
import re
import secrets
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

MAX_JSON = 1 << 28  # bytes; the statistics of 10,000 columns of 100 names each take some 20 MB
MAX_LINES = 1 << 30  # bytes of metrics.jsonl
MAX_LINE = 1 << 24  # bytes of one of its lines: the confusion matrix of 1,000 classes takes some 8 MB
PART = re.compile(  # what is written, until it is whole
    r"\.(spec\.yaml|[a-z]+\.(json|jsonl|html|txt)|lock|best|last|[a-z]+(-\d+)?\.safetensors)\.[0-9a-z_]+\.part"
)

_RELATIVE = {os.open, os.stat, os.unlink, os.rename, os.mkdir, os.rmdir} <= os.supports_dir_fd  # not on Windows
_FLAGS = sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY"))
_KINDS = {
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFBLK: "a device",
    stat.S_IFCHR: "a device",
}


class RunError(ValueError):
    """A run folder that cannot be made, written or read, or is none."""

    exit_code = 2


class Folder:
    """A folder whose files are a run's. A name is that of a file, or `part/file` for one in a folder below."""

    def __init__(self, path: Path) -> None:
        self.path = path

    # Names

    @contextmanager
    def _at(self, name: str) -> Iterator[tuple[str, int | None]]:
        """The last part of a name, and the open folder that it is relative to; errors of the system name the file."""
        *parts, last = name.split("/")
        path, opened = self.path, []
        try:
            if not _RELATIVE:
                for part in parts:
                    path /= part
                    _check(path, os.lstat(path).st_mode, stat.S_IFDIR)
                yield str(path / last), None
                return
            opened.append(os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
            for part in parts:
                path /= part
                _check(path, os.stat(part, dir_fd=opened[-1], follow_symlinks=False).st_mode, stat.S_IFDIR)
                flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
                opened.append(os.open(part, flags, dir_fd=opened[-1]))
            yield last, opened[-1]
        except OSError as e:
            raise OSError(e.errno, e.strerror, str(self.path / name)) from None
        finally:
            for handle in opened:
                with suppress(OSError):  # nothing was written by it
                    os.close(handle)

    def has(self, name: str) -> bool:
        """Whether anything has this name; what it is shows when it is read."""
        return self.mode(name) is not None

    def mode(self, name: str) -> int | None:
        """Kind and permissions of what has this name; None if nothing has. Raises RunError if the system cannot say."""
        try:
            with self._at(name) as (last, at):
                return os.stat(last, dir_fd=at, follow_symlinks=False).st_mode
        except (FileNotFoundError, NotADirectoryError, ValueError):  # the last of a name with a NUL, or below a link
            return None
        except OSError as e:
            raise self._unreadable(name, e) from None

    def is_file(self, name: str) -> bool:
        """Whether a file has this name, and no link or the like."""
        return stat.S_ISREG(self.mode(name) or 0)

    def modified(self, name: str) -> float:
        """When a file was written last, in seconds since 1970; 0 if it is not there."""
        try:
            with self._at(name) as (last, at):
                return os.stat(last, dir_fd=at, follow_symlinks=False).st_mtime
        except (OSError, ValueError):
            return 0.0

    def names(self, part: str = "") -> list[str]:
        """The names in the folder, or in a folder below, sorted; none if there is no such folder."""
        try:
            with self._at(f"{part}/." if part else ".") as (last, at):
                return sorted(os.listdir(last if at is None else at))
        except FileNotFoundError:
            return []

    # Reading

    def open(self, name: str, flags: int = os.O_RDONLY) -> int:
        """A descriptor of a file. Raises RunError for what is none, and waits for nothing."""
        path = self.path / name
        with self._at(name) as (last, at):
            with suppress(FileNotFoundError):  # looked at first: to open a device may set something off
                _check(path, os.stat(last, dir_fd=at, follow_symlinks=False).st_mode)
            handle = os.open(last, flags | _FLAGS, 0o666, dir_fd=at)
            try:
                _check(path, os.fstat(handle).st_mode)
            except BaseException:
                os.close(handle)
                raise
        return handle

    def read(self, name: str, limit: int = MAX_JSON, problem: Callable[[int, int], str] | None = None) -> bytes | None:
        """The content of a file of up to ``limit`` bytes; None if there is none. Raises RunError for all else.

        ``problem`` may say, by the descriptor and the size, why a file need not be read at all.
        """
        try:
            with os.fdopen(self.open(name), "rb") as file:
                size = os.fstat(file.fileno()).st_size
                if size > limit:
                    raise RunError(f"{self.path / name}: has {size:,} bytes; at most {limit:,} are read")
                if problem is not None and (said := problem(file.fileno(), size)):
                    raise RunError(f"{self.path / name}: {said}")
                return file.read(size)
        except FileNotFoundError:
            return None
        except OSError as e:
            raise self._unreadable(name, e) from None

    def _unreadable(self, name: str, error: OSError) -> RunError:
        return RunError(f"{self.path / name}: cannot be read: {error.strerror or error}")

    def read_json(self, name: str, expected: str) -> dict[str, Any] | None:
        """The mapping in a file; None if there is no file. Raises RunError if it holds anything else."""
        content = self.read(name)
        if content is None:
            return None
        try:
            plain = json.loads(content)
        except (ValueError, RecursionError) as e:
            raise RunError(f"{self.path / name}: expected {expected}, found no JSON: {_said(e)}") from None
        if not isinstance(plain, dict):
            raise RunError(f"{self.path / name}: expected {expected}, found something else")
        return plain

    def read_lines(self, name: str) -> Iterator[tuple[int, dict[str, Any]]]:
        """The objects of a file of JSON lines with their numbers, from 1; a last line that was cut off is left out.

        Raises RunError, with the number of the line, for any other line that is no object.
        """
        lines = (self.read(name, MAX_LINES) or b"").split(b"\n")
        lines.pop()  # what follows the last end of a line
        for number, line in enumerate(lines, 1):
            try:
                record = json.loads(line) if len(line) <= MAX_LINE else None
            except (ValueError, RecursionError):
                record = None
            if not isinstance(record, dict):
                raise RunError(
                    f"{self.path / name}:{number}: expected a JSON object, found something else; "
                    "the file is damaged: without this line, it can be read again"
                )
            yield number, record

    # Writing

    def write(self, name: str, data: bytes, *, durable: bool = True) -> None:
        """Put ``data`` in the place of a file so that at every moment the old or the new content is whole.

        If ``durable``, it survives a loss of power from then on. Permissions are those of the file that was there, or
        as the umask has it.
        """
        with self._at(name) as (last, at):
            mode = None
            with suppress(FileNotFoundError):
                mode = os.stat(last, dir_fd=at, follow_symlinks=False).st_mode
                _check(self.path / name, mode)
            folder, base = os.path.split(last)
            part = os.path.join(folder, f".{base}.{secrets.token_hex(8)}.part")
            try:
                handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FLAGS, 0o666, dir_fd=at)
                try:
                    if mode is not None and hasattr(os, "fchmod"):
                        with suppress(OSError):  # on file systems without permissions
                            os.fchmod(handle, stat.S_IMODE(mode))
                    _put(handle, data)
                    if durable:
                        os.fsync(handle)
                finally:
                    os.close(handle)
                os.replace(part, last, src_dir_fd=at, dst_dir_fd=at)
            except BaseException:
                with suppress(OSError):
                    os.unlink(part, dir_fd=at)
                raise
            if durable and at is not None:
                os.fsync(at)

    def append(self, name: str, data: bytes) -> None:
        """Add to the end of a file, all of it or nothing. A file that has other names, too, is parted from them."""
        handle = self.open(name, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        try:
            try:
                found = os.fstat(handle)
                if found.st_nlink > 1:  # what the other names mean stays as it is
                    self.write(name, (self.read(name, MAX_LINES) or b"") + data)
                    return
                try:
                    _put(handle, data)
                except OSError:
                    with suppress(OSError):
                        os.ftruncate(handle, found.st_size)
                    raise
            finally:
                os.close(handle)
        except OSError as e:
            raise OSError(e.errno, e.strerror, str(self.path / name)) from None

    def make(self, part: str) -> None:
        """Make a folder below, if it is not there."""
        with self._at(part) as (last, at):
            with suppress(FileExistsError):
                os.mkdir(last, dir_fd=at)
            _check(self.path / part, os.stat(last, dir_fd=at, follow_symlinks=False).st_mode, stat.S_IFDIR)

    def rename(self, old: str, new: str) -> None:
        """Give a file another name in the same folder. What had that name is gone."""
        with self._at(old) as (last, at):
            to = os.path.join(os.path.dirname(last), os.path.basename(new))
            os.replace(last, to, src_dir_fd=at, dst_dir_fd=at)

    def remove(self, name: str) -> None:
        """Remove a file, if it is there; of a link, the link."""
        with suppress(FileNotFoundError), self._at(name) as (last, at):
            os.unlink(last, dir_fd=at)

    def remove_empty(self, part: str) -> None:
        """Remove a folder below, if it is there and empty."""
        try:
            with self._at(part) as (last, at):
                os.rmdir(last, dir_fd=at)
        except OSError as e:
            if e.errno not in (errno.ENOENT, errno.ENOTEMPTY, errno.EEXIST):
                raise

    def clear(self, part: str = "") -> None:
        """Remove what a killed process left half written."""
        for name in self.names(part):
            if PART.fullmatch(name):
                self.remove(f"{part}/{name}" if part else name)


def _check(path: Path, mode: int, wanted: int = stat.S_IFREG) -> None:
    """Raise RunError if what lies at a path is not of the kind that a run has there."""
    found = stat.S_IFMT(mode)
    if found != wanted:
        what = "folder" if wanted == stat.S_IFDIR else "file"
        said = _KINDS.get(found, "a file" if found == stat.S_IFREG else "something else")
        why = "; what leads out of a run's folder is not followed" if found == stat.S_IFLNK else ""
        raise RunError(f"{path}: expected a {what} of the run, found {said}{why}; remove it, or put a {what} there")


def _put(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view[: 1 << 30]) :]


def _said(error: Exception) -> str:
    return "it is nested too deeply" if isinstance(error, RecursionError) else str(error)


@contextmanager
def writing(folder: Path, advice: Callable[[], str] = str) -> Iterator[None]:
    """Turns what the system says against writing (full disk, read-only, gone) into one sentence, exit code 1."""
    try:
        yield
    except OSError as e:
        gone = "" if folder.is_dir() else "; the folder is gone"
        said = f"{e.filename or folder}: cannot be written: {e.strerror or e}{gone}"
        more = advice()
        error = RunError(f"{said}; {more}" if more else said)
        error.exit_code = 1
        raise error from None
