"""Random words -> normal and exponential numbers, by the inverse of the distribution function.

A word of B bits, read as the signed number w, stands for U = (w + 2^(B-1) + 1/2) / 2^B: 2^B numbers in (0, 1), evenly
spaced, symmetric about 1/2, never 0 or 1. Words of 32 bits become float32, words of 64 bits float64. U is kept as two
numbers, how far it is from 1/2 and how far from the nearer end, so that neither small results nor tails lose digits:
normal numbers reach 6.34 in float32 and 9.16 in float64, exponential ones 22.9 and 45.1.

Each formula is written once, for arrays of NumPy and for the values of a compiled loop. It has no fused multiplication
and addition, and a logarithm of its own, so that all backends and machines make the same bits. float32 is computed as
float64 with shorter polynomials, and rounded at the end. Errors are below ``ULP`` units in the last place.

The normal quantile z at U = (1 + y)/2 is y + y P(y^2) for |y| <= 1/2; elsewhere its size differs from
r = sqrt(-2 log(1 - |y|)) by a polynomial of (r - k)/(r + k).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, ClassVar, TypeAlias

import numpy as np

from ..errors import DTypeError
from ..frozen import frozen
from ..graph import Cotangents, Tensor
from ..types import Array, DType, TensorType
from . import quantile_fits as fits
from .base import Pointwise

Numbers: TypeAlias = Any  # an array, or a Value of a compiled loop: words, float64, or conditions

ULP = 2.0
CHUNK = 1 << 15  # words that NumPy turns at once; what lies between stays in the cache
PASSES = 32  # of NumPy through memory take about as long
WORDS: dict[DType, DType] = {
    np.dtype("int32"): np.dtype("float32"),
    np.dtype("int64"): np.dtype("float64"),
}
LIMIT = 2.0  # of truncated normal numbers, in standard deviations
BEYOND = 0.04550026389635842  # erfc(LIMIT / sqrt(2)), the share of all normal numbers that is cut off

MANTISSA, BIAS = 52, 1023
HALF_ROOT = 0x3FE6A09E667F3BCD  # the bits of sqrt(1/2)
HALF_DIGITS = -1 << 27  # leaves the first half of a number's digits
LARGEST, SIGN = (1 << 63) - 1, -1 << 63
LN2, LN2_HIGH, LN2_LOW = math.log(2), 0.6931471803691238, 1.9082149292705877e-10  # the second has few digits
MIDDLE, MIDDLE_SHORT = 2.8, 2.0  # k


# What arrays and values of a loop are told differently ---------------------------------------------------------
def is_array(x: Numbers) -> bool:
    return isinstance(x, np.ndarray)


def bits(x: Numbers) -> Numbers:
    return x.view(np.int64) if is_array(x) else x.bitcast("i64")


def floats(n: Numbers) -> Numbers:
    """Bits as numbers."""
    return n.view(np.float64) if is_array(n) else n.bitcast("double")


def rounded(n: Numbers) -> Numbers:
    """Integers as float64."""
    return n.astype(np.float64) if is_array(n) else n.to("double")


def masked(n: Numbers, mask: int) -> Numbers:
    return n & mask if is_array(n) else n.instruction("and", n.like(mask))


def flipped(n: Numbers, mask: Numbers) -> Numbers:
    return n ^ mask if is_array(n) else n.instruction("xor", n.like(mask))


def shifted(n: Numbers, count: int) -> Numbers:
    """n / 2^count, rounded down."""
    return n >> count if is_array(n) else n.instruction("ashr", n.like(count))


def sqrt(x: Numbers) -> Numbers:
    return np.sqrt(x) if is_array(x) else x.sqrt()


def absolute(x: Numbers) -> Numbers:
    return np.abs(x) if is_array(x) else x.abs()


def signed(x: Numbers, sign: Numbers) -> Numbers:
    return np.copysign(x, sign) if is_array(x) else x.copysign(sign)


def choose(condition: Numbers, a: Numbers, b: Numbers) -> Numbers:
    return np.where(condition, a, b) if is_array(condition) else condition.choose(a, b)


def smaller(x: Numbers, limit: float) -> Numbers:
    return np.minimum(x, limit) if is_array(x) else (x > limit).choose(x.like(limit), x)


def either(condition: Numbers, yes: Callable[[Numbers], Numbers], v: Numbers, no: Numbers) -> Numbers:
    """``yes(v)`` where a condition holds, else ``no``; NumPy computes the first only where it is needed."""
    if not is_array(v):
        return condition.choose(yes(v), no)
    places = np.flatnonzero(condition)
    no[places] = yes(v[places])
    return no


# Formulas ------------------------------------------------------------------------------------------------------
def polynomial(x: Numbers, coefficients: Sequence[float]) -> Numbers:
    """Horner's rule; each product and each sum is rounded."""
    *rest, last = coefficients
    total = x * last
    for c in reversed(rest[1:]):
        total += c  # in place, where it is an array
        total *= x
    return total + rest[0]


