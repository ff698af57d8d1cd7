"""What the batches so far add up to, and the loss and metrics that follow from it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from agcli.engine.types import Array
from agcli.model.meters import Meter, Value


class Sums:
    """The loss and the parts of the metrics of all batches so far; plain data, so that an epoch can go on."""

    def __init__(self, meters: Iterable[Meter] = ()) -> None:
        self.meters = tuple(meters)
        self.samples = 0
        self.loss = 0.0
        self.totals: dict[str, Any] = {}
        self.unseen: Any = (
            None  # samples of classes that training does not see, counted by the class they are taken for
        )
        self.settled: dict[str, Value] | None = None  # metrics that stand, as nothing is added any more

    def add(self, values: Mapping[str, Any], n: int) -> None:
        """Count a batch of ``n`` samples."""
        self.samples += n
        self.loss += float(values["loss"]) * n
        for meter in self.meters:
            for part in meter.parts:
                key = meter.key(part)
                self.totals[key] = meter.fold(part, self.totals.get(key), values[key])

    def add_unseen(self, predicted: Array, classes: int) -> None:
        """Count samples of classes that training does not see by the class (n,) that they are taken for."""
        counts = np.bincount(predicted, minlength=classes).astype(np.float64)
        self.unseen = counts if self.unseen is None else self.unseen + counts

    @property
    def mean_loss(self) -> float:
        """NaN where all samples are of classes that training does not see."""
        if not self.samples and self.unseen is not None:
            return math.nan
        return self.loss / max(self.samples, 1)

    @property
    def metrics(self) -> dict[str, Value]:
        """NaN for all before the first batch."""
        if self.settled is not None:
            return self.settled
        if not self.samples:
            return {m.name: math.nan for m in self.meters}
        return {
            m.name: m.value({k: self.totals[m.key(k)] for k in m.parts}, self.samples, self.unseen) for m in self.meters
        }

    @property
    def figures(self) -> dict[str, Value]:
        """The loss and the metrics."""
        return {"loss": self.mean_loss, **self.metrics}

    @property
    def watchable(self) -> list[str]:
        """The names of the figures that are single numbers."""
        return ["loss", *(m.name for m in self.meters if m.is_number)]

    @property
    def kinds(self) -> dict[str, str]:
        """The figures' names in a spec -> what they are by a name of their own; formulas are what they are called."""
        return {m.name: m.kind or m.name for m in self.meters}

    def settle(self) -> Sums:
        """Compute the metrics, and forget what they were made of."""
        self.settled, self.totals = self.metrics, {}
        return self

    def to_json(self) -> dict[str, Any]:
        totals = {k: np.asarray(v).tolist() for k, v in self.totals.items()}
        return {"samples": self.samples, "loss": self.loss, "sums": totals, "settled": self.settled}

    def set(self, plain: Mapping[str, Any]) -> None:
        """Take over what ``to_json`` gave, as far as the names are known here."""
        self.samples, self.loss = int(plain["samples"]), float(plain["loss"])
        known = {m.key(part) for m in self.meters for part in m.parts}
        self.totals = {k: np.asarray(v, np.float64) for k, v in plain["sums"].items() if k in known}
        self.settled = plain["settled"]
