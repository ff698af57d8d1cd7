"""Text as UTF-8: other encodings by their name, by their first bytes, or told by the bytes that UTF-8 cannot have."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from .errors import DataError
from .signatures import LOOKED_AT, signature

# The encodings that a description may name, as Python calls them.
ENCODINGS = (
    "utf-8", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be", "ascii",
    "cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258",
    "iso-8859-1", "iso-8859-2", "iso-8859-3", "iso-8859-4", "iso-8859-5", "iso-8859-6", "iso-8859-7", "iso-8859-8",
    "iso-8859-9", "iso-8859-10", "iso-8859-13", "iso-8859-14", "iso-8859-15", "iso-8859-16",
    "koi8-r", "koi8-u", "mac-roman", "mac-cyrillic", "cp437", "cp850", "cp852", "cp866",
    "gb18030", "gbk", "big5", "shift-jis", "cp932", "euc-jp", "iso-2022-jp", "euc-kr", "cp949",
)  # fmt: skip
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF16_LE, "utf-16"),
          (codecs.BOM_UTF32_BE, "utf-32"), (codecs.BOM_UTF16_BE, "utf-16"))  # fmt: skip
_MARK = "\ufeff"
GUESSED = "cp1252"
_RUNS = re.compile(rb"[\x80-\xff]{4,}")  # letters of other scripts follow each other, those of Latin ones hardly do
_LETTERS = re.compile(rb"[\x80-\xff]")
_SHOWN = 12  # characters about the first that is no ASCII


def canonical(name: str) -> str:
    """The name of an encoding as the list has it; empty if the list does not."""
    try:
        wanted = codecs.lookup(name).name
    except (LookupError, ValueError):
        return ""
    return next((known for known in ENCODINGS if codecs.lookup(known).name == wanted), "")


def utf8(
    blocks: Iterator[bytes], path: Path, encoding: str | None = None, note: Callable[[str], None] = lambda text: None
) -> Iterator[bytes]:
    """Blocks of a text as UTF-8 without a mark, each a whole number of characters, with line feeds as line ends.

    Without an encoding, the text says it: by its mark, by zeros between its letters, or by being UTF-8. If it turns out
    to be neither, it is read as cp1252, and `note` tells so. Raises DataError for bytes that are no text.
    """
    first = next(blocks, b"")
    reader = _Reader(path, encoding or _marked(first), note, is_given=encoding is not None)
    newlines = _Newlines()
    if encoding is None and reader.encoding and reader.encoding != "utf-8":
        note(f"the text is {reader.encoding.upper()}")
    yield newlines.of(reader.read(first))
    for block in blocks:
        yield newlines.of(reader.read(block))
    yield newlines.of(reader.read(b"", final=True))


def _marked(start: bytes) -> str | None:
    """The encoding that a text says with its mark, or with zeros at every second byte; None if it does not."""
    for mark, name in _MARKS:
        if start.startswith(mark):
            return name
    some = start[: len(start) & ~1][:64]
    if len(some) >= 8 and not any(some[1::2]) and all(some[::2]):
        return "utf-16-le"
    if len(some) >= 8 and not any(some[::2]) and all(some[1::2]):
        return "utf-16-be"
    return None


class _Newlines:
    """Carriage returns as line feeds, in a text whose beginning has no others."""

    def __init__(self) -> None:
        self.is_old: bool | None = None

    def of(self, text: bytes) -> bytes:
        if self.is_old is None and text:
            self.is_old = b"\r" in text and b"\n" not in text
        return text.replace(b"\r", b"\n") if self.is_old else text


class _Reader:
    def __init__(self, path: Path, encoding: str | None, note: Callable[[str], None], *, is_given: bool) -> None:
        self.path, self.note, self.is_given = path, note, is_given
        self.encoding = encoding
        self.lines = 1
        self.is_start = True
        self.beginning = b""
        self.is_ascii = True  # so far, so that another encoding may still be meant
        self.decoder = codecs.getincrementaldecoder(encoding or "utf-8")()
        self.is_plain = encoding in (None, "utf-8")

    def read(self, block: bytes, *, final: bool = False) -> bytes:
        """The next bytes as UTF-8."""
        self.beginning = self.beginning or block[:LOOKED_AT]
        if self.is_plain and block.isascii() and not self.decoder.getstate()[0]:
            text = block
        else:
            text = self._decoded(block, final=final).encode()
        if self.is_start and text:
            text, self.is_start = text.removeprefix(codecs.BOM_UTF8), False
        if b"\0" in text:
            line = self.lines + text.count(b"\n", 0, text.find(b"\0"))
            raise DataError(f"{self.path}: expected text, found a NUL byte in line {line:,}{self._known}", ("file",))
        self.lines += text.count(b"\n")
        return text

    @property
    def _known(self) -> str:
        """What a file that is no text begins like, and how to call it; empty if that is not known."""
        found = signature(self.beginning)
        if found is None or found.is_text:
            return ""
        return f"; it begins as {found.what} does: {found.advice or 'let its name end so'}"

    def _decoded(self, block: bytes, *, final: bool) -> str:
        waiting = self.decoder.getstate()[0]
        try:
            text = self.decoder.decode(block, final)
        except UnicodeDecodeError as error:
            if self.encoding is not None or not self._is_latin(waiting + block, error.start):
                raise self._error(error) from None
            return self._as_guessed(waiting + block, final=final)
        except UnicodeError as error:  # of UTF-16 and UTF-32
            advice = f"write `encoding: {self.encoding}-le` or `{self.encoding}-be`"
            raise DataError(f"{self.path}: expected a byte order mark, found none; {advice}", ("encoding",)) from error
        self.is_ascii = self.is_ascii and text.isascii()
        return text

    def _is_latin(self, block: bytes, place: int) -> bool:
        """Whether bytes that are no UTF-8 may be letters of western Europe: few, and hardly any side by side."""
        if not (self.is_ascii and block[:place].isascii()):
            return False  # what came before was UTF-8
        high = len(_LETTERS.findall(block))
        return sum(map(len, _RUNS.findall(block))) * 4 <= high and high * 4 <= len(block) + 8

    def _as_guessed(self, block: bytes, *, final: bool) -> str:
        self.decoder = codecs.getincrementaldecoder(GUESSED)()
        self.encoding, self.is_plain = GUESSED, False
        try:
            text = self.decoder.decode(block, final)
        except UnicodeDecodeError as error:
            self.encoding = None
            raise self._error(error) from None
        place = next(i for i, letter in enumerate(text) if not letter.isascii())
        start = max(text.rfind("\n", 0, place) + 1, place - _SHOWN)
        shown = text[start : place + _SHOWN].splitlines()[0]
        line = self.lines + text.count("\n", 0, place)
        self.note(
            f'the text is no UTF-8; it is read as {GUESSED}: "{shown}" in line {line:,}; `encoding` names another'
        )
        return text

    def _error(self, error: UnicodeDecodeError) -> DataError:
        line = self.lines + error.object.count(b"\n", 0, error.start)
        found = f"the byte 0x{error.object[error.start]:02x} in line {line:,}"
        if self.is_given:
            return DataError(f"{self.path}: expected text in {self.encoding}, found {found}", ("encoding",))
        if self._known:
            return DataError(f"{self.path}: expected text, found {found}{self._known}", ("file",))
        advice = "save the file as UTF-8, or say how it is written, as in `encoding: cp1252`"
        expected = "UTF-8" if self.encoding in (None, "utf-8") else str(self.encoding).upper()
        return DataError(f"{self.path}: expected {expected} text, found {found}; {advice}", ("file",))
