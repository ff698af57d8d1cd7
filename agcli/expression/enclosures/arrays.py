"""Vectors and matrices of intervals: element by element, sums, products, and ops that only move elements."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import numpy as np

from agcli.engine.graph import Tensor
from agcli.engine.types import Array, static
from agcli.expression.enclosures.interval import NULL, UNIT, Interval

MAX_ELEMENTS = 300
MAX_PRODUCTS = 20_000
MAX_ROWS = 4  # of a matrix whose determinant is written out
Apply = Callable[..., Any]  # the name of an op and its operands -> value


class UnsupportedError(Exception):
    """An op that has no rule for intervals, or arrays that are too large for them."""


def empty(shape: Any) -> Array:
    if any(d is None for d in shape) or np.prod(shape, dtype=float) > MAX_ELEMENTS:
        raise UnsupportedError
    return np.empty(shape, object)


def boxed(value: Any) -> Array:
    """A value as an array of objects."""
    if isinstance(value, np.ndarray) and value.dtype == object:
        return value
    box = np.empty((), object)
    box[()] = value
    return box


def each(function: Callable[..., Any], shape: Any, *args: Any) -> Any:
    """The function of numbers, or of the elements of arrays that broadcast."""
    if shape == () and not any(isinstance(a, np.ndarray) for a in args):
        return function(*args)
    out = empty(shape)
    arrays = [np.broadcast_to(a if isinstance(a, np.ndarray) else boxed(a), shape) for a in args]
    for index in np.ndindex(*shape):
        out[index] = function(*(a[index] for a in arrays))
    return out if shape else out[()]


def unboxed(out: Array) -> Any:
    return out if out.shape else out[()]


def total(apply: Apply, items: Sequence[Any], op: str, start: Any) -> Any:
    value = None
    for item in items:
        value = item if value is None else apply(op, value, item)
    return start if value is None else value


def reduction(op: str, start: Interval | None) -> Callable[..., Any]:
    def rule(apply: Apply, t: Tensor, args: Sequence[Any]) -> Any:
        x = boxed(args[0])
        axes = t.op.axes  # type: ignore[union-attr]
        kept = [a for a in range(x.ndim) if a not in axes]
        if start is None and not x.size:
            raise UnsupportedError
        out = empty(tuple(x.shape[a] for a in kept))
        moved = np.transpose(x, [*kept, *axes]).reshape(*out.shape, -1)
        for index in np.ndindex(*out.shape):
            out[index] = total(apply, list(moved[index]), op, start)
        return unboxed(out.reshape(t.shape))

    return rule


def mean(apply: Apply, t: Tensor, args: Sequence[Any]) -> Any:
    x = boxed(args[0])
    summed = reduction("add", NULL)(apply, t, args)
    count = max(1, x.size // max(1, t.type.size))
    return each(lambda v: apply("divide", v, whole(count)), t.shape, summed)


def norm(apply: Apply, t: Tensor, args: Sequence[Any]) -> Any:
    squares = each(lambda v: apply("square", v), boxed(args[0]).shape, args[0])
    return each(lambda v: apply("sqrt", v), t.shape, reduction("add", NULL)(apply, t, [squares]))


def whole(n: int) -> Interval:
    return Interval(Decimal(n), Decimal(n))


def matmul(apply: Apply, t: Tensor, args: Sequence[Any]) -> Any:
    a, b = map(boxed, args)
    if a.ndim > 2 or b.ndim > 2 or a.size * b.shape[-1] > MAX_PRODUCTS:
        raise UnsupportedError
    left = a if a.ndim == 2 else a[None, :]
    right = b if b.ndim == 2 else b[:, None]
    out = empty((left.shape[0], right.shape[1]))
    for i, j in np.ndindex(*out.shape):
        products = [apply("multiply", x, y) for x, y in zip(left[i], right[:, j], strict=True)]
        out[i, j] = total(apply, products, "add", NULL)
    return unboxed(out.reshape(t.shape))


def log_sum_exp(apply: Apply, t: Tensor, args: Sequence[Any]) -> Any:
    powers = each(lambda v: apply("exp", v), boxed(args[0]).shape, args[0])
    return each(lambda v: apply("log", v), t.shape, reduction("add", NULL)(apply, t, [powers]))


def softmax(last: str, of: str) -> Callable[..., Any]:
    """exp(x)/sum(exp(x)) along an axis, or its logarithm x - log(sum(exp(x)))."""

    def rule(apply: Apply, t: Tensor, args: Sequence[Any]) -> Any:
        x = boxed(args[0])
        out = empty(x.shape)
        rows = np.moveaxis(x, t.op.axis, -1)  # type: ignore[union-attr]
        results = np.moveaxis(out, t.op.axis, -1)  # type: ignore[union-attr]
        for index in np.ndindex(*rows.shape[:-1]):
            powers = [apply("exp", v) for v in rows[index]]
            summed = total(apply, powers, "add", NULL)
            terms = powers if of == "exp" else list(rows[index])
            whole_row = summed if of == "exp" else apply("log", summed)
            for i, term in enumerate(terms):
                results[(*index, i)] = apply(last, term, whole_row)
        return out

    return rule


def running_product(apply: Apply, t: Tensor, args: Sequence[Any]) -> Any:
    op: Any = t.op
    out = boxed(args[0]).copy()
    rows = np.moveaxis(out, op.axis, 0)
    rows = rows[::-1] if op.reverse else rows
    for k in range(1, len(rows)):
        for index in np.ndindex(*rows.shape[1:]):
            rows[(k, *index)] = apply("multiply", rows[(k - 1, *index)], rows[(k, *index)])
    return out


def square(matrix: Any) -> Array:
    """One small square matrix."""
    a = boxed(matrix)
    if a.ndim != 2 or not 1 <= len(a) <= MAX_ROWS:
        raise UnsupportedError
    return a


def determinant(apply: Apply, a: Array) -> Any:
    """By the first row (Laplace), without a division."""
    if len(a) == 1:
        return a[0, 0]
    found = None
    for j in range(len(a)):
        part = apply("multiply", a[0, j], determinant(apply, minor(a, 0, j)))
        found = part if found is None else apply("subtract" if j % 2 else "add", found, part)
    return found


def minor(a: Array, i: int, j: int) -> Array:
    """A matrix without a row and a column."""
    return np.delete(np.delete(a, i, 0), j, 1)


def cofactors(apply: Apply, t: Tensor, args: Sequence[Any]) -> Any:
    a = square(args[0])
    out = empty(a.shape)
    for i, j in np.ndindex(*a.shape):
        part = UNIT if len(a) == 1 else determinant(apply, minor(a, i, j))
        out[i, j] = apply("negative", part) if (i + j) % 2 else part
    return out


def inverse(apply: Apply, t: Tensor, args: Sequence[Any]) -> Any:
    whole_matrix = determinant(apply, square(args[0]))
    return each(lambda v: apply("divide", v, whole_matrix), t.shape, cofactors(apply, t, args).T)


ARRAY_RULES: dict[str, Callable[..., Any]] = {
    "sum": reduction("add", NULL),
    "prod": reduction("multiply", UNIT),
    "max": reduction("maximum", None),
    "min": reduction("minimum", None),
    "mean": mean,
    "norm": norm,
    "matmul": matmul,
    "logsumexp": log_sum_exp,
    "softmax": softmax("divide", "exp"),
    "log_softmax": softmax("subtract", "log"),
    "cumprod": running_product,
    "det": lambda apply, t, args: determinant(apply, square(args[0])),
    "cofactors": cofactors,
    "inv": inverse,
}
MOVES = frozenset([
    "reshape", "reshape_like", "transpose", "broadcast_to", "expand_like", "sum_like", "getitem", "putitem",
    "concatenate", "part_like", "diagonal", "diag", "tile", "sum_tiles", "pad", "roll", "flip", "tril", "triu",
    "from_diagonal", "cumsum", "zeros_like", "ones_like", "full_like", "full", "eye", "repeat",
])  # fmt: skip


def moved(apply: Apply, t: Tensor, args: Sequence[Any]) -> Any:
    """An op that moves, repeats, adds or leaves out elements: each element of the result is a sum of some."""
    op = t.op
    if op is None or op.name not in MOVES or not t.type.known:
        raise UnsupportedError
    arrays = [boxed(a) for a in args]
    shapes = [a.shape for a in arrays]
    fixed = fill(op, [np.zeros(s) for s in shapes], t)
    sums: Any = empty(t.shape)
    for index in np.ndindex(*sums.shape):
        sums[index] = None if fixed[index] == 0 else exactly(float(fixed[index]))
    read = [i for i in range(len(arrays)) if i not in op.shape_only]
    if sum(arrays[i].size for i in read) > MAX_ELEMENTS:
        raise UnsupportedError
    for i in read:
        for place in np.ndindex(*shapes[i]):
            probe = [np.zeros(s) for s in shapes]
            probe[i][place] = 1
            weights = fill(op, probe, t) - fixed
            for index in map(tuple, np.argwhere(weights)):
                if weights[index] != 1:
                    raise UnsupportedError
                old, new = sums[index], arrays[i][place]
                sums[index] = new if old is None else apply("add", old, new)
    for index in np.ndindex(*sums.shape):
        if sums[index] is None:
            sums[index] = NULL
    return unboxed(sums)


def exactly(value: float) -> Interval:
    if value != int(value):
        raise UnsupportedError
    return whole(int(value))


def fill(op: Any, arrays: list[Array], t: Tensor) -> Array:
    out = np.empty(tuple(map(static, t.shape)))
    try:
        op.kernel(*arrays, out=out)
    except (TypeError, ValueError, IndexError):
        raise UnsupportedError from None
    return out
