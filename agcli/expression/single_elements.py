"""Derivatives by a vector of which only single elements are used: those by x[0], x[1], ... one by one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from agcli.engine.graph import Constant, Tensor, toposort
from agcli.engine.leaves import Placeholder, placeholder
from agcli.engine.types import static
from agcli.expression.lower import FLOAT, stack
from agcli.expression.substitution import substitute

MAX_UNITS = 10  # elements of such a vector


def by_elements(f: Tensor, x: Placeholder) -> dict[Tensor, Placeholder] | None:
    """A number for each element of `x`, where `f` uses `x` only as x[0], x[1], ...; None where it does not."""
    if len(x.shape) != 1 or not x.type.known or static(x.shape[0]) > MAX_UNITS:
        return None
    found: dict[Tensor, Placeholder] = {}
    for t in toposort([f]):
        if any(i is x for i in t.inputs):
            index: Any = getattr(t.op, "index", ())
            if len(index) != 1 or not isinstance(index[0], int):
                return None
            place = index[0] % static(x.shape[0])
            known = {p.name: p for p in found.values()}
            found[t] = known.get(f"{x.name}[{place}]") or placeholder(f"{x.name}[{place}]", (), "float64")
    return found or None


def elementwise(f: Tensor, x: Placeholder, partial: Callable[[Tensor, Placeholder], Tensor]) -> Tensor | None:
    """The derivatives of `f` by the elements of `x` one by one, where `f` uses single elements only."""
    symbols = by_elements(f, x)
    if symbols is None:
        return None
    named = {p.name: p for p in symbols.values()}
    back: dict[Tensor, Tensor] = {p: t for t, p in symbols.items()}
    inner = substitute(f, symbols)
    zero = Constant(0, FLOAT)
    found = []
    for place in range(static(x.shape[0])):
        symbol = named.get(f"{x.name}[{place}]")
        found.append(zero if symbol is None else substitute(partial(inner, symbol), back))
    return stack(found)
