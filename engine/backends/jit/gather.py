"""Rows of an array by their numbers, copied or scaled on the way, while later rows are on their way into the cache."""

from __future__ import annotations

from functools import cache
from math import gcd
from string import Template
from typing import Any

import numpy as np

from ...types import Array
from .code.compiler import CompileError, compiled
from .code.machine import register_width, usable
from .code.native import Movable, address, movable

LEAST = 1 << 20  # bytes of an array; less lies in a cache, where NumPy needs no help
NARROW = 64  # bytes of a row of the result, and at least a vector; below, NumPy is as fast
FIELDS = ("count", "width", "last", "stored", "stride", "rows", "out", "step", "high", "low")
ADDRESSES = tuple(FIELDS.index(name) for name in ("rows", "out", "stored"))
# Where the next row is read and written, and how it ends.
BEGUN = """\
  %at = getelementptr i64, ptr %rows, i64 %i
  %number = load i64, ptr %at
  %bounded = call i64 @llvm.umin.i64(i64 %number, i64 %last)
  %offset = mul i64 %bounded, %stride
  %start = getelementptr i8, ptr %stored, i64 %offset
  %place = mul i64 %i, %step
  %target = getelementptr i8, ptr %out, i64 %place
  br label %turn"""
ENDED = """\
row.end:
  %i.next = add i64 %i, 1
  %again = icmp slt i64 %i.next, %count
  br i1 %again, label %row, label %over
over:
  ret void
}
declare i64 @llvm.umin.i64(i64, i64)"""
# A row is done in whole vectors; the last one ends where the row ends, and does some elements again.
TEXT = Template("""
define void @kernel(ptr noalias readonly %args) {
entry:
$fields
  %end = sub i64 %width, $lanes
$constants
  %fetched = call i64 @llvm.smin.i64(i64 %stride, i64 1024)
  br label %row
row:
  %i = phi i64 [0, %entry], [%i.next, %row.end]
  %later = add i64 %i, $ahead
  %final = sub i64 %count, 1
  %soon = call i64 @llvm.smin.i64(i64 %later, i64 %final)
  %soon.at = getelementptr i64, ptr %rows, i64 %soon
  %soon.number = load i64, ptr %soon.at
  %soon.row = call i64 @llvm.umin.i64(i64 %soon.number, i64 %last)
  %soon.offset = mul i64 %soon.row, %stride
  %soon.start = getelementptr i8, ptr %stored, i64 %soon.offset
  br label %fetch
fetch:
  %b = phi i64 [0, %row], [%b.next, %fetch]
  %line = getelementptr i8, ptr %soon.start, i64 %b
  call void @llvm.prefetch.p0(ptr %line, i32 0, i32 3, i32 1)
  %b.next = add i64 %b, 64
  %b.more = icmp slt i64 %b.next, %fetched
  br i1 %b.more, label %fetch, label %begin
begin:
$begun
turn:
  %j = phi i64 [0, %begin], [%j.next, %turn]
  %from = getelementptr $stored, ptr %start, i64 %j
  %to = getelementptr $fed, ptr %target, i64 %j
  %x = load <$lanes x $stored>, ptr %from, align 1
$formula
  store <$lanes x $fed> %y, ptr %to, align $align
  %next = add i64 %j, $lanes
  %j.next = call i64 @llvm.smin.i64(i64 %next, i64 %end)
  %more = icmp slt i64 %j, %end
  br i1 %more, label %turn, label %row.end
$ended
declare i64 @llvm.smin.i64(i64, i64)
declare void @llvm.prefetch.p0(ptr, i32, i32, i32)
""")
# Rows that are shorter than a vector, in units of 1, 2, 4 or 8 bytes.
SHORT = Template("""
define void @kernel(ptr noalias readonly %args) {
entry:
$fields
  %units = udiv i64 %width, $size
  br label %row
row:
  %i = phi i64 [0, %entry], [%i.next, %row.end]
$begun
turn:
  %j = phi i64 [0, %row], [%j.next, %turn]
  %from = getelementptr $unit, ptr %start, i64 %j
  %to = getelementptr $unit, ptr %target, i64 %j
  %x = load $unit, ptr %from, align 1
  store $unit %x, ptr %to, align 1
  %j.next = add i64 %j, 1
  %more = icmp slt i64 %j.next, %units
  br i1 %more, label %turn, label %row.end
$ended
""")
AHEAD = 10  # rows that are on their way
# A byte times 1 / divisor, which is the sum of two numbers of float32; that rounds as a division does.
CONSTANTS = """
  %high.1 = insertelement $vector poison, float %high, i32 0
  %low.1 = insertelement $vector poison, float %low, i32 0
  %highs = shufflevector $vector %high.1, $vector poison, <$lanes x i32> zeroinitializer
  %lows = shufflevector $vector %low.1, $vector poison, <$lanes x i32> zeroinitializer"""
SCALED = """
  %z = uitofp <$lanes x i8> %x to $vector
  %rest = fmul $vector %z, %lows
  %y = call $vector @llvm.fmuladd.v${lanes}f32($vector %z, $vector %highs, $vector %rest)"""
