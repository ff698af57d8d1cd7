"""Spec -> training step: the fields of `optimizer:` as the engine's optimizer, with all lengths in steps."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from agcli.engine import optimizers
from agcli.engine.errors import EngineError
from agcli.engine.graph import Tensor, constant
from agcli.engine.leaves import Placeholder, Variable
from agcli.engine.optimizers import (
    Lbfgs,
    LevenbergMarquardt,
    Optimizer,
    PatternError,
    Plateau,
    Rate,
    Rule,
    Schedule,
    Step,
    clipping,
    schedules,
)
from agcli.engine.optimizers.lbfgs import BOUNDED
from agcli.engine.origin import origin
from agcli.engine.variables import Variables
from agcli.expression import ExpressionError
from agcli.model.formulas import tensor_of
from agcli.model.optimizers import FullBatch
from agcli.spec import Choice, Spec

SETTINGS = ("weight_decay", "no_decay", "accumulate", "average")  # of any optimizer, under the engine's names


@dataclass(frozen=True)
class Clock:
    """How long an epoch and all of the training take, in steps of the optimizer."""

    per_epoch: float
    total: float
    epochs: int

    def steps(self, span: int | str | None) -> float:
        """A span of a spec in steps: a number of steps, `10 epochs`, or None for the whole training."""
        if span is None:
            return self.total
        number = float(str(span).rstrip(" epochst"))
        return max(number * self.per_epoch, 1.0) if "epoch" in str(span) else number


def step_of(
    spec: Spec,
    samples: int,
    parameters: Variables,
    loss: Tensor,
    *,
    fetches: Mapping[str, Tensor],
    inputs: Sequence[Placeholder],
    key: Variable,
    updates: Mapping[Variable, Tensor] | None = None,
) -> Step:
    """The training step of a spec for so many samples. Raises SpecError for an optimizer that does not fit them."""
    batch = spec.train.batch_size
    batches = max(samples // batch if spec.train.drop_last else math.ceil(samples / batch), 1)
    chosen = spec.optimizer.name
    if isinstance(spec.optimizer.fields, FullBatch) and batches > 1:
        said = f"{chosen} computes each step from all of the training data; set train.batch_size to {samples} or more"
        raise spec.error(("optimizer",), said)
    made = optimizer_of(spec, batches)
    bounds = bounds_of(spec, parameters)
    try:
        with origin(spec.location(("optimizer",))):
            means = list(averages(spec, parameters).values())
            return made.function(
                loss, parameters.trainable, fetches, updates=updates, averages=means, bounds=bounds, inputs=inputs,
                key=key, shards=spec.train.shards,
            )  # fmt: skip
    except ExpressionError as e:
        raise spec.error(("optimizer", chosen, "lr"), f"{e.message}; {e.hint}" if e.hint else e.message) from None
    except PatternError as e:
        raise spec.error(("optimizer", chosen, "no_decay"), str(e)) from None
    except EngineError as e:
        raise spec.error(("optimizer",), str(e)) from e


def bounds_of(spec: Spec, parameters: Variables) -> dict[Variable, tuple[float | None, float | None]]:
    """The bounds of the variables that are trained. Raises SpecError where one starts outside, or none are taken."""
    found = {}
    for name, fields in spec.variables.items():
        if fields.bounds is None or not parameters[name].trainable:
            continue
        path = ("variables", name, "bounds")
        if spec.optimizer.name == "lbfgs":
            raise spec.error(path, f"lbfgs takes no bounds; {BOUNDED} do")
        low, high = (inf if end is None else end for end, inf in zip(fields.bounds, (-np.inf, np.inf), strict=True))
        start = parameters[name].value
        if start.min(initial=np.inf) < low or start.max(initial=-np.inf) > high:
            outside = start.min() if start.min() < low else start.max()
            raise spec.error(path, f"expected bounds around the value at which `{name}` starts, {outside:g}")
        found[parameters[name]] = fields.bounds
    return found


def averages(spec: Spec, parameters: Variables) -> dict[Tensor, Variable]:
    """Trainable parameter -> its running mean, by which evaluation replaces it; empty where the spec wants none.

    The means lie among the parameters, as `average.NAME`, so that a checkpoint has them.
    """
    if not getattr(spec.optimizer.fields, "average", 0.0):
        return {}
    space = parameters.namespace("average")
    names = {k: v for k, v in parameters.items() if v.trainable}
    return {v: space[k] if k in space else space.add(k, v.value, trainable=False) for k, v in names.items()}


def optimizer_of(spec: Spec, batches: int) -> Optimizer | Lbfgs | LevenbergMarquardt:
    """The optimizer of a spec whose epochs have so many batches."""
    fields: Any = spec.optimizer.fields
    own = {k: v for k, v in fields if k not in (*SETTINGS, "lr", "clip")}
    make: Callable[..., Any] = getattr(optimizers, spec.optimizer.name)
    if isinstance(fields, FullBatch):
        return make(**own)  # type: ignore[no-any-return]
    steps = batches * spec.train.epochs
    clock = Clock(batches / fields.accumulate, max(steps / fields.accumulate, 1.0), spec.train.epochs)
    settings = {name: getattr(fields, name) for name in SETTINGS}
    if isinstance(fields.no_decay, str):
        settings["no_decay"] = (fields.no_decay,)
    return make(lr=rate_of(fields.lr, clock), **own).using(clip=clip_of(fields.clip), **settings)  # type: ignore[no-any-return]


def clip_of(clip: float | Choice[Any] | None) -> Rule | None:
    """The rule for a clipping; a number limits the global norm."""
    if clip is None:
        return None
    if isinstance(clip, int | float):
        return clipping.global_norm(clip)
    return getattr(clipping, clip.name)(clip.fields.limit)  # type: ignore[no-any-return]


def rate_of(rate: float | Choice[Any], clock: Clock) -> Rate:
    """The learning rate of a field `lr`."""
    return rate if isinstance(rate, int | float) else SCHEDULES[rate.name](rate.fields, clock)


def warmup(f: Any, clock: Clock) -> Schedule:
    """A schedule that follows has what the warm-up leaves of the training."""
    length = clock.steps(f.steps)
    after = replace(clock, total=max(clock.total - length, 1.0))
    return schedules.warmup(rate_of(f.lr, after), length, f.start)


def expression(f: Any, clock: Clock) -> Schedule:
    """A formula of the step and the epoch."""

    def schedule(done: Tensor) -> Tensor:
        whole = {"steps": clock.total, "epochs": clock.epochs}
        names = {"step": done, "epoch": done / clock.per_epoch, **{k: constant(v, "float64") for k, v in whole.items()}}
        rate = tensor_of(f.formula, names)
        if rate.shape != () or rate.dtype.kind == "b":
            raise ExpressionError(f"expected a formula for a number, got {rate.type}")
        return rate

    return schedule


SCHEDULES: dict[str, Callable[[Any, Clock], Rate]] = {
    "step": lambda f, clock: schedules.steps(f.lr, clock.steps(f.every), f.factor),
    "exponential": lambda f, clock: schedules.exponential(f.lr, clock.steps(f.every), f.factor),
    "polynomial": lambda f, clock: schedules.polynomial(f.lr, clock.steps(f.steps), f.end, f.degree),
    "cosine": lambda f, clock: schedules.cosine(f.lr, clock.steps(f.steps), f.end),
    "cosine_restarts": lambda f, clock: schedules.cosine_restarts(f.lr, clock.steps(f.steps), f.growth, f.end),
    "one_cycle": lambda f, clock: schedules.one_cycle(f.lr, clock.steps(f.steps), f.rising, f.start, f.end),
    "warmup": warmup,
    "plateau": lambda f, clock: Plateau(rate_of(f.lr, clock), f.factor, f.patience, f.threshold, f.cooldown, f.least),
    "expression": expression,
}
