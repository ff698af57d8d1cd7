"""Which evaluation was the best so far, by the figure that the spec watches, and how long ago that was."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from agcli.spec import Spec
from agcli.spec.names import suggestion

SMALLER_IS_BETTER = frozenset(
    {
        "loss",
        "mean_absolute_error",
        "mean_squared_error",
        "root_mean_squared_error",
        "perplexity",
        "calibration_error",
    }
)


def smaller_is_better(name: str) -> bool:
    """Whether a figure gets better by getting smaller."""
    return name in SMALLER_IS_BETTER or name.endswith(("loss", "error"))


class Best:
    """The best evaluation, and how many there were since. Its content is plain data."""

    def __init__(self, watch: str, min_delta: float = 0.0) -> None:
        self.watch, self.min_delta = watch, min_delta
        self.found: dict[str, Any] | None = None
        self.since = 0

    def judge(self, figures: Mapping[str, float], epoch: int, step: int) -> bool:
        """Whether these figures of an evaluation are better than all before; then they are the best from now on."""
        value = float(figures[self.watch])
        if math.isfinite(value) and (self.found is None or self.gain(value) > self.min_delta):
            self.found = {"watch": self.watch, "value": value, "epoch": epoch, "step": step, "figures": dict(figures)}
            self.since = 0
            return True
        self.since += 1
        return False

    def gain(self, value: float) -> float:
        """How much better a value is than the best."""
        known = float(self.found["value"]) if self.found else math.nan
        return known - value if smaller_is_better(self.watch) else value - known

    @property
    def step(self) -> int | None:
        return None if self.found is None else int(self.found["step"])

    def to_json(self) -> dict[str, Any]:
        return {"found": self.found, "since": self.since}

    def set(self, plain: Mapping[str, Any]) -> None:
        """Take over what ``to_json`` gave, unless another figure was watched then."""
        found = plain["found"]
        if found is None or found["watch"] == self.watch:
            self.found, self.since = found, int(plain["since"])


def check_watch(spec: Spec, names: list[str]) -> None:
    """Raise SpecError if `train.watch` names no figure of the evaluation."""
    if spec.train.watch not in names:
        said = f"expected the loss or a metric ({', '.join(names)}), got `{spec.train.watch}`"
        raise spec.error(("train", "watch"), said + suggestion(spec.train.watch, names))
