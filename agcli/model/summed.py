"""Metrics that are made of sums over samples."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agcli.spec.nouns import Metric

if TYPE_CHECKING:
    from agcli.engine.graph import Tensor
    from agcli.model.contributions import Rows


class Summed(Metric):
    """A metric that follows from sums of what each sample contributes."""

    def rows(self, output: Tensor, target: Tensor, weights: Tensor | None = None) -> Rows:
        """The contributions of the samples of outputs (n, ...) and targets (n, ...), each with its weight (n,)."""
        raise NotImplementedError

    def parts(self, output: Tensor, target: Tensor, weights: Tensor | None = None) -> dict[str, Tensor]:
        return self.rows(output, target, weights).sums()
