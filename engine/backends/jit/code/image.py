"""An object file -> an image that runs wherever it lies, and an image -> the address of its function.

A process whose kernels are all on disk needs no LLVM: to load that takes longer than to run most plans for the first
time. What LLVM writes for x86-64 as ELF is position-independent: code and the constants that it reads keep their
distances, so they become one piece of bytes in which all of these are filled in already (System V ABI, AMD64
supplement, 4.4). What lies outside, such as the functions of the C library, is called through a table of addresses
at the end, the only thing to fill in when an image is loaded.
"""

from __future__ import annotations

import ctypes
import json
import mmap
import struct
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

ELF = b"\x7fELF\x02\x01\x01"  # 64 bits, little-endian
HEADER, SECTION, SYMBOL, RELOCATION = "<HH20xQ10xHHH", "<IIQQQQIIQQ", "<IBBHQQ", "<QQq"
RELOCATABLE, X86_64 = 1, 62
RELOCATIONS, NO_BITS = 4, 8  # types of sections
WRITABLE, LOADED = 1, 2  # flags of sections
DISTANCE, CALL, ENTRIES = 2, 4, (9, 41, 42)  # relocations: to a place, to a function, to its entry in the table
UNWINDING = ".eh_frame"  # which nobody reads, as nothing is thrown
START = b"image "
ENTRY = 16  # bytes: an address, and a jump to it
JUMP = b"\xff\x25" + struct.pack("<i", -8 - 6) + b"\xcc\xcc"


class Section(NamedTuple):
    """A row of the table of sections."""

    name: str
    type: int
    flags: int
    address: int
    offset: int
    size: int
    link: int  # of relocations: the section of their symbols; of symbols: that of their names
    info: int  # of relocations: the section in which they lie
    alignment: int
    entry: int


class UnknownError(Exception):
    """Something in an object file that an image cannot hold."""


def image_of(code: bytes, function: str) -> bytes | None:
    """The image of an object file, or None where the object needs a linker."""
    try:
        return Layout(code, function).image()
    except (UnknownError, struct.error, IndexError, ValueError):
        return None


class Layout:
    """One object file, its loaded sections laid out one after another."""

    def __init__(self, code: bytes, function: str) -> None:
        if not code.startswith(ELF):
            raise UnknownError("no ELF file of this kind")
        kind, machine, start, size, count, names = struct.unpack_from(HEADER, code, 16)
        if (kind, machine) != (RELOCATABLE, X86_64):
            raise UnknownError("another machine")
        self.code, self.function = code, function
        rows = [struct.unpack_from(SECTION, code, start + i * size) for i in range(count)]
        self.sections = [Section(text_at(code, rows[names][4] + row[0]), *row[1:]) for row in rows]
        self.places: dict[int, int] = {}  # section -> where it begins
        self.outside: dict[str, int] = {}  # name -> its entry in the table
        self.content = bytearray()
        for i, s in enumerate(self.sections):
            if s.flags & LOADED and s.name != UNWINDING:
                self.add(i, s)

    def add(self, i: int, s: Section) -> None:
        if s.flags & WRITABLE or s.type == NO_BITS:
            raise UnknownError(f"{s.name} can be written")
        self.content += bytes(-len(self.content) % max(s.alignment, 1))
        self.places[i] = len(self.content)
        self.content += self.code[s.offset : s.offset + s.size]

    def image(self) -> bytes:
        """A line that says what is where, and the bytes of the code behind it."""
        for s in self.sections:
            if s.type == RELOCATIONS and s.info in self.places:
                for offset, kind, symbol, more in self.relocations(s):
                    self.fill(self.places[s.info] + offset, kind, symbol, more)
        head = {"entry": self.start(), "outside": self.outside}
        return START + json.dumps(head).encode() + b"\n" + bytes(self.content)

    def relocations(self, s: Section) -> Iterator[tuple[int, int, tuple[str, int, int], int]]:
        """Where, how, the symbol (name, section, offset), and what to add."""
        symbols = self.symbols(self.sections[s.link])
        for offset, info, more in struct.iter_unpack(RELOCATION, self.code[s.offset : s.offset + s.size]):
            yield offset, info & 0xFFFFFFFF, symbols[info >> 32], more

    def symbols(self, s: Section) -> list[tuple[str, int, int]]:
        names = self.sections[s.link].offset
        rows = struct.iter_unpack(SYMBOL, self.code[s.offset : s.offset + s.size])
        return [(text_at(self.code, names + name), section, value) for name, _, _, section, value, _ in rows]

    def fill(self, place: int, kind: int, symbol: tuple[str, int, int], more: int) -> None:
        name, section, value = symbol
        if section in self.places and kind in (DISTANCE, CALL):
            target = self.places[section] + value
        elif section == 0 and name and kind in (DISTANCE, CALL):
            target = self.entry(name) + 8
        elif section == 0 and name and kind in ENTRIES:
            target = self.entry(name)
        else:
            raise UnknownError(f"relocation {kind} of {name}")
        struct.pack_into("<i", self.content, place, target + more - place)

    def entry(self, name: str) -> int:
        """Where the address of something outside stands, with a jump to it behind."""
        if name not in self.outside:
            self.content += bytes(-len(self.content) % ENTRY)
            self.outside[name] = len(self.content)
            self.content += bytes(8) + JUMP
        return self.outside[name]

    def start(self) -> int:
        """Where the function begins."""
        for s in self.sections:
            if s.name == ".symtab":
                for name, section, value in self.symbols(s):
                    if name == self.function and section in self.places:
                        return self.places[section] + value
        raise UnknownError(f"no function {self.function}")


def text_at(code: bytes, start: int) -> str:
    return code[start : code.index(b"\0", start)].decode("ascii")


def is_image(code: bytes) -> bool:
    return code.startswith(START)


@cache
def process() -> Any:
    """Whatever the libraries of this process offer by name."""
    found = ctypes.CDLL(None, use_errno=True)
    found.mprotect.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    return found


def loaded(image: bytes) -> int:
    """The address of the function of an image, in memory that stays; an OSError where there is none for code.

    The memory is never writable and executable at the same time.
    """
    line, code = image.split(b"\n", 1)
    head = json.loads(line.removeprefix(START))
    memory = mmap.mmap(-1, len(code), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory[:] = code
    for name, place in head["outside"].items():
        address = ctypes.cast(getattr(process(), name), ctypes.c_void_p).value or 0
        struct.pack_into("<Q", memory, place, address)
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    if process().mprotect(start, len(code), mmap.PROT_READ | mmap.PROT_EXEC):
        raise OSError(ctypes.get_errno(), "no memory for code")
    _memory.append(memory)
    return start + int(head["entry"])


_memory: list[mmap.mmap] = []  # alive as long as the process, as their addresses are
