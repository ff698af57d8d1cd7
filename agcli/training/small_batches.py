"""Batches that are too small for a layer that measures them.

While it trains, batch_norm standardizes each channel by mean and variance of the batch. Of a single value these are the
value itself and 0: whatever the input is, the output is the offset, no gradient passes, and the running statistics
learn a variance of 0. PyTorch refuses such a batch; here a whole training of them is refused, and a last batch of an
epoch that would be one is left out.
"""

from __future__ import annotations

import math
from dataclasses import replace

from agcli.counts import number_of
from agcli.model.build import Model
from agcli.model.layers.scope import Trace
from agcli.spec.names import path_text

FEW = 8  # values of which mean and variance are mostly noise; advice on batch_norm begins at 8 to 16 samples
MEASURING = ("batch_norm",)  # layers that measure the batch


def values(trace: Trace, samples: int) -> int | None:
    """How many values of a channel a layer measures in so many samples; None where the places are not known."""
    places = trace.inputs[0].shape[1:-1]
    return None if None in places else samples * math.prod(int(p or 0) for p in places)


def measurable(model: Model) -> tuple[Model, list[str]]:
    """The model with a spec whose batches its layers can measure, and what there is to say of them.

    Raises SpecError at `train.batch_size` where every batch is too small.
    """
    spec = model.spec
    size = min(spec.train.batch_size, model.samples)
    rest = model.samples % spec.train.batch_size if model.samples > size and not spec.train.drop_last else 0
    layers = {trace.path: trace for trace in model.train.traces if trace.kind in MEASURING}
    said = []
    for trace in layers.values():
        where = f"{trace.kind} ({path_text(trace.place)})"
        count = values(trace, size)
        if count == 1:
            raise spec.error(("train", "batch_size"), alone(model, where))
        if rest and values(trace, rest) == 1 and not spec.train.drop_last:
            spec = spec.model_copy(update={"train": spec.train.model_copy(update={"drop_last": True})})
            said.append(
                f"the last batch of an epoch would be one sample, of which {where} has no variance; it is left out, "
                f"another one in each epoch: `drop_last: true`; a `batch_size` other than {size} may keep all samples"
            )
        if count is not None and count < FEW:
            said.append(
                f"{where} has {number_of(count, 'value')} of a channel in a batch, whose mean and variance are mostly "
                f"noise; a `batch_size` of 16 or more, or `layer_norm`, is steadier"
            )
    return replace(model, spec=spec), said


def alone(model: Model, where: str) -> str:
    """The message for batches of one value each."""
    if model.samples == 1:
        return f"{where} standardizes over the samples of a batch, and there is one sample; use `layer_norm` instead"
    return (
        f"{where} standardizes over the samples of a batch, and of one sample its output is its offset whatever the "
        "input; write `batch_size: 2` or more (32 is usual), or use `layer_norm`"
    )
