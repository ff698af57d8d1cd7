"""Which evaluation was the best so far, by the figure that the spec watches, and how long ago that was."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from agcli.counts import number_of
from agcli.data.section import holding_out
from agcli.spec import Choice, Spec
from agcli.spec.dump import quoted
from agcli.spec.names import suggestion
from agcli.spec.nouns import Better, NamedFormula


class Best:
    """The best evaluation, and how many there were since. Its content is plain data."""

    def __init__(self, watch: str, min_delta: float = 0.0, better: Better | None = "low") -> None:
        self.watch, self.min_delta, self.better = watch, min_delta, better
        self.found: dict[str, Any] | None = None
        self.since = 0
        self.void = ""  # why the figure of the last evaluation is no number; empty if it is one

    def judge(self, figures: Mapping[str, float], epoch: int, step: int) -> bool:
        """Whether these figures of an evaluation are better than all before; then they are the best from now on."""
        figure = figures[self.watch]
        value = float(figure)
        self.void = "" if math.isfinite(value) else str(figure)
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
    def unusable(self) -> str:
        """What to say, after the first evaluation, of a figure that is no number there; empty if it is one."""
        if not self.void or self.found is not None or self.since != 1:
            return ""
        other = "" if self.watch == "loss" else "write `watch: loss`, or "
        return (
            f"`watch: {self.watch}` has no value on the validation data ({self.void}): no weights are the best by it; "
            f"{other}hold out other samples, or more of them"
        )

    def standstill(self, patience: int) -> str:
        """Why a training ends whose figure has not improved for so many evaluations; empty if it goes on."""
        if self.since < patience:
            return ""
        times = number_of(self.since, "evaluation")
        if self.void and self.found is None:
            return f"patience: {self.watch} had no value in {times} ({self.void})"
        return f"patience: {self.watch} has not improved for {times}"

    @property
    def step(self) -> int | None:
        return None if self.found is None else int(self.found["step"])

    def to_json(self) -> dict[str, Any]:
        return {"found": self.found, "since": self.since, "void": self.void}

    def set(self, plain: Mapping[str, Any]) -> None:
        """Take over what ``to_json`` gave, unless another figure was watched then."""
        found = plain["found"]
        if found is None or found["watch"] == self.watch:
            self.found, self.since, self.void = found, int(plain["since"]), str(plain["void"])


def watching(spec: Spec) -> dict[tuple[str, ...], str]:
    """The settings of a spec that look at validation data, each with the value at which it does not."""
    optimizer = spec.optimizer
    lr = getattr(optimizer.fields, "lr", None)
    found: dict[tuple[str, ...], str] = {}
    if spec.train.patience is not None:
        found["train", "patience"] = "null"
    if spec.train.watch != "loss":
        found["train", "watch"] = "loss"
    if isinstance(lr, Choice) and lr.name == "plateau":
        found["optimizer", optimizer.name, "lr", "plateau"] = str(getattr(lr.fields, "lr", ""))
    return found


def check_unwatched(spec: Spec) -> None:
    """Raise SpecError for a setting that needs validation data, where there is none."""
    for path in watching(spec):
        told = f"`{path[-1]}` looks at validation data, and there is none; write {holding_out(spec)}, or leave it out"
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
