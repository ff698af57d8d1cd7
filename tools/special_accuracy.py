"""How exact the special functions are: values and two derivatives against mpmath, at points near what makes them hard.

python -m tools.special_accuracy            the worst errors of all at 500 points each
python -m tools.special_accuracy 40 jv kv   of some, at 40 points

An error is relative to the local scale, abs(f(x)) + L(x) abs(f'(x)): near a zero, what the function has at the distance
L from it. L is 0 for functions without zeros, so that their errors are relative to the value alone.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import mpmath
import numpy as np
from mpmath import mp, mpf

from agcli.engine.function import Function
from agcli.engine.gradient import grad
from agcli.engine.graph import Tensor
from agcli.engine.leaves import placeholder
from agcli.engine.ops import special  # noqa: F401  fills the table of ops
from agcli.engine.table import OPS

DIGITS = 40
ORDERS = 3  # value, first and second derivative
LIMIT = 1e-10
Draw = Callable[[np.random.Generator, int], np.ndarray]


# Points ----------------------------------------------------------------------------------------------------------
def logs(low: float, high: float, sign: int = 1) -> Draw:
    """sign 10^u with u between ``low`` and ``high``."""
    return lambda rng, n: sign * 10.0 ** rng.uniform(low, high, n)


def span(low: float, high: float) -> Draw:
    return lambda rng, n: rng.uniform(low, high, n)


def near(center: float, low: float = -14, high: float = -1, sides: tuple[int, ...] = (-1, 1)) -> Draw:
    """Points at distances 10^low to 10^high, relative to max(1, abs(center))."""

    def draw(rng: np.random.Generator, n: int) -> np.ndarray:
        distance = 10.0 ** rng.uniform(low, high, n) * max(1.0, abs(center))
        return np.asarray(center + rng.choice(np.array(sides), n) * distance)

    return draw


# Lengths ---------------------------------------------------------------------------------------------------------
def unit(x: Any) -> Any:
    return min(1, abs(x))


def inner(x: Any) -> Any:
    """To the nearer of 0 and 1."""
    return min(abs(x), abs(1 - x))


def airy_wave(x: Any) -> Any:
    return 1 / mpmath.sqrt(1 + abs(x))


@dataclass(frozen=True)
class Case:
    """A function of its last argument: what mpmath calls it, parameters in front, where it is tried.

    ``slope`` is its derivative, where differences of the values would need too many digits; ``exact(k, ...)`` gives all
    derivatives, where mpmath takes long.
    """

    reference: Callable[..., Any]
    draws: Sequence[Draw]
    parameters: Sequence[tuple[Any, ...]] = ((),)
    length: Callable[[Any], Any] | None = None
    slope: Callable[..., Any] | None = None
    exact: Callable[..., Any] | None = None
    options: dict[str, Any] = field(default_factory=dict)
    orders: int = ORDERS
    name: str = ""  # of the op, if the row has another one


# References --------------------------------------------------------------------------------------------------------
def real(x: Any) -> Any:
    return mpmath.re(x)


def log_ncdf(x: Any) -> Any:
    return mpmath.log(mpmath.erfc(-x / mpmath.sqrt(2)) / 2) if x < 0 else mpmath.log1p(-mpmath.ncdf(-x))


def quantile(y: Any) -> Any:
    """ndtri by Newton's method on the logarithm of the smaller tail."""
    y = real(y)
    if y > mpf("0.5"):
        return -quantile(1 - y)
    x = -mpmath.sqrt(-2 * mpmath.log(y)) if y < mpf("0.3") else (y - mpf("0.5")) * mpmath.sqrt(2 * mpmath.pi)
    for _ in range(60):
        p = mpmath.erfc(-x / mpmath.sqrt(2)) / 2
        step = (mpmath.log(p) - mpmath.log(y)) * p / mpmath.npdf(x)
        x -= step
        if abs(step) < mpf(10) ** (-mp.dps + 5) * (1 + abs(x)):
            break
    return x


