"""What the batches so far add up to, and the loss and metrics that follow from it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from agcli.datasets import Split
from agcli.model.meters import Meter, Value
from agcli.model.undefined import reasons, restored
from agcli.spec.nouns import Better


class Sums:
    """The loss and the parts of the metrics of all batches so far; plain data, so that an epoch can go on."""

    def __init__(self, meters: Iterable[Meter] = (), split: Split | None = None) -> None:
        self.meters = tuple(meters)
        self.unit = 1.0 if split is None else split.weight_unit
        self.samples = 0
        self.loss = 0.0
        self.totals: dict[str, Any] = {}
        self.unseen = 0  # samples of classes that training does not see, which have no loss
        self.settled: dict[str, Value] | None = None  # metrics that stand, as nothing is added any more

    def add(self, values: Mapping[str, Any], n: int) -> None:
        """Count a batch of ``n`` samples."""
        self.samples += n
        self.loss += float(values["loss"]) * n
        self.fold(values, self.meters)

    def add_unseen(self, values: Mapping[str, Any], n: int) -> None:
        """Count a batch of ``n`` samples of classes that training does not see: they have no loss, and some metrics."""
        self.unseen += n
        self.fold(values, (m for m in self.meters if m.takes_unseen))

    def fold(self, values: Mapping[str, Any], meters: Iterable[Meter]) -> None:
        """Put the parts of a batch to those of the others."""
        for meter in meters:
            for part in meter.parts:
                key = meter.key(part)
                self.totals[key] = meter.fold(part, self.totals.get(key), values[key])

    @property
    def mean_loss(self) -> float:
        """NaN where all samples are of classes that training does not see."""
        if not self.samples and self.unseen:
            return math.nan
        return self.loss / max(self.samples, 1)

    @property
    def metrics(self) -> dict[str, Value]:
        """NaN for all before the first batch."""
        if self.settled is not None:
            return self.settled
        return {m.name: self.figure(m) for m in self.meters}

    def figure(self, meter: Meter) -> Value:
        """A metric of what was counted; NaN before anything was."""
        totals = {part: self.totals.get(meter.key(part)) for part in meter.parts}
        if any(t is None for t in totals.values()):
            return math.nan
        if self.unit != 1 and meter.row is not None and meter.row.counts:
            totals = {part: np.asarray(total) * self.unit for part, total in totals.items()}
        return meter.value(totals, self.samples)

    @property
    def figures(self) -> dict[str, Value]:
        """The loss and the metrics."""
        return {"loss": self.mean_loss, **self.metrics}

    @property
    def better(self) -> dict[str, Better | None]:
        """Which way is better for each figure that is a single number."""
        return {"loss": "low", **{m.name: m.better for m in self.meters if m.is_number}}

    def settle(self) -> Sums:
        """Compute the metrics, and forget what they were made of."""
        self.settled, self.totals = self.metrics, {}
        return self

    def to_json(self) -> dict[str, Any]:
        totals = {k: np.asarray(v).tolist() for k, v in self.totals.items()}
        why = reasons(self.settled or {})
        return {"samples": self.samples, "loss": self.loss, "sums": totals, "settled": self.settled, "undefined": why}

    def set(self, plain: Mapping[str, Any]) -> None:
        """Take over what ``to_json`` gave, as far as the names are known here."""
        self.samples, self.loss = int(plain["samples"]), float(plain["loss"])
        known = {m.key(part) for m in self.meters for part in m.parts}
        self.totals = {k: np.asarray(v, np.float64) for k, v in plain["sums"].items() if k in known}
        settled = plain["settled"]
        self.settled = None if settled is None else restored(settled, plain.get("undefined", {}))
