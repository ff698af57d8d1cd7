"""The table of ops, from which operators, the expression language, the tests and docs/ops.md are served.

One row an op: the public function, its family, and samples that show what it takes. The tests differentiate
every sample to third order in both modes and run its kernel for every dtype.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

import numpy as np

Draw: TypeAlias = "Callable[[np.random.Generator], Any]"  # as text: NumPy loads its random numbers on first use
F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Arg:
    """How to draw one argument of a sample; only real arguments are differentiated."""

    draw: Draw
    real: bool = True


def real(*shape: int, low: float = -2.0, high: float = 2.0) -> Arg:
    """Uniform numbers between ``low`` and ``high``."""
    return Arg(lambda rng: rng.uniform(low, high, shape))


def distinct(*shape: int, gap: float = 0.05) -> Arg:
    """Numbers that differ by at least ``gap`` from each other and from 0, in random order, so that no tie is met."""

    def draw(rng: np.random.Generator) -> Any:
        n = int(np.prod(shape))
        values = (np.arange(n) - n / 2 + 0.25) * max(2 * gap, 4.0 / max(n, 1)) + rng.uniform(-gap, gap, n) / 4
        return rng.permutation(values).reshape(shape)

    return Arg(draw)


def integers(*shape: int, low: int = 0, high: int) -> Arg:
    """Integers from ``low`` up to, not including, ``high``."""
    return Arg(lambda rng: rng.integers(low, high, shape), real=False)


def booleans(*shape: int) -> Arg:
    """True and False at random."""
    return Arg(lambda rng: rng.random(shape) < 0.5, real=False)


def spd(*shape: int) -> Arg:
    """Symmetric positive definite matrices, well conditioned; ``shape`` ends in (n, n)."""

    def draw(rng: np.random.Generator) -> Any:
        a = rng.uniform(-1, 1, shape)
        return a @ np.swapaxes(a, -1, -2) + shape[-1] * np.eye(shape[-1])

    return Arg(draw)


@dataclass(frozen=True)
class Sample:
    """Arguments with which a public function can be called: drawn tensors and plain keywords."""

    args: tuple[Arg, ...]
    kwargs: dict[str, Any] = field(default_factory=dict)

    def draw(self, seed: int = 0) -> list[Any]:
        rng = np.random.default_rng(seed)
        return [a.draw(rng) for a in self.args]


def sample(*args: Arg | tuple[int, ...], **kwargs: Any) -> Sample:
    """A sample; a bare shape stands for real numbers between -2 and 2."""
    return Sample(tuple(real(*a) if isinstance(a, tuple) else a for a in args), kwargs)


@dataclass(frozen=True)
class Entry:
    """A row of the table.

    ``function`` is what the engine calls; ``public`` is the same with the signature and the documentation that
    people see.
    """

    name: str
    function: Callable[..., Any]
    family: str
    doc: str
    samples: tuple[Sample, ...]
    differentiable: bool
    public: Callable[..., Any]


OPS: dict[str, Entry] = {}


def register(
    function: Any,
    name: str,
    doc: str,
    family: str,
    samples: tuple[Sample, ...],
    differentiable: bool,
    public: Callable[..., Any] | None = None,
) -> None:
    """Add a row; ``doc`` opens with one sentence."""
    if name in OPS:
        raise ValueError(f"op {name!r} is defined twice")
    OPS[name] = Entry(name, function, family, doc.strip(), samples, differentiable, public or function)


def op(*samples: Sample, differentiable: bool = True) -> Callable[[F], F]:
    """Decorate a public function of tensors: it becomes a row of the table under its own name."""

    def decorate(function: F) -> F:
        register(
            function,
            function.__name__,
            function.__doc__ or "",
            function.__module__.rsplit(".", 1)[-1],
            samples,
            differentiable,
        )
        return function

    return decorate
