"""A loss as a sum of squares: which tensors are squared in it, with which weights.

The loss is looked through from its end: sums, means, factors and weights that no parameter reaches, and squares in
any spelling (``square(r)``, ``r ** 2``, ``r * r``, ``r @ r``, ``norm(r) ** 2``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import StateError
from ..gradient import depends
from ..graph import Constant, Tensor, call, constant, toposort
from ..leaves import Variable
from ..ops.arrays import expand_like
from ..ops.creation import Size, ones_like
from ..ops.elementwise import sqrt
from ..ops.joining import concatenate
from ..ops.matmul import MatMul
from ..ops.reductions import Mean, Sum
from ..ops.statistics import Norm

PAIRS = 10_000  # tensors that are compared to see that two factors are one formula


class NoSquaresError(StateError):
    """A loss that is no sum of squares."""


@dataclass(frozen=True)
class Squares:
    """A loss as ``factor`` times the sum of the squares of ``residuals``, weights included.

    ``roots`` are the square roots of the weights, one a residual: 0 for one that does not count, NaN for one whose
    weight is negative.
    """

    residuals: Tensor  # (n,)
    roots: Tensor  # (n,)
    factor: Tensor  # ()


@dataclass(frozen=True)
class Part:
    """``factor`` times the sum of ``weight * value``, broadcast."""

    value: Tensor
    factor: Tensor | None = None
    weight: Tensor | None = None

    def of(self, value: Tensor) -> Part:
        return Part(value, self.factor, self.weight)

    def times(self, c: Tensor) -> Part:
        """With one more factor, which is a weight where it has a shape."""
        if c.shape == ():
            return Part(self.value, c if self.factor is None else self.factor * c, self.weight)
        return Part(self.value, self.factor, c if self.weight is None else self.weight * c)


def squares_of(loss: Tensor, params: Sequence[Variable]) -> Squares:
    """The residuals of a scalar loss. Raises NoSquaresError, with the op that is in the way, if it has none.

    >>> a, x = ag.variable(2.0, "a"), ag.placeholder("x", (None,))
    >>> found = squares_of(ag.mean((a * x - 1) ** 2), [a])
    >>> print(found.residuals.eval({x: [1.0, 3.0]}), found.factor.eval({x: [1.0, 3.0]}))
    [1. 5.] 0.5
    """
    live = depends(toposort([loss]), params)
    found: list[Part] = []
    stack = [Part(loss)]
    while stack:
        part = stack.pop()
        if part.value.id not in live:
            continue  # the same for all parameters
        root = squared(part)
        if root is None:
            stack.extend(reversed(list(opened(part, live))))
        elif root.op is not None and root.op.name == "sqrt":
            stack.append(part.of(root.inputs[0]))
        else:
            found.append(part.of(root))
    if not found:
        raise NoSquaresError("no parameter reaches the loss")
    return joined(found)


def joined(parts: Sequence[Part]) -> Squares:
    """All residuals in one row, in units of those of the first part."""
    one = constant(1.0, parts[0].value.dtype)
    factors = [one if part.factor is None else part.factor for part in parts]
    residuals, roots = [], []
    for part, factor in zip(parts, factors, strict=True):
        scale = None if part.weight is None else sqrt(part.weight.astype(part.value.dtype))
        relative = None if factor is factors[0] else sqrt(factor / factors[0])
        r = part.value if scale is None else part.value * scale
        r = r if relative is None else r * relative.astype(r.dtype)
        residuals.append(r.reshape(-1))
        roots.append((ones_like(r) if scale is None else expand_like(scale, r)).reshape(-1))
    whole = [ts[0] if len(ts) == 1 else concatenate(*ts) for ts in (residuals, roots)]
    return Squares(whole[0], whole[1], factors[0])


def squared(part: Part) -> Tensor | None:
    """The tensor whose squares ``part`` sums; None if it is not seen to sum squares."""
    t = part.value
    name, inputs = t.op.name if t.op else "", t.inputs
    if name == "square" or (name == "multiply" and alike(*inputs)):
        return inside(part, inputs[0])
    if name == "power" and isinstance(inputs[1], Constant) and inputs[1].shape == ():
        half = float(inputs[1].array) / 2
        if half == 1:
            return inside(part, inputs[0])
        return inputs[0] ** int(half) if half > 0 and half == int(half) else None
    if name == "getitem" and part.weight is None and t.shape == ():
        return vector_in(inputs[0])
    return None


def inside(part: Part, t: Tensor) -> Tensor:
    """A tensor with the same squares, without a kink: not |r|, but r; not the norm of r, but r."""
    while t.op is not None:
        whole = isinstance(t.op, Norm) and len(t.op.axes) == t.inputs[0].ndim and part.weight is None
        if t.op.name not in ("abs", "negative") and not whole:
            break
        t = t.inputs[0]
    return t


def vector_in(product: Tensor) -> Tensor | None:
    """The vector that is multiplied with itself in ``r @ r``, a matrix of one element."""
    if not isinstance(product.op, MatMul):
        return None
    a, b = (x.inputs[0] if x.op is not None and x.op.name == "getitem" else x for x in product.inputs)
    return a if a.ndim == 1 and alike(a, b) else None


def alike(a: Tensor, b: Tensor) -> bool:
    """Whether two tensors are the same formula of the same leaves."""
    stack, seen = [(a, b)], set()
    while stack:
        a, b = stack.pop()
        if a is b or (a.id, b.id) in seen:
            continue
        seen.add((a.id, b.id))
        if isinstance(a, Constant) and isinstance(b, Constant):
            if a.type != b.type or not np.array_equal(np.asarray(a.value), np.asarray(b.value)):
                return False
            continue
        if a.op is None or a.op != b.op or len(a.inputs) != len(b.inputs) or len(seen) > PAIRS:
            return False
        stack.extend(zip(a.inputs, b.inputs, strict=True))
    return True


# Op -> the parts that a part with this op at its end consists of ----------------------------------------------------
def opened(part: Part, live: set[int]) -> Iterable[Part]:
    t = part.value
    rule = OPENING.get(t.op.name if t.op else "")
    parts = None if rule is None else rule(part, t, live)
    if parts is None:
        raise NoSquaresError(f"the loss has {described(t)} where a square is needed")
    return parts


def described(t: Tensor) -> str:
    """What is in the way, in a few words."""
    while t.op is not None and t.op.name == "item":  # one of several outputs
        t = t.inputs[0]
    return f"`{t.name}` itself" if t.op is None and t.name else f"`{t.op.name}`" if t.op else "a number"


def added(part: Part, t: Tensor, live: set[int]) -> list[Part] | None:
    """The operands; one that is a single number counts once for each element of the sum."""
    found = []
    for x in t.inputs:
        if x.id not in live:
            continue
        if x.shape == t.shape:
            found.append(part.of(x))
        elif x.shape == () and part.weight is None:
            found.append(part.of(x).times(Size(tuple(range(t.ndim))).simplest(t).astype(x.dtype)))
        else:
            return None
    return found


def subtracted(part: Part, t: Tensor, live: set[int]) -> list[Part] | None:
    """Without what no parameter reaches."""
    a, b = t.inputs
    return added(part, t, live) if b.id not in live and a.id in live else None


def multiplied(part: Part, t: Tensor, live: set[int]) -> list[Part] | None:
    a, b = t.inputs
    if a.id in live and b.id in live:
        return None
    value, c = (a, b) if a.id in live else (b, a)
    return [part.of(value).times(c)]


def divided(part: Part, t: Tensor, live: set[int]) -> list[Part] | None:
    a, b = t.inputs
    return None if b.id in live else [part.of(a).times(1 / b.astype(a.dtype))]


def reduced(part: Part, t: Tensor, live: set[int]) -> list[Part] | None:
    """What is summed; a weight of each sum weighs all that it is made of."""
    op, (x,) = t.op, t.inputs
    if not isinstance(op, Sum | Mean):
        return None
    weight = part.weight
    if weight is not None and not op.keepdims:
        if weight.ndim != t.ndim:
            return None
        weight = call("expand_dims", weight, op.axes) if op.axes else weight
    found = Part(x, part.factor, weight)
    return [found.times(1 / Size(op.axes).simplest(x).astype(x.dtype)) if isinstance(op, Mean) else found]


def rearranged(part: Part, t: Tensor, live: set[int]) -> list[Part] | None:
    """The same numbers in another shape."""
    return [part.of(t.inputs[0])] if part.weight is None else None


OPENING: Mapping[str, Callable[[Part, Tensor, set[int]], list[Part] | None]] = {
    "add": added,
    "subtract": subtracted,
    "multiply": multiplied,
    "divide": divided,
    "negative": lambda part, t, live: [part.of(t.inputs[0]).times(constant(-1.0, t.dtype))],
    "sum": reduced,
    "mean": reduced,
    "astype": lambda part, t, live: [part.of(t.inputs[0])] if t.inputs[0].dtype.kind == "f" else None,
    "reshape": rearranged,
    "transpose": rearranged,
}
