"""Lengths of training as a spec writes them, `500 steps` or `10 epochs`, and the clock that turns them into steps."""

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Gt, Le
from pydantic import StringConstraints

from .field_types import SIZE_LIMIT, Kind

_EPOCHS = r"([1-9][0-9]{0,5}(\.[0-9]{1,3})?|0\.[0-9]{0,2}[1-9]) ?epochs?"
Span = Annotated[
    Annotated[int, Gt(0), Le(SIZE_LIMIT)]
    | Annotated[str, StringConstraints(pattern=rf"^({_EPOCHS}|[1-9][0-9]{{0,8}} ?steps?)$")],
    Kind("a positive integer (steps), or such as `500 steps` or `10 epochs`"),
]


@dataclass(frozen=True)
class Clock:
    """How long an epoch and all of the training take, in steps of the optimizer (or in batches)."""

    per_epoch: float
    total: float
    epochs: int

    def steps(self, span: int | str | None) -> float:
        """A span of a spec in steps; None is the whole training."""
        if span is None:
            return self.total
        number = float(str(span).rstrip(" epochst"))
        return max(number * self.per_epoch, 1.0) if "epoch" in str(span) else number
