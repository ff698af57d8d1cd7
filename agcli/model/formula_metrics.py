"""Formulas as metrics: what is to be fetched of every batch, so that the value over a split is exact.

A formula of numbers that are means, sums, largest or smallest values over samples is cut at these: they are gathered
over the batches, and the rest is computed of them at the end. A formula that stays a value a sample counts with its
mean. Any other is known of one batch only; over several it is NaN.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from agcli.engine.function import Function
from agcli.engine.graph import Tensor, call, toposort
from agcli.engine.leaves import Placeholder
from agcli.engine.substitution import substitute
from agcli.engine.types import Array, Shape, TupleType
from agcli.model.meters import Meter, Value, as_value
from agcli.model.odeint import Solved
from agcli.spec.nouns import Better

REDUCTIONS = {"sum": "sum", "mean": "sum", "max": "max", "min": "min"}  # op -> how batches are put together


ALONE = "the formula needs all samples at once, and they came in batches"
NO_NUMBER = "the formula has no value for these samples"


def formula_meter(name: str, value: Tensor, samples: Collection[Tensor], better: Better | None = None) -> Meter:
    """The meter of a formula; ``samples`` are tensors known to have a row a sample, such as the model's output."""
    if value.shape[:1] == (None,):
        value = call("mean", value if value.dtype.kind == "f" else value.astype("float64"))
    order = toposort([value])
    fed = fed_ids(order)
    cuts = reductions(value, fed, {t.id for t in samples})
    if cuts is None:
        return Meter(
            name,
            {"value": value},
            lambda sums, samples: as_value(sums["value"]),
            folds={"value": "once"},
            is_number=value.shape == (),
            better=better,
            undefined=ALONE,
        )
    parts: dict[str, Tensor] = {}
    folds: dict[str, str] = {}
    leaves: list[Placeholder] = []
    means: list[bool] = []
    for i, t in enumerate(cuts):
        op, (x, *_) = t.op.name, t.inputs  # type: ignore[union-attr]
        numbers = x if x.dtype in ("float32", "float64") else x.astype("float64")
        parts[f"{i}"] = call("sum" if op == "mean" else op, numbers)
        parts[f"{i}.count"] = call("size", x)
        folds[f"{i}"], folds[f"{i}.count"] = REDUCTIONS[op], "sum"
        leaves.append(Placeholder(t.type))
        means.append(op == "mean")
    (rest,) = substitute([value], dict(zip(cuts, leaves, strict=True)))
    function = Function([rest], inputs=leaves)

    def finish(sums: Mapping[str, Array], samples: int) -> Value:
        totals = [sums[f"{i}"] / sums[f"{i}.count"] if mean else sums[f"{i}"] for i, mean in enumerate(means)]
        feeds = [np.asarray(v, leaf.dtype) for v, leaf in zip(totals, leaves, strict=True)]
        return as_value(function(dict(zip(leaves, feeds, strict=True)))[0])

    return Meter(name, parts, finish, folds=folds, better=better, undefined=NO_NUMBER)


def fed_ids(order: list[Tensor]) -> set[int]:
    """Ids of the tensors that depend on what is fed."""
    found: set[int] = set()
    for t in order:
        if isinstance(t, Placeholder) or any(x.id in found for x in t.inputs):
            found.add(t.id)
    return found


def reductions(value: Tensor, fed: set[int], rows: set[int]) -> list[Tensor] | None:
    """The outermost reductions over samples of which the value is made; None if it is made of anything else."""
    found: dict[int, Tensor] = {}
    stack: list[Any] = [value]
    while stack:
        t = stack.pop()
        if t.id not in fed or t.id in found:
            continue
        if any(s != () for s in shapes(t)) or t.op is None:
            return None
        if t.op.name in REDUCTIONS and is_per_sample(t.inputs[0], fed, rows):
            found[t.id] = t
        elif t.op.name in REDUCTIONS:
            return None
        else:
            stack.extend(t.inputs)
    return list(found.values())


def is_per_sample(x: Tensor, fed: set[int], rows: set[int]) -> bool:
    """Whether no sample of ``x`` knows of another: the first axis is that of the samples, all the way down to these."""
    stack, seen = [x], set(rows)
    while stack:
        t = stack.pop()
        if t.id in seen or t.id not in fed:
            continue
        seen.add(t.id)
        if isinstance(t.op, Solved):
            stack.append(t.inputs[1])
            continue
        if any(s[:1] != (None,) for s in shapes(t)) or mixes(t):
            return False
        stack.extend(t.inputs)
    return x.shape[:1] == (None,)


def shapes(t: Tensor) -> list[Shape]:
    """The shape of a tensor, or those of all outputs of an op that has several."""
    return [x.shape for x in t.type.items] if isinstance(t.type, TupleType) else [t.shape]


def mixes(t: Tensor) -> bool:
    """Whether the op works along the first axis, as sorting and cumulative sums may."""
    axes = getattr(t.op, "axes", getattr(t.op, "axis", None))
    return 0 in axes if isinstance(axes, tuple) else isinstance(axes, int) and axes == 0
