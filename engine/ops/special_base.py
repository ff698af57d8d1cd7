"""What the files of special functions share: kernels in float64, refused derivatives, and n-th derivatives as ops.

Every kernel computes in float64, whatever floats come, and rounds once: SciPy's loops of float32 are less exact than
float32 itself near zeros and for large arguments.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, ClassVar, NamedTuple

import numpy as np

from ..errors import Refused
from ..frozen import frozen
from ..graph import Constant, Cotangents, Number, Tensor
from ..table import Arg, Sample, real, register, sample
from ..types import Array, DType
from .base import Computed, Elementwise, Rule, SciPy

Compute = Callable[..., Array]


class Float64:
    """What stands for a ufunc where the numbers are made by ``compute``, of flat float64 arrays of one length.

    Integers give the float that ``np.sqrt`` makes of them. ``compute`` never sees a NaN, of which SciPy's loops make
    infinities, or worse: where one comes in, one comes out.
    """

    nout = 1

    def __init__(self, nin: int, compute: Compute) -> None:
        self.nin = nin
        self.compute = compute

    def resolve_dtypes(self, dtypes: tuple[DType | None, ...]) -> Any:
        found = np.result_type(*(d for d in dtypes if d is not None))
        if found.kind not in "biuf":
            raise TypeError(f"no loop for {found}")
        if found.kind != "f":
            found = np.sqrt.resolve_dtypes((found, None))[1]
        return (found,) * len(dtypes)

    def __call__(self, *inputs: Any, out: Array) -> None:
        if not out.size:
            return
        flat = [np.broadcast_to(x, out.shape).reshape(-1).astype(np.float64, copy=False) for x in inputs]
        known = ~np.logical_or.reduce([np.isnan(x) for x in flat])
        values = np.full(known.shape, np.nan)
        with np.errstate(all="ignore"):  # infinities and NaN are answers here, and so is what rounds to 0
            if known.all():
                values = self.compute(*flat)
            elif known.any():
                values[known] = self.compute(*(x[known] for x in flat))
            out[...] = values.reshape(out.shape)


def scipy(name: str, nin: int = 1) -> Compute:
    """SciPy's ufunc as it is."""
    ufunc = SciPy(name, nin)
    return lambda *inputs: np.asarray(ufunc(*inputs))


def pieces(x: Array, plain: Compute, *others: tuple[Array, Compute], more: tuple[Array, ...] = ()) -> Array:
    """``plain(*more, x)``, but where a mask holds what its function gives; later ones win."""
    out = np.empty_like(x)
    left = np.ones(x.shape, bool)
    for mask, function in reversed(others):
        here = mask & left
        left &= ~here
        if here.any():
            out[here] = function(*(m[here] for m in more), x[here])
    if left.any():
        out[left] = plain(*(m[left] for m in more), x[left])
    return out


def parameters(*draws: tuple[float, float], shape: tuple[int, ...] = (3,)) -> tuple[Arg, ...]:
    """Arguments of a sample that are not differentiated."""

    def drawn(low: float, high: float) -> Arg:
        return Arg(lambda rng: rng.uniform(low, high, shape), real=False)

    return tuple(drawn(low, high) for low, high in draws)


def one(low: float = -2.0, high: float = 2.0) -> tuple[Sample, ...]:
    """Samples of one argument."""
    return tuple(sample(real(*shape, low=low, high=high)) for shape in ((3,), (2, 3), (), (0, 2)))


def function(
    compute: Compute, rule: Rule, *samples: Sample, commutative: bool = False
) -> Callable[[Callable[..., Tensor]], Elementwise]:
    """A decorator: the function that people call, with its documentation, becomes a row of the table of ops.

    ``compute`` gives its values, ``rule(g, y, *inputs)`` its cotangents.
    """

    def decorate(public: Callable[..., Tensor]) -> Elementwise:
        name, doc = public.__name__, public.__doc__ or ""
        first = " ".join(doc.strip().split("\n\n")[0].split())
        nin = public.__code__.co_argcount
        made = Elementwise(name, Float64(nin, compute), rule, first, commutative=commutative)
        family = public.__module__.rsplit(".", 1)[-1]
        register(made, name, first, family, samples, True, public)
        return made

    return decorate


def number(x: Any) -> Number | None:
    """The exact number that is part of a formula; None for every other input."""
    return x.value if isinstance(x, Constant) and not isinstance(x.value, np.ndarray) else None


WAYS = "leave it out (--wrt x in `ag grad`), or wrap it in stop_gradient"


def refused(name: str, *arguments: str) -> list[Refused]:
    """The cotangents of arguments by which there is no derivative here."""
    return [Refused(f"{name}: has no derivative in {a}; {WAYS}") for a in arguments]


class Series(NamedTuple):
    """A function whose derivatives of every order are computed by themselves, each to full accuracy.

    ``compute(n, *inputs)`` gives the n-th derivative in the last input. ``formula(n, *inputs)`` is the same as graph,
    made of functions that people know; it may lose digits where ``compute`` does not. ``refused`` are the inputs in
    front, by which there is no derivative.
    """

    nin: int
    compute: Compute
    formula: Callable[..., Tensor]
    refused: tuple[str, ...] = ()


SERIES: dict[str, Series] = {}


@cache
def kernel_of(name: str, n: int) -> Float64:
    """The n-th derivative of a function of ``SERIES`` as a kernel."""
    entry = SERIES[name]
    return Float64(entry.nin, lambda *inputs: entry.compute(n, *inputs))


@frozen
class Nth(Computed):
    """The n-th derivative of a function of ``SERIES`` in its last input, for n >= 1."""

    of: str
    n: int
    internal: ClassVar[bool] = True

    @property
    def name(self) -> str:  # type: ignore[override]
        return f"{self.of}_derivative"

    @property
    def ufunc(self) -> Any:
        return kernel_of(self.of, self.n)

    def formula(self, *inputs: Tensor) -> Tensor:
        """The same in functions that people know."""
        return SERIES[self.of].formula(self.n, *inputs)

    def vjp(self, g: Tensor, y: Tensor, *inputs: Tensor) -> Cotangents:
        return [*refused(self.of, *SERIES[self.of].refused), g * Nth(self.of, self.n + 1)(*inputs)]


def series(name: str, entry: Series) -> tuple[Compute, Rule]:
    """Add a function to ``SERIES``; its kernel and its rule."""
    SERIES[name] = entry

    def rule(g: Tensor, y: Tensor, *inputs: Tensor) -> Cotangents:
        return [*refused(name, *entry.refused), g * Nth(name, 1)(*inputs)]

    return lambda *inputs: entry.compute(0, *inputs), rule
