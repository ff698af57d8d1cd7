"""A gradient of one's own for a composite function, and recomputing instead of keeping."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from .errors import GradientError
from .gradient import pullback
from .graph import Cotangents, Like, Op, Tensor, as_tensor, constant
from .ops.control import Barrier
from .subgraph import older
from .substitution import substitute
from .types import Array, TensorType

Function = Callable[..., Tensor]


class Wrapped(Op):
    """The first input as it is, with another gradient in the others; gone once a graph is compiled."""

    def unify(self, inputs: list[Tensor]) -> list[Tensor]:
        return inputs

    def infer(self, inner: TensorType, *xs: Any) -> TensorType:
        return inner

    def view(self, *arrays: Array) -> Array | None:
        return arrays[0]

    def simplify(self, *inputs: Tensor) -> Tensor | None:
        return inputs[0]


@dataclass(frozen=True, eq=False)
class Custom(Wrapped):
    """The value of a composite with the gradient rule of the user."""

    rule: Callable[..., Any]
    name = "custom_gradient"

    def vjp(self, g: Tensor, y: Tensor, *inputs: Tensor) -> Cotangents:
        xs = inputs[1:]
        found = self.rule(g, y, *xs)
        parts = [found] if isinstance(found, Tensor) else list(found)
        if len(parts) != len(xs):
            raise GradientError(f"custom_gradient: the rule must return {len(xs)} cotangents, it returned {len(parts)}")
        return [None, *(None if p is None else as_tensor(p) for p in parts)]


@dataclass(frozen=True, eq=False)
class Checkpoint(Wrapped):
    """The value of a composite, which is computed once more when its gradient is needed."""

    name = "checkpoint"

    def vjp(self, g: Tensor, y: Tensor, *inputs: Tensor) -> Cotangents:
        inner, *xs = inputs
        fresh = [Barrier()(x, g) for x in xs]
        again = substitute([inner], dict(zip(xs, fresh, strict=True)))
        return [None, *pullback(again, fresh, [g])]

    def jvp(self, tangents: Any, y: Tensor, *inputs: Tensor) -> Any:
        return tangents[0]


def custom_gradient(function: Function, vjp: Callable[..., Any]) -> Function:
    """``function`` with the rule ``vjp(g, y, *inputs)``, one cotangent (or None) an input, in place of its gradient.

    Both build tensors, so the rule is differentiated in its turn. Tensors that ``function`` uses without getting
    them as arguments have no gradient through it.

    >>> x = ag.placeholder("x", (), "float64")
    >>> half = ag.custom_gradient(lambda x: x * x, lambda g, y, x: g * x)
    >>> print(*ag.function([half(x), ag.grad(half(x), x)])(x=5.0))
    25.0 5.0
    """

    @wraps(function)
    def wrapped(*args: Like) -> Tensor:
        xs = [as_tensor(a) for a in args]
        return Custom(vjp)(function(*xs), *xs)

    return wrapped


def checkpoint(function: Function) -> Function:
    """``function`` whose intermediate values are computed again for the gradient instead of kept until then.

    It takes tensors and returns one; the gradient also reaches tensors that it uses without getting them as
    arguments (Griewank and Walther, 2000; Chen et al., 2016). ``print(function.plan)`` shows the peak of memory.

    >>> x = ag.placeholder("x", (), "float64")
    >>> layer = ag.checkpoint(lambda x: ag.sin(ag.exp(x)))
    >>> print(ag.grad(layer(x), x).eval({x: 0.0}) == np.cos(1.0))
    True
    """

    @wraps(function)
    def wrapped(*args: Like) -> Tensor:
        xs = [as_tensor(a) for a in args]
        start = constant(0).id
        y = function(*xs)
        return Checkpoint()(y, *older([y], start))

    return wrapped
