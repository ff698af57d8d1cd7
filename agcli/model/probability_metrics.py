"""Metrics of probabilities: samples of classes that training did not see have none, and are left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from agcli.model.ops import call
from agcli.model.summed import Summed
from agcli.spec.field_types import Size
from agcli.spec.fields import Field
from agcli.spec.nouns import METRICS

if TYPE_CHECKING:
    from agcli.engine.graph import Tensor
    from agcli.engine.types import Array
    from agcli.model.contributions import Choices, Rows

NO_SAMPLE = "there is no sample of a class that training saw"


class OfProbabilities(Summed):
    """The mean of what each sample of a known class costs."""

    better = "low"
    takes_unseen = True
    undefined = NO_SAMPLE

    def rows(self, output: Tensor, target: Tensor, weights: Tensor | None = None) -> Rows:
        from agcli.model.contributions import Rows, choices, logarithms

        chosen = choices(output, target, weights)
        cost = self.cost(logarithms(output, target), chosen)
        return Rows({"sum": call("where", chosen.known, cost, 0.0), "count": chosen.known}, chosen.weights)

    def cost(self, logarithms: Tensor, chosen: Choices) -> Tensor:
        """Of each sample (m,), of the logarithms of its probabilities (m, classes)."""
        raise NotImplementedError

    def finish(self, sums: Mapping[str, Array], samples: int) -> Any:
        from agcli.model.figures import mean

        return mean(sums)


def of_truth(table: Tensor, chosen: Choices) -> Tensor:
    """What a table (m, classes) has for the true class, (m,)."""
    return call("take_along_axis", table, call("expand_dims", chosen.safe, -1), axis=-1)[:, 0]


@METRICS.row("log_loss")
class LogLoss(OfProbabilities):
    """The mean of `-log p` of the true class, whatever the loss is."""

    def cost(self, logarithms: Tensor, chosen: Choices) -> Tensor:
        return -of_truth(logarithms, chosen)


@METRICS.row("perplexity")
class Perplexity(LogLoss):
    """`exp` of the mean softmax cross-entropy: among how many equal choices a model guesses."""

    def rows(self, output: Tensor, target: Tensor, weights: Tensor | None = None) -> Rows:
        from agcli.model.targets import labels

        labels(output, target, "perplexity")
        return super().rows(output, target, weights)

    def finish(self, sums: Mapping[str, Array], samples: int) -> Any:
        import numpy as np

        return np.exp(np.minimum(super().finish(sums, samples), 700.0))  # larger ones have no float


@METRICS.row("brier_score")
class BrierScore(OfProbabilities):
    """The mean squared distance of the probabilities to the truth: of two classes 0 to 1, of more 0 to 2 (Brier 1950).

    Of two classes it is that of class 1 alone; of more, the sum over the classes. A probability that the model gives to
    no class of the data is one more.
    """

    def cost(self, logarithms: Tensor, chosen: Choices) -> Tensor:
        p = call("exp", logarithms)
        if chosen.scores == 2:
            return call("square", 1 - of_truth(p, chosen))
        return call("sum", call("square", p), axis=-1) - 2 * of_truth(p, chosen) + 1


@METRICS.row("calibration_error")
class Calibration(Summed):
    """The mean gap between certainty and accuracy over bins of certainty (Naeini et al. 2015).

    Bins are closed above, as in Guo et al. 2017 (arXiv:1706.04599, section 2) and in scikit-learn's
    `calibration_curve`: a certainty on an edge is in the lower bin.
    """

    main = "bins"
    better = "low"
    takes_unseen = True
    undefined = NO_SAMPLE
    bins: Size = Field(default=15, description="number of bins")

    def rows(self, output: Tensor, target: Tensor, weights: Tensor | None = None) -> Rows:
        """For each bin of certainty: samples, certainties, hits."""
        from agcli.model.contributions import Labels, Rows, choices, logarithms

        chosen = choices(output, target, weights)
        certainty = call("exp", call("max", logarithms(output, target), axis=-1))
        # What single precision makes of a certainty on an edge is still on the edge.
        place = call("clip", call("ceil", certainty * self.bins - 1e-6 * self.bins) - 1, 0, self.bins - 1)
        place = call("where", chosen.known, place, -1.0).astype("int64")
        inside = Labels(place, self.bins).members
        return Rows(
            {
                "samples": inside,
                "certainty": inside.astype("float64") * call("expand_dims", certainty, -1),
                "hits": inside & call("expand_dims", chosen.hits, -1),
            },
            chosen.weights,
        )

    def finish(self, sums: Mapping[str, Array], samples: int) -> Any:
        from agcli.model.figures import calibration_error

        return calibration_error(sums)
