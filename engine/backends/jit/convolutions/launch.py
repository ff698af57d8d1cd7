"""Calls of the kernels of convolutions: images shared among threads, each with memory of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ....frozen import frozen
from ....types import Array, DType
from ..code.native import Native, address, movable
from .direct_text import Conv

SHARED = 1 << 23  # operations from which the images are shared among threads
LINE = 64  # bytes of a line of the cache


@frozen
class Routine:
    """A compiled kernel, the names of the words of its argument, and the lengths of arrays of its own."""

    run: Any
    fields: tuple[str, ...]
    scratch: Mapping[str, int]


def shares(x: Array, w: Array, y: Array, most: int) -> list[slice]:
    """The images in at most so many parts, or in one where there is little to do."""
    work = 2 * y.size * w.size // w.shape[3]
    count = min(most, len(x)) if work >= SHARED else 1
    return [slice(len(x) * n // count, len(x) * (n + 1) // count) for n in range(count)]


def once(kernel: Routine, conv: Conv, operands: tuple[Array, ...], order: tuple[str, ...], part: slice) -> Native:
    """One call of a kernel for some of the images; ``order`` names the operands, of which the inputs come first."""
    border = conv.height * conv.width * conv.channels if conv.pads else 0
    sizes = {"padded": border, **kernel.scratch}
    own = {name: zeros(size, operands[0].dtype) for name, size in sizes.items()}
    places = dict(zip(order, operands, strict=True), **own)
    words = {name: x[part] if name in order and name != "w" else x for name, x in places.items()}
    nowhere = address(own["padded"])
    numbers = [part.stop - part.start, *(address(words[f]) if f in words else nowhere for f in kernel.fields[1:])]
    return movable(kernel.run, numbers, [*places.values()], [kernel.fields.index(name) for name in places])


def zeros(size: int, dtype: DType) -> Array:
    """An array that begins with a line of the cache."""
    found = np.zeros(size + LINE // dtype.itemsize, dtype)
    first = -address(found) % LINE // dtype.itemsize
    return found[first : first + size]
