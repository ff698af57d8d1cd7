"""Packed files (gzip, bzip2, xz, Zstandard) as streams of bytes; how a file is packed is told by its first bytes.

Every read is bounded by the bytes that were asked for, so that a small file which unpacks to a large one costs no
more memory than the reader allows.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from .errors import DataError
from .files import size_of

_PIECE = 1 << 19  # packed bytes, read at a time
_GZIP = 31  # what zlib calls the format: the largest window, with header, length and checksum
_MEMORY = 1 << 28  # bytes that the window of xz or Zstandard may take
_MAX_WINDOW = _MEMORY.bit_length() - 1
_FED = 1 << 11  # packed bytes of Zstandard, of which one block unpacks to at most 32,768 times as many
_DAMAGE = {"zlib", "_lzma", "zstd", "_zstd", "zstandard", "zstandard.backend_c", "compression.zstd"}  # their errors


@dataclass(frozen=True)
class Packing:
    """A way of packing: its name, how such files begin, and what makes a stream that unpacks.

    A stream has `decompress(data, most)`, `eof`, `needs_input` and `unused_data`, as those of `bz2` and `lzma`.
    """

    name: str
    start: bytes
    member: Callable[[], Any]
    ratio: int = 1 << 26  # how many times as large a file may become


class _Gzip:
    """zlib's stream with the face of the others."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(_GZIP)

    @property
    def eof(self) -> bool:
        return self._stream.eof

    @property
    def unused_data(self) -> bytes:
        return self._stream.unused_data

    @property
    def needs_input(self) -> bool:
        return not self._stream.unconsumed_tail

    def decompress(self, data: bytes, most: int) -> bytes:
        return self._stream.decompress(self._stream.unconsumed_tail + data, most)


class _Zstandard:
    """The stream of the package zstandard, fed so little at a time that what it gives is bounded.

    Its own reader of files takes one that ends within a frame for a whole one.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._packed, self._found = b"", b""

    @property
    def eof(self) -> bool:
        return bool(self._stream.eof) and not self._found

    @property
    def unused_data(self) -> bytes:
        return bytes(self._stream.unused_data) + self._packed

    @property
    def needs_input(self) -> bool:
        return not (self._packed or self._found)

    def decompress(self, data: bytes, most: int) -> bytes:
        self._packed += data
        while not self._found and self._packed and not self._stream.eof:
            fed, self._packed = self._packed[:_FED], self._packed[_FED:]
            self._found = self._stream.decompress(fed)
        found, self._found = self._found[:most], self._found[most:]
        return found


def _xz() -> Any:
    return lzma.LZMADecompressor(memlimit=_MEMORY)


def _zstandard() -> Any:
    """Python's own from 3.14 on, else that of the package zstandard. Raises ImportError without either."""
    try:
        from compression import zstd  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        import zstandard

        return _Zstandard(zstandard.ZstdDecompressor(max_window_size=_MEMORY).decompressobj())
    return zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: _MAX_WINDOW})


PACKINGS = (
    Packing("gzip", b"\x1f\x8b", _Gzip, 1040),  # deflate's 1032, and room for the header
    Packing("bzip2", b"BZh", bz2.BZ2Decompressor),
    Packing("xz", b"\xfd7zXZ\0", _xz),
    Packing("Zstandard", b"\x28\xb5\x2f\xfd", _zstandard),
)
_LONGEST = max(len(packing.start) for packing in PACKINGS)


