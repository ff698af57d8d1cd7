"""Which evaluation was the best so far, by the figure that the spec watches, and how long ago that was."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from agcli.data.section import holding_out
from agcli.spec import Spec
from agcli.spec.dump import quoted
from agcli.spec.names import suggestion
from agcli.spec.nouns import Better, NamedFormula


class Best:
    """The best evaluation, and how many there were since. Its content is plain data."""

    def __init__(self, watch: str, min_delta: float = 0.0, better: Better | None = "low") -> None:
        self.watch, self.min_delta, self.better = watch, min_delta, better
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
        return value - known if self.better == "high" else known - value

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


def check_watch(spec: Spec, better: Mapping[str, Better | None]) -> None:
    """Raise SpecError if `train.watch` names no figure of the evaluation, or one that has no better and worse."""
    watch = spec.train.watch
    if watch not in better:
        said = f"expected the loss or a metric ({', '.join(better)}), got `{watch}`"
        raise spec.error(("train", "watch"), said + suggestion(watch, better))
    if better[watch] is None:
        formulas = (c.fields for _, c in spec.metric_items() if isinstance(c.fields, NamedFormula))
        formula = next((fields.formula for fields in formulas if fields.name == watch), None)
        if formula is None:
            raise spec.error(("train", "watch"), f"`{watch}` is neither better high nor low; watch another figure")
        line = f"{watch}: {{formula: {quoted(formula)}, better: low}}"
        told = f"`{watch}` is a formula that does not say which way is better; write under `metrics` {line}, or high"
        raise spec.error(("train", "watch"), told)
