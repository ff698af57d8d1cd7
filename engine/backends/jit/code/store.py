"""Machine code on disk, found by the hash of what it was made from.

What is loaded from here is executed. So files are used only from a folder that belongs to the user and that nobody
else may write to, and only if they are whole; without such a folder, kernels are compiled anew in every process.
A digest finds damage, not malice: who can write as the user can run code as the user anyway.
"""

from __future__ import annotations

import os
import re
import stat
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

MAGIC = b"agcli machine code 1\n"  # by which a file is known to be ours
NAME = re.compile(r"[0-9a-f]{64}\.o|\.[0-9a-f]{64}\.o\.[0-9a-z_]+\.part")  # whole, or left by a killed process
LIMIT = 32 << 20  # bytes of the folder, beyond which the oldest half goes
LARGEST = 4 << 20  # bytes of one file
DIGEST = 32
SHARE = 8  # of the limit, as one part of so many: what may be saved before the whole folder is looked through again

_saved: dict[Path, int] = {}  # bytes since then, of a folder


def folder() -> Path | None:
    """The folder, made if it is missing; None where it is not safe, or where ``AG_KERNEL_CACHE`` is empty."""
    named = os.environ.get("AG_KERNEL_CACHE")
    if named == "" or not hasattr(os, "getuid"):
        return None
    try:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        path = Path(named) if named else base / "agcli" / "kernels"
        try:
            found = path.lstat()
        except FileNotFoundError:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            found = path.lstat()
    except (OSError, RuntimeError):
        return None
    return path if stat.S_ISDIR(found.st_mode) and private(found) else None


def private(found: os.stat_result) -> bool:
    """Whether a file or folder belongs to this user, and only this user can write it."""
    return found.st_uid == os.getuid() and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def name_of(key: str) -> str:
    return f"{sha256(key.encode()).hexdigest()}.o"


def load(key: str) -> bytes | None:
    """The machine code for ``key``, or None."""
    path = folder()
    if path is None:
        return None
    try:
        handle = os.open(path / name_of(key), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(handle, "rb") as file:
            found = os.fstat(handle)
            if not stat.S_ISREG(found.st_mode) or not private(found) or found.st_size > LARGEST:
                return None
            content = file.read()
    except OSError:
        return None
    if not content.startswith(MAGIC):
        return None
    digest, code = content[len(MAGIC) :][:DIGEST], content[len(MAGIC) + DIGEST :]
    return code if sha256(key.encode() + code).digest() == digest else None


def save(key: str, code: bytes) -> None:
    """Keep machine code: a whole file appears at once, whoever else writes it at the same time."""
    path = folder()
    if path is None or len(code) > LARGEST:
        return
    import tempfile  # which loads random numbers, and few processes have something to keep

    with suppress(OSError):
        make_room(path, len(code))
        handle, temporary = tempfile.mkstemp(dir=path, prefix=f".{name_of(key)}.", suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(MAGIC + sha256(key.encode() + code).digest() + code)
            os.replace(temporary, path / name_of(key))
        except OSError:
            Path(temporary).unlink(missing_ok=True)
            raise


def is_ours(name: str) -> bool:
    """Whether a file, by what it holds, is one that ``save`` wrote."""
    try:
        handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(handle, "rb") as file:
            return stat.S_ISREG(os.fstat(handle).st_mode) and file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def make_room(path: Path, more: int) -> None:
    """Remove the oldest of our files where they take more than the limit; what else lies in the folder stays.

    To look through a folder takes as long as to compile a kernel, so it is not done for each of them.
    """
    since = _saved.get(path, LIMIT) + more
    _saved[path] = since if since <= LIMIT // SHARE else 0
    if since <= LIMIT // SHARE:
        return
    rows = []
    for entry in os.scandir(path):
        if NAME.fullmatch(entry.name):
            with suppress(OSError):
                found = entry.stat(follow_symlinks=False)
                rows.append((found.st_mtime, found.st_size, entry.path))
    if sum(size for _, size, _ in rows) <= LIMIT:
        return
    rows = sorted(row for row in rows if is_ours(row[2]))
    total = sum(size for _, size, _ in rows)
    for _, size, name in rows if total > LIMIT else ():
        Path(name).unlink(missing_ok=True)
        total -= size
        if total <= LIMIT // 2:
            return
