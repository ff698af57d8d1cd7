"""Derivatives: graph -> graph. Every rule builds graph, so a derivative can be differentiated again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, overload

from .arguments import applied
from .errors import GradientError, Refused, ShapeError
from .graph import Like, Tensor, as_tensor, label, toposort
from .ops.arrays import astype, expand_like, sum_like
from .ops.base import items
from .ops.creation import ones_like, zeros_like
from .ops.reductions import sum
from .origin import origin
from .rewrite.stability import repairs
from .substitution import substitute
from .types import TensorType, TupleType


def sum_to(g: Tensor, x: Tensor) -> Tensor:
    """Undo broadcasting and promotion, here and nowhere else: ``g`` in the type of ``x``."""
    if g.type.shape != x.type.shape or not x.type.known:
        g = sum_like(g, x)
    return g if g.dtype == x.dtype else astype(g, x.dtype)


def accumulate(total: Any, g: Any) -> Any:
    """Sum of two cotangents; those of a tuple are added output by output."""
    if total is None or g is None:
        return g if total is None else total
    if isinstance(total, list):
        return [accumulate(a, b) for a, b in zip(total, g, strict=True)]
    return total + g


def depends(order: Sequence[Tensor], xs: Sequence[Tensor]) -> set[int]:
    """Ids of the tensors in ``order`` that vary with one of ``xs`` as far as derivatives go."""
    found = {x.id for x in xs}
    for t in order:
        if t.id not in found and any(x.id in found for x in t.inputs) and not (t.op and t.op.stops):
            found.add(t.id)
    return found


def is_float(t: Tensor) -> bool:
    return isinstance(t.type, TupleType) or t.dtype.kind == "f" or t.type.weak


def pullback(ys: Sequence[Tensor], xs: Sequence[Tensor], gs: Sequence[Tensor]) -> list[Tensor | None]:
    """Cotangents of ``xs`` for cotangents ``gs`` of ``ys``; None where nothing flows."""
    order = toposort(ys)
    memo = repairs(order, xs)
    if not memo:
        return reverse(order, ys, xs, gs)
    outputs, inputs = ([memo.get(t.id, t) for t in ts] for ts in (ys, xs))
    return restored(reverse(toposort(outputs), outputs, inputs, gs), inputs, xs)


def restored(results: list[Tensor | None], repaired: Sequence[Tensor], xs: Sequence[Tensor]) -> list[Tensor | None]:
    """``results`` in terms of ``xs`` as they were before repairs, so that they can be differentiated by them again."""
    changed = {new: old for new, old in zip(repaired, xs, strict=True) if new is not old}
    if not changed:
        return results
    found = iter(substitute([t for t in results if t is not None], changed))
    return [t if t is None else next(found) for t in results]


def reverse(
    order: Sequence[Tensor], ys: Sequence[Tensor], xs: Sequence[Tensor], gs: Sequence[Tensor]
) -> list[Tensor | None]:
    """The pullback through the tensors in ``order`` (inputs before users)."""
    live = depends(order, xs)
    cotangents: dict[int, Any] = {}
    for y, given in zip(ys, gs, strict=True):
        cotangents[y.id] = accumulate(cotangents.get(y.id), given)
    for t in reversed(order):
        g = cotangents.get(t.id)
        if t.op is None or g is None or t.id not in live:
            continue
        with origin(t.place):
            for x, gx in zip(t.inputs, t.op.vjp(g, t, *t.inputs), strict=True):
                if gx is not None and x.id in live and is_float(x):
                    if isinstance(gx, Refused):
                        raise gx.error()
                    part = gx if isinstance(gx, list) else sum_to(gx, x)
                    cotangents[x.id] = accumulate(cotangents.get(x.id), part)
    return [cotangents.get(x.id) for x in xs]


def pushforward(ys: Sequence[Tensor], xs: Sequence[Tensor], dxs: Sequence[Tensor]) -> list[Tensor | None]:
    """Tangents of ``ys`` for tangents ``dxs`` of ``xs``; None where nothing flows."""
    order = toposort(ys)
    memo = repairs(order, xs)
    if not memo:
        return forward(order, ys, xs, dxs)
    outputs, inputs = ([memo.get(t.id, t) for t in ts] for ts in (ys, xs))
    return restored(forward(toposort(outputs), outputs, inputs, dxs), inputs, xs)


def forward(
    order: Sequence[Tensor],
    ys: Sequence[Tensor],
    xs: Sequence[Tensor],
    dxs: Sequence[Tensor],
    trace: Callable[[Tensor, Sequence[Any], Any], None] | None = None,
) -> list[Tensor | None]:
    """The pushforward through the tensors in ``order`` (inputs before users).

    ``trace`` is told of each tensor, the tangents of its inputs (None where nothing flows), and its own.
    """
    tangents: dict[int, Any] = {x.id: dx for x, dx in zip(xs, dxs, strict=True)}
    for t in order:
        if t.op is None or t.id in tangents:
            continue
        inputs = [tangents.get(x.id) if is_float(x) else None for x in t.inputs]
        if all(d is None for d in inputs) or not is_float(t):
            continue
        with origin(t.place):
            tangent = t.op.jvp(inputs, t, *t.inputs)
            if tangent is NotImplemented:
                tangent = transposed(t, inputs)
            if isinstance(tangent, Tensor) and tangent.type != t.type:
                tangent = expand_like(astype(tangent, t.dtype), t)
        if tangent is not None:
            tangents[t.id] = tangent
            if trace is not None:
                trace(t, inputs, tangent)
    return [tangents.get(y.id) for y in ys]


def transposed(t: Tensor, dxs: Sequence[Tensor | None]) -> Any:
    """The tangent of ``t`` from its vjp alone: <vjp(g), dx> is linear in g, and its gradient in g is the tangent.

    The gradient is taken at g = 0, a tensor that exists at run time: rules may read the shape of g.
    """
    several = isinstance(t.type, TupleType)
    gs = [zeros_like(y) if is_float(y) else None for y in (items(t) if several else (t,))]
    total: Tensor | None = None
    for x, gx, dx in zip(t.inputs, t.op.vjp(gs if several else gs[0], t, *t.inputs), dxs, strict=True):  # type: ignore[union-attr]
        if gx is not None and dx is not None:
            if isinstance(gx, Refused):
                raise gx.error()
            part = sum(sum_to(gx, x) * dx)
            total = part if total is None else total + part
    if total is None:
        return None
    order = toposort([total], {t.id, *(x.id for x in t.inputs)})
    found = iter(reverse(order, [total], [g for g in gs if g is not None], [ones_like(total)]))
    tangents = [None if g is None else next(found) for g in gs]
    return tangents if several else tangents[0]


def scalar(y: Tensor) -> Tensor:
    """``y``, after a check that it can be differentiated as a loss."""
    if not is_float(y):
        raise GradientError(f"grad: {label(y)} is {y.type}; only floats have a derivative")
    if y.shape != ():
        raise GradientError(
            f"grad: {label(y)} is {y.type}, not a scalar; differentiate its sum or mean, or give cotangents="
        )
    return y


@overload
def grad(ys: Any, xs: Tensor, cotangents: Any = None, *, allow_unused: bool = False) -> Tensor: ...
@overload
def grad(ys: Any, xs: Sequence[Tensor], cotangents: Any = None, *, allow_unused: bool = False) -> list[Tensor]: ...
def grad(
    ys: Any,
    xs: Any = None,
    cotangents: Like | Sequence[Like] | None = None,
    *,
    allow_unused: bool = False,
) -> Tensor | list[Tensor]:
    """Gradient of the sum of the scalars ``ys`` with respect to each of ``xs``, in reverse mode.

    ``ys`` are tensors, or a function that makes them of ``xs``; ``grad(f, x)`` is ``grad(f(x), x)``.

    With ``cotangents``, one for each of ``ys`` and in its shape, ``ys`` need not be scalars. A single tensor ``xs``
    gives a single gradient. A tensor that does not reach ``ys`` is an error that names it, or zeros with
    ``allow_unused=True``.

    >>> x, y = ag.placeholder("x"), ag.placeholder("y")
    >>> z = x**3 * y
    >>> gx, gy = ag.grad(z, [x, y])
    >>> print(gx.eval({x: 2.0, y: 5.0}), gy.eval({x: 2.0}), ag.grad(gx, x).eval({x: 2.0, y: 5.0}))
    60.0 8.0 60.0
    >>> v = ag.placeholder("v", (2,))
    >>> print(ag.grad(v * v, v, cotangents=[1.0, 10.0]).eval({v: [3.0, 4.0]}))
    [ 6. 80.]
    """
    made = applied(ys, xs, "grad")
    outputs = [made] if isinstance(made, Tensor) else made
    inputs = [xs] if isinstance(xs, Tensor) else list(xs)
    if cotangents is None:
        gs = [ones_like(scalar(y)) for y in outputs]
    else:
        given = [cotangents] if isinstance(made, Tensor) else list(cotangents)  # type: ignore[arg-type]
        if len(given) != len(outputs):
            raise GradientError(f"grad: needs {len(outputs)} cotangents, one for each output, got {len(given)}")
        gs = [as_cotangent(g, y) for g, y in zip(given, outputs, strict=True)]
    found = pullback(outputs, inputs, gs)
    results = [zeros_or_error(g, x, outputs, allow_unused) for g, x in zip(found, inputs, strict=True)]
    return results[0] if isinstance(xs, Tensor) else results


def as_cotangent(g: Like, y: Tensor) -> Tensor:
    t = as_tensor(g)
    if len(t.shape) != len(y.shape) or not TensorType(y.shape, t.dtype).accepts(t.type):
        raise ShapeError(f"grad: the cotangent of {label(y)} must have its shape {y.shape}, got {t.shape}")
    return t if t.dtype == y.dtype else astype(t, y.dtype)


def zeros_or_error(g: Tensor | None, x: Tensor, ys: Sequence[Tensor], allow_unused: bool) -> Tensor:
    if g is not None:
        return g
    if allow_unused and is_float(x):
        return zeros_like(x)
    raise unused(x, ys, "grad")


def unused(x: Tensor, ys: Sequence[Tensor], name: str) -> GradientError:
    """The error that says why there is no derivative of ``ys`` by ``x``."""
    if not is_float(x):
        return GradientError(f"{name}: {label(x)} is {x.type}; only floats have a derivative")
    names = ", ".join(label(y) for y in ys)
    order = toposort(ys)
    if x.id not in {t.id for t in order}:
        return GradientError(f"{name}: {label(x)} does not reach {names}; allow_unused=True gives zeros")
    return GradientError(
        f"{name}: {label(x)} reaches {names} only through {blockers(order, x)}, without a derivative; "
        "allow_unused=True gives zeros"
    )


def reached(ys: Sequence[Tensor], xs: Sequence[Tensor], tangents: Sequence[Any] | None, name: str) -> None:
    """Refuse tensors among ``xs`` that reach none of ``ys``; ``tangents`` are those of ``ys`` for all of ``xs``."""
    order = toposort(ys)
    live = {y.id for y in ys}
    for t in reversed(order):
        if t.id in live and t.op and not t.op.stops and is_float(t):
            live.update(x.id for x in t.inputs if is_float(x))
    lost = tangents is not None and all(d is None for d in tangents)
    for x in xs:
        if lost or x.id not in live:
            raise unused(x, ys, name)


def blockers(order: Sequence[Tensor], x: Tensor) -> str:
    """The ops at which the derivative with respect to ``x`` ends."""
    live = depends(order, [x])
    edge = [t for t in order if t.op and any(x.id in live and is_float(x) for x in t.inputs)]
    return ", ".join(sorted({t.op.name for t in edge if t.op and (t.op.stops or not is_float(t))})) or "ops"
