"""The iterations of Levenberg-Marquardt: when a step is taken, how the trusted region changes, and when it is over.

J. J. Moré, The Levenberg-Marquardt algorithm: implementation and theory, 1978, algorithm 7.1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from ..types import Array, DType
from .halt import Halt
from .trust_region import bounded, pressed, triangle

FIRST = 1.0  # the first radius, in lengths of the scaled parameters
ACCEPTED, POOR, GOOD = 1e-4, 0.25, 0.75  # of the fall that the linear model promises
POLISHING, POLISHED, SAME = 20, 1.1, 8.0  # steps, how much smaller the slope becomes in each, and roundings of the loss
SHORT, SHORTEST, LONG = 0.5, 0.1, 2.0  # factors of the radius
SMALLEST = float(np.finfo(np.float64).tiny / np.finfo(np.float64).eps) ** 0.5  # residuals; squares lose digits below
ROUNDING = 1e-12  # residuals this small beside the terms that they are made of are rounding errors of these

Evaluate: TypeAlias = Callable[[Array], Array]


@dataclass(frozen=True)
class Stops:
    """When the iterations are over: shares of the loss and of the parameters, a cosine, and the parameters' dtype."""

    ftol: float
    xtol: float
    gtol: float
    dtype: DType

    @property
    def eps(self) -> float:
        return float(np.finfo(self.dtype).eps)


@dataclass(frozen=True)
class Trial:
    """A step that was tried: what the loss did, and what the linear model had promised, as shares of the loss."""

    gain: float
    promised: float
    slope: float  # the promise of the slope alone, halved
    length: float  # of the scaled step

    @property
    def ratio(self) -> float:
        return self.gain / self.promised if self.promised > 0 else -1.0

    @property
    def is_better(self) -> bool:
        return self.ratio >= ACCEPTED and self.gain > 0


@dataclass(frozen=True)
class Place:
    """The linear model at one point: residuals, their Jacobian, and the room between the point and its bounds."""

    x: Array
    r: Array
    j: Array
    low: Array
    high: Array

    @property
    def norm(self) -> float:
        return float(np.linalg.norm(self.r))

    def cosine(self) -> float:
        """The largest cosine of the residuals and a column of the Jacobian, of parameters that can move that way."""
        lengths, slope = np.linalg.norm(self.j, axis=0), self.j.T @ self.r
        inner = ~pressed(slope, self.low, self.high) & (lengths > 0)
        return float(np.max(np.abs(slope[inner]) / (lengths[inner] * self.norm), initial=0.0))

    def promise(self, p: Array) -> tuple[float, float]:
        """By which shares of the loss a step lets it fall: in the linear model, and by half of the slope's part."""
        slope = -float((self.j.T @ self.r) @ p) / self.norm**2
        return 2 * slope - (float(np.linalg.norm(self.j @ p)) / self.norm) ** 2, slope


def is_rounding(r: Array, j: Array, x: Array) -> bool:
    """Whether residuals (n,) are no more than rounding errors of the terms that they are made of.

    These are as long as a column of the Jacobian (n, p) times its parameter (p,), or longer.
    """
    terms = np.linalg.norm(j, axis=0) * np.abs(x)
    longest = float(np.max(np.abs(r), initial=0.0))
    length = longest * float(np.linalg.norm(r / longest)) if longest else 0.0  # also where squares are too small
    return length <= ROUNDING * float(np.max(terms, initial=0.0))


def too_small(at: Place) -> Halt:
    """Why residuals whose squares float64 does not hold are the last ones."""
    if is_rounding(at.r, at.j, at.x):
        return Halt(True, "the residuals are rounding errors", rounding=True)
    return Halt(False, "the squares of the residuals are too small for float64")