def hurwitz(s: Any, q: Any) -> Any:
    """mpmath 1.3 takes its precision for an absolute one: zeta(60, 485) has 9 digits of the 40 that are asked for."""
    with mp.workdps(mp.dps + 10 + int(s * mpmath.log10(q + 1))):
        return mpmath.zeta(s, q)


def lambert(k: int) -> Callable[[Any], Any]:
    return lambda x: real(mpmath.lambertw(x, k))


def incomplete_gamma(upper: bool) -> Callable[..., Any]:
    def reference(a: Any, x: Any) -> Any:
        ends = (x, mpmath.inf) if upper else (0, x)
        return mpmath.gammainc(a, *ends, regularized=True)

    return reference


def by_orders(f: Callable[..., Any], sign: int, outer: int = 1) -> Callable[..., Any]:
    """The k-th derivative of a Bessel function by the orders v - k to v + k (DLMF 10.6.7, 10.29.5)."""

    @lru_cache(maxsize=4096)
    def value(v: Any, x: Any, digits: int) -> Any:
        return f(v, x)

    def exact(k: int, v: Any, x: Any) -> Any:
        terms = (sign**i * mpmath.binomial(k, i) * value(v - k + 2 * i, x, mp.dps) for i in range(k + 1))
        return mpf(outer) ** k * sum(terms) / mpf(2) ** k

    return exact


def scaled(exact: Callable[..., Any], sign: int) -> Callable[..., Any]:
    """The same for exp(sign x) f, by Leibniz's rule."""

    def derivative(k: int, v: Any, x: Any) -> Any:
        terms = (mpmath.binomial(k, i) * mpf(sign) ** (k - i) * exact(i, v, x) for i in range(k + 1))
        return mpmath.exp(sign * x) * sum(terms)

    return derivative


def of_order(exact: Callable[..., Any], v: int) -> Callable[..., Any]:
    return lambda k, x: exact(k, v, x)


def gauss(k: int, a: Any, b: Any, c: Any, x: Any) -> Any:
    """DLMF 15.5.2"""
    factor = mpmath.rf(a, k) * mpmath.rf(b, k) / mpmath.rf(c, k)
    return factor * mpmath.hyp2f1(a + k, b + k, c + k, x)


def quantiles(k: int, y: Any) -> Any:
    """Of the normal distribution, by the derivatives of its inverse."""
    x = quantile(y)
    return [x, 1, x, 1 + 2 * x * x, 7 * x + 6 * x**3][k] / mpmath.npdf(x) ** k


def erfc_inverses(k: int, y: Any) -> Any:
    return -quantiles(k, y / 2) / mpmath.sqrt(2) / mpf(2) ** k


J, Y = by_orders(mpmath.besselj, -1), by_orders(mpmath.bessely, -1)
GROWING, FALLING = by_orders(mpmath.besseli, 1), by_orders(mpmath.besselk, 1, -1)
ORDER = [(v,) for v in (0, 1, 2, 5, 0.5, 2.3, 17, 50.5, -0.5, -3.7)]
BELOW = [(v,) for v in (0, 1, 2, 5, 0.5, 2.3, 17, 50.5)]
ZEROS = {"j0": 2.404825557695773, "j1": 3.8317059702075125, "y0": 0.8935769662791675, "y1": 2.197141326031017}
WIDE = [logs(-6, 1), logs(0, 2), logs(2, 9)]
MEDIUM = [logs(-6, 1), logs(0, 2), logs(2, 6)]
UPWARD = [logs(-6, 1), logs(0, 2.8)]
OVER_E = -0.36787944117144233

