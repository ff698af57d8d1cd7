"""Rewrites: graph -> graph of the same values.

One pass from the leaves up. At each tensor, in this order: the op's own ``simplify``; the rules of the table;
constants folded, exactly where they are exact; equal tensors merged. What a rule returns is rewritten in turn.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from operator import is_not
from typing import Any

import numpy as np

from ..graph import Constant, Op, Tensor, toposort
from ..ops.base import Item
from ..origin import built_at, origin
from ..types import TensorType, TupleType
from . import pools
from .rules import RULES, fold, fold_exact, narrow, stays


class Rewriter:
    """One rewriting; tensors that it has made are never looked at again."""

    def __init__(self, replace: Mapping[Tensor, Tensor] | None = None) -> None:
        self.memo: dict[int, Tensor] = {old.id: new for old, new in (replace or {}).items()}
        self.ends = {old.id for old in replace or () if old.op is not None}  # nobody needs what these are made of
        for t in list(self.memo.values()):
            self.memo[t.id] = t
        self.seen: dict[Any, Tensor] = {}

    def __call__(self, outputs: Sequence[Tensor]) -> list[Tensor]:
        return self.along(toposort(oldest_first(outputs), self.ends), outputs)

    def along(self, order: Iterable[Tensor], outputs: Sequence[Tensor]) -> list[Tensor]:
        """``outputs`` rewritten; ``order`` has all that they need and that is not known yet, inputs first."""
        memo, seen = self.memo, self.seen
        with origin(None):  # what is built takes the place of the tensor that it is made of
            for t in order:
                if t.id in memo:
                    continue
                op = t.op
                if op is None:
                    new = self.leaf(t)
                else:
                    inputs = [memo[x.id] for x in t.inputs]
                    if op.shape_only:
                        self.stub_inputs(op, inputs)
                    key = key_of(op, inputs)
                    found = seen.get(key)
                    if found is None:
                        found = seen[key] = self.applied(t, op, inputs)
                    new = found
                memo[t.id] = memo[new.id] = new
        return [memo[t.id] for t in outputs]

    def leaf(self, t: Tensor) -> Tensor:
        if isinstance(t, Constant) and not isinstance(t.value, np.ndarray):
            value = t.value or str(t.value)  # 0.0 and -0.0 are equal, but not the same
            return self.seen.setdefault((type(t.value), value, t.type), t)
        return t

    def stub_inputs(self, op: Op, inputs: list[Tensor]) -> None:
        for i in op.shape_only:
            if i < len(inputs) and inputs[i].type.known and not isinstance(inputs[i], Constant):
                inputs[i] = self.stub(inputs[i].type)

    def applied(self, t: Tensor, op: Op, inputs: list[Tensor]) -> Tensor:
        """``t`` on rewritten inputs, or what is cheaper."""
        if any(map(is_not, inputs, t.inputs)):
            t = t.on(inputs)
        if stays(op, inputs):
            return t
        built_at(t.place)
        new = self.simplified(t, op, inputs)
        return t if new is None or new is t else self.along(toposort([new], self.memo), [new])[0]

    def simplified(self, t: Tensor, op: Op, inputs: list[Tensor]) -> Tensor | None:
        new = op.simplify(*inputs)
        if new is None and all(isinstance(x, Constant) for x in inputs):
            new = fold_exact(t, inputs)
            new = fold(t, inputs) if new is None else new
        if new is not None:
            return new
        fewer = narrow(t, inputs)
        if fewer is not None:
            return op(*fewer)
        for r in RULES.get(op.name, ()):
            new = r(t, *inputs)
            if new is not None:
                return new
        return None

    def stub(self, type: TensorType) -> Tensor:
        """A constant that costs nothing, where only the shape of an input is read."""
        key = ("stub", type)
        if key not in self.seen:
            t = Constant(np.broadcast_to(np.zeros((), type.dtype), type.shape), type)  # type: ignore[arg-type]
            self.seen[key] = self.memo[t.id] = t
        return self.seen[key]


def key_of(op: Op, inputs: Sequence[Tensor]) -> Any:
    """What is equal for equal tensors."""
    if len(inputs) == 1:
        return op, inputs[0].id
    ids = [x.id for x in inputs]
    if op.commutative:
        ids.sort()
    return op, *ids


def oldest_first(outputs: Iterable[Tensor]) -> list[Tensor]:
    """``outputs`` in the order in which they were built.

    Computed in this order, the gradient of a late layer is done before those of earlier layers are begun, so what
    both need is not kept longer than necessary.
    """
    return sorted(outputs, key=lambda t: t.id)


def specialise(outputs: Sequence[Tensor], replace: Mapping[Tensor, Tensor]) -> list[Tensor]:
    """``outputs`` rewritten, with some leaves replaced (placeholders by placeholders of the shapes that are fed)."""
    return pools.located_at_once(prune(Rewriter(replace)(outputs)))


def prune(outputs: Sequence[Tensor]) -> list[Tensor]:
    """``outputs`` without what ops of several outputs make for nobody."""
    order = toposort(oldest_first(outputs))
    if TupleType not in {type(t.type) for t in order}:
        return list(outputs)
    live = {t.id for t in outputs}
    used: dict[int, set[int]] = {}
    smaller: dict[int, tuple[Tensor, dict[int, int]]] = {}
    for t in reversed(order):
        inputs = t.inputs
        if t.id in live and isinstance(t.op, Item):
            used.setdefault(inputs[0].id, set()).add(t.op.index)
        elif t.id in live and t.op and isinstance(t.type, TupleType):
            found = t.op.prune(frozenset(used.get(t.id, ())), inputs)
            if found is not None:
                smaller[t.id], inputs = found, found[0].inputs
        if t.id in live:
            live.update(x.id for x in inputs)
    memo: dict[int, Tensor] = {}
    for t in order:
        if t.id in live:
            memo[t.id] = rebuilt(t, memo, smaller)
    return [memo[t.id] for t in outputs]


def rebuilt(t: Tensor, memo: Mapping[int, Tensor], smaller: Mapping[int, tuple[Tensor, dict[int, int]]]) -> Tensor:
    """``t`` on the inputs in ``memo``, where some ops of several outputs have become smaller."""
    new, op = t, t.op
    if t.id in smaller:
        new = smaller[t.id][0]
        op = new.op
    elif isinstance(op, Item) and t.inputs[0].id in smaller:
        whole, numbers = smaller[t.inputs[0].id]
        op = Item(numbers[op.index], len(whole.type.items))
    inputs = [memo[x.id] for x in new.inputs]
    if op is None or (op is new.op and all(a is b for a, b in zip(inputs, new.inputs, strict=True))):
        return new
    if op is t.op:
        return t.on(inputs)
    with origin(t.place):
        result = op(*inputs)
    result.name = t.name
    return result


def simplify(outputs: Sequence[Tensor]) -> list[Tensor]:
    """``outputs`` rewritten."""
    return prune(Rewriter()(outputs))
