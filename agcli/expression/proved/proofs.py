"""What is proved of a value: its digits, or why there are none."""

from __future__ import annotations

from typing import Any, TypeAlias

from agcli.engine.frozen import frozen


@frozen
class Digits:
    """Digits that are proved. `text` is the true value rounded to `count` digits, or all of it where it is `exact`;
    `number` is the rational number or the ball."""

    text: str
    count: int
    exact: bool
    number: Any


@frozen
class NoDigits:
    """Why there are none. `kind` is `undefined` where it is proved that there is no value, `not smooth` where there
    may be no derivative, `undecided`, `too large`, or `unproved` where the formula of a derivative has no value."""

    kind: str
    message: str


Outcome: TypeAlias = Digits | NoDigits


@frozen
class Proof:
    """What is proved of one value, beside the ordinary answer. `right` counts the digits of that which are right; None
    where one of the two is no number."""

    found: Outcome
    ordinary: float
    right: int | None
