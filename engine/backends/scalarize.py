"""Small graphs, element by element, as operations on single numbers.

A call of NumPy costs about as much as twenty operations of Python, or a thousand of compiled code. So a graph of a few
thousand elements, such as a formula of ten variables with its gradient and Hessian, is taken apart, without its zeros
and with equal parts once; ``tiered`` and ``jit.scalar_function`` write these operations out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial, reduce
from itertools import accumulate
from typing import Any

import numpy as np

from ..graph import Constant, Tensor, toposort
from ..ops.arrays import Astype, BroadcastTo, Reshape, Transpose
from ..ops.base import Elementwise, Pointwise, SciPy
from ..ops.diagonals import Diagonal, OnDiagonal
from ..ops.indexing import Take
from ..ops.joining import Concatenate
from ..ops.matmul import MatMul
from ..ops.reductions import Max, Min, Prod, Sum
from ..ops.repeating import Roll, Tile
from ..ops.scans import CumProd, CumSum, forward
from ..ops.slicing import GetItem, PutItem
from ..types import TensorType, static
from .policy import current
from .scalars import LINES, Element, Scalar, Trace, Unsuited, number

# ops that only place elements
MOVES = (BroadcastTo, Reshape, Transpose, Concatenate, GetItem, PutItem, Diagonal, OnDiagonal, Roll, Tile, Take)
FOLDS = {Max: np.maximum, Min: np.minimum, Prod: np.multiply}
RUNNING = {CumSum: np.add, CumProd: np.multiply}
ORDERS = (np.less, np.less_equal, np.greater, np.greater_equal, np.equal, np.not_equal, np.isnan)
LOGIC = (np.logical_and, np.logical_or, np.logical_xor, np.logical_not)  # of truth values, as ``ORDERS`` give


def taken_apart(inputs: Sequence[Tensor], roots: Sequence[Tensor]) -> Trace:
    """The operations for ``roots`` as functions of ``inputs``, whose elements are x0_0, x0_1, ..., x1_0, ..."""
    trace, order = Trace(roots[0].dtype), toposort(roots)
    used = {t.id for t in order}
    values: dict[int, Any] = {}
    for n, x in enumerate(inputs):
        trace.inputs.append([f"x{n}_{i}" for i in range(x.type.size)] if x.id in used else [])
        if x.id in used:
            values[x.id] = np.array(trace.inputs[-1], object).reshape(x.shape)
    for t in order:
        if isinstance(t, Constant):
            array = t.array if t.dtype.kind == "b" else np.asarray(t.array, trace.dtype)
            values[t.id] = np.array([number(x) for x in array.flat], object).reshape(t.shape)
        elif t.id not in values:
            values[t.id] = elements(trace, t, [values[x.id] for x in t.inputs])
    trace.check = trace.add_up(sorted(trace.dropped))
    trace.outputs = [values[t.id].reshape(-1).tolist() for t in roots]
    trace.shapes = [tuple(map(static, t.shape)) for t in roots]
    return trace


def elements(trace: Trace, t: Tensor, inputs: list[Any]) -> Any:
    """The elements of ``t``, in an array of objects, for those of its inputs."""
    shape = tuple(map(static, t.shape))
    out = np.empty(shape, object)
    if isinstance(t.op, Pointwise | Astype):
        arrays: list[Any] = [np.broadcast_to(x, shape) for x in inputs]
        rule = formula(trace, t)
        for n in np.ndindex(shape):
            out[n] = rule(*(a[n] for a in arrays))
    elif isinstance(t.op, Sum | Max | Min | Prod):
        rows = last(inputs[0], t.op.axes).reshape(out.size, -1) if out.size else []
        join = trace.add_up if isinstance(t.op, Sum) else partial(reduce, partial(trace.operate, FOLDS[type(t.op)]))
        out.reshape(-1)[...] = [join(row.tolist()) for row in rows]
    elif isinstance(t.op, CumSum | CumProd):
        x, y = forward(t.op.axis, t.op.reverse, inputs[0], out)
        for i in np.ndindex(x.shape[1:]):
            row = list(accumulate(x[:, *i].tolist(), partial(trace.operate, RUNNING[type(t.op)])))
            y[:, *i] = row
    elif isinstance(t.op, MatMul):
        a, b = rows_and_columns(*inputs)
        for n in np.ndindex(shape):
            products = [trace.operate(np.multiply, *pair) for pair in zip(a[n], b[n], strict=True)]
            out[n] = trace.add_up(products)
    elif isinstance(t.op, MOVES):
        if isinstance(t.op, Take):
            inputs = [inputs[0], *map(positions, t.inputs[1:])]
        t.op.kernel(*inputs, out=out)
        for n in np.ndindex(shape):
            x = np.asarray(out[n], object)[()]  # where one object is moved, NumPy leaves it in an array
            out[n] = x if isinstance(x, str) else number(x)
    else:
        raise Unsuited
    return out


def formula(trace: Trace, t: Tensor) -> Callable[..., Element]:
    """What an op does to one element: a function of NumPy, or its scalar rule."""
    op: Any = t.op
    truths = [x.dtype.kind == "b" for x in t.inputs]
    function: Any = getattr(op, "ufunc", None)
    if isinstance(function, SciPy):
        function = function.ufunc
    if isinstance(op, Elementwise) and op.fill is None and isinstance(function, np.ufunc):
        fits = function in (*ORDERS, *LOGIC) if t.dtype.kind == "b" else function not in LOGIC
        if not fits or (function in LOGIC and not all(truths)):
            raise Unsuited
        if function in LOGIC or not any(truths):
            return partial(trace.operate, function)
        return lambda *xs: trace.operate(function, *map(trace.as_float, xs, truths))

    if isinstance(name := getattr(op, "scalar_rule", None), str) and not hasattr(Scalar, name):
        raise Unsuited  # vector code alone has it

    def rule(*xs: Element) -> Element:
        y = op.scalar(*[Scalar(trace, x) for x in xs])
        if not isinstance(y, Scalar) or t.dtype.kind == "b":
            raise Unsuited
        return y.element

    if isinstance(op, Astype) and truths[0]:
        return lambda x: trace.as_float(x, True)
    return rule


def last(x: Any, axes: Sequence[int]) -> Any:
    """``x`` with these axes behind the others."""
    return x.transpose(*(a for a in range(x.ndim) if a not in axes), *axes)


def positions(t: Tensor) -> Any:
    if not isinstance(t, Constant):
        raise Unsuited
    return t.array


def rows_and_columns(a: Any, b: Any) -> Sequence[Any]:
    """The rows of ``a`` and the columns of ``b``, one of each for every element of their matrix product."""
    return np.broadcast_arrays(a[..., :, None, :], b.swapaxes(-1, -2)[..., None, :, :])


def lines(t: Tensor) -> int:
    """About how many operations an op takes, or rather more."""
    size: int = t.type.size
    if isinstance(t.op, MatMul):
        return 2 * size * static(t.inputs[0].shape[-1])
    return (
        4 * size
        if isinstance(t.op, Pointwise)
        else 0
        if isinstance(t.op, MOVES)
        else sum(x.type.size for x in t.inputs)
    )


def count(t: Tensor) -> int:
    return t.type.size if isinstance(t.type, TensorType) else 0


def suits(roots: Sequence[Tensor], products: bool) -> bool:
    """Whether a graph is small enough, of one float type, and has only ops that can be written out.

    Products of matrices are left to the BLAS, unless they are to be compiled (``products``).
    """
    order = toposort(sorted(roots, key=lambda t: t.id))
    most = current().apart_elements
    kinds: list[Any] = [Pointwise, Astype, Sum, Max, Min, Prod, CumSum, CumProd, *MOVES]
    if products:
        kinds.append(MatMul)
    if len(order) > most and any(total > most for total in accumulate(map(count, order))):
        return False
    known = tuple(kinds)
    if not all(t.op is None or isinstance(t.op, known) for t in order):
        return False
    floats = {t.dtype.char for t in order if not isinstance(t, Constant) and (t.op is None or t.dtype.kind != "b")}
    if floats | {t.dtype.char for t in roots} not in ({"f"}, {"d"}):
        return False
    if sum(t.type.size for t in order) > most:
        return False
    return not any(isinstance(t.op, MatMul) for t in order) or sum(map(lines, order)) <= LINES
