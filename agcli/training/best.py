"""Which evaluation was the best so far, by the figure that the spec watches, and how long ago that was."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from agcli.data.section import holding_out
from agcli.spec import Spec
from agcli.spec.names import suggestion

# Words in the names of figures that get better by getting smaller: a metric's own name, or one that a spec gives.
SMALLER_IS_BETTER = frozenset(("loss", "error", "perplexity", "rmse", "mae", "mse", "nll", "deviation", "residual"))


def smaller_is_better(name: str) -> bool:
    """Whether a figure gets better by getting smaller."""
    return not SMALLER_IS_BETTER.isdisjoint(name.lower().split("_"))


class Best:
    """The best evaluation, and how many there were since. Its content is plain data.

    ``kind`` is the metric that is watched, if the spec calls it by another name.
    """

    def __init__(self, watch: str, min_delta: float = 0.0, kind: str = "") -> None:
        self.watch, self.min_delta = watch, min_delta
        self.smaller = smaller_is_better(kind or watch)
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
        return known - value if self.smaller else value - known

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


def check_unwatched(spec: Spec) -> None:
    """Raise SpecError for a setting that needs validation data, where there is none."""
    lr = getattr(spec.optimizer.fields, "lr", None)
    plateau = ("optimizer", spec.optimizer.name, "lr", "plateau") if getattr(lr, "name", "") == "plateau" else None
    wanting = {
        ("train", "patience"): spec.train.patience is not None,
        ("train", "watch"): spec.train.watch != "loss",
        plateau: plateau is not None,
    }
    for path, is_set in wanting.items():
        if is_set and path is not None:
            told = (
                f"`{path[-1]}` looks at validation data, and there is none; write {holding_out(spec)}, or leave it out"
            )
            raise spec.error(path, told)


def check_watch(spec: Spec, names: list[str]) -> None:
    """Raise SpecError if `train.watch` names no figure of the evaluation."""
    if spec.train.watch not in names:
        said = f"expected the loss or a metric ({', '.join(names)}), got `{spec.train.watch}`"
        raise spec.error(("train", "watch"), said + suggestion(spec.train.watch, names))