@dataclass
class Descent:
    """The iterations of one call. ``scale`` holds the longest column of the Jacobian so far for each parameter, 0
    before the first; ``radius`` is that of the trusted region in parameters times scale, 0 before the first."""

    residuals_at: Evaluate
    jacobian_at: Evaluate
    limits: tuple[Array, Array] | None
    stops: Stops
    scale: Array
    radius: float
    renewed: bool = False  # whether the region was made anew once, where its scale had misled

    def descended(self, x: Array, r: Array, iterations: int) -> tuple[Array, Halt | None]:
        """Where so many iterations from ``x`` with residuals ``r`` lead, and why no more would help, if so."""
        halt = None
        for _ in range(iterations):
            if not np.isfinite(r).all():
                return x, None  # for whoever looks after the loss
            if not r.any():
                return x, Halt(True, "all residuals are 0")
            j = self.jacobian_at(x)
            if not np.isfinite(j).all():
                return x, Halt(False, "the derivatives are not finite here")
            at = self.place(x, r, j)
            if not at.norm > SMALLEST:
                return x, too_small(at)
            x, r, halt = self.iteration(x, at)
            if halt is None:
                continue
            if not halt.converged:
                return x, halt
            end = self.place(x, r, self.jacobian_at(x))
            if not halt.rounding and r.any():
                halt = self.confirmed(end, halt)
            if halt is not None:
                return self.polished(x, end) if halt.converged else x, halt
        return x, halt

    def confirmed(self, at: Place, halt: Halt) -> Halt | None:
        """``halt``, if the linear model promises nothing without a region either: one that is too small, by a column
        of the Jacobian that was long once, makes every step short. Then it is made anew, once, and None returned."""
        if not (at.norm > SMALLEST and np.isfinite(at.j).all()):
            return halt
        lengths = np.linalg.norm(at.j, axis=0)
        scale = np.where(lengths > 0, lengths, 1.0)
        whole = bounded(at.j, at.r, scale, np.inf, at.low, at.high)
        if at.promise(whole)[0] <= np.sqrt(self.stops.eps):
            return halt
        if self.renewed:
            return Halt(False, "the steps have become too short to get on")
        self.renewed, self.scale, self.radius = True, scale, 0.0
        return None

    def polished(self, x: Array, at: Place) -> Array:
        """A minimum, to more digits than the loss shows: it is flat there, while its slope is not.

        Whole steps are taken as long as the slope halves and the loss stays what it is, up to rounding.
        """
        for _ in range(POLISHING):
            new = self.inside((at.x + bounded(at.j, at.r, self.scale, np.inf, at.low, at.high)).astype(x.dtype))
            then = self.place(new, self.residuals_at(new), self.jacobian_at(new))
            if not (then.norm <= at.norm * (1 + SAME * self.stops.eps) and POLISHED * then.cosine() < at.cosine()):
                break
            x, at = new, then
        return x

    def place(self, x: Array, r: Array, j: Array) -> Place:
        wide = x.astype(np.float64)
        low, high = self.limits or (np.full_like(wide, -np.inf), np.full_like(wide, np.inf))
        return Place(wide, r, j, low - wide, high - wide)

    def iteration(self, x: Array, at: Place) -> tuple[Array, Array, Halt | None]:
        """Shorter and shorter steps until one lowers the loss: where it leads, and why it is the last one, if so."""
        self.scale = np.maximum(self.scale, np.linalg.norm(at.j, axis=0))
        self.scale[self.scale == 0] = 1.0
        if at.cosine() <= self.stops.gtol:
            return x, at.r, Halt(True, "the residuals are orthogonal to all derivatives")
        is_first = not self.radius
        if is_first:
            self.radius = FIRST * (self.span(at.x) or 1.0)
        j, r = triangle(at.j, at.r)
        while True:
            p = bounded(j, r, self.scale, self.radius, at.low, at.high)
            new = self.inside((at.x + p).astype(x.dtype))
            r_new = self.residuals_at(new)
            trial = self.judged(at, p, r_new)
            if is_first:
                self.radius, is_first = min(self.radius, trial.length) or self.radius, False
            self.resize(trial)
            if trial.is_better:
                return new, r_new, self.last(trial, new)
            halt = self.stuck(at, trial, (j, r))
            if halt is not None:
                return x, at.r, halt

    def span(self, x: Array) -> float:
        return float(np.linalg.norm(self.scale * x))

    def inside(self, x: Array) -> Array:
        return x if self.limits is None else np.clip(x, *self.limits)

    def judged(self, at: Place, p: Array, r: Array) -> Trial:
        norm = float(np.linalg.norm(r)) if np.isfinite(r).all() else np.inf
        gain = 1 - (norm / at.norm) ** 2 if SHORTEST * norm < at.norm else -1.0
        return Trial(gain, *at.promise(p), self.span(p))

    def resize(self, trial: Trial) -> None:
        """The next radius: half or less where the linear model misled, twice the step where it held."""
        if trial.ratio <= POOR:
            share = SHORT if trial.gain >= 0 else SHORT * trial.slope / (trial.slope - SHORT * trial.gain)
            share = max(share, SHORTEST) if np.isfinite(share) and trial.gain > -1 else SHORTEST
            self.radius = share * min(self.radius, trial.length / SHORTEST)
        elif trial.ratio >= GOOD or trial.length < self.radius * (1 - SHORTEST):
            self.radius = LONG * trial.length

    def last(self, trial: Trial, x: Array) -> Halt | None:
        """Why a step that lowered the loss is the last one."""
        if self.is_flat(trial):
            return Halt(True, f"the loss is about to fall by less than {self.least_fall:.0e} of itself")
        if self.radius <= self.least_move * self.span(x):
            return Halt(True, f"the parameters are about to move by less than {self.least_move:.0e} of themselves")
        return None

    def stuck(self, at: Place, trial: Trial, linear: tuple[Array, Array]) -> Halt | None:
        """Why no shorter step is tried after one that did not lower the loss."""
        if self.is_flat(trial):
            return Halt(True, f"the loss is about to fall by less than {self.least_fall:.0e} of itself")
        if self.radius > self.least_move * self.span(at.x):
            return None
        if is_rounding(at.r, at.j, at.x):
            return Halt(True, "the residuals are rounding errors", rounding=True)
        whole = bounded(*linear, self.scale, np.inf, at.low, at.high)
        if at.promise(whole)[0] <= np.sqrt(self.stops.eps):
            return Halt(True, f"the loss cannot be told from its least in {self.stops.dtype}", rounding=True)
        return Halt(False, "no step makes the loss smaller", rounding=True)

    def is_flat(self, trial: Trial) -> bool:
        return abs(trial.gain) <= self.least_fall and trial.promised <= self.least_fall and trial.ratio <= LONG

    @property
    def least_fall(self) -> float:
        return max(self.stops.ftol, self.stops.eps)

    @property
    def least_move(self) -> float:
        return max(self.stops.xtol, self.stops.eps)
