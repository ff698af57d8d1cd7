"""Formulas for Python: text -> Tensor, derivatives, Tensor -> text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agcli.engine.gradient import grad, pushforward
from agcli.engine.graph import Constant, Placeholder, Tensor, call, placeholder, toposort
from agcli.engine.ops.creation import ones_like, zeros_like
from agcli.expression.errors import ExpressionError, nearest, shorten
from agcli.expression.lower import FLOAT, functions, lower, stack
from agcli.expression.parser import parse_syntax
from agcli.expression.printers import printer
from agcli.expression.simplify import simplify
from agcli.expression.syntax import Syntax

MAX_ELEMENTS = 1_000  # of a vector whose elements are looked at one by one


@dataclass(frozen=True)
class Formula:
    """A text as tensors: one side, or both sides of an equation, over placeholders by name."""

    syntax: Syntax
    sides: tuple[Tensor, ...]
    names: dict[str, Placeholder]

    @property
    def tensor(self) -> Tensor:
        """The formula; of an equation, left minus right."""
        return self.sides[0] if len(self.sides) == 1 else self.sides[0] - self.sides[1]


def read(text: str, shapes: Mapping[str, Sequence[int]] | None = None) -> Formula:
    """The formula of a text. Variables are float64 scalars, or have the shapes that are given."""
    given = dict(shapes or {})
    syntax = parse_syntax(text, functions(), given)
    for name in given:
        if name not in syntax.variables:
            variable_named(name, syntax.variables, "shape")
    names = {name: placeholder(name, given.get(name, ()), "float64") for name in syntax.variables}
    return Formula(syntax, lower(syntax, names), names)


def parse(text: str, shapes: Mapping[str, Sequence[int]] | None = None) -> Tensor:
    """A formula as a tensor over named placeholders. Raises ExpressionError.

    Variables are float64 scalars; `shapes` names those that are vectors or matrices.

    >>> parse("x*sin(y) + 1").eval({"x": 1.0, "y": 0.0})
    array(1.)
    """
    formula = read(text, shapes)
    if len(formula.sides) > 1:
        raise ExpressionError("expected a formula, found an equation", text, 0, len(text), "write `left - right`")
    return formula.sides[0]


def variables(t: Tensor) -> dict[str, Placeholder]:
    """The placeholders of a formula by name, in alphabetical order."""
    found = {p.name: p for p in toposort([t]) if isinstance(p, Placeholder) and p.name}
    return dict(sorted(found.items()))


def variable_named(name: str, known: Any, option: str = "") -> Placeholder:
    """The variable called `name`. Raises ExpressionError with the nearest one."""
    if name in known:
        return known[name]  # type: ignore[no-any-return]
    near = nearest(name, known)
    there = f"its variables are {', '.join(sorted(known))}" if known else "it has no variables"
    message = f"{option + ': ' if option else ''}the formula has no variable `{shorten(name)}`"
    raise ExpressionError(message, hint=f"did you mean `{near}`?" if near else there)


def derivative(f: Tensor | str, *wrt: str | Placeholder, order: int = 1, shorten: bool = True) -> Tensor:
    """The derivative of `f` by each of `wrt` in turn, `order` times; simplified unless `shorten` is False.

    Without `wrt`, `f` has one variable. A variable that `f` does not have is an error.

    >>> to_text(derivative("x^2*sin(y)", "x"))
    '2*x*sin(y)'
    """
    t = parse(f) if isinstance(f, str) else f
    known = variables(t)
    if not wrt and len(known) != 1:
        raise ExpressionError(f"name the variable: the formula has {', '.join(known) or 'none'}")
    xs = [variable_named(x, known) if isinstance(x, str) else x for x in wrt or known.values()]
    for x in xs * order:
        t = differentiate(t, x)
        if shorten:
            t = simplified(t)
    return t


def differentiate(f: Tensor, x: Placeholder) -> Tensor:
    """The derivative as the engine builds it: of each element of `f` by a number, or of a number by each of `x`."""
    if f.dtype.kind == "b" or (f.dtype.kind != "f" and not f.type.weak):
        what = "true or false" if f.dtype.kind == "b" else "a whole number"
        raise ExpressionError(f"the formula is {what}, which has no derivative")
    if f.shape == ():
        return grad(f, x, allow_unused=True)
    parts = vector_parts(f)
    if parts is not None:
        return stack([differentiate(part, x) for part in parts])
    if x.shape == ():
        (tangent,) = pushforward([f], [x], [ones_like(x)])
        return zeros_like(f) if tangent is None else tangent
    return stack([differentiate(part, x) for part in elements(f)])


def vector_parts(t: Tensor) -> list[Tensor] | None:
    """The elements of a vector that was written out, `[a, b]`; None for any other tensor."""
    if t.op is None or t.op.name != "concatenate" or getattr(t.op, "axis", None) != 0:
        return None
    parts = []
    for piece in t.inputs:
        index = getattr(piece.op, "index", None)
        if index is None or index[:1] != (None,) or any(i != (None, None, None) for i in index[1:]):
            return None
        parts.append(piece.inputs[0])
    return parts


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
    return simplify(t) if parts is None else stack([simplified(part) for part in parts])


def to_text(t: Tensor) -> str:
    """The formula in the language that `parse` reads."""
    return printer("text")(t)


def to_latex(t: Tensor) -> str:
    """The formula as LaTeX, without dollar signs."""
    return printer("latex")(t)


def to_python(t: Tensor) -> str:
    """The formula as a Python function of its variables, in alphabetical order."""
    return printer("python")(t)


def to_format(t: Tensor, form: str) -> str:
    """The formula in one of the formats of `printers.FORMATS`."""
    return printer(form)(t)


def notebook(t: Tensor) -> str | None:
    """LaTeX between dollar signs, for notebooks; None for tensors that are no formula of numbers."""
    if t.shape != () or len(toposort([t])) > MAX_ELEMENTS:
        return None
    return f"${to_latex(t)}$"
