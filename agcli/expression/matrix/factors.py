"""Numbers moved out of matrix formulas: `x.T @ (a/n)` becomes `x.T @ a / n`, through whatever is linear.

Every tensor is read as a factor times a tensor. A table has one rule an op; an op without a rule takes its inputs
whole. Losses that the engine computes in one pass are written in the ops of which they are made.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any, NamedTuple, TypeGuard

from agcli.engine.graph import Constant, Tensor, call, constant, toposort
from agcli.engine.ops.base import Linear
from agcli.engine.types import TensorType, TupleType, static
from agcli.expression.lift_shapes import unguarded
from agcli.expression.matrix.lengths import Lengths, letters_in
from agcli.expression.simplify.numbers import plain as exact
from agcli.expression.simplify.numbers import uniform

ONE = Fraction(1)


class Scaled(NamedTuple):
    """`factor * tensor`; without a tensor, the factor in every place."""

    factor: Fraction
    tensor: Tensor | None


Rule = Callable[["Factoring", Tensor, Sequence[Scaled]], Scaled]


class Factoring:
    """The factors of the tensors of one graph."""

    def __init__(self, lengths: Lengths) -> None:
        self.lengths = lengths
        self.found: dict[int, Scaled] = {}
        self.made: dict[Any, Tensor] = {}  # tensors by op and inputs

    def read(self, t: Tensor) -> Scaled:
        for x in toposort([t], self.found):
            if x.id not in self.found:
                self.found[x.id] = self.leaf(x) if x.op is None else self.apply(x)
        return self.found[t.id]

    def leaf(self, t: Tensor) -> Scaled:
        if isinstance(t, Constant) and t.dtype.kind != "b":
            number = uniform(t.value)
            value = number if number is None or isinstance(number, int | Fraction) else exact(float(number))
            if value is not None:
                return Scaled(Fraction(value), None)
        return Scaled(ONE, t)

    def apply(self, t: Tensor) -> Scaled:
        name, inputs = t.op.name, [self.found[x.id] for x in t.inputs]  # type: ignore[union-attr]
        rule = RULES.get(name) or (linear if isinstance(t.op, Linear) else None)
        make = plain if rule is None or isinstance(t.type, TupleType) else rule
        found = make(self, t, inputs)
        if found.tensor is None:
            return found
        tensor = found.tensor if isinstance(t.type, TupleType) else spread(found.tensor, t)
        return Scaled(found.factor, self.once(tensor))

    def once(self, t: Tensor) -> Tensor:
        """The tensor that was made first of those with this op and these inputs."""
        keys = [(x.value, x.dtype) if isinstance(x, Constant) and x.shape == () else x.id for x in t.inputs]
        return self.made.setdefault((t.op, *keys), t) if t.op is not None else t

    def whole(self, value: Scaled, like: Tensor, spread: bool = False) -> Tensor:
        """A factor and its tensor as one tensor; `spread` gives a number the shape of `like`."""
        if value.tensor is None:
            number = self.number(value.factor, like)
            return call("broadcast_to", number, shape=like.shape) if spread and like.shape else number
        return self.times(value.factor, value.tensor)

    def number(self, factor: Fraction, like: Tensor) -> Tensor:
        """A number in the dtype of ``like``."""
        made = self.times(factor, None)
        exact_one = isinstance(made, Constant) or letters_in(factor) == 1 == letters_in(1 / factor if factor else ONE)
        if exact_one:
            return Constant(factor.numerator if factor.denominator == 1 else factor, TensorType((), like.dtype))
        return made

    def times(self, factor: Fraction, t: Tensor | None) -> Tensor:
        """`3*t/(2*n)`"""
        top, above = self.lengths.product(abs(factor.numerator))
        bottom, below = self.lengths.product(factor.denominator)
        parts = [*([constant(top)] if top != 1 else []), *above, *([] if t is None else [t])]
        product = joined(parts) if parts else constant(1)
        divisor = [*([constant(bottom)] if bottom != 1 else []), *below]
        quotient = product / joined(divisor) if divisor else product
        return -quotient if factor < 0 else quotient


def joined(factors: Sequence[Tensor]) -> Tensor:
    product, *rest = factors
    for factor in rest:
        product = product * factor
    return product


def factored(outputs: Sequence[Tensor], lengths: Lengths) -> list[Tensor]:
    """The same values with the factors in front."""
    factoring = Factoring(lengths)
    return [factoring.whole(factoring.read(t), t, spread=True) for t in outputs]


# Rules


def plain(factoring: Factoring, t: Tensor, inputs: Sequence[Scaled]) -> Scaled:
    """An op of whole inputs, the same tensor where they are the same."""
    spread = getattr(t.op, "ufunc", None) is None
    whole = [factoring.whole(x, old, spread) for x, old in zip(inputs, t.inputs, strict=True)]
    if all(new is old for new, old in zip(whole, t.inputs, strict=True)):
        return Scaled(ONE, t)
    return Scaled(ONE, t.op.simplest(*whole))  # type: ignore[union-attr]


def linear(factoring: Factoring, t: Tensor, inputs: Sequence[Scaled]) -> Scaled:
    """An op that is linear in its first input."""
    first, *rest = inputs
    if first.tensor is None and t.op.name in MOVES:  # type: ignore[union-attr]
        return first
    if t.dtype.kind != "f" or t.inputs[0].dtype.kind != "f":
        return plain(factoring, t, inputs)
    inner = factoring.whole(Scaled(ONE, first.tensor), t.inputs[0], spread=True)
    others = [factoring.whole(x, old, spread=True) for x, old in zip(rest, t.inputs[1:], strict=True)]
    return Scaled(first.factor, t.op.simplest(inner, *others))  # type: ignore[union-attr]


def total(factoring: Factoring, t: Tensor, inputs: Sequence[Scaled]) -> Scaled:
    (x,) = inputs
    if x.tensor is None:
        lengths = [static(t.inputs[0].shape[axis]) for axis in t.op.axes]  # type: ignore[union-attr]
        count = 1
        for length in lengths:
            count *= length
        return Scaled(x.factor * count, None)
    return linear(factoring, t, inputs)


def transpose(factoring: Factoring, t: Tensor, inputs: Sequence[Scaled]) -> Scaled:
    """Turned twice is not turned at all."""
    inner = inputs[0].tensor
    if inner is not None and inner.op is not None and inner.op.name == "transpose":
        axes = [inner.op.axes[axis] for axis in t.op.axes]  # type: ignore[attr-defined, union-attr]
        if axes == sorted(axes):
            return Scaled(inputs[0].factor, inner.inputs[0])
    return linear(factoring, t, inputs)


def reshape(factoring: Factoring, t: Tensor, inputs: Sequence[Scaled]) -> Scaled:
    """Sums that keep their axes and then lose them never kept them."""
    inner = inputs[0].tensor
    if inner is not None and inner.op is not None and inner.op.name == "sum":
        bare = call("sum", inner.inputs[0], axis=inner.op.axes)  # type: ignore[attr-defined]
        if bare.shape == t.shape:
            return Scaled(inputs[0].factor, bare)
    return linear(factoring, t, inputs)


def multiply(factoring: Factoring, t: Tensor, inputs: Sequence[Scaled]) -> Scaled:
    a, b = inputs
    factor = a.factor * b.factor
    if a.tensor is None or b.tensor is None or factor == 0:
        left = None if factor == 0 else a.tensor if b.tensor is None else b.tensor
        return Scaled(factor, None if left is None else spread(left, t))
    return Scaled(factor, a.tensor * b.tensor)


def divide(factoring: Factoring, t: Tensor, inputs: Sequence[Scaled]) -> Scaled:
    a, b = inputs
    if not b.factor:
        return plain(factoring, t, inputs)
    factor = a.factor / b.factor
    if b.tensor is None:
        return Scaled(factor, None if a.tensor is None else spread(a.tensor, t))
    return Scaled(factor, (constant(1) if a.tensor is None else a.tensor) / b.tensor)


def spread(x: Tensor, t: Tensor) -> Tensor:
    return x if x.shape == t.shape else call("broadcast_to", x, shape=t.shape)


def matmul(factoring: Factoring, t: Tensor, inputs: Sequence[Scaled]) -> Scaled:
    a, b = (factoring.whole(Scaled(ONE, x.tensor), old, spread=True) for x, old in zip(inputs, t.inputs, strict=True))
    return Scaled(inputs[0].factor * inputs[1].factor, a @ b)


def add(factoring: Factoring, t: Tensor, inputs: Sequence[Scaled]) -> Scaled:
    """A common factor, or a common 1/n, stands in front of the sum."""
    a, b = inputs
    if a.factor == 0 or b.factor == 0:
        rest = b if a.factor == 0 else a
        return rest if rest.tensor is None else Scaled(rest.factor, spread(rest.tensor, t))
    if a.tensor is None and b.tensor is None:
        return Scaled(a.factor + b.factor, None)
    both = joined_branches(factoring, t, a, b) or joined_branches(factoring, t, b, a)
    if both is not None:
        return both
    common = letters_in(a.factor) if letters_in(a.factor) == letters_in(b.factor) else ONE
    if abs(a.factor) == abs(b.factor):
        common = -abs(a.factor) if a.factor < 0 and b.factor < 0 else abs(a.factor)
    left, right = Scaled(a.factor / common, a.tensor), Scaled(b.factor / common, b.tensor)
    if left.factor < 0 < right.factor:
        left, right = right, left
    first = factoring.whole(left, t)
    if right.factor < 0:
        return Scaled(common, spread(first - factoring.whole(Scaled(-right.factor, right.tensor), t), t))
    return Scaled(common, spread(first + factoring.whole(right, t), t))


def joined_branches(factoring: Factoring, t: Tensor, a: Scaled, b: Scaled) -> Scaled | None:
    """where(c, u, 0) + where(c, 0, v) is where(c, u, v)"""
    if not is_where(a.tensor) or not is_where(b.tensor) or a.tensor.inputs[0] is not b.tensor.inputs[0]:
        return None
    (condition, u, nothing), (_, none, v) = a.tensor.inputs, b.tensor.inputs
    if not is_zero(nothing) or not is_zero(none):
        return None
    common = a.factor if a.factor == b.factor else letters_in(a.factor)
    if common != letters_in(b.factor) and a.factor != b.factor:
        common = ONE
    sides = [factoring.times(x.factor / common, side) for x, side in ((a, u), (b, v))]
    return Scaled(common, spread(call("where", condition, *sides), t))


def is_where(t: Tensor | None) -> TypeGuard[Tensor]:
    return t is not None and t.op is not None and t.op.name == "where"


def is_zero(t: Tensor) -> bool:
    return isinstance(t, Constant) and t.shape == () and t.value == 0


def subtract(factoring: Factoring, t: Tensor, inputs: Sequence[Scaled]) -> Scaled:
    a, b = inputs
    return add(factoring, t, [a, Scaled(-b.factor, b.tensor)])


def negative(factoring: Factoring, t: Tensor, inputs: Sequence[Scaled]) -> Scaled:
    return Scaled(-inputs[0].factor, inputs[0].tensor)


def keep(factoring: Factoring, t: Tensor, inputs: Sequence[Scaled]) -> Scaled:
    """A choice between a value and 0."""
    x, condition = inputs
    zero = Scaled(Fraction(0), None)
    sides = (x, zero) if t.op.value else (zero, x)  # type: ignore[union-attr]
    return choice(factoring, t, factoring.whole(condition, t.inputs[1]), *sides)


def where(factoring: Factoring, t: Tensor, inputs: Sequence[Scaled]) -> Scaled:
    """Where one side is 0, the factor is that of the other; a choice in a branch of the same choice is made."""
    condition, a, b = inputs
    return choice(factoring, t, factoring.whole(condition, t.inputs[0]), a, b)


def choice(factoring: Factoring, t: Tensor, condition: Tensor, a: Scaled, b: Scaled) -> Scaled:
    a, b = chosen(condition, a, 1), chosen(condition, b, 2)
    common = a.factor if a.factor == b.factor else (a.factor or b.factor) if not (a.factor and b.factor) else ONE
    if not common:
        return Scaled(common, None)
    sides = [factoring.whole(Scaled(x.factor / common, x.tensor), t) if x.factor else constant(0) for x in (a, b)]
    made = call("where", condition, *sides)
    bare = unguarded(made) if made.op is not None and made.op.name == "where" else None
    return Scaled(common, spread(made if bare is None else bare, t))


def chosen(condition: Tensor | None, x: Scaled, place: int) -> Scaled:
    """The branch that is taken of a choice by a condition that is known."""
    if not is_where(x.tensor) or x.tensor.inputs[0] is not condition:
        return x
    branch = x.tensor.inputs[place]
    return Scaled(Fraction(0), None) if is_zero(branch) else Scaled(x.factor, branch)


def exponential(factoring: Factoring, t: Tensor, inputs: Sequence[Scaled]) -> Scaled:
    """exp(z - logsumexp(z)) is softmax(z)"""
    difference = inputs[0].tensor
    if difference is not None and inputs[0].factor == 1 and difference.op is not None:
        z, level = difference.inputs if difference.op.name == "subtract" else (difference, difference)
        while level.op is not None and level.op.name in MOVES:
            level = level.inputs[0]
        whole = level.op is not None and level.op.name == "logsumexp" and level.inputs[0] is z and z.shape == t.shape
        if whole and level.op.axes == (z.ndim - 1,):  # type: ignore[union-attr]
            return Scaled(ONE, call("softmax", z))
    return plain(factoring, t, inputs)


def softmax_grad(factoring: Factoring, t: Tensor, inputs: Sequence[Scaled]) -> Scaled:
    """g (softmax(logits) - one_hot(labels))"""
    g, _, z, y = inputs
    logits, labels = factoring.whole(z, t.inputs[2], spread=True), factoring.whole(y, t.inputs[3])
    error = call("softmax", logits) - call("one_hot", labels, depth=static(logits.shape[-1]), dtype=t.dtype)
    return Scaled(g.factor, error if g.tensor is None else call("expand_dims", g.tensor, -1) * error)


MOVES = {"broadcast_to", "reshape", "transpose", "expand_dims", "squeeze", "getitem", "astype"}
RULES: dict[str, Rule] = {
    "negative": negative,
    "add": add,
    "subtract": subtract,
    "multiply": multiply,
    "divide": divide,
    "matmul": matmul,
    "sum": total,
    "transpose": transpose,
    "reshape": reshape,
    "where": where,
    "keep": keep,
    "exp": exponential,
    "sparse_softmax_grad": softmax_grad,
}