FMA = "declare $vector @llvm.fmuladd.v${lanes}f32($vector, $vector, $vector)\n"
COPIED = "  %y = bitcast <$lanes x i8> %x to <$lanes x i8>"


@cache
def kernel(scaled: bool) -> Any:
    """The compiled loop for bytes as they are, or for bytes as scaled float32."""
    lanes = register_width() // (4 if scaled else 1)
    names = {"lanes": str(lanes), "vector": f"<{lanes} x float>", "ahead": str(AHEAD), "stored": "i8"}
    names |= {"fed": "float", "align": "4"} if scaled else {"fed": "i8", "align": "1"}
    names["constants"] = Template(CONSTANTS if scaled else "").substitute(names)
    names["formula"] = Template(SCALED if scaled else COPIED).substitute(names)
    return compiled(TEXT.substitute(names | rows_text()) + Template(FMA if scaled else "").substitute(names))


@cache
def short_kernel(size: int) -> Any:
    """The loop that copies rows of whole units of so many bytes."""
    return compiled(SHORT.substitute(rows_text(), size=str(size), unit=f"i{8 * size}"))


def rows_text() -> dict[str, str]:
    """What loops over rows have in common."""
    return {"fields": "\n".join(field(i, name) for i, name in enumerate(FIELDS)), "begun": BEGUN, "ended": ENDED}


def field(i: int, name: str) -> str:
    """The lines that read a number of the argument."""
    kind = {"stored": "ptr", "rows": "ptr", "out": "ptr", "high": "float", "low": "float"}.get(name, "i64")
    return f"  %{name}.at = getelementptr i64, ptr %args, i64 {i}\n  %{name} = load {kind}, ptr %{name}.at"


class Gather:
    """Fills an array with the rows of ``stored`` that a vector counts; numbers below 0 or too large mean the last row.

    Rows and the array may lie elsewhere at the next call for as many rows, but are of the same dtype and length then.
    """

    def __init__(self, stored: Array, divisor: np.float32 | None) -> None:
        self.stored, self.divisor = stored, divisor
        self.width = stored[0].nbytes
        self.run = kernel(divisor is not None) if fills_vector(stored, divisor) else short_kernel(gcd(self.width, 8))
        self.calls: dict[int, Movable] = {}

    def __call__(self, rows: Array, out: Array) -> None:
        if not len(rows):
            return
        call = self.calls.get(len(rows))
        if call is None or not call.move((rows, out)):
            call = self.calls[len(rows)] = self.bind(rows, out)
        call()

    def bind(self, rows: Array, out: Array) -> Movable:
        """The call for as many rows, by one thread: what is made on another processor is read slowly on this one."""
        rows = np.ascontiguousarray(rows, np.int64)
        if not out.flags.c_contiguous or len(out) < len(rows):
            raise ValueError(f"expected contiguous memory for {len(rows)} rows, found {out.shape} by {out.strides}")
        stored, stride, step = self.stored, self.width, out[0].nbytes
        width = stride if self.divisor is None else step // out.itemsize
        numbers = [len(rows), width, len(stored) - 1, address(stored), stride, address(rows), address(out), step]
        return movable(self.run, [*numbers, *self.reciprocal()], [rows, out, stored], ADDRESSES)

    def reciprocal(self) -> list[int]:
        """1 / divisor as the sum of two numbers of float32, their bits as integers."""
        if self.divisor is None:
            return [0, 0]
        whole = 1 / np.float64(self.divisor)
        high = np.float32(whole)
        return [int(x.view(np.uint32)) for x in (high, np.float32(whole - high))]


def fills_vector(stored: Array, divisor: np.float32 | None) -> bool:
    """Whether a row of the result is long enough for the loop over vectors."""
    return int(stored[0].nbytes) * (4 if divisor is not None else 1) >= max(NARROW, register_width())


def readable(stored: Array, divisor: np.float32 | None) -> bool:
    """Whether rows of ``stored`` can be filled in, by one of the loops."""
    if not stored.flags.c_contiguous or not stored.size or stored.dtype.hasobject:  # those have to be counted
        return False
    return divisor is None or (stored.dtype == np.uint8 and fills_vector(stored, divisor) and is_exact(divisor))


def gather(stored: Array, divisor: np.float32 | None = None) -> Gather | None:
    """What fills arrays with rows of ``stored``, or with its bytes divided by ``divisor``; None: NumPy does it as well.

    It lets go of the interpreter's lock.
    """
    try:
        if stored.nbytes < LEAST or not usable() or not readable(stored, divisor) or not fills_vector(stored, divisor):
            return None
        return Gather(stored, divisor)
    except CompileError:
        return None


@cache
def is_exact(divisor: np.float32) -> bool:
    """Whether all bytes come out as a division gives them."""
    every = np.arange(256, dtype=np.uint8)
    made = np.empty((1, 256), np.float32)
    Gather(every[None], divisor)(np.zeros(1, np.int64), made)
    return bool((made == every / divisor).all())
