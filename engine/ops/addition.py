"""Sums of many numbers, added in blocks, so that rounding errors do not grow with their count, whatever the axes.

One after another, a million float32 numbers near 1000 lose all digits but two: the running sum is so large that what
it takes on is rounded to its own last place. NumPy adds in pairs along runs of memory alone, and BLAS nowhere. Here at
most ``LONGEST`` numbers are added one after another, then the sums of such blocks in the same way.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import prod
from typing import Any

import numpy as np

from ..types import Array, DType
from .program import Call, program, steady

ROW = 256  # elements along a run of memory; NumPy adds longer ones in pairs, which is more exact than a product
LONGEST = 512  # rows that are added one after another in one call
BLOCK = 128  # rows that are, where there are more than that


def total(x: Array, axes: tuple[int, ...], keepdims: bool = False) -> Array:
    """The sum of an array of floats over ``axes``; of float16 in float32, in which it stays."""
    shape = tuple(1 if i in axes else n for i, n in enumerate(x.shape) if keepdims or i not in axes)
    out = np.empty(shape, np.float32 if x.dtype == np.float16 else x.dtype)
    summation(x, axes, keepdims, out)()
    return out


def summation(x: Array, axes: tuple[int, ...], keepdims: bool, out: Array) -> Call:
    """A call that fills ``out`` with the sum of ``x`` over ``axes``."""
    if out.dtype == np.float16:
        whole = np.empty(out.shape, np.float32)
        return program((summation(x, axes, keepdims, whole), partial(np.copyto, out, whole, "same_kind")))
    plain: Call = partial(np.add.reduce, x, axes, out.dtype if out.dtype.kind == "f" else None, out, keepdims)
    if out.dtype.char not in "fd" or not 0 < out.size < x.size:
        return plain
    few = x.size <= LONGEST * out.size
    if few and not (x.dtype == out.dtype and x.flags.c_contiguous):
        return plain
    calls: list[Call] = []
    full = x.shape
    x, order = arranged(x, out.dtype, calls)
    sizes = joined([(x.shape[k], i in axes) for k, i in enumerate(order)])
    if few and len(sizes) > 2:
        return plain
    kept = [i for i in order if i not in axes]
    in_order = out.flags.c_contiguous and kept == sorted(kept)
    memory = out if in_order else np.empty(out.size, out.dtype)
    while sizes:
        last = max(k for k, (_, reduced) in enumerate(sizes) if reduced)
        before, behind = (prod(n for n, _ in part) for part in (sizes[:last], sizes[last + 1 :]))
        left = joined([*sizes[:last], *sizes[last + 1 :]])
        done = not any(reduced for _, reduced in left)
        found = memory.reshape(before, behind) if done else np.empty((before, behind), out.dtype)
        added(x.reshape(before, sizes[last][0], behind), found, calls)
        x, sizes = found, [] if done else left
    if memory is not out:
        whole = memory.reshape([full[i] for i in kept]).transpose(np.argsort(kept))
        calls.append(partial(np.copyto, out, whole.reshape(out.shape)))
    return program(calls)


def reduction(ufunc: np.ufunc, x: Array, axes: tuple[int, ...], keepdims: bool, out: Array) -> Call:
    """A call that fills ``out`` with ``x`` reduced over ``axes`` by a ufunc; sums are added in blocks."""
    if ufunc is np.add:
        return summation(x, axes, keepdims, out)
    reduce: Callable[..., Any] = ufunc.reduce
    return partial(reduce, x, axes, None, out, keepdims)


def arranged(x: Array, dtype: DType, calls: list[Call]) -> tuple[Array, list[int]]:
    """``x`` in the order of memory and of the type of the sum, and which of its axes stands where.

    A copy is made, and refreshed by ``calls``, of what does not lie without gaps.
    """
    order = sorted(range(x.ndim), key=lambda i: -abs(x.strides[i]))
    turned = x.transpose(order)
    if x.dtype == dtype and turned.flags.c_contiguous:
        return turned, order
    return steady(x, dtype, calls), list(range(x.ndim))


def joined(sizes: list[tuple[int, bool]]) -> list[tuple[int, bool]]:
    """Lengths of axes, and whether they are summed over; neighbours that are alike are one."""
    found: list[tuple[int, bool]] = []
    for n, reduced in sizes:
        if n == 1:
            continue
        if found and found[-1][1] == reduced:
            found[-1] = (found[-1][0] * n, reduced)
        else:
            found.append((n, reduced))
    return found


def added(x: Array, out: Array, calls: list[Call]) -> None:
    """``out`` = the sum of ``x``, without gaps and of three axes, over the one in the middle.

    Products with ones are up to nine times as fast as NumPy's sums.
    """
    before, n, behind = x.shape
    if behind == 1:
        if n <= ROW and before > 1:
            calls.append(partial(np.dot, x.reshape(before, n), np.ones(n, x.dtype), out.reshape(before)))
        else:
            calls.append(partial(np.add.reduce, x.reshape(before, n), 1, None, out.reshape(before)))
    elif n <= LONGEST:
        if before == 1:
            calls.append(partial(np.dot, np.ones(n, x.dtype), x.reshape(n, behind), out.reshape(behind)))
        else:
            calls.append(partial(np.add.reduce, x, 1, None, out))
    else:
        each, rest = divmod(n, BLOCK)
        blocks = np.empty((before, each + (rest > 0), behind), x.dtype)
        whole = x[:, : each * BLOCK].reshape(before, BLOCK, each * behind)
        sums, ones = blocks[:, :each].reshape(before, each * behind), np.ones(BLOCK, x.dtype)
        calls.append(partial(np.matmul, ones, whole, sums))
        if rest:
            calls.append(partial(np.add.reduce, x[:, each * BLOCK :], 1, None, blocks[:, each]))
        added(blocks, out, calls)
