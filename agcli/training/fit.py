"""What a least-squares fit says of its parameters: their covariance, from the Jacobian over the fitted samples.

Near the least sum of squares the parameters are distributed as those of the linear model that touches there: with J the
derivatives of the weighted residuals, the covariance is inv(J^T J), times the variance of a residual unless `sigma` is
absolute (Seber and Wild, Nonlinear Regression, 1989, section 2.1.2).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from agcli.counts import number_of
from agcli.datasets import Split
from agcli.engine.function import Function
from agcli.engine.leaves import Variable
from agcli.engine.optimizers.descent import SMALLEST as SMALLEST_RESIDUALS
from agcli.engine.optimizers.descent import is_rounding
from agcli.engine.optimizers.least_squares import NoSquaresError, squares_of
from agcli.engine.optimizers.levenberg_marquardt import MAX_JACOBIAN, jacobian_of
from agcli.engine.types import Array
from agcli.engine.variables import total
from agcli.model.build import Model
from agcli.runs import Run, RunError
from agcli.runs.migrate import FIT

from .evaluate import ChangedError, Trained, fed, opened

FAR = 0.1  # standard errors from the least loss; nearer than that, errors are what they will be
MAX_WORK = 10**10  # samples times parameters squared, about the products of a decomposition: a few seconds
SMALLEST = 1e-13  # of the largest singular value; below, the data says nothing of a combination of parameters


class NoFitError(RunError):
    """A model whose parameters have no covariance; the text says why."""


class OtherLossError(NoFitError):
    """A model that is no least-squares fit."""


@dataclass(frozen=True)
class Estimate:
    """One number of a fit: its name, its value, and its standard error, None where it has none."""

    name: str
    value: float
    standard_error: float | None


@dataclass(frozen=True, eq=False)
class Fit:
    """A fit's parameters with their covariance, (p, p), in the order of ``names``, one for each number of a parameter.

    ``variance`` is that of a target about the fit, in squared (encoded) units of the target, or of `sigma`, where the
    data has one. ``freedom`` are the degrees of freedom; ``absolute`` says that `sigma` are errors of measurement.
    ``deviation`` is the standard deviation of a (weighted) residual, ``away`` the distance to the least loss, in the
    standard error of that direction. Parameters that are ``fixed`` stand at a bound:
    they have no error, and their covariances are 0, those of the others with them held there. Where the residuals are
    ``rounding`` errors, nothing is known of the errors of parameters.
    """

    names: tuple[str, ...]
    values: Array
    covariance: Array
    variance: float
    freedom: int
    absolute: bool
    step: int = 0
    deviation: float = math.nan
    samples: int = 0
    fixed: tuple[str, ...] = ()
    rounding: bool = False
    away: float = 0.0

    @property
    def errors(self) -> Array:
        """The standard errors of the parameters, (p,); NaN where there is none."""
        found: Array = np.sqrt(np.diag(self.covariance))
        return np.where([self.rounding or name in self.fixed for name in self.names], np.nan, found)

    @property
    def correlations(self) -> Array:
        """The correlations of the parameters, (p, p); NaN where there is none."""
        errors = self.errors
        return np.clip(self.covariance / np.multiply.outer(errors, errors), -1.0, 1.0)

    @property
    def parameters(self) -> dict[str, Estimate]:
        """Every number of a parameter by its name."""
        rows = zip(self.names, self.values.tolist(), self.errors.tolist(), strict=True)
        return {name: Estimate(name, value, None if math.isnan(error) else error) for name, value, error in rows}

    @property
    def notes(self) -> list[str]:
        """What has to be known to read the errors."""
        found = []
        if self.fixed:
            many = len(self.fixed) > 1
            names = ", ".join(f"`{name}`" for name in self.fixed)
            found.append(
                f"{names} {'stand at bounds' if many else 'stands at a bound'}, without an error; "
                f"the others are those with {'them' if many else 'it'} held there"
            )
        if self.away > FAR and not self.rounding:
            found.append(
                f"the least loss is {self.away:.2g} standard errors away; errors are those of a fit that has come "
                "to it: train longer, with levenberg_marquardt, or from other starting values"
            )
        if self.rounding:
            found.append("the residuals are rounding errors: they say nothing of the errors of the parameters")
        return found

    def report(self) -> dict[str, Any]:
        """Plain data for people: estimates, correlations, and what has to be known to read them."""
        return {
            "samples": self.samples,
            "freedom": self.freedom,
            "deviation": self.deviation,
            "absolute_sigma": self.absolute,
            "parameters": [asdict(p) for p in self.parameters.values()],
            "correlations": [[None if math.isnan(c) else c for c in row] for row in self.correlations.tolist()],
            "notes": self.notes,
        }

    def to_json(self) -> dict[str, Any]:
        """Plain data, from which ``from_json`` makes the fit again."""
        return asdict(self) | {"values": self.values.tolist(), "covariance": self.covariance.tolist()}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Fit:
        """The fit that ``to_json`` wrote; what else the file says is no part of it."""
        arrays = {name: np.asarray(plain[name], np.float64) for name in ("values", "covariance")}
        names = {name: tuple(plain[name]) for name in ("names", "fixed")}
        known = {name: plain[name] for name in cls.__dataclass_fields__ if name in plain}
        return cls(**{**known, **arrays, **names})


def fit_of(model: Model, split: Split, step: int = 0) -> Fit:
    """The fit of a model with its weights to the samples of a split. NoFitError says why there is none."""
    if getattr(model.spec.optimizer.fields, "average", 0.0):
        raise NoFitError(
            "errors and bands are those of a minimum; running means of the parameters (`average`) have none"
        )
    params = list(model.parameters.trainable)
    names = [name for name, v in model.parameters.items() if v.trainable for name in elements(name, v.value)]
    try:
        found = squares_of(model.test.loss, params)
    except NoSquaresError as error:
        raise OtherLossError(f"errors and bands are those of least squares: {error}") from None
    if len(split) * len(names) > MAX_JACOBIAN:
        raise NoFitError(f"the Jacobian of {len(split):,} samples by {len(names):,} parameters is too large to be kept")
    wanted = [found.factor, found.residuals, found.roots, jacobian_of(found.residuals, params)]
    function = Function(wanted, inputs=list(model.inputs.values()), key=model.key)
    factor, r, roots, j = (np.asarray(v, np.float64) for v in function(fed(function, split)))
    if factor < 0 or not (np.isfinite(r).all() and np.isfinite(j).all()):
        raise NoFitError(
            "errors and bands are those of least squares; some weight is negative, or some number infinite"
        )
    values = np.concatenate([v.value.reshape(-1) for v in params]).astype(np.float64)
    held = at_bounds(model, params)
    free = [name for name, is_held in zip(names, held, strict=True) if not is_held]
    freedom = int(np.count_nonzero(roots)) - len(free)
    if freedom < 1:
        least = f"{number_of(len(free) + 1, 'residual')} for {number_of(len(free), 'parameter')}"
        raise NoFitError(f"errors and bands need at least {least}, found {freedom + len(free):,}")
    rounding = is_rounding(r, j, values)
    if not rounding and 0 < np.max(np.abs(r)) < SMALLEST_RESIDUALS:
        raise NoFitError("the squares of the residuals are too small for float64: give the target in smaller units")
    variance = float(r @ r) / freedom
    covariance = np.zeros((len(names), len(names)))
    covariance[np.ix_(~held, ~held)] = inverse(j[:, ~held], free) * (1.0 if model.absolute_sigma else variance)
    return Fit(
        tuple(names), values, covariance, scatter(model, split, freedom), freedom, model.absolute_sigma, step,
        deviation=math.sqrt(variance), samples=len(split), fixed=tuple(n for n in names if n not in free),
        rounding=not model.absolute_sigma and rounding, away=distance(r, j[:, ~held], variance),
    )  # fmt: skip


def at_bounds(model: Model, params: Sequence[Variable]) -> Array:
    """Which numbers of the parameters stand at an end of their bounds."""
    fields = model.spec.variables
    found = []
    for name, v in ((name, v) for name, v in model.parameters.items() if v in params):
        ends = [v.dtype.type(end) for end in (name in fields and fields[name].bounds) or () if end is not None]
        found.append(np.isin(v.value.reshape(-1), ends))
    return np.concatenate(found)


def distance(r: Array, j: Array, variance: float) -> float:
    """How far the least sum of squares of the linear model is, in the standard error of that direction."""
    if not variance > 0:
        return 0.0
    q, _ = np.linalg.qr(j / np.linalg.norm(j, axis=0))
    return float(np.linalg.norm(q.T @ r)) / math.sqrt(variance)


def elements(name: str, value: Array) -> list[str]:
    """The names of a parameter's numbers: `a`, or `p[0]`, `p[1]`."""
    return [name + (f"[{', '.join(map(str, i))}]" if i else "") for i in np.ndindex(value.shape)]


