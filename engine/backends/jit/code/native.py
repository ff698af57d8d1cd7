"""Compiled calls as data: calls that move, several as one, and several at the same time.

A kernel is a function of one address, that of its argument: a block of int64. So a list of (kernel, argument) pairs is
such a block too, and a compiled loop over it is a kernel again: Python, and its lock, are met once for all of them.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any, TypeAlias

from ....types import Array
from .compiler import compiled
from .worker import shared, slots

Kernel: TypeAlias = "Callable[[Any], None]"  # takes the address of a block, or the block
SEQUENCE = """
define void @kernel(ptr %args) {
entry:
  %n = load i64, ptr %args
  br label %loop
loop:
  %i = phi i64 [0, %entry], [%next, %loop]
  %at = getelementptr {i64, [0 x {ptr, ptr}]}, ptr %args, i64 0, i32 1, i64 %i
  %run = load ptr, ptr %at
  %place = getelementptr ptr, ptr %at, i64 1
  %argument = load ptr, ptr %place
  call void %run(ptr %argument)
  %next = add i64 %i, 1
  %more = icmp slt i64 %next, %n
  br i1 %more, label %loop, label %end
end:
  ret void
}
"""


class Native(partial[None]):
    """A kernel with its argument: a call without arguments, of which neighbours are joined to one."""

    def __new__(cls, run: Kernel, numbers: Sequence[int], kept: Any = ()) -> Native:
        """``kept`` lives as long as the call does: the arrays, or the calls, whose addresses are among ``numbers``."""
        self = super().__new__(cls, run, (ctypes.c_int64 * len(numbers))(*numbers))
        self.kept = kept
        return self

    kept: Any
    beside: Any = None  # what else has to live as long

    @property
    def pair(self) -> tuple[int, int]:
        """The addresses of the kernel and its argument."""
        return entry(self.func), ctypes.addressof(self.args[0])

    def move(self, inputs: Sequence[Array]) -> bool:
        """Point the call at arrays that lie elsewhere now; returns whether it could."""
        return False

    @staticmethod
    def join(calls: Sequence[Native]) -> Native:
        """All calls, one after the other, as one."""
        return Native(sequence(), [len(calls), *pairs(calls)], tuple(calls))


def entry(run: Any) -> int:
    """Where the code of a kernel begins."""
    return ctypes.cast(run, ctypes.c_void_p).value or 0


def pairs(calls: Sequence[Native]) -> list[int]:
    return [number for call in calls for number in call.pair]


@cache
def sequence() -> Any:
    """The loop over pairs: their number, then the pairs."""
    return compiled(SEQUENCE)


class Movable(Native):
    """A kernel on arrays; ``places`` tells where in its argument the addresses of the first arrays stand."""

    offsets: list[int]
    places: Sequence[int]

    def move(self, inputs: Sequence[Array]) -> bool:
        """The inputs are the first of the arrays."""
        kept, argument = self.kept, self.args[0]
        for k, x in enumerate(inputs):
            if x is not kept[k]:
                if x.strides != kept[k].strides:
                    return False
                argument[self.places[k]] = address(x) + self.offsets[k]
                kept[k] = x
        return True


def address(x: Array) -> int:
    """Where an array begins, in half the time that ``x.ctypes.data`` takes."""
    return x.__array_interface__["data"][0]  # type: ignore[no-any-return]


def movable(run: Kernel, numbers: Sequence[int], operands: Sequence[Array], places: Sequence[int]) -> Movable:
    """A call of a kernel with its argument; ``places`` tells where in ``numbers`` the addresses of operands stand."""
    call = Movable(run, numbers, list(operands))
    call.places = places
    call.offsets = [numbers[i] - address(x) for i, x in zip(places, operands, strict=True)]
    return call


def fixed(call: Callable[[], Any]) -> Callable[[], Any]:
    """The same call, which cannot be moved."""
    return Native.join([call]) if isinstance(call, Native) else partial(call)


class Parts(Native):
    """Calls that run at the same time, or one after the other; they move together, what comes ``after`` does not."""

    after: tuple[Native, ...] = ()

    def move(self, inputs: Sequence[Array]) -> bool:
        return all(call.move(inputs) for call in self.kept)


def parallel(calls: Sequence[Native]) -> Native | None:
    """Calls that do not depend on one another, each done once by this thread or a worker; None without workers."""
    place, count = slots(len(calls) - 1)
    if not count:
        return None
    return Parts(shared(), [place, count, 0, len(calls), *pairs(calls)], tuple(calls))
