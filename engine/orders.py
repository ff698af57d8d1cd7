"""Tensors in the order of a graph: inputs before users, each once."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol, TypeVar


class Node(Protocol):
    """What is made of others of its kind: a tensor."""

    @property
    def id(self) -> int: ...
    @property
    def inputs(self) -> tuple[Any, ...]: ...


T = TypeVar("T", bound=Node)
_kept: ContextVar[dict[tuple[int, ...], list[Any]] | None] = ContextVar("orders", default=None)


def toposort(outputs: Iterable[T], stop: Container[int] = ()) -> list[T]:
    """Every tensor that ``outputs`` need, inputs before users; it does not look beyond the ids in ``stop``."""
    roots = list(outputs)
    kept = None if stop else _kept.get()
    if kept is None:
        return sorted_from(roots, stop)
    ids = tuple([t.id for t in roots])
    if ids not in kept:
        kept[ids] = sorted_from(roots, stop)
    return kept[ids].copy()


@contextmanager
def orders_kept() -> Iterator[None]:
    """Inside, the order of a graph that was asked for before is a copy of the answer."""
    token = _kept.set({})
    try:
        yield
    finally:
        _kept.reset(token)


def sorted_from(roots: list[T], stop: Container[int]) -> list[T]:
    order: list[T] = []
    done: set[int] = set()
    stack: list[Any] = roots[::-1]
    while stack:
        t = stack.pop()
        if t is None:  # the inputs of the tensor below are done
            order.append(stack.pop())
        elif (key := t.id) not in done and key not in stop:
            done.add(key)
            if len(inputs := t.inputs) == 2:  # as most have; to turn a tuple around takes longer than all the rest
                stack += (t, None, inputs[1], inputs[0])
            elif inputs:
                stack += (t, None, *inputs[::-1])
            else:
                order.append(t)
    return order
