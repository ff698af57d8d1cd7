"""Derivatives of formulas as graph, vectors element by element; and their simplification."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from agcli.engine.graph import Constant, Tensor, call
from agcli.engine.leaves import Placeholder
from agcli.engine.ops.creation import zeros_like
from agcli.engine.rewrite.rules import number
from agcli.engine.types import static
from agcli.expression.constants import folded
from agcli.expression.errors import ExpressionError
from agcli.expression.gradients import gradients, tangent
from agcli.expression.jacobians import jacobian
from agcli.expression.lift_shapes import barest, tidy, vector_parts
from agcli.expression.lower import FLOAT, stack
from agcli.expression.same_value import same_value
from agcli.expression.simplify import simplify
from agcli.expression.single_elements import elementwise
from agcli.expression.written_out import spread

WRONG = "failed its check and is left as it was built; please report this formula"
MAX_ELEMENTS = 1_000  # of a vector whose elements are looked at one by one


def differentiate(f: Tensor, x: Placeholder) -> Tensor:
    """The derivative as the engine builds it: of each element of `f` by a number, or of a number by each of `x`."""
    if f.dtype.kind == "b" or (f.dtype.kind != "f" and not f.type.weak):
        what = "true or false" if f.dtype.kind == "b" else "a whole number"
        raise ExpressionError(f"the formula is {what}, which has no derivative")
    f = spread(f)
    parts = vector_parts(f)
    if parts is not None:
        return stack(of_one_kind([differentiate(part, x) for part in parts]))
    if x.shape == ():
        return gradients(f, [x])[0] if f.shape == () else tangent(f, x)
    single = elementwise(f, x, differentiate) if f.shape == () else jacobian(f, x)
    if single is not None:
        return single
    if f.shape == ():
        return gradients(f, [x])[0]
    return stack([differentiate(part, x) for part in elements(f)])


def of_one_kind(rows: list[Tensor]) -> list[Tensor]:
    """Rows of which those that are zero are written out, if others are."""
    if all(vector_parts(row) is None for row in rows):
        return rows
    lengths = {row.shape for row in rows}
    if len(lengths) > 1 or len(rows[0].shape) != 1:
        return rows
    zeros = stack([Constant(0, FLOAT)] * static(rows[0].shape[0]))
    return [zeros if number(barest(row)) == 0 else row for row in rows]


def differentiate_all(f: Tensor, xs: Sequence[Placeholder]) -> list[Tensor]:
    """The derivatives by several variables; those of a number in one pass."""
    if f.shape == () and f.dtype.kind == "f" and xs and all(x.shape == () for x in xs):
        return gradients(spread(f), xs)
    return [differentiate(f, x) for x in xs]


def elements(t: Tensor) -> list[Tensor]:
    """The elements of a vector as formulas; of a number, itself."""
    if t.shape == ():
        return [t]
    parts = vector_parts(t)
    if parts is not None:
        return parts
    if len(t.shape) != 1 or t.shape[0] is None or t.shape[0] > MAX_ELEMENTS:
        raise ExpressionError(f"expected a vector, found a formula of shape {t.shape}")
    return [call("getitem", t, index=i) for i in range(t.shape[0])]


def zero(like: Tensor) -> Tensor:
    """The number 0."""
    return Constant(0, FLOAT) if like.shape == () else zeros_like(like)


def simplified(t: Tensor) -> Tensor:
    """The shortest formula that is known for the same value; a vector's elements one by one."""
    parts = vector_parts(t)
    if parts is not None:
        short = [simplified(part) for part in parts]
        nothing = len(t.shape) > 1 and all(vector_parts(p) is None and number(barest(p)) == 0 for p in short)
        return zeros_like(t) if nothing else stack(short)
    tidied = tidy(t)
    shorter = simplify(tidied)
    tidier = tidy(shorter)
    if tidier is not shorter:  # vectors that met in the simplified form
        shorter = simplify(tidier)
    return folded(tidied) if shorter is tidied else shorter


class Shorter(NamedTuple):
    """A formula made shorter. `same` is False if the shorter form was wrong, so that `formula` is as it was; None if no
    point was found at which the two can be compared."""

    formula: Tensor
    same: bool | None


def checked(t: Tensor) -> Shorter:
    """`simplified(t)` after a comparison of the two by numbers; `t` itself where they differ."""
    parts = vector_parts(t)
    if parts is not None:
        found = [checked(part) for part in parts]
        return Shorter(stack([part.formula for part in found]), worst(part.same for part in found))
    short = simplified(t)
    same = same_value(t, short).same
    return Shorter(t if same is False else short, same)


def worst(verdicts: Iterable[bool | None]) -> bool | None:
    """False if one is, else None if one is."""
    found = set(verdicts)
    return False if False in found else None if None in found else True