def inverse(j: Array, names: list[str]) -> Array:
    """inv(J^T J), by the singular values of J with columns of one length, so that units do not matter."""
    lengths = np.linalg.norm(j, axis=0)
    flat = [name for name, length in zip(names, lengths, strict=True) if not length > 0]
    if flat:
        raise NoFitError(
            f"the data says nothing of {', '.join(f'`{name}`' for name in flat)}: no residual depends on it"
        )
    _, s, vt = np.linalg.svd(j / lengths, full_matrices=False)
    if not s[-1] > SMALLEST * s[0]:
        bound = [name for name, part in zip(names, np.abs(vt[-1]), strict=True) if part > 0.1]
        raise NoFitError(f"the data does not tell {', '.join(f'`{name}`' for name in bound)} apart")
    half = vt.T / s / lengths[:, None]
    found: Array = half @ half.T
    return found


def scatter(model: Model, split: Split, freedom: int) -> float:
    """The variance of the target about the model's output, in units of `sigma` where the data has one.

    It is 0 of a model without an output for each sample; whatever its loss is, bands are of the output.
    """
    y, output = model.y, model.test.output
    if y is None or output.shape[:1] != (None,):
        return 0.0
    function = Function(output, inputs=list(model.inputs.values()), key=model.key)
    values = function(fed(function, split))
    away = np.asarray(values, np.float64).reshape(len(split), -1) - split["y"].reshape(len(split), -1)
    if model.sigma is not None:
        away = away / split["sigma"][:, None]
    return float(np.square(away).sum()) / freedom


