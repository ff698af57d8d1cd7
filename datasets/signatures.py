"""What a file holds, told by its first bytes, where its name says something else."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from .compressed import opened, read
from .errors import DataError

LOOKED_AT = 1_024  # bytes
TEXT, BINARY = "text", "binary"


@dataclass(frozen=True)
class Signature:
    """How files of a kind begin, what they are called, and what to do: the format whose name they need, or advice.

    Text that `is_text` is read as text where any text will do.
    """

    begins: str  # a regular expression of bytes
    what: str
    format: str = ""
    advice: str = ""
    is_text: bool = False

    def of(self, start: bytes) -> bool:
        """Whether a file that begins so is one."""
        return re.match(self.begins.encode("latin-1"), start, re.DOTALL | re.IGNORECASE) is not None


_SAVE = "save its table as CSV"
_LOAD = "load it with the program that wrote it, and save it as Parquet, CSV or NPZ"
_MEDIA = "arrays of pictures or sounds go into an NPZ file"
_BOM = r"(?:\xef\xbb\xbf)?\s*"
SIGNATURES = (
    Signature(r"PAR1(?![ -~\s])", "a Parquet file", "Parquet"),
    Signature(r"(?:ARROW|FEA)1(?![ -~\s])|\xff\xff\xff\xff", "an Arrow file", "Arrow"),
    Signature(r"SQLite format 3\0", "a SQLite database", "SQLite"),
    Signature(r"\x93NUMPY", "an NPY file", "NPY"),
    Signature(r"PK\x03\x04.{26}(?:\[Content_Types\]|_rels/|docProps/|xl/)", "an Excel workbook", "Excel"),
    Signature(r"PK\x03\x04.{26}[^/]*\.npy", "an NPZ file", "NPZ"),
    Signature(r"PK\x03\x04", "a ZIP archive", advice="unpack it, and name the file in it"),
    Signature(r"\xd0\xcf\x11\xe0", "an old Excel workbook", "Excel"),
    Signature(r"%PDF-", "a PDF document", advice=_SAVE),
    Signature(r"\{\\rtf", "an RTF document", advice=_SAVE, is_text=True),
    Signature(r"\x89HDF\r\n", "an HDF5 file", advice=_LOAD),
    Signature(r"MATLAB 5\.0 MAT", "a MATLAB file", advice=_LOAD),
    Signature(r"\x80[\x02-\x05](?:\x95|\}|\]|c|\()", "a pickle of Python, which could run any program", advice=_LOAD),
    Signature(r"RDX[23]\n|X\n\0\0\0", "a file of R", advice=_LOAD),
    Signature(r"\x89PNG\r\n|\xff\xd8\xff|GIF8[79]a", "a picture", advice=_MEDIA),
    Signature(r"RIFF.{4}WAVE|OggS|fLaC", "a sound", advice=_MEDIA),
    Signature(r"Rar!\x1a|7z\xbc\xaf|.{257}ustar", "an archive", advice="unpack it, and name the file in it"),
    Signature(
        r"version https://git-lfs\.github\.com/spec/", "a pointer of Git LFS, not the file itself",
        advice="fetch it: git lfs pull", is_text=True,
    ),
    Signature(
        _BOM + r"<(?:!doctype html|html|head|body)\b", "a web page",
        advice="download the file itself, or save the table in the page as CSV", is_text=True,
    ),
    Signature(_BOM + r"<\?xml", "XML", advice="write its rows as CSV or JSON lines", is_text=True),
    Signature(
        _BOM + r"\[\s*\{\s*\"", "a JSON array", advice="write an object a line, as JSON lines have it",
        is_text=True,
    ),
    Signature(_BOM + r"\{\s*\"(?:[^\"\\]|\\.)*\"\s*:", "JSON", "JSON lines", is_text=True),
)  # fmt: skip
_TEXT = Signature("", "text", "CSV", is_text=True)


def signature(start: bytes) -> Signature | None:
    """What a file is that begins so; None where that is not known, or where it is empty."""
    return next((each for each in SIGNATURES if each.of(start)), _TEXT if _is_text(start) else None)


def check(path: Path, name: str, formats: Collection[str], endings: Mapping[str, str], *, holds: str = "") -> None:
    """Raise DataError for a file that holds none of some formats; ``name`` is what was expected.

    ``endings`` says how names of files of a format end. ``holds`` is TEXT where all text will do, BINARY where none
    will, and empty where text of that kind will.
    """
    try:
        if not path.is_file():
            return
        with opened(path) as file:
            found = signature(read(file, LOOKED_AT, path))
    except (OSError, ValueError, DataError):
        return  # which is told where the file is read
    if found is None or found.format in formats or (holds == TEXT and found.is_text):
        return
    if found is _TEXT and holds != BINARY:
        return
    advice = found.advice or f"let its name end in {endings[found.format]}"
    advice = f"if it is a table, {advice}" if found is _TEXT else advice
    raise DataError(f"{path}: expected {name}, found {found.what}; {advice}", ("file",))


def _is_text(start: bytes) -> bool:
    """Whether a file begins with text: letters in UTF-8, blanks and ends of lines."""
    if not start:
        return False
    cut = start[:-3] if len(start) == LOOKED_AT else start  # perhaps within a letter
    try:
        text = cut.decode()
    except UnicodeDecodeError:
        return False
    return all(letter.isprintable() or letter in "\t\r\n\f\ufeff" for letter in text)
