"""Formulas for Python: text -> Tensor, derivatives, Tensor -> text."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from agcli.engine.frozen import frozen
from agcli.engine.graph import Tensor, toposort
from agcli.engine.leaves import Placeholder, placeholder
from agcli.engine.types import TensorType
from agcli.expression.calculus import WRONG, checked, differentiate, simplified
from agcli.expression.errors import ExpressionError, nearest, shorten
from agcli.expression.lower import functions, lower
from agcli.expression.parser import parse_syntax
from agcli.expression.printers import printer
from agcli.expression.syntax import Syntax

MAX_SHOWN, MAX_TEXT = 2_000, 10_000  # tensors and characters of a formula that a notebook shows


@frozen
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

    >>> print(ag.parse("x*sin(y) + 1").eval({"x": 1.0, "y": 0.0}))
    1.0
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
    verb = "variable is" if len(known) == 1 else "variables are"
    there = f"its {verb} {', '.join(sorted(known))}" if known else "it has no variables"
    message = f"{option + ': ' if option else ''}the formula has no variable `{shorten(name)}`"
    raise ExpressionError(message, hint=f"did you mean `{near}`?" if near else there)


def derivative(
    f: Tensor | str, *wrt: str | Placeholder, order: int = 1, shorten: bool = True, check: bool = True
) -> Tensor:
    """The derivative of `f` by each of `wrt` in turn, `order` times; simplified unless `shorten` is False.

    Without `wrt`, `f` has one variable. A variable that `f` does not have is an error. With `check`, a simplified form
    is compared with the derivative as it was built, at a few points; one that differs is not taken, with a warning.

    >>> ag.to_text(ag.derivative("x^2*sin(y)", "x"))
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
            t, same = checked(t) if check else (simplified(t), True)
            if same is False:
                warnings.warn(f"a simplified form {WRONG}", stacklevel=2)
    return t


def to_text(t: Tensor) -> str:
    """The formula in the language that `parse` reads.

    >>> ag.to_text(ag.parse("2*x + x"))
    '2*x + x'
    """
    return printer("text")(t)


def to_latex(t: Tensor) -> str:
    r"""The formula as LaTeX, without dollar signs.

    >>> print(ag.to_latex(ag.parse("sqrt(x)/2")))
    \frac{\sqrt{x}}{2}
    """
    return printer("latex")(t)


def to_python(t: Tensor) -> str:
    """The formula as a Python function of its variables, in alphabetical order.

    >>> print(ag.to_python(ag.parse("x*y + 1")))
    def f(x, y):
        return x*y + 1
    """
    return printer("python")(t)


def to_format(t: Tensor, form: str) -> str:
    """The formula in one of the formats of `printers.FORMATS`."""
    return printer(form)(t)


def notebook(t: Tensor) -> str | None:
    """LaTeX between dollar signs, for notebooks; None for tensors that are no short formula of one number."""
    if not isinstance(t.type, TensorType) or t.shape != () or len(toposort([t])) > MAX_SHOWN:
        return None
    try:
        text = to_latex(t)
    except ExpressionError:  # shared so often that it cannot be written out
        return None
    return f"${text}$" if len(text) <= MAX_TEXT else None
