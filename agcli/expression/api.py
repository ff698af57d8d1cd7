"""Formulas for Python: text -> Tensor, derivatives, Tensor -> text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agcli.engine.gradient import grad
from agcli.engine.graph import Placeholder, Tensor, placeholder, toposort
from agcli.expression.errors import ExpressionError, nearest, shorten
from agcli.expression.lower import functions, lower
from agcli.expression.parser import parse_syntax
from agcli.expression.syntax import Doubt, Syntax


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

    @property
    def doubts(self) -> tuple[Doubt, ...]:
        return self.syntax.doubts


def read(text: str, shapes: Mapping[str, Sequence[int]] | None = None) -> Formula:
    """The formula of a text. Variables are float64 scalars, or have the shapes that are given."""
    given = dict(shapes or {})
    syntax = parse_syntax(text, functions(), given)
    names = {name: placeholder(name, given.get(name, ()), "float64") for name in syntax.variables}
    return Formula(syntax, lower(syntax, names), names)


def parse(text: str, shapes: Mapping[str, Sequence[int]] | None = None) -> Tensor:
    """A formula as a tensor over named placeholders. Raises ExpressionError."""
    formula = read(text, shapes)
    if len(formula.sides) > 1:
        raise ExpressionError("expected a formula, found an equation", text, 0, len(text), "write `left - right`")
    return formula.sides[0]


def variables(t: Tensor) -> dict[str, Placeholder]:
    """The placeholders of a formula by name."""
    return {p.name: p for p in toposort([t]) if isinstance(p, Placeholder) and p.name}


def variable_of(t: Tensor, name: str) -> Placeholder:
    """The placeholder called `name`. Raises ExpressionError with the nearest one."""
    known = variables(t)
    if name in known:
        return known[name]
    near = nearest(name, known)
    there = f"there are {', '.join(known)}" if known else "it has no variables"
    hint = f"did you mean `{near}`?" if near else there
    raise ExpressionError(f"the formula has no variable `{shorten(name)}`", hint=hint)


def derivative(f: Tensor | str, *wrt: str | Tensor, order: int = 1) -> Tensor:
    """The simplified derivative of `f` with respect to each of `wrt` in turn, `order` times."""
    t = parse(f) if isinstance(f, str) else f
    xs = [variable_of(t, x) if isinstance(x, str) else x for x in wrt] * order
    for x in xs:
        t = simplified(grad(t, x, allow_unused=True))
    return t


def simplified(t: Tensor) -> Tensor:
    """The shortest formula that is known for the same value."""
    try:
        from agcli.expression.simplify import simplify
    except ImportError:
        from agcli.engine.rewrite import simplify as rewrite

        return rewrite([t])[0]
    return simplify(t)
