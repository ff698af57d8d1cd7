"""What is worth compiling: thresholds that depend on nothing but a graph, in one record, so that a run repeats.

Tests compile small graphs by a record of their own; see ``using``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from ..frozen import frozen


@frozen
class Policy:
    """Thresholds of one compilation."""

    min_elements: int = 256  # of an array; below, a compiled loop gains less than it takes to compile it
    min_gain: int = 1 << 16  # elements times passes of a plan: LLVM takes 50 ms to load, a kernel 10 to compile
    few_tensors: int = 2000  # of a graph in which numbers are computed in loops too, if kernels are loaded anyway
    small_elements: int = 1 << 14  # up to which the call of an op takes longer than its arithmetic
    call_elements: int = 2048  # that NumPy reads while Python makes a call
    max_lines: int = 64  # of a kernel
    max_operands: int = 20  # of a kernel
    compiled_lines: int = 1 << 13  # of all kernels of a graph, each of which takes LLVM about a millisecond
    recomputed_elements: int = 1 << 14  # of a result; fewer stay in the first caches
    scattered_elements: int = 1 << 12  # that are added at places; below, NumPy takes no time either
    attention_scores: int = 1 << 11  # below, NumPy takes no time either
    apart_elements: int = 5000  # of all tensors of a graph that is taken apart into operations on numbers


POLICY = Policy()
_current: ContextVar[Policy] = ContextVar("policy", default=POLICY)


def current() -> Policy:
    """The policy of what is compiled now."""
    return _current.get()


@contextmanager
def using(policy: Policy) -> Iterator[None]:
    """Compile by this policy inside."""
    token = _current.set(policy)
    try:
        yield
    finally:
        _current.reset(token)