CASES: dict[str, Case] = {
    "jv": Case(mpmath.besselj, WIDE, ORDER, unit, exact=J),
    "yv": Case(mpmath.bessely, WIDE, ORDER, unit, exact=Y),
    "iv": Case(mpmath.besseli, UPWARD, BELOW, exact=GROWING),
    "kv": Case(mpmath.besselk, UPWARD, ORDER, exact=FALLING),
    "ive": Case(mpmath.besseli, MEDIUM, BELOW, abs, exact=scaled(GROWING, -1)),
    "kve": Case(mpmath.besselk, MEDIUM, ORDER[:6], exact=scaled(FALLING, 1)),
    **{
        name: Case(mpmath.besselj, [*WIDE, near(ZEROS[name])], length=unit, exact=of_order(f, int(name[1])))
        for name, f in (("j0", J), ("j1", J), ("y0", Y), ("y1", Y))
    },
    **{
        name: Case(mpmath.besseli, UPWARD, exact=of_order(f, int(name[1])))
        for name, f in (("i0", GROWING), ("i1", GROWING), ("k0", FALLING), ("k1", FALLING))
    },
    "airyai": Case(mpmath.airyai, (AIRY := [logs(-3, 1, -1), logs(1, 6, -1), logs(-3, 1.9)]), length=airy_wave),
    "airyaiprime": Case(lambda x: mpmath.airyai(x, derivative=1), AIRY, length=airy_wave),
    "airybi": Case(mpmath.airybi, AIRY, length=airy_wave),
    "airybiprime": Case(lambda x: mpmath.airybi(x, derivative=1), AIRY, length=airy_wave),
    "zeta": Case(
        mpmath.zeta,
        [near(1, -12), near(0, -10), near(-2, -10), span(-20, 1), span(1, 60), logs(0, 1.7, -1)],
        length=unit,
    ),
    "zeta of x and q, by q": Case(
        hurwitz, [logs(-8, 4), span(0.1, 30)], [(1.01,), (1.5,), (3.7,), (20,), (60.5,)], name="zeta",
        exact=lambda k, s, q: (-1) ** k * mpmath.rf(s, k) * hurwitz(s + k, q),
    ),
    "zeta of x and q, by x": Case(
        lambda q, s: hurwitz(s, q), [near(1, -10, -1, (1,)), span(1, 40)],
        [(0.01,), (0.5,), (3.7,), (20,), (1e6,)], unit, name="zeta",
    ),
    "beta": Case(mpmath.beta, [logs(-8, 1), span(0.1, 50)], [(0.01,), (0.7,), (3,), (20.5,)]),
    "betaln": Case(
        lambda a, b: mpmath.loggamma(a) + mpmath.loggamma(b) - mpmath.loggamma(a + b),
        [logs(-8, 1), span(0.1, 50)], [(0.01,), (0.7,), (3,), (20.5,), (400,)], unit,
    ),
    "betainc": Case(
        lambda a, b, x: mpmath.betainc(a, b, 0, x, regularized=True),
        [logs(-12, -1), span(0.01, 0.99), near(1, -8, -1, (-1,))],
        [(0.3, 0.6), (2, 3), (10, 0.5), (0.5, 20), (50, 70)], inner,
        lambda a, b, x: x ** (a - 1) * (1 - x) ** (b - 1) / mpmath.beta(a, b),
    ),
    "gammainc": Case(
        incomplete_gamma(False), [logs(-8, 1), span(0.1, 60)], [(0.01,), (0.5,), (2,), (10.3,), (50,)], abs,
        lambda a, x: x ** (a - 1) * mpmath.exp(-x) / mpmath.gamma(a),
    ),
    "gammaincc": Case(
        incomplete_gamma(True), [logs(-8, 1), span(0.1, 60)], [(0.01,), (0.5,), (2,), (10.3,), (50,)], abs,
        lambda a, x: -(x ** (a - 1)) * mpmath.exp(-x) / mpmath.gamma(a),
    ),
    "hyp2f1": Case(
        mpmath.hyp2f1, [span(-1, 1), logs(0, 3, -1), near(1, -6, -1, (-1,)), near(0, -8)],
        [(1, 2, 3), (0.5, 0.5, 1), (-1.5, 2.3, 0.7), (3.1, -2.2, 3.9), (2, 0.5, 3.500001),
         (1, 1, 2), (0.5, 1, 1.5), (-3, 4, 2.5)],
        inner, exact=gauss,
    ),
    "expi": Case(mpmath.ei, [near(0.37250741078136663), logs(-10, 2.8), logs(-10, 2.8, -1)], length=unit),
    "exp1": Case(mpmath.e1, [logs(-10, 2.8)]),
    "sinint": Case(mpmath.si, [near(0, -10), logs(-3, 12), logs(-3, 3, -1)], length=unit),
    "cosint": Case(mpmath.ci, [near(0.6165054856207162), logs(-10, 1), logs(1, 12)], length=unit),
    "fresnels": Case(
        mpmath.fresnels, [near(0, -10), logs(-2, 2), logs(2, 7)], length=lambda x: min(1, 1 / (4 * abs(x)))
    ),
    "fresnelc": Case(
        mpmath.fresnelc, [near(0, -10), logs(-2, 2), logs(2, 7)], length=lambda x: min(1, 1 / (4 * abs(x)))
    ),
    "erfi": Case(mpmath.erfi, [logs(-10, 1.4), logs(-10, 1.4, -1)]),
    "erfcx": Case(lambda x: mpmath.exp(x * x) * mpmath.erfc(x), [logs(-8, 1.5), logs(1, 3), logs(-3, 1.4, -1)]),
    "erfcinv": Case(
        quantile, [near(1, -12), span(0.01, 1.99), logs(-200, -1)], length=lambda y: min(y, 2 - y), exact=erfc_inverses
    ),
    "ellipk": Case(mpmath.ellipk, (MODULI := [near(0, -12), near(1, -12, -0.5, (-1,)), logs(-1, 8, -1)])),
    "ellipe": Case(mpmath.ellipe, MODULI),
    "lambertw": Case(
        lambert(0), [near(OVER_E, -15, -1, (1,)), near(0, -12), logs(-3, 300)], length=abs, options={"k": 0}
    ),
    "lambertw, k=-1": Case(
        lambert(-1), [near(OVER_E, -15, -1, (1,)), logs(-300, -0.5, -1)], options={"k": -1}, name="lambertw"
    ),
    "ndtr": Case(mpmath.ncdf, [logs(-8, 1.5, -1), logs(-8, 1)], length=unit),
    "ndtri": Case(quantile, [near(0.5, -12), span(0.001, 0.999), logs(-200, -1)], length=inner, exact=quantiles),
    "log_ndtr": Case(log_ncdf, [logs(-6, 8, -1), logs(-6, 1.4)]),
    "logit": Case(
        lambda x: mpmath.log(x / (1 - x)), [near(0.5), logs(-300, -1), near(1, -14, -1, (-1,))], length=inner
    ),
    "entr": Case(lambda x: -x * mpmath.log(x), [near(1), near(0.36787944117144233), logs(-300, 2)], length=unit),
    "xlogy": Case(lambda a, x: a * mpmath.log(x), [near(1), logs(-200, 200)], [(0.5,), (-3,)], unit),
    "xlog1py": Case(
        lambda a, x: a * mpmath.log1p(x), [near(0), near(-1, -14, -1, (1,)), logs(-1, 100)], [(0.5,), (-3,)]
    ),
    "log1mexp": Case(lambda x: mpmath.log(-mpmath.expm1(-x)), [logs(-200, 2.8), near(0.6931471805599453)]),
    "digamma": Case(
        mpmath.digamma, [logs(-8, 8), near(-1, -13), near(-3, -13), span(-20, 0), near(1.4616321449683622)],
        length=lambda x: min(1, abs(x - mpmath.nint(x)) if x < 0.5 else abs(x)),
    ),
    "polygamma": Case(
        lambda n, x: mpmath.polygamma(int(n), x), [logs(-4, 6), near(-1, -6), span(-10, 0)], [(1,), (2,), (5,), (20,)],
        length=lambda x: min(1, abs(x - mpmath.nint(x)) if x < 0.5 else abs(x)),
    ),
    "sinc": Case(mpmath.sincpi, [near(0, -10), logs(-2, 3), logs(-2, 3, -1)], length=unit),
}  # fmt: skip


