"""Meters: a metric in a graph, what is fetched of a batch for it, and how batches are put together.

A metric over a split is exactly the metric of all its samples at once: batches contribute sums, or the scores
themselves where only all of them together tell (areas under curves).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from agcli.engine.errors import ShapeError
from agcli.engine.graph import Tensor
from agcli.engine.types import Array
from agcli.model.figures import merged
from agcli.model.undefined import NOT_FINITE, Undefined
from agcli.spec.nouns import Better, Metric
from agcli.spec.tables import Choice

Value: TypeAlias = Any  # a number, or nested lists of numbers
Parts: TypeAlias = "dict[str, Tensor]"


@dataclass(frozen=True)
class Meter:
    """A metric in a graph."""

    name: str
    parts: Parts
    finish: Callable[[Mapping[str, Array], int], Value]
    keep: bool = False
    folds: Mapping[str, str] = field(default_factory=dict)  # of a part: a name of FOLDS; else sums
    is_number: bool = True
    better: Better | None = None  # which way is better, if one is
    takes_unseen: bool = False  # whether its parts may be of classes that training did not see
    undefined: str = ""  # why it may be NaN
    row: Metric | None = None  # the metric by name; None of a formula
    kind: str = ""  # its own name, where the spec gives it another; empty of a formula

    def key(self, part: str) -> str:
        """The name under which a part is fetched."""
        return f"{self.name}.{part}"

    def fetches(self) -> Parts:
        return {self.key(part): t for part, t in self.parts.items()}

    def fold(self, part: str, total: Any, new: Any) -> Any:
        """The total of a part with what another batch gives; the total of no batch is None."""
        if self.keep:
            return [*(total or []), np.array(new)]
        new = np.array(new, np.float64)
        return new if total is None else FOLDS[self.folds.get(part, "sum")](total, new)

    def value(self, totals: Mapping[str, Any], samples: int) -> Value:
        """The metric of the totals of its parts; of NaN, a number that knows why."""
        sums = {k: np.concatenate(v) if self.keep else v for k, v in totals.items()}
        plain = as_value(self.finish(sums, samples))
        if not (self.undefined and isinstance(plain, float) and math.isnan(plain)):
            return plain
        return Undefined(self.undefined if all(np.isfinite(x).all() for x in sums.values()) else NOT_FINITE)


def once(total: Array, new: Any) -> Array:
    """A formula that cannot be added up has a value of one batch only."""
    return np.full_like(total, math.nan)


FOLDS: Mapping[str, Callable[[Any, Any], Any]] = {
    "sum": np.add,
    "max": np.maximum,
    "min": np.minimum,
    "once": once,
    "merged": merged,
}


def as_value(x: Any) -> Value:
    """A number, or nested lists of numbers."""
    array = np.asarray(x, np.float64)
    return float(array) if array.ndim == 0 else array.tolist()


def meter(
    choice: Choice[Metric], classes: int, output: Tensor, target: Tensor | None, weights: Tensor | None = None
) -> Meter:
    """The metric of a name of the spec, of this output and target, and of weights (n,) if samples have such.

    ``classes`` is how many the target has in the training data, or 0.
    """
    if target is None:
        raise ShapeError(f"{choice.name}: needs a target, and the data has none; write the metric as a formula")
    row = choice.fields.over(classes)
    return Meter(
        choice.name,
        row.parts(output, target) if weights is None else row.parts(output, target, weights),
        row.finish,
        row.keep,
        folds=row.folds,
        is_number=row.is_number,
        better=getattr(row, "better", None),  # a plug-in may not state it
        takes_unseen=row.takes_unseen,
        undefined=row.undefined,
        row=row,
        kind=choice.name,
    )
