"""The layers of a model as a table: shapes, parameters, bytes, floating-point operations."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agcli.engine.graph import Op, Tensor, toposort
from agcli.engine.leaves import Variable
from agcli.engine.loops.scan import Scan
from agcli.engine.ops.einsum import Einsum
from agcli.engine.types import TensorType, TupleType
from agcli.model.build import Model
from agcli.training.profile import COUNTS

from .fixed import fixed


@dataclass(frozen=True)
class Layer:
    """A layer as it was built; layers within it have a greater ``depth`` and follow it."""

    name: str
    kind: str
    depth: int
    shape: tuple[int | None, ...]  # of the output for one sample
    parameters: int  # trainable ones, shared ones at each layer that uses them
    bytes: int  # of the output of a batch
    flops: float  # of a batch, forward


def table(model: Model, batch: int) -> list[Layer]:
    """The layers in the order of the spec, for batches of ``batch`` samples."""
    traces = model.train.traces
    tensors = [t for trace in traces for t in (*trace.inputs, trace.output)]
    made = iter(fixed(model, tensors, batch).tensors)
    rows: list[Layer] = []
    others: dict[int, set[int]] = {}  # by depth: outputs of earlier layers, which a formula may name
    for trace in traces:
        inputs, output = [next(made) for _ in trace.inputs], next(made)
        earlier = set().union(*(ids for depth, ids in others.items() if depth <= trace.depth))
        inside = toposort([output], {x.id for x in inputs} | earlier - {output.id})
        others.setdefault(trace.depth, set()).add(output.id)
        own = {v.id: v for v in inside if isinstance(v, Variable) and v.trainable}
        parameters = sum(math.prod(map(int, v.value.shape)) for v in own.values())
        shape, size = output.shape[1:], output.dtype.itemsize
        rows.append(
            Layer(trace.path, trace.kind, trace.depth, shape, parameters, size * elements(output.type), flops(inside))
        )
    return parents_first(rows)


def parents_first(rows: Sequence[Layer]) -> list[Layer]:
    """The layers, which come as they were finished, with each before those within it."""
    stack: list[list[Layer]] = []
    for row in rows:
        group = [row]
        while stack and stack[-1][0].depth > row.depth:
            group[1:1] = stack.pop()
        stack.append(group)
    return [row for group in stack for row in group]


def flops(tensors: Sequence[Tensor]) -> float:
    """Floating-point operations: two for each product of a sum of products, else one an element; views are free."""
    return float(sum(_count(t.op, [x.type for x in t.inputs], t.type) for t in tensors if t.op is not None))


def elements(kind: TensorType | TupleType) -> int:
    """How many numbers a tensor holds; lengths that only values decide count as one."""
    if isinstance(kind, TupleType):
        return sum(elements(item) for item in kind.items)
    return math.prod(1 if d is None else d for d in kind.shape)


def _count(op: Op, inputs: Sequence[TensorType], output: TensorType | TupleType) -> float:
    if isinstance(op, Scan):
        body = op.turn(inputs)
        return (op.turns(*inputs) or 1) * flops(toposort([*body.nexts, *body.emits]))
    if isinstance(op, Einsum):
        lengths: Mapping[str, int | None] = {
            label: d for term, t in zip(op.terms, inputs, strict=True) for label, d in zip(term, t.shape, strict=True)
        }
        return 2.0 * math.prod(d or 1 for d in lengths.values())
    if op.name in COUNTS and isinstance(output, TensorType):
        return 2.0 * COUNTS[op.name]([t.shape for t in (*inputs, output)])
    if type(op).view is not Op.view:
        return 0.0
    return float(max([elements(output), *map(elements, inputs)]))
