"""Spec -> training step: the optimizer of a spec for its loss, with bounds and running means of its parameters."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from agcli.engine.errors import EngineError
from agcli.engine.graph import Tensor
from agcli.engine.leaves import Placeholder, Variable
from agcli.engine.optimizers import PatternError, Step
from agcli.engine.optimizers.lbfgs import BOUNDED
from agcli.engine.origin import origin
from agcli.engine.variables import Variables
from agcli.expression import ExpressionError
from agcli.spec import Spec
from agcli.spec.clock import Clock


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
    chosen, optimizer = spec.optimizer.name, spec.optimizer.fields
    if optimizer.full_batch and batches > 1:
        said = f"{chosen} computes each step from all of the training data; set train.batch_size to {samples} or more"
        raise spec.error(("optimizer",), said)
    clock = Clock(batches, batches * spec.train.epochs, spec.train.epochs)
    bounds = bounds_of(spec, parameters)
    try:
        with origin(spec.location(("optimizer",))):
            means = list(averages(spec, parameters).values())
            return optimizer.make(clock).function(
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
        if not spec.optimizer.fields.bounded:
            raise spec.error(path, f"{spec.optimizer.name} takes no bounds; {BOUNDED} do")
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
