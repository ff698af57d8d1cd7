"""Losses and metric sums of batches, and the figures that follow from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from agcli.losses import METRICS


class Sums:
    """What the batches so far add up to; plain data, so that an epoch can go on where it stopped."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self.samples = 0
        self.loss = 0.0
        self.sums = dict.fromkeys((n for n in names if n != "loss"), 0.0)

    def add(self, values: Mapping[str, Any], n: int) -> None:
        """Count a batch of ``n`` samples."""
        self.samples += n
        self.loss += float(values["loss"]) * n
        for name in self.sums:
            self.sums[name] += float(values[name])

    @property
    def mean_loss(self) -> float:
        return self.loss / max(self.samples, 1)

    @property
    def metrics(self) -> dict[str, float]:
        return {k: METRICS[k].finish(v / max(self.samples, 1)) for k, v in self.sums.items()}

    @property
    def figures(self) -> dict[str, float]:
        """The loss and the metrics."""
        return {"loss": self.mean_loss, **self.metrics}

    def to_json(self) -> dict[str, Any]:
        return {"samples": self.samples, "loss": self.loss, "sums": self.sums}

    def set(self, plain: Mapping[str, Any]) -> None:
        """Take over what ``to_json`` gave, as far as the names are known here."""
        self.samples, self.loss = int(plain["samples"]), float(plain["loss"])
        self.sums |= {k: float(v) for k, v in plain["sums"].items() if k in self.sums}
