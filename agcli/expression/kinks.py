"""Where a formula is not smooth, in words."""

from __future__ import annotations

from collections.abc import Callable

from agcli.engine.graph import Tensor, toposort
from agcli.engine.leaves import Placeholder
from agcli.expression.printers.text import to_text

MAX_KINKS = 10
LONGEST = 60  # characters of an operand that is shown
UNSHOWN = "a part"  # an operand that is longer


def at_zero(x: str) -> str:
    return f"{x} = 0"


def at_tie(a: str, b: str) -> str:
    return f"{a} = {b}"


def at_integers(x: str) -> str:
    return f"{x} is whole"


KINKS: dict[str, Callable[..., str]] = {
    **dict.fromkeys(["abs", "sign", "relu", "leaky_relu", "elu", "selu", "cbrt", "softsign", "norm"], at_zero),
    **dict.fromkeys(["maximum", "minimum"], at_tie),
    **dict.fromkeys(["floor", "ceil", "trunc"], at_integers),
    "copysign": lambda a, b: f"{a} = 0 or {b} = 0",
    "heaviside": lambda x, h0: at_zero(x),
    "round": lambda x: f"{x} is halfway between whole numbers",
    "mod": lambda a, b: f"({a})/({b}) is whole",
    "floor_divide": lambda a, b: f"({a})/({b}) is whole",
    "clip": lambda x, low, high: f"{x} = {low} or {x} = {high}",
    "relu6": lambda x: f"{x} = 0 or {x} = 6",
    "hard_sigmoid": lambda x: f"{x} meets a corner",
    **dict.fromkeys(["less", "less_equal", "greater", "greater_equal", "equal", "not_equal"], at_tie),
    **dict.fromkeys(["max", "min"], lambda x: f"elements of {x} tie"),
}


def kinks(t: Tensor) -> list[str]:
    """The places where `t` may have no derivative, such as `x = 0` for `|x|`."""
    order = toposort([t])
    moving: set[int] = set()
    found: dict[str, None] = {}
    for x in order:
        if isinstance(x, Placeholder) or any(i.id in moving for i in x.inputs):
            moving.add(x.id)
        place = KINKS.get(x.op.name) if x.op is not None and x.id in moving else None
        if place is not None:
            found.setdefault(place(*map(shown, x.inputs)))
        if len(found) == MAX_KINKS:
            break
    return list(found)


def shown(t: Tensor) -> str:
    """An operand in text, if it is short."""
    if len(toposort([t])) > LONGEST:
        return UNSHOWN
    text = to_text(t)
    return text if len(text) <= LONGEST else UNSHOWN
