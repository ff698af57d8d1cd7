"""Files of every format that `ag` reads, to be damaged, and the ways of doing so."""

from __future__ import annotations

import io
import random
import struct
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

MARKS = tuple(b'\0\r\n,;"#\xff{}[]<>\x80 \t')
WORDS = (
    b"nan", b"1e999", b"-0", b"9" * 30, b"1,234.5", b"12.03.99", b'"', b'""', b"[1,2]", b'{"a":{}}', b"\xef\xbb\xbf",
    b"\xff\xfe", "ü\u202e\x1b[2J".encode(), "\x1b]0;x\x07\x9b".encode(),
    b"=1+1", b"\0" * 64, b"\xff" * 9, b"\x80" * 9 + b"\x01",
)  # fmt: skip
LENGTHS = (0, 1, 127, 128, 255, 1 << 16, (1 << 31) - 1, 1 << 31, (1 << 32) - 1, 1 << 61, (1 << 63) - 1, (1 << 64) - 1)


# The files, made in a process of its own -----------------------------------------------------------------------------
def write_all(folder: Path) -> None:
    """A file for each ending that a format has, of plain samples, and some with all that a table may have."""
    import polars as pl
    import sample_files
    from books import write_book

    from agcli.data import formats

    for row in formats.FORMATS:
        for ending in row.spellings:
            if ending != ".xls":  # the old kind of workbook, which nothing here writes
                sample_files.write(row, folder, ending)
    rich = pl.DataFrame(
        {
            "a": [1, 2, None, 4], "f": [0.5, float("nan"), None, 1e300], "t": ["x", "yö", "", None],
            "l": [[1, 2], [3, 4], [5, 6], [7, 8]], "u": [[1], [], None, [2, 3]], "s": [{"k": 1}] * 4, "b": [b"x"] * 4,
            "o": [True, None, False, True], "kind": ["low", "high", "low", "high"],
        }
    )  # fmt: skip
    rich = rich.with_columns(
        d=pl.lit("2024-01-31").str.to_date(), n=pl.col("a").cast(pl.Decimal(10, 2)),
        c=pl.col("kind").cast(pl.Categorical), e=pl.col("kind").cast(pl.Enum(["low", "high"])),
        w=pl.col("a").cast(pl.Duration("us")), z=pl.lit(None),
    )  # fmt: skip
    for packing in ("uncompressed", "snappy", "zstd", "gzip", "lz4"):
        rich.write_parquet(folder / f"rich-{packing}.parquet", compression=packing)
    for packing in ("uncompressed", "lz4", "zstd"):
        rich.write_ipc(folder / f"rich-{packing}.arrow", compression=packing)
    rich.write_ipc_stream(folder / "rich.arrows")
    rich.drop("b", "d", "n", "c", "e", "w").write_ndjson(folder / "rich.jsonl")
    text = 'sep=;\n;a;"b;c";d\n;m;kg;\n1;2,5;"x\ny";01.02.2024\n2;3,5;café;13.02.2024\n3;;"";n/a\n4;7\n'
    (folder / "rich.csv").write_bytes(text.encode("cp1252"))
    (folder / "wide.csv").write_bytes(text.encode("utf-16"))
    sheets = {"one": [["a", "b", None], [1, "x", True], [2, None, 3.5]], "two": {"C3": "far", "D9": 1}}
    write_book(folder / "rich.xlsx", sheets)
    (folder / "rich.md").write_text("Sätze, words\tand \U0001f600 marks.\n" * 30, "utf-8")


# Damage --------------------------------------------------------------------------------------------------------------
def flipped(content: bytearray, rng: random.Random) -> None:
    content[rng.randrange(len(content))] = rng.randrange(256)


def one_bit(content: bytearray, rng: random.Random) -> None:
    content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)


def put_in(content: bytearray, rng: random.Random) -> None:
    at = rng.randrange(len(content))
    content[at:at] = bytes(rng.choice(MARKS) for _ in range(rng.randrange(1, 4)))


def a_word(content: bytearray, rng: random.Random) -> None:
    at = rng.randrange(len(content))
    content[at : at + rng.choice((0, 0, 1, 5))] = rng.choice(WORDS)


def left_out(content: bytearray, rng: random.Random) -> None:
    at = rng.randrange(len(content))
    del content[at : at + rng.randrange(1, 20)]


def doubled(content: bytearray, rng: random.Random) -> None:
    at, source = rng.randrange(len(content)), rng.randrange(len(content))
    content[at:at] = content[source : source + rng.randrange(60)] * rng.choice((1, 1, 30))


def cut(content: bytearray, rng: random.Random) -> None:
    del content[rng.randrange(len(content)) :]


def a_length(content: bytearray, rng: random.Random) -> None:
    """A number that a reader could take for a length, in the ways in which such are written."""
    number, at = rng.choice(LENGTHS), rng.randrange(len(content))
    order = rng.choice("<>")
    written = struct.pack(order + ("Q" if number >> 32 or rng.random() < 0.3 else "I"), number)
    content[at : at + len(written)] = leb128(number) if rng.random() < 0.4 else written


def leb128(number: int) -> bytes:
    """A whole number, seven bits a byte, the lowest first."""
    found = bytearray()
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    return bytes([*found, number])


Damage = Callable[[bytearray, random.Random], None]
DAMAGES: tuple[Damage, ...] = (
    flipped, flipped, flipped, one_bit, one_bit, put_in, a_word, a_word, left_out, doubled, cut, a_length, a_length,
)  # fmt: skip


def damaged(content: bytes, rng: random.Random) -> bytes:
    """A content with one to four faults."""
    found = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        if found:
            rng.choice(DAMAGES)(found, rng)
    return bytes(found)


def damaged_file(name: str, content: bytes, rng: random.Random) -> bytes:
    """The same of a file; of a packed one often what is packed in it."""
    from sample_files import PACK

    from agcli.data import formats
    from agcli.datasets import compressed

    packing = formats.packing_of(name)
    if rng.random() < 0.3:
        return damaged(content, rng)
    if packing:
        known = next(each for each in compressed.PACKINGS if each.name == packing)
        inside = compressed.Unpacked(io.BytesIO(content), known, Path(name)).read(1 << 24)
        return PACK[packing](damaged(inside, rng))
    if content.startswith(b"PK"):
        return _with_damaged_member(content, rng)
    return damaged(content, rng)


def _with_damaged_member(content: bytes, rng: random.Random) -> bytes:
    """An archive of which one member is damaged before it is packed."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as archive, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as other:
        hit = rng.choice(archive.namelist())
        for name in archive.namelist():
            inside = archive.read(name)
            other.writestr(name, damaged(inside, rng) if name == hit else inside)
    return made.getvalue()
