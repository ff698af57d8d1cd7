"""Why an optimizer goes no further from where it is: it has come to a minimum, or it cannot get on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Halt:
    """What a step says of itself when another one would end where it began."""

    converged: bool
    why: str  # a clause, as in "no gradient is above 1e-07"
    rounding: bool = False  # whether the numbers' own rounding is what ended it
