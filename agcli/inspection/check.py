"""Everything that can be known of a spec before it is trained, at once."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from agcli.counts import number_of
from agcli.data.section import load_data
from agcli.engine.variables import total
from agcli.spec import Spec
from agcli.training import Session
from agcli.training.evaluate import fed

from .cost import Cost, predicted
from .gradients import SAMPLES, Gradients, check_gradients
from .layers import Layer, table

FEW = 1e-3  # a loss that is this small before any training knows the target


@dataclass(frozen=True)
class Check:
    """What was found. ``problems`` make the model useless, ``warnings`` may be meant."""

    name: str
    data: str
    samples: Mapping[str, int]  # by split
    inputs: Mapping[str, str]  # types by column
    dtype: str  # of the floats
    batch: int
    layers: tuple[Layer, ...]
    parameters: int
    statistics: int  # numbers that training keeps beside the parameters, such as running means
    loss: float
    metrics: Mapping[str, Any]
    gradients: Gradients
    cost: Cost
    problems: tuple[str, ...]
    warnings: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        plain = {key: value for key, value in vars(self).items() if key not in ("layers", "gradients", "cost")}
        layers = [vars(layer) for layer in self.layers]
        return plain | {"layers": layers, "gradients": self.gradients.to_json(), "cost": self.cost.to_json()}


def check(spec: Spec, seed: int = 0) -> Check:
    """Build the model, run a batch, check its gradient, and predict what training takes. Raises what training would."""
    session = Session(spec, load_data(spec))
    model, data = session.model, session.data
    batch = session.next_batch()
    columns = {name: np.array(array[:SAMPLES]) for name, array in batch.columns.items()}
    sums = session.new_sums()
    sums.add(session.evaluator(fed(session.evaluator, batch)), len(batch))
    session.leave()
    layers = table(model, len(batch))
    gradients = check_gradients(model, columns, seed)
    parameters = total(model.parameters.trainable)
    return Check(
        name=spec.name,
        data=data.name,
        samples={name: len(split) for name, split in data.splits.items()},
        inputs={name: str(p.type) for name, p in model.inputs.items()},
        dtype=str(spec.dtype),
        batch=len(batch),
        layers=tuple(layers),
        parameters=parameters,
        statistics=total(model.parameters.values()) - parameters,
        loss=sums.mean_loss,
        metrics=sums.metrics,
        gradients=gradients,
        problems=tuple(_problems(sums.mean_loss, gradients)),
        warnings=tuple(_warnings(session, sums.mean_loss, gradients)),
        cost=predicted(session),
    )


def _problems(loss: float, gradients: Gradients) -> Iterator[str]:
    if not math.isfinite(loss):
        yield f"the loss of the first batch is {loss}"
    wrong = [c for c in gradients.checked if not c.right]
    for c in wrong:
        yield f"{c.name}: its gradient differs from differences of the loss by {c.error:.1%}"


def _warnings(session: Session, loss: float, gradients: Gradients) -> Iterator[str]:
    yield from session.data.warnings
    yield from session.small
    yield from session.model.cautions(session.data)
    samples = number_of(gradients.samples, "sample")
    for name in gradients.dead:
        yield f"{name}: no gradient for {samples}: dead activations, or a flat layer behind it"
    for name, (zero, count) in gradients.silent.items():
        if name not in gradients.dead and zero > count // 2:
            yield f"{name}: {zero:,} of {number_of(count, 'unit')} got no gradient from {samples}"
    if 0 <= loss < FEW:
        yield f"the loss is {loss:.2g} before any training; does an input say the target?"
