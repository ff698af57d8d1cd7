"""Files that are too large to ship: found in $AG_DATA or the cache, else downloaded, and always checked."""

from __future__ import annotations

import hashlib
import logging
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import IO

from .errors import DataError

LOG = logging.getLogger(__name__)
_TIMEOUT = 30  # seconds, to connect and between two pieces
_REASONS = {  # by the name of an exception of requests, which is not imported before it is needed
    "ChunkedEncodingError": "the connection broke off",
    "ConnectionError": "no connection",
    "ConnectTimeout": f"no connection within {_TIMEOUT} seconds",
    "PermissionError": "the cache folder cannot be written; AG_CACHE can name another",
    "ProxyError": "no connection to the proxy",
    "ReadTimeout": f"no answer for {_TIMEOUT} seconds",
    "SSLError": "no secure connection: the certificate could not be verified",
}


@dataclass(frozen=True)
class RemoteFile:
    """A published file: its name, its size in bytes and its SHA-256."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Source:
    """Where the files of a data set are published; a mirror is an address that a file's name is appended to."""

    name: str
    mirrors: tuple[str, ...]


def locate(source: Source, file: RemoteFile) -> Path:
    """The verified local file: $AG_DATA/<set>/<file> if it is there, else the cache, else the first mirror that works.

    The cache is $AG_CACHE, or the user's cache folder. A wrong file in $AG_DATA is an error rather than a reason to
    download, and so is an $AG_DATA that is no folder.
    """
    if given := os.environ.get("AG_DATA"):
        folder = Path(given).expanduser()
        if not folder.is_dir():
            raise DataError(f"AG_DATA: no such folder: {folder}; correct the variable, or unset it to download")
        path = folder / source.name / file.name
        if path.exists():
            _verify(path, file)
            return path
    return _fetch(source, file)


def is_at_hand(source: Source, file: RemoteFile) -> bool:
    """Whether a file need not be downloaded, as far as its name tells."""
    given = os.environ.get("AG_DATA")
    folders = [Path(given).expanduser() / source.name] if given else []
    return any((folder / file.name).is_file() for folder in folders) or (_kept(source) / file.name).is_file()


def _kept(source: Source) -> Path:
    """The folder of the cache for a set."""
    import pooch  # type: ignore[import-untyped]  # here, because it costs 50 ms, and 120 more with requests

    return Path(os.environ.get("AG_CACHE") or pooch.os_cache("agcli")).expanduser() / source.name


def _verify(path: Path, file: RemoteFile) -> None:
    try:
        with path.open("rb") as opened:
            size = os.fstat(opened.fileno()).st_size
            if size == file.size and hashlib.file_digest(opened, "sha256").hexdigest() == file.sha256:
                return
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from None
    found = f"{size:,} bytes" if size != file.size else "other content of that size"
    raise DataError(
        f"{path}: expected the published file of {file.size:,} bytes with SHA-256 {file.sha256}, found {found}; "
        "replace the file, or remove it to download"
    )


def _fetch(source: Source, file: RemoteFile) -> Path:
    import pooch

    folder = _cache(_kept(source))
    # "identity": a server that packs a packed file once more would give us bytes of another hash.
    transfer = pooch.HTTPDownloader(timeout=_TIMEOUT, chunk_size=1 << 16, headers={"Accept-Encoding": "identity"})

    def download(url: str, target: str, _: object) -> None:
        LOG.info("downloading %s (%.1f MB) from %s", file.name, file.size / 1e6, url)
        with Path(target).open("wb") as opened:
            transfer(url, _Bounded(opened, file.size), None)

    failures, path = [], folder / file.name
    if path.is_file() and _is_verified(path, file):
        return path
    with _kept_aside(path):
        for mirror in source.mirrors:
            url = mirror + file.name
            try:
                with _silenced(pooch.get_logger()):
                    pooch.retrieve(url, f"sha256:{file.sha256}", file.name, folder, downloader=download)
                _open_to_readers(path)
                return path
            except (OSError, ValueError) as error:  # requests' errors are OSErrors; a wrong hash is a ValueError
                failures.append(f"  {url}: {_reason(error)}")
    heading = f"{source.name}: no mirror gave {file.name}"
    raise DataError("\n".join([heading, *failures, _by_hand(source, file, folder)]))


def _is_verified(path: Path, file: RemoteFile) -> bool:
    try:
        _verify(path, file)
    except DataError:
        return False
    return True


@contextmanager
def _kept_aside(path: Path) -> Iterator[None]:
    """Whatever has the name of a file that is downloaded, and is not that file, is kept under another name."""
    if not os.path.lexists(path):
        yield
        return
    aside = next(p for n in count(1) if not os.path.lexists(p := path.with_name(f"{path.name}.kept-{n}")))
    try:
        path.rename(aside)
    except OSError as error:
        raise DataError(f"{path}: is not the published file, and cannot be renamed: {error.strerror}") from None
    LOG.info("%s: is not the published file; kept as %s", path, aside.name)
    yield
    if not os.path.lexists(path):
        aside.rename(path)


def _open_to_readers(path: Path) -> None:
    """Give a download the permissions of any new file; that of a temporary one, which it was, has none for others."""
    probe = path.with_name(f".{path.name}.{os.getpid()}.part")
    with suppress(OSError):
        handle = os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        path.chmod(stat.S_IMODE(os.fstat(handle).st_mode))
        os.close(handle)
        probe.unlink()


def _cache(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        advice = "set AG_CACHE to a folder that can be written"
        raise DataError(f"{folder}: cannot make the cache folder: {error.strerror}; {advice}") from None
    return folder


def _by_hand(source: Source, file: RemoteFile, cache: Path) -> str:
    return (
        f"Try again with a network, or get {file.name} ({file.size:,} bytes, SHA-256 {file.sha256}) by other means "
        f"and put it into {cache}, or into DIR/{source.name} and set AG_DATA=DIR"
    )


def _reason(error: Exception) -> str:
    """What went wrong, in one short line; the texts of requests and pooch are for programmers."""
    response = getattr(error, "response", None)
    if response is not None:
        return f"HTTP {response.status_code} {response.reason}".rstrip()
    if isinstance(error, ValueError) and "hash" in str(error):
        return "the content has another SHA-256 (damaged, cut short or replaced)"
    name = type(error).__name__
    return _REASONS.get(name) or f"{name}: {error}"


class _Bounded:
    """A file that refuses to grow beyond the size that was announced, so that no server can fill the disk."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self.file, self.left = file, size
        self.flush = file.flush

    def write(self, data: bytes) -> int:
        self.left -= len(data)
        if self.left < 0:
            raise OSError("the server sends more than the file's published size")
        return self.file.write(data)


@contextmanager
def _silenced(logger: logging.Logger) -> Iterator[None]:
    """pooch's logger writes to standard error by itself; who wants to read of downloads listens to ours."""
    was, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = was
