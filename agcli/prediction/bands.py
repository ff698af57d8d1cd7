"""Bands about the predictions of a least-squares fit, by the delta method.

Where the fit may lie (confidence) and where a new sample may lie (prediction), each at one input, with a chance of
``level`` (Seber and Wild, Nonlinear Regression, 1989, section 5.1): with g the derivatives of the output by the
parameters and C their covariance, the variances are g C g^T, and that plus the variance of a sample about the fit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri, stdtrit

from agcli.datasets import DataError
from agcli.engine.function import Function
from agcli.engine.optimizers.levenberg_marquardt import jacobian_of
from agcli.engine.types import Array
from agcli.model.build import Answering
from agcli.training.fit import Fit, NoFitError

LEVEL = 0.95
EXPECTED = "expected a number between 0 and 1, such as 0.95"
ONE_NUMBER = ((None,), (None, 1))  # the shapes of outputs with one number a sample


@dataclass(frozen=True, eq=False)
class Bands:
    """``values`` (n,) with the ends of their bands, (n, 2) each, low and high, in units of the target.

    ``prediction`` is None where samples have a standard deviation of their own (`sigma`) that is not known.
    """

    level: float
    values: Array
    confidence: Array
    prediction: Array | None
    notes: tuple[str, ...] = ()  # what has to be known of the fit to read them

    def mapped(self, of: Callable[[Array], Array]) -> Bands:
        """The same in other units, of a function of numbers (n,) that keeps their order."""

        def ends(both: Array) -> Array:
            return np.stack([of(both[:, 0]), of(both[:, 1])], axis=1)

        prediction = None if self.prediction is None else ends(self.prediction)
        return Bands(self.level, of(self.values), ends(self.confidence), prediction, self.notes)

    def none(self) -> Bands:
        """The same of no samples."""
        prediction = None if self.prediction is None else self.prediction[:0]
        return Bands(self.level, self.values[:0], self.confidence[:0], prediction, self.notes)

    def columns(self) -> dict[str, Array]:
        """The ends by the names of their columns."""
        ends = {"confidence": self.confidence, "prediction": self.prediction}
        return {
            f"{k}_{end}": v[:, i] for k, v in ends.items() if v is not None for i, end in enumerate(("low", "high"))
        }


def checked(level: float, percent: bool = False) -> float:
    """The level. Raises DataError for one that is no chance, or that was typed as percent."""
    if not 0 < level < 1 or percent:
        share = f"; {level:g} % is written {level / 100:g}" if 0 < level < 100 and (percent or level > 1) else ""
        raise DataError(f"level: {EXPECTED}, found {level:g}{'%' * percent}{share}")
    return level


def level_of(text: str) -> float:
    """A level as it is typed. Raises DataError."""
    number = text.strip().removesuffix("%")
    try:
        level = float(number)
    except ValueError:
        raise DataError(f"level: {EXPECTED}, found {text}") from None
    return checked(level, number != text.strip())


def slopes_of(model: Answering) -> Function:
    """`values` (n,) and derivatives by the parameters, `slopes` (n, p). DataError for several numbers a sample."""
    output = model.test.output
    if output.shape not in ONE_NUMBER:
        raise DataError(f"bands are of one number a sample; the output has the shape {output.shape}")
    flat = output.reshape(-1)
    fetches = {"values": flat, "slopes": jacobian_of(flat, list(model.parameters.trainable))}
    return Function(fetches, inputs=list(model.sources.values()), key=model.key)


def quantile(fit: Fit, level: float) -> float:
    """Of Student's t; of the normal distribution where the deviations of samples are known and not estimated."""
    chance = (1 + level) / 2
    return float(ndtri(chance) if fit.absolute else stdtrit(fit.freedom, chance))


def bands_of(fit: Fit, values: Array, slopes: Array, level: float, sigma: Array | None, weighed: bool) -> Bands:
    """The bands of outputs (n,) with their derivatives (n, p), in the units of the outputs.

    ``sigma`` (n,) are the deviations of the samples, if they are known; ``weighed`` says that samples have such.
    Raises NoFitError where the residuals are rounding errors.
    """
    if fit.rounding:
        raise NoFitError("the residuals are rounding errors: they say nothing of how far samples scatter")
    g = np.asarray(slopes, np.float64)
    middle = np.asarray(values, np.float64)
    sure = np.einsum("np,pq,nq->n", g, fit.covariance, g)
    q = quantile(fit, level)
    scale = 1.0 if fit.absolute else fit.variance
    own = scale * np.square(sigma) if sigma is not None else None if weighed else np.full(len(middle), fit.variance)

    def about(variance: Array) -> Array:
        reach = q * np.sqrt(np.maximum(variance, 0.0))
        return np.stack([middle - reach, middle + reach], axis=1)

    return Bands(level, middle, about(sure), None if own is None else about(sure + own), tuple(fit.notes))