def attempted(model: Model, split: Split, step: int) -> tuple[Fit | None, dict[str, Any] | None]:
    """The fit of a model of formulas, and what there is to say of it: also why a least-squares loss has none."""
    if not model.spec.is_formulas:
        return None, None
    count = total(model.parameters.trainable)
    if len(split) * count**2 > MAX_WORK:
        return None, {"problem": f"of {count:,} parameters and {len(split):,} samples only `run.fit` computes them"}
    try:
        fit = fit_of(model, split, step)
    except OtherLossError:
        return None, None
    except NoFitError as problem:
        return None, {"problem": str(problem)}
    return fit, fit.report()


def written(run: Run, step: int) -> Fit | None:
    """The fit that training wrote, if it is that of the weights of a step."""
    known = run.read(FIT, "the fit that training wrote")
    return Fit.from_json(known) if known is not None and int(known["step"]) == step else None


def fit_with(trained: Trained) -> Fit:
    """The fit of an opened run: as training wrote it, or else from the run's data."""
    return written(trained.run, trained.step) or fit_of(trained.model, trained.data.train, trained.step)


def fit_for(run: Run, which: str = "") -> Fit:
    """The same of a run with the weights of a checkpoint; its data is read only if training wrote no such fit."""
    known = written(run, run.chosen(which).step)
    if known is not None:
        return known
    try:
        return fit_with(opened(run.folder, which))
    except ChangedError:
        raise NoFitError(
            f"{run.folder}: errors and bands of these weights need the data of the training, and it has changed"
        ) from None
