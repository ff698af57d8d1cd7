"""What is known of a value, in words and for JSON."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np

from agcli.counts import number_of
from agcli.expression.api import to_text
from agcli.expression.values import show

if TYPE_CHECKING:
    from agcli.expression.enclosures.findings import Finding
    from agcli.expression.enclosures.limits import Limit

MAX_SHOWN = 100  # elements that are written out
LARGEST_EXPONENT = 1_000_000  # of ten, beyond which only the exponent is told
COUNTED = 10**17  # the exponents that decimals can count
ORDERS = {"derivative": None, "hessian": 2}  # of the results of each kind; None: how many variables it names


def order_of(kind: str, wrt: tuple[str, ...]) -> int:
    """How often the elements of a result were differentiated."""
    return 0 if kind == "taylor" else (ORDERS.get(kind, 1) or len(wrt))


def is_value(found: Any) -> bool:
    """Whether it is shown behind an equals sign."""
    return isinstance(found, np.ndarray) or (found.value is not None and found.status != "too large")


def words(found: Any, at: Mapping[str, Any], order: int) -> str:
    """A value as a person reads it, or that there is none and what is there."""
    if isinstance(found, np.ndarray):
        if found.size > MAX_SHOWN:
            return number_of(found.size, "number")
        return f"[{', '.join(words(f, at, order) for f in found)}]"
    return SAID[found.status](found, at, order) + at_constant(found)


def at_constant(found: Finding) -> str:
    """The value at the constant that the point is but for rounding, ` (0 at pi itself)`."""
    if found.at_constant is None:
        return ""
    return f" ({show(float(found.at_constant))} at {constants(found)} itself)"


def constants(found: Finding) -> str:
    return " and ".join(map(to_text, found.constants))


def digits(value: Decimal, count: int = 12) -> str:
    """A number beyond float64."""
    exponent = value.adjusted()
    if abs(exponent) > LARGEST_EXPONENT:
        return f"{'more than' if exponent > COUNTED else 'about'} {'-' * (value < 0)}10^{exponent}"
    mantissa, _, power = f"{value:.{count - 1}e}".partition("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{power}"


def limit_words(limit: Limit | None) -> str:
    return "" if limit is None else show(float(limit.value))


def both(found: Finding) -> str:
    """`-1 from the left, 1 from the right`"""
    told = {
        side: limit_words(limit)
        for side, limit in (("left", found.left), ("right", found.right))
        if limit is not None and limit.kind in ("finite", "infinite")
    }
    if len(told) == 2 and told["left"] == told["right"]:
        return f"{told['left']} from both sides"
    return ", ".join(f"{words} from the {side}" for side, words in told.items())


def named(found: Finding, order: int) -> str:
    """`kink`, or `jump of f` and `f is infinite` where it is not the derivative that was asked for."""
    if found.order == order:
        return found.status
    which = "f" if found.order == 0 else f"the derivative of order {found.order}"
    return f"{found.status} of {which}" if found.status in ("kink", "jump") else f"{which} is {found.status}"


def sided(found: Finding, at: Mapping[str, Any], order: int) -> str:
    sides = both(found)
    return f"undefined ({named(found, order)}{': ' if sides else ''}{sides})"


def removable(found: Finding, at: Mapping[str, Any], order: int) -> str:
    return f"undefined (removable: the limit is {limit_words(found.left)})"


def undefined(found: Finding, at: Mapping[str, Any], order: int) -> str:
    if found.part is None:
        return "undefined (no limit)" if found.left or found.order else "undefined"
    place = ", ".join(f"{name}={show(v)}" for name, v in at.items())
    return f"undefined: {to_text(found.part)} has no value at {place}"


def rough(found: Finding, at: Mapping[str, Any], order: int) -> str:
    count = found.digits or 1
    plural = "s" if count > 1 else ""
    return f"{found.number:.{count}g} (about {count} digit{plural}: the terms cancel)"


SAID: dict[str, Callable[..., str]] = {
    "value": lambda found, at, order: show(found.number),
    "too large": lambda found, at, order: f"too large for float64 ({digits(found.value)})",
    "too small": lambda found, at, order: f"{digits(found.value)} (too small for float64)",
    "rough": rough,
    "removable": removable,
    "kink": sided,
    "jump": sided,
    "one-sided": sided,
    "infinite": sided,
    "undefined": undefined,
    "unknown": lambda found, at, order: "unknown: the terms cancel to the last digit that was computed",
}


def json_fields(found: Any, order: int) -> dict[str, Any]:
    """`value`, and where there is more to know, `status` and what belongs to it; lists for vectors."""
    if not isinstance(found, np.ndarray):
        return {"value": json_number(found), **more(found, order)}
    row: dict[str, Any] = {"value": mapped(found, json_number)}
    if any(more(f, order) for f in found.flat):
        row["status"] = mapped(found, lambda f: more(f, order) or None)
    return row


def mapped(found: Any, function: Any) -> Any:
    return [mapped(f, function) for f in found] if isinstance(found, np.ndarray) else function(found)


def json_number(found: Finding) -> float | None:
    number = found.number
    return number if math.isfinite(number) else None


def more(found: Finding, order: int) -> dict[str, Any]:
    row: dict[str, Any] = {} if found.status == "value" else {"status": found.status}
    if found.at_constant is not None:
        row = {"status": "rounded", **row, "constant": constants(found), "at_constant": float(found.at_constant)}
    if found.digits is not None:
        row["digits"] = found.digits
    if found.status in ("too large", "too small") and found.value is not None:
        row["size"] = digits(found.value)
    if found.status == "removable" and found.left is not None:
        row["limit"] = float(found.left.value)
    elif found.left is not None and found.right is not None and both(found):
        row |= {"left": json_limit(found.left), "right": json_limit(found.right)}
    if found.order != order and found.status in ("kink", "jump", "one-sided", "infinite"):
        row["order"] = found.order
    if found.status == "undefined" and found.part is not None:
        row["part"] = to_text(found.part)
    return row


def json_limit(limit: Limit) -> float | str | None:
    """A number, "inf" or "-inf"; null where there is no limit."""
    if limit.kind == "infinite":
        return str(float(limit.value))
    return float(limit.value) if limit.kind == "finite" else None
