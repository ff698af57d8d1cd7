"""Checks that a derivative is right; public, because users write ops too."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .errors import GradientError
from .function import Function
from .gradient import pullback, pushforward
from .graph import Tensor
from .leaves import Placeholder, placeholder
from .ops.creation import zeros_like
from .types import Array


def inner(a: Array, b: Array) -> float:
    return float(np.sum(np.asarray(a) * np.asarray(b)))


def leaves(arrays: Sequence[Array], name: str) -> list[Placeholder]:
    return [placeholder(f"{name}{i}", a.shape, a.dtype) for i, a in enumerate(arrays)]


def check_grads(
    f: Callable[..., Tensor],
    args: Sequence[Any],
    order: int = 2,
    modes: Sequence[str] = ("reverse", "forward"),
    step: float = 1e-5,
    tolerance: float = 1e-6,
    seed: int = 0,
) -> None:
    """Compare the derivatives of ``f`` at ``args`` with central differences, up to ``order``.

    ``f`` takes and returns tensors of any shape. In one random direction u and one random cotangent v, each mode's
    <v, J u> is held against the fourth-order difference of <v, f> (error h^4); higher orders repeat this for the
    derivative itself. Numbers are float64. Raises ``GradientError`` with both figures where they differ.

    >>> ag.check_grads(lambda x, y: ag.sin(x) * y, [[0.3, 0.5], 2.0], order=3)
    >>> wrong = ag.custom_gradient(lambda x: x * x, lambda g, y, x: g * x)
    >>> ag.check_grads(wrong, [3.0], modes=["reverse"])
    Traceback (most recent call last):
    agcli.engine.errors.GradientError: reverse mode gives -0.0498287210074, central differences give -0.0996574420061
    """
    arrays = [np.asarray(a, np.float64) for a in args]
    if order < 1:
        return
    rng = np.random.default_rng(seed)
    xs = leaves(arrays, "x")
    y = f(*xs)
    us = [rng.standard_normal(a.shape) for a in arrays]
    v = np.asarray(rng.standard_normal(value(y, xs, arrays).shape))
    forward = Function([y], inputs=xs)

    def along(s: float) -> float:
        return inner(v, forward(*(a + s * u for a, u in zip(arrays, us, strict=True)))[0])

    numeric = (8 * (along(step) - along(-step)) - along(2 * step) + along(-2 * step)) / (12 * step)
    for mode in modes:
        exact = directional(mode, y, xs, arrays, us, v)
        scale = 1 + np.abs(exact) + np.abs(numeric)
        if not np.abs(exact - numeric) <= tolerance * scale:
            raise GradientError(f"{mode} mode gives {exact:.12g}, central differences give {numeric:.12g}")
    if order > 1:
        for mode in modes[:1] if order == 2 else modes:
            check_grads(
                derivative(mode, f, len(xs)),
                [*arrays, *(us if mode == "forward" else [v])],
                order - 1,
                modes,
                step,
                tolerance,
                seed + 1,
            )


def value(y: Tensor, xs: Sequence[Placeholder], arrays: Sequence[Array]) -> Array:
    return np.asarray(Function([y], inputs=list(xs))(*arrays)[0])


def directional(
    mode: str, y: Tensor, xs: Sequence[Placeholder], arrays: Sequence[Array], us: Sequence[Array], v: Array
) -> float:
    """<v, J u> by one mode."""
    if mode == "forward":
        dxs = leaves(us, "dx")
        (dy,) = pushforward([y], xs, dxs)
        if dy is None:
            return 0.0
        return inner(v, Function([dy], inputs=[*xs, *dxs])(*arrays, *us)[0])
    g = placeholder("g", v.shape, v.dtype)
    gxs = [zeros_like(x) if gx is None else gx for gx, x in zip(pullback([y], xs, [g]), xs, strict=True)]
    results = Function(gxs, inputs=[*xs, g])(*arrays, v)
    return float(np.sum([inner(gx, u) for gx, u in zip(results, us, strict=True)]))


def derivative(mode: str, f: Callable[..., Tensor], n: int) -> Callable[..., Tensor]:
    """The derivative of ``f`` in one mode as a function of its ``n`` arguments and the directions, one tensor."""

    def reverse(*zs: Tensor) -> Tensor:
        xs, g = zs[:n], zs[n]
        parts = [p.reshape(-1) for p in pullback([f(*xs)], xs, [g]) if p is not None]
        return join(parts) if parts else zeros_like(g)

    def forward(*zs: Tensor) -> Tensor:
        y = f(*zs[:n])
        return next((dy for dy in pushforward([y], zs[:n], zs[n:]) if dy is not None), zeros_like(y))

    return forward if mode == "forward" else reverse


def join(parts: Sequence[Tensor]) -> Tensor:
    from .ops.joining import concatenate

    return parts[0] if len(parts) == 1 else concatenate(*parts)