def is_short(word: Numbers) -> bool:
    """Whether words have 32 bits."""
    return bool(word.dtype.itemsize == 4 if is_array(word) else word.kind == "i32")


def size_of(word: Numbers) -> Numbers:
    """The number of a word of 64 bits among those of its sign: 0 is beside U = 1/2, ``LARGEST`` at the end."""
    return flipped(word, shifted(word, 63))


def scaled(size: Numbers) -> Numbers:
    return (rounded(size) + 0.5) * 2.0**-63


def sides(word: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    """|y| and 1 - |y| for U = (1 + y)/2, and a number that has the sign of y."""
    if is_short(word):
        odd = rounded(word) + 0.5
        y = absolute(odd) * 2.0**-31
        return y, 1.0 - y, odd
    size = size_of(word)
    return scaled(size), scaled(flipped(size, LARGEST)), floats(masked(word, SIGN))


def parted(x: Numbers) -> tuple[Numbers, Numbers]:
    """The integer e and the number f for x = 2^e (1 + f), with 1 + f between sqrt(1/2) and sqrt(2); x is normal."""
    moved = bits(x) + ((BIAS << MANTISSA) - HALF_ROOT)
    f = floats(masked(moved, (1 << MANTISSA) - 1) + HALF_ROOT) - 1.0
    return rounded(shifted(moved, MANTISSA) - BIAS), f


def log_terms(f: Numbers) -> tuple[Numbers, Numbers]:
    """f^2/2, and by how much log(1 + f) is larger than f - f^2/2, in the summation order of fdlibm's e_log.c."""
    s = f / (f + 2.0)
    z = s * s
    square = f * f * 0.5
    return square, s * (z * polynomial(z, fits.LOG) + square)


def short_log(x: Numbers) -> Numbers:
    """log to 33 bits."""
    e, f = parted(x)
    s = f / (f + 2.0)
    z = s * s
    return e * LN2 + (s * (z * polynomial(z, fits.LOG_SHORT)) + (s + s))


def log_pair(x: Numbers) -> tuple[Numbers, Numbers]:
    """log as two numbers, the second what the rounding of the first lost."""
    e, f = parted(x)
    square, tail = log_terms(f)
    whole = e * LN2_HIGH
    high = whole + f
    low = f - (high - whole) - (square - (e * LN2_LOW + tail))
    total = high + low
    return total, low - (total - high)


def sqrt_pair(high: Numbers, low: Numbers) -> tuple[Numbers, Numbers]:
    """The root of a sum; its square is computed exactly, by halves of the digits (Dekker, 1971)."""
    root = sqrt(high)
    first = floats(masked(bits(root), HALF_DIGITS))
    second = root - first
    rest = ((high - first * first) - first * second * 2.0) - second * second + low
    return root, rest / (root + root)


def near(y: Numbers, coefficients: Sequence[float]) -> Numbers:
    return y * polynomial(y * y, coefficients) + y


def far(v: Numbers) -> Numbers:
    high, low = log_pair(v)
    root, rest = sqrt_pair(high * -2.0, low * -2.0)
    return root + (polynomial((root - MIDDLE) / (root + MIDDLE), fits.NORMAL_FAR) + rest)


def far_short(v: Numbers) -> Numbers:
    root = sqrt(short_log(v) * -2.0)
    return root + polynomial((root - MIDDLE_SHORT) / (root + MIDDLE_SHORT), fits.NORMAL_FAR_SHORT)


def normal(word: Numbers, sizes: Callable[[Numbers, Numbers], tuple[Numbers, Numbers]] | None = None) -> Numbers:
    """The normal quantile; ``sizes`` changes |y| and 1 - |y|."""
    y, v, sign = sides(word)
    if sizes is not None:
        y, v = sizes(y, v)
    tail, inner = (far_short, fits.NORMAL_NEAR_SHORT) if is_short(word) else (far, fits.NORMAL_NEAR)
    return signed(either(y > 0.5, tail, v, near(y, inner)), sign)


def truncated(word: Numbers) -> Numbers:
    """The quantile of normal numbers within ``LIMIT``."""
    z = normal(word, lambda y, v: (y - y * BEYOND, (v - v * BEYOND) + BEYOND))
    return signed(smaller(absolute(z), LIMIT), z)


def exponential(word: Numbers) -> Numbers:
    """-log(1 - U); where U < 1/2, f is made of U, as it is there known to more digits than 1 - U."""
    if is_short(word):
        return -short_log((rounded(word) + 0.5) * -(2.0**-32) + 0.5)  # exact: 33 bits
    v = scaled(flipped(size_of(word), LARGEST))
    end, low = v * 0.5, word < 0
    e, f = parted(choose(low, 1.0 - end, end))
    f = choose(low, choose(e < -0.5, 1.0 - v, -end), f)
    square, tail = log_terms(f)
    return (square - (tail + e * LN2_LOW)) - f - e * LN2_HIGH


QUANTILES: dict[str, Callable[[Numbers], Numbers]] = {
    "normal": normal,
    "truncated_normal": truncated,
    "exponential": exponential,
}


@cache
def keep_memory() -> None:
    """Free one large array: from then on, glibc does not return what temporary arrays took to the system each time."""
    np.empty(1 << 19)


def fill(distribution: str, words: Array, out: Array) -> None:
    """The quantiles at an array of words; ``out`` may lie where they lie."""
    keep_memory()
    quantile = QUANTILES[distribution]
    if not (words.flags.c_contiguous and out.flags.c_contiguous):
        out[...] = quantile(np.array(words).reshape(-1)).reshape(out.shape)
        return
    flat, result = words.reshape(-1), out.reshape(-1)
    for i in range(0, flat.size, CHUNK):
        part = slice(i, i + CHUNK)
        result[part] = quantile(flat[part])


def numbers(distribution: str, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Random numbers as float64 from a generator of NumPy, one word of 64 bits each."""
    words = rng.integers(SIGN, LARGEST, shape, np.int64, endpoint=True)
    out = np.empty(shape)
    fill(distribution, np.asarray(words), out)
    return out


@frozen
class Quantile(Pointwise):
    """Words of 32 or 64 bits as numbers of a standard distribution, in float32 or float64."""

    distribution: str
    internal: ClassVar[bool] = True
    ufunc = np.positive

    @property
    def name(self) -> str:  # type: ignore[override]
        return f"{self.distribution}_quantile"

    def infer(self, *inputs: TensorType) -> TensorType:
        (words,) = inputs
        if words.dtype not in WORDS:
            raise DTypeError(f"{self.name}: takes words of 32 or 64 bits, int32 or int64, got {words.dtype}")
        return TensorType(words.shape, WORDS[words.dtype])

    def kernel(self, *arrays: Array, out: Array) -> None:
        fill(self.distribution, arrays[0], out)

    def scalar(self, *values: Any) -> Any:
        (word,) = values
        return QUANTILES[self.distribution](word).to("float" if is_short(word) else "double")

    def vjp(self, g: Tensor, y: Tensor, *inputs: Tensor) -> Cotangents:
        return [None]


def words_for(dtype: DType) -> DType:
    """The words from which numbers of a float dtype are made."""
    return np.dtype("int64") if dtype.itemsize == 8 else np.dtype("int32")