# Measuring -------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Error:
    """A point, its error relative to the local scale, and both values."""

    error: float
    order: int
    parameters: tuple[Any, ...]
    at: float
    found: float
    expected: float


def compiled(name: str, parameters: Sequence[Any], options: dict[str, Any], orders: int, swapped: bool) -> Function:
    """The function and its derivatives of an array of points."""
    x = placeholder("x", (None,), "float64")
    front = [p if float(p) != int(p) else int(p) for p in parameters]
    y = OPS[name].function(*([x, *front] if swapped else [*front, x]), **options)
    outputs: list[Tensor] = [y]
    for _ in range(orders - 1):
        outputs.append(grad(OPS["sum"].function(outputs[-1]), x))
    return Function(outputs, inputs=[x])


def errors(label: str, count: int, seed: int = 0) -> Iterator[Error]:
    """The errors of a row at about ``count`` points, those that float64 cannot hold left out."""
    case = CASES[label]
    rng = np.random.default_rng(seed)
    each = -(-count // (len(case.draws) * len(case.parameters)))
    for parameters in case.parameters:
        points = np.concatenate([draw(rng, each) for draw in case.draws])
        swapped = label.endswith("by x")
        f = compiled(case.name or label, parameters, case.options, case.orders, swapped)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = f(points)
        exact = [mpf(p) for p in parameters]
        for i, x in enumerate(points):
            yield from at_point(case, exact, parameters, mpf(float(x)), [float(v[i]) for v in found])


def differences(f: Callable[[Any], Any], x: Any, orders: Sequence[int]) -> list[Any]:
    """Derivatives by central differences over a step of 1e-25 x, which at 110 digits leave 30."""
    with mp.workdps(110):
        h = (abs(x) or mpf(1)) / mpf(10) ** 25
        values = {k: f(x + k * h) for k in range(-2, 3)} if orders else {}
        rules = {
            1: lambda v: (v[1] - v[-1]) / (2 * h),
            2: lambda v: (v[1] - 2 * v[0] + v[-1]) / h**2,
            3: lambda v: (v[2] - 2 * v[1] + 2 * v[-1] - v[-2]) / (2 * h**3),
        }
        return [rules[k](values) for k in orders]


def derivatives(case: Case, exact: Sequence[Any], x: Any, count: int) -> list[Any]:
    """The value and the derivatives of the reference."""
    if case.exact is not None:
        return [real(case.exact(k, *exact, x)) for k in range(count)]
    value = real(case.reference(*exact, x))
    if case.slope is not None:
        slope = case.slope
        first = real(slope(*exact, x))
        return [value, first, *differences(lambda t: real(slope(*exact, t)), x, range(1, count - 1))]
    return [value, *differences(lambda t: real(case.reference(*exact, t)), x, range(1, count))]


def at_point(
    case: Case, exact: Sequence[Any], parameters: tuple[Any, ...], x: Any, found: Sequence[float]
) -> Iterator[Error]:
    with mp.workdps(DIGITS):
        series = derivatives(case, exact, x, len(found) + (case.length is not None))
        for k, value in enumerate(found):
            expected = series[k]
            scale = abs(expected) + (case.length(x) * abs(series[k + 1]) if case.length else 0)
            if not mpf("1e-290") < scale < mpf("1e300"):
                continue
            error = abs(mpf(value) - expected) / scale if np.isfinite(value) else mpf("inf")
            yield Error(float(error), k, parameters, float(x), value, float(expected))


def worst(label: str, count: int) -> list[Error]:
    """The largest error of each order."""
    top: dict[int, Error] = {}
    for e in errors(label, count):
        if e.order not in top or e.error > top[e.order].error:
            top[e.order] = e
    return [top[k] for k in sorted(top)]


def main(arguments: Sequence[str]) -> int:
    count = int(arguments[0]) if arguments else 500
    labels = [n for n in CASES if not arguments[1:] or n in arguments[1:]]
    for label in labels:
        rows = worst(label, count)
        sys.stdout.write(f"{label:24s} " + " ".join(f"{e.error:.1e}" for e in rows) + "\n")
        for e in rows:
            if e.error > LIMIT:
                sys.stdout.write(f"    {e}\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
