"""Transforms of functions: graph -> graph.

One convention: a transform takes the tensors it differentiates and those it differentiates by, as ``grad`` does.
Where it says ``y``, a Python function may be given instead; it is called with ``xs`` and stands for its result, so
``hessian(f, x)`` is ``hessian(f(x), x)``. One tensor in gives one tensor out, a list gives a list. Results are
tensors: nothing is computed before they run, and they can be transformed again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import numpy as np

from ..arguments import applied, listed, several, tensors
from ..errors import GradientError, ShapeError, UsageError
from ..gradient import grad, is_float, pullback, pushforward, reached
from ..graph import Like, Tensor, as_tensor, call, constant, label
from ..leaves import Placeholder
from ..ops.arrays import Reshape
from ..types import TensorType, fits, normalize_axis
from .batching import batch

Many = Tensor | Sequence[Tensor]


def shaped(results: Sequence[Any], like: Any) -> Any:
    """A list where ``like`` is one, else its only member."""
    return list(results) if several(like) else results[0]


def directions(vs: Any, xs: Many, name: str) -> list[Tensor]:
    """One tensor for each of ``xs``, in its shape and dtype."""
    inputs = listed(xs)
    if vs is None:
        raise UsageError(f"{name}: expected directions in the shape of {label(inputs[0])}, found nothing")
    given = [vs] if isinstance(xs, Tensor) else listed(vs)
    if len(given) != len(inputs):
        raise GradientError(f"{name}: needs {len(inputs)} directions, one for each tensor, got {len(given)}")
    found = [as_tensor(v) for v in given]
    for v, x in zip(found, inputs, strict=True):
        if not fits(x.shape, v.shape):
            raise ShapeError(f"{name}: the direction of {label(x)} must have its shape {x.shape}, got {v.shape}")
    return [call("astype", v, dtype=x.dtype) for v, x in zip(found, inputs, strict=True)]


def or_zeros(t: Tensor | None, like: Tensor) -> Tensor:
    return call("zeros_like", like) if t is None else t


def value_and_grad(y: Any, xs: Any = None, *, allow_unused: bool = False) -> tuple[Tensor, Any]:
    """The scalar ``y`` and its gradient with respect to ``xs``.

    >>> x = ag.placeholder("x", (), "float64")
    >>> print(*ag.function(list(ag.value_and_grad(lambda x: x * x, x)))(x=3.0))
    9.0 6.0
    """
    value = applied(y, xs, "value_and_grad")
    return value, grad(value, xs, allow_unused=allow_unused)


def vjp(y: Any, xs: Any = None, cotangents: Any = None, *, allow_unused: bool = False) -> Any:
    """Cotangents of ``xs`` for those of ``y``: a row vector times the Jacobian.

    >>> x = ag.placeholder("x", (2,), "float64")
    >>> print(ag.vjp(lambda x: x * x, x, [1.0, 10.0]).eval({x: [3.0, 4.0]}))
    [ 6. 80.]
    """
    ys = applied(y, xs, "vjp")
    if not allow_unused:
        reached(listed(ys), listed(xs), None, "vjp")
    return grad(ys, xs, cotangents, allow_unused=allow_unused)


def jvp(y: Any, xs: Any = None, tangents: Any = None, *, allow_unused: bool = False) -> Any:
    """Tangents of ``y`` for those of ``xs``, in forward mode: the Jacobian times a vector.

    >>> x = ag.placeholder("x", (2,), "float64")
    >>> print(ag.function(ag.jvp(lambda x: x * x, x, [1.0, 10.0]))([3.0, 4.0]))
    [ 6. 80.]
    """
    ys = applied(y, xs, "jvp")
    dxs = directions(tangents, xs, "jvp")
    found = pushforward(listed(ys), listed(xs), dxs)
    if not allow_unused:
        reached(listed(ys), listed(xs), found, "jvp")
    return shaped([or_zeros(d, t) for d, t in zip(found, listed(ys), strict=True)], ys)


def hvp(y: Any, xs: Any = None, vs: Any = None, *, allow_unused: bool = False) -> Any:
    """The Hessian of the scalar ``y`` times ``vs``, by forward over reverse: the cost of a few gradients.

    >>> x = ag.placeholder("x", (2,), "float64")
    >>> print(ag.function(ag.hvp(lambda x: (x**3).sum(), x, [1.0, 0.0]))([2.0, 5.0]))
    [12.  0.]
    """
    value = applied(y, xs, "hvp")
    inputs = listed(xs)
    dxs = directions(vs, xs, "hvp")
    if not allow_unused:
        reached(listed(value), inputs, None, "hvp")
    found = pushforward(grad(value, inputs, allow_unused=allow_unused), inputs, dxs)
    return shaped([or_zeros(d, x) for d, x in zip(found, inputs, strict=True)], xs)


def gauss_newton_vp(outputs: Many, loss: Any, xs: Many, vs: Any, *, allow_unused: bool = False) -> Any:
    """J^T H J v: J the Jacobian of ``outputs`` by ``xs``, H the Hessian of the scalar ``loss`` by ``outputs``.

    ``loss`` is a function of the outputs, or a tensor made from them. Positive semi-definite for a convex loss
    (Schraudolph, 2002).

    >>> w = ag.placeholder("w", (2,), "float64")
    >>> outputs = ag.constant([[1.0, 2.0], [3.0, 4.0]]) @ w
    >>> product = ag.gauss_newton_vp(outputs, lambda y: (y * y).sum() / 2, w, [1.0, 0.0])
    >>> print(product.eval())  # (A^T A) v
    [10. 14.]
    """
    name = "gauss_newton_vp"
    made, inputs = listed(applied(outputs, xs, name)), listed(xs)
    dxs = directions(vs, xs, name)
    tangents = pushforward(made, inputs, dxs)
    if not allow_unused:
        reached(made, inputs, tangents, name)
    moved = [or_zeros(d, t) for d, t in zip(tangents, made, strict=True)]
    curved = pushforward(grad(applied(loss, shaped(made, outputs), name), made), made, moved)
    found = pullback(made, inputs, [or_zeros(d, t) for d, t in zip(curved, made, strict=True)])
    return shaped([or_zeros(g, x) for g, x in zip(found, inputs, strict=True)], xs)


def size_of(t: Tensor) -> int | None:
    return t.type.size if t.type.known else None


def basis(t: Tensor, n: int) -> Tensor:
    """The ``n`` tensors of the shape of ``t`` that are 1 in one place and 0 elsewhere, stacked."""
    return constant(np.eye(n, dtype=t.dtype).reshape(n, *t.shape))


def jacobian(y: Any, x: Tensor | None = None, mode: str | None = None, *, allow_unused: bool = False) -> Any:
    """All derivatives of ``y`` (a tensor or a list of them) by ``x``, in the shape ``y.shape + x.shape``.

    ``mode`` is "forward" (one vectorised pass for all elements of x) or "reverse" (for all of y); by default the
    cheaper one. The lengths of x, or of y, must be known. A tensor that does not reach any of ``y`` is an error that
    names it, or zeros with ``allow_unused=True``.

    >>> x = ag.placeholder("x", (2,), "float64")
    >>> print(ag.function(ag.jacobian(lambda x: x * x.sum(), x))([1.0, 2.0]))
    [[4. 1.]
     [2. 5.]]
    """
    if several(x):
        raise UsageError("jacobian: expected one tensor to differentiate by, found a list; call it for each of them")
    ys = applied(y, x, "jacobian")
    outputs, (x,) = listed(ys), tensors(x, "jacobian")
    for t in (*outputs, x):
        if not is_float(t):
            raise GradientError(f"jacobian: {label(t)} is {t.type}; only floats have a derivative")
    if not allow_unused:
        reached(outputs, [x], None, "jacobian")
    columns, rows = size_of(x), [size_of(t) for t in outputs]
    if mode not in (None, "forward", "reverse"):
        raise GradientError(f'jacobian: mode is "forward", "reverse" or None for the cheaper one, got {mode!r}')
    if mode is None:
        known = columns is not None and (None in rows or columns <= sum(r or 0 for r in rows))
        mode = "forward" if known else "reverse"
    if mode == "forward" and columns is not None:
        return shaped(by_columns(outputs, x, columns), ys)
    if mode == "reverse" and None not in rows:
        return shaped([by_rows(t, x, n or 0) for t, n in zip(outputs, rows, strict=True)], ys)
    unknown = x if mode == "forward" else next(t for t in outputs if not t.type.known)
    raise ShapeError(f"jacobian: in {mode} mode the lengths of {label(unknown)} must be known, it is {unknown.type}")


def by_columns(ys: Sequence[Tensor], x: Tensor, n: int) -> list[Tensor]:
    """Jacobians in forward mode: the tangents of all elements of ``x`` at once."""
    dx = Placeholder(TensorType(x.shape, x.dtype))
    found = pushforward(ys, [x], [dx])
    flowing = [d for d in found if d is not None]
    columns = iter(batch(flowing, {dx: basis(x, n)}) if n else [])
    return [
        no_flow(y, x) if d is None or not n else last_axes(next(columns), x) for d, y in zip(found, ys, strict=True)
    ]


def last_axes(columns: Tensor, x: Tensor) -> Tensor:
    """(x.size, *y.shape) -> y.shape + x.shape"""
    t = columns.transpose(*range(1, columns.ndim), 0)
    if x.ndim == 1:
        return t
    if x.ndim == 0:
        return call("getitem", t, (..., 0))
    lead = [-1 if d is None else d for d in t.shape[:-1]]
    if lead.count(-1) > 1:
        raise ShapeError(f"jacobian: more than one length of {t.shape[:-1]} is unknown; flatten the tensor first")
    return Reshape((*lead, *x.shape))(t)  # type: ignore[arg-type]


def by_rows(y: Tensor, x: Tensor, n: int) -> Tensor:
    """The Jacobian in reverse mode: the cotangents of all elements of ``y`` at once."""
    g = Placeholder(TensorType(y.shape, y.dtype))
    (found,) = pullback([y], [x], [g])
    if found is None or n == 0:
        return no_flow(y, x)
    (rows,) = batch([found], {g: basis(y, n)})
    if y.ndim == 1:
        return rows
    if y.ndim == 0:
        return rows[0]
    tail = [-1 if d is None else d for d in x.shape]
    if tail.count(-1) > 1:
        raise ShapeError(f"jacobian: more than one length of {x.shape} is unknown; flatten the tensor first")
    return Reshape((*y.shape, *tail))(rows)  # type: ignore[arg-type]


def no_flow(y: Tensor, x: Tensor) -> Tensor:
    """Zeros in the shape ``y.shape + x.shape``."""
    zeros = call("zeros_like", y)[(..., *(None,) * x.ndim)]
    return zeros * call("zeros_like", x)


def hessian(y: Any, xs: Any = None, *, allow_unused: bool = False) -> Any:
    """Second derivatives of the scalar ``y``: x.shape + x.shape, or a list of lists for a list of tensors.

    By forward over reverse, vectorised over the elements of x. A tensor that does not reach ``y`` is an error that
    names it, or zeros with ``allow_unused=True``.

    >>> x = ag.placeholder("x", (2,), "float64")
    >>> print(ag.function(ag.hessian(lambda x: x[0] ** 2 * x[1], x))([3.0, 5.0]))
    [[10.  6.]
     [ 6.  0.]]
    """
    value, inputs = applied(y, xs, "hessian"), listed(xs)
    if not allow_unused:
        reached(listed(value), inputs, None, "hessian")
    gradients = grad(value, inputs, allow_unused=allow_unused)
    columns = [jacobian(gradients, x, "forward", allow_unused=True) for x in inputs]
    rows = [[columns[j][i] for j in range(len(inputs))] for i in range(len(inputs))]
    return rows if several(xs) else rows[0][0]


def vmap(function: Callable[..., Any], axes: int | Sequence[int | None] | None = 0) -> Callable[..., Any]:
    """A function of one example as a function of many: it maps over ``axes`` of its arguments.

    ``axes`` is one axis for all arguments or one for each, None for arguments that all examples share. Results get
    the examples as their first axis. Ops without a batching rule run in a loop; a random op whose shape does not
    come from an example draws once, for all.

    >>> a, b = ag.placeholder("a", (None, 3), "float64"), ag.placeholder("b", (3,), "float64")
    >>> f = ag.function(ag.vmap(lambda a, b: a @ b, (0, None))(a, b), inputs=[a, b])
    >>> print(f([[1.0, 2.0, 3.0], [0.0, 1.0, 0.0]], [1.0, 1.0, 2.0]))
    [9. 1.]
    """

    if not callable(function):
        raise UsageError("vmap: expected a function of one example, found a tensor; write ag.vmap(lambda a: a * a)(x)")

    @wraps(function)
    def mapped(*args: Like) -> Any:
        tensors = [as_tensor(a) for a in args]
        places = list(axes) if isinstance(axes, list | tuple) else [axes] * len(tensors)
        if len(places) != len(tensors) or all(a is None for a in places):
            raise ShapeError(f"vmap: axes={axes} must name an axis (or None) for each of {len(tensors)} arguments")
        moved = [t if a is None else first_axis(t, a) for t, a in zip(tensors, places, strict=True)]  # type: ignore[arg-type]
        lengths = {t.shape[0] for t, a in zip(moved, places, strict=True) if a is not None} - {None}
        if len(lengths) > 1:
            raise ShapeError(f"vmap: lengths {' and '.join(map(str, sorted(lengths)))} of the mapped axes differ")  # type: ignore[type-var]
        examples = [
            t if a is None else Placeholder(t.type.with_shape(t.shape[1:])) for t, a in zip(moved, places, strict=True)
        ]
        made = function(*examples)
        outputs = [as_tensor(t) for t in listed(made)]
        pairs = {e: t for e, t, a in zip(examples, moved, places, strict=True) if a is not None}
        results = batch(outputs, pairs)
        return type(made)(results) if several(made) else results[0]

    return mapped


def first_axis(t: Tensor, axis: int) -> Tensor:
    n = normalize_axis(axis, t.ndim, "vmap")
    return t if n == 0 else t.transpose(n, *(i for i in range(t.ndim) if i != n))


def per_example_grads(loss: Callable[..., Tensor], xs: Many, examples: Many, *, allow_unused: bool = False) -> Any:
    """Gradients by ``xs`` of ``loss(*xs, *example)`` for every example, stacked along a new first axis.

    ``examples`` are tensors whose first axis counts the examples.

    >>> w = ag.placeholder("w", (2,), "float64")
    >>> x, y = ag.placeholder("x", (None, 2), "float64"), ag.placeholder("y", (None,), "float64")
    >>> g = ag.per_example_grads(lambda w, x, y: (x @ w - y) ** 2, w, [x, y])
    >>> print(g.shape)
    (None, 2)
    >>> print(g.eval({w: [1.0, 1.0], x: [[1.0, 0.0], [2.0, 3.0]], y: [0.0, 0.0]}))
    [[ 2.  0.]
     [20. 30.]]
    """
    if not callable(loss):
        raise UsageError(
            "per_example_grads: expected a function of one example, found a tensor; "
            "write ag.per_example_grads(lambda w, x, y: (x @ w - y) ** 2, w, [x, y])"
        )
    inputs, data = tensors(xs, "per_example_grads"), listed(examples)

    def one(*example: Tensor) -> list[Tensor]:
        return grad(loss(*inputs, *example), inputs, allow_unused=allow_unused)

    return shaped(vmap(one)(*data), xs)
