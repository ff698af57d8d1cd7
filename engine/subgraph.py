"""Pieces of a graph: what lies between tensors."""

from __future__ import annotations

from collections.abc import Container, Sequence

from .gradient import depends
from .graph import Constant, Tensor, toposort


def captured(outputs: Sequence[Tensor], xs: Sequence[Tensor]) -> list[Tensor]:
    """The tensors on which ``outputs`` depend beside ``xs``: those nearest to the outputs that no x reaches.

    Constants are not listed; they are part of the piece.
    """
    order = toposort(outputs)
    live = depends(order, xs)
    found = {x.id: x for t in order if t.id in live for x in t.inputs}
    found.update((t.id, t) for t in outputs)
    return [x for x in found.values() if x.id not in live and not isinstance(x, Constant)]


def older(outputs: Sequence[Tensor], start: int) -> list[Tensor]:
    """The tensors that ``outputs`` use directly and that are older than the id ``start``, or leaves with a value."""

    def outside(t: Tensor) -> bool:
        return not isinstance(t, Constant) and (t.id < start or t.op is None)

    found: dict[int, Tensor] = {t.id: t for t in outputs if outside(t)}
    stack = [t for t in outputs if not outside(t)]
    seen = {t.id for t in stack}
    while stack:
        for x in stack.pop().inputs:
            if outside(x):
                found[x.id] = x
            elif x.id not in seen:
                seen.add(x.id)
                stack.append(x)
    return list(found.values())


def first_used(outputs: Sequence[Tensor], known: Container[int]) -> list[Tensor]:
    """The tensors among ``known`` ids that a walk from ``outputs`` towards the leaves meets first."""
    found = {t.id: t for t in outputs if t.id in known}
    for t in toposort(outputs, known):
        found.update((x.id, x) for x in t.inputs if x.id in known)
    return list(found.values())