class Unpacked(io.RawIOBase):
    """A packed file as it is unpacked: one stream, or several that follow each other."""

    def __init__(self, raw: IO[bytes], packing: Packing, path: Path) -> None:
        self._raw, self._make, self.packing, self._path = raw, packing.member, packing, path
        self._member = self._make()

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        """So many bytes, or what is left of them."""
        if size < 0:
            raise ValueError("a packed file is read in pieces of a size")
        found = bytearray()
        while len(found) < size and (more := self._some(size - len(found))):
            found += more
        return bytes(found)

    def readinto(self, buffer: Any) -> int:
        """Put some bytes into the buffer; how many, 0 at the end."""
        found = self._some(len(buffer))
        buffer[: len(found)] = found
        return len(found)

    def _some(self, most: int) -> bytes:
        """Some bytes. Raises DataError for a damaged stream."""
        try:
            return self._next(most)
        except EOFError:
            raise DataError(f"{self._path}: the {self.packing.name} stream ends too early") from None
        except Exception as error:
            if type(error).__module__ not in _DAMAGE and getattr(error, "errno", 0) is not None:  # bzip2 has an OSError
                raise
            raise DataError(f"{self._path}: damaged {self.packing.name} stream ({error})") from None

    def _next(self, most: int) -> bytes:
        data = b""
        while most:
            if self._member.eof:  # its checksum was right; another member may follow, or zeros that fill a block
                data = (data or self._member.unused_data).lstrip(b"\0") or self._raw.read(_PIECE).lstrip(b"\0")
                if not data:
                    return b""
                self._member = self._make()
            elif self._member.needs_input and not data:
                data = self._raw.read(_PIECE)
                if not data:
                    raise EOFError
            found: bytes = self._member.decompress(data, most)
            if found:
                return found
            data = b""
        return b""


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """The file, unpacked if it is packed. Raises DataError for what is no regular file, or cannot be opened."""
    size_of(path)
    try:
        file = path.open("rb")
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}", ("file",)) from None
    with file:
        start = read(file, _LONGEST, path)
        file.seek(0)
        packing = next((packing for packing in PACKINGS if start.startswith(packing.start)), None)
        if packing is None:
            yield file
            return
        try:
            unpacked = Unpacked(file, packing, path)
        except ImportError:
            raise _lacking(path, packing.name) from None
        yield cast("IO[bytes]", unpacked)


def packed(file: IO[bytes], packing: str, path: Path) -> AbstractContextManager[IO[bytes]]:
    """What packs all that is written to it into a file, without a date, so that equal content gives equal files."""
    if packing == "gzip":
        return _closing(gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0))
    if packing == "bzip2":
        return _closing(bz2.BZ2File(file, "wb"))
    if packing == "xz":
        return _closing(lzma.LZMAFile(file, "wb"))
    try:
        return _closing(_zstandard_writer(file))
    except ImportError:
        raise _lacking(path, packing) from None


def _zstandard_writer(file: IO[bytes]) -> Any:
    try:
        from compression import zstd  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        import zstandard

        return zstandard.ZstdCompressor().stream_writer(file, closefd=False)
    return zstd.ZstdFile(file, "wb")


def _closing(file: Any) -> AbstractContextManager[IO[bytes]]:
    return cast("AbstractContextManager[IO[bytes]]", file)


def _lacking(path: Path, packing: str) -> DataError:
    needed = f'{packing} needs the package zstandard; run pip install "agcli[zstd]"'
    return DataError(f"{path}: {needed}", ("file",))


def read(file: IO[bytes], size: int, path: Path) -> bytes:
    """Some bytes of a file, unpacked; none at its end. Raises DataError for one that cannot be read."""
    try:
        return file.read(size)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from None


def content(path: Path, max_bytes: int) -> bytes:
    """A whole file, unpacked. Raises DataError if that is more than so many bytes."""
    found = bytearray()
    with opened(path) as file:
        while piece := read(file, 1 << 20, path):
            found += piece
            if len(found) > max_bytes:
                raise DataError(f"{path}: expected at most {max_bytes:,} bytes unpacked, found more", ("file",))
    return bytes(found)


@contextmanager
def seekable(path: Path, max_bytes: int) -> Iterator[Path | io.BytesIO]:
    """The file for a reader that goes to and fro: itself, or its unpacked content in memory."""
    with opened(path) as file:
        is_packed = isinstance(file, Unpacked)
    yield io.BytesIO(content(path, max_bytes)) if is_packed else path
