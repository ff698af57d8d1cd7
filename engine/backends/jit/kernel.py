"""What the table of kernels has a row of: a kernel that stands for one op, and is one file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from ...frozen import frozen
from ...graph import Op, Tensor

Shards: TypeAlias = "Mapping[int, int]"  # tensor -> its shard; empty where a graph has none


@frozen
class Kernel:
    """A row of the table."""

    classes: Callable[[type[Op]], bool]  # whether it may match ops of a class, which is asked once a class
    matches: Callable[[Tensor], bool]
    make: Callable[[Any, Tensor, Shards], Op]  # of an op and its tensor; where there are shards, it keeps to one thread
    gain: Callable[[Tensor], int] | None = None  # elements that NumPy would read once more, if it is worth loading LLVM


def among(*classes: type[Op]) -> Callable[[type[Op]], bool]:
    """Whether a class is one of these, or made from it."""
    return lambda cls: issubclass(cls, classes)
