"""The coefficients of the special functions' vector code, and of the quantiles from which random numbers are made.

python -m tools.special_fits            compute them with mpmath and write the files of TARGETS (minutes)
python -m tools.special_fits erf_near   print one fit and its largest error

Each fit is a polynomial whose largest weighted error is smallest, found by Remez's exchange (E. Ya. Remez, 1934) at 60
digits. The comments in the files that are written say what each polynomial stands for.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mpmath
from mpmath import mp, mpf

ENGINE = Path(__file__).resolve().parent.parent / "engine"
DIGITS = 60
POINTS = 24  # places of an error between two alternations


@dataclass(frozen=True)
class Fit:
    """A polynomial for ``function`` between ``low`` and ``high``; ``weight`` is 1 over the error that is allowed."""

    meaning: str
    function: Callable[[Any], Any]
    low: Any
    high: Any
    degree: int
    weight: Callable[[Any], Any] = lambda t: mpf(1)
    split: int = 0  # so many first coefficients in two numbers, the second what the rounding of the first lost


def extremes(low: Any, high: Any, count: int) -> list[Any]:
    """Chebyshev's points, both ends included."""
    return [(low + high) / 2 - (high - low) / 2 * mpmath.cos(mpmath.pi * k / (count - 1)) for k in range(count)]


def value(c: Sequence[Any], t: Any) -> Any:
    total = mpf(0)
    for x in reversed(c):
        total = total * t + x
    return total


def remez(fit: Fit) -> tuple[list[Any], Any]:
    """Coefficients, lowest power first, and the largest weighted error."""
    n = fit.degree + 2
    low, high = mpf(fit.low), mpf(fit.high)
    grid = extremes(low, high, POINTS * n)
    exact, weights = [fit.function(t) for t in grid], [fit.weight(t) for t in grid]
    picked = [round(k * (len(grid) - 1) / (n - 1)) for k in range(n)]
    for _ in range(40):
        system = mp.matrix(n, n)
        for row, i in enumerate(picked):
            power = mpf(1)
            for k in range(n - 1):
                system[row, k] = power
                power *= grid[i]
            system[row, n - 1] = (-1) ** row / weights[i]
        solution = mpmath.lu_solve(system, mp.matrix([exact[i] for i in picked]))
        c = list(solution[: n - 1])
        errors = [(value(c, t) - f) * w for t, f, w in zip(grid, exact, weights, strict=True)]
        worst = max(map(abs, errors))
        if worst <= abs(solution[n - 1]) * mpf("1.002"):
            break
        picked = alternations(errors, n)
    return c, worst


def alternations(errors: Sequence[Any], n: int) -> list[int]:
    """``n`` places where errors of alternating sign are largest."""
    runs: list[int] = []
    for i, e in enumerate(errors):
        if runs and (errors[runs[-1]] < 0) == (e < 0):
            if abs(e) > abs(errors[runs[-1]]):
                runs[-1] = i
        else:
            runs.append(i)
    while len(runs) > n:
        del runs[0 if abs(errors[runs[0]]) < abs(errors[runs[-1]]) else -1]
    if len(runs) < n:
        raise ValueError(f"{len(runs)} alternations, expected {n}")
    return runs


def erfcx(x: Any) -> Any:
    return mpmath.exp(x * x) * mpmath.erfc(x)


def over_root(function: Callable[[Any], Any], z: Any) -> Any:
    """function(x) / x at x = sqrt(z), also at 0."""
    x = mpmath.sqrt(z) if z > 0 else mpf(10) ** -25
    return function(x) / x


K = mpf(3)  # half-way of t = (x - K) / (x + K)


def moebius(x: Any) -> Any:
    return (mpf(x) - K) / (mpf(x) + K)


def back(t: Any) -> Any:
    return K * (1 + t) / (1 - t)


def erfinv_beside(v: Any) -> Any:
    """erfinv(1 - v), by Newton's method on log(erfc(x))."""
    v = mpf(v)
    x = mpmath.sqrt(-mpmath.log(v)) - mpf("0.25")
    while True:
        y = mpmath.erfc(x)
        step = (mpmath.log(y) - mpmath.log(v)) * y * mpmath.sqrt(mpmath.pi) / 2 * mpmath.exp(x * x)
        x += step
        if abs(step) < mpf(10) ** (-DIGITS // 2 - 5):  # the next one squares it
            return x


def erfinv_fit(meaning: str, high: str, k: int, degree: int) -> Fit:
    """erfinv(1 - v) - s in powers of t = (s - k)/(s + k), for s = sqrt(-log(v)) from 0.83."""

    def function(t: Any) -> Any:
        s = k * (1 + t) / (1 - t)
        return erfinv_beside(mpmath.exp(-s * s)) - s

    low = mpf("0.83")
    return Fit(meaning, function, (low - k) / (low + k), (mpf(high) - k) / (mpf(high) + k), degree)


def quantile_fit(meaning: str, high: str, k: str, degree: int) -> Fit:
    """z - r in powers of t = (r - k)/(r + k), where a normal number is beyond z or -z with probability exp(-r^2/2)."""
    middle = mpf(k)

    def root(t: Any) -> Any:
        return middle * (1 + t) / (1 - t)

    def quantile(t: Any) -> Any:
        return mpmath.sqrt(2) * erfinv_beside(mpmath.exp(-(root(t) ** 2) / 2))

    low, far = ((r - middle) / (r + middle) for r in (mpf("1.17"), mpf(high)))
    return Fit(meaning, lambda t: quantile(t) - root(t), low, far, degree, lambda t: 1 / quantile(t))


def quantile_rest(z: Any) -> Any:
    """z / y - 1, where a normal number is between -z and z with probability y, at y = sqrt(z)."""
    return mpmath.sqrt(2) * over_root(mpmath.erfinv, z) - 1


def artanh_rest(z: Any) -> Any:
    """(2 artanh(s) / s - 2) / s^2 at s = sqrt(z)."""
    return mpmath.nsum(lambda k: 2 * z**k / (2 * k + 3), [0, 40]) if z else mpf(2) / 3


GAMMA = mpf("1.75")  # half-way of t = (x - 1.75)/(x + 1.75)


def lgamma_over_zeros(t: Any) -> Any:
    """lgamma(1 + b) / (b (b - 1))."""
    b = GAMMA * (1 + t) / (1 - t) - 1
    if min(abs(b), abs(b - 1)) < mpf(10) ** (-DIGITS // 2):
        return mpmath.digamma(1 + round(b)) * (-1) ** (1 + round(b))
    return mpmath.loggamma(1 + b) / (b * (b - 1))


def stirling_rest(v: Any) -> Any:
    """a times what Stirling's formula for lgamma(a) leaves, at a = 1 / sqrt(v)."""
    if not v:
        return mpf(1) / 12
    a = 1 / mpmath.sqrt(v)
    return a * (mpmath.loggamma(a) - (a - 0.5) * mpmath.log(a) + a - mpmath.log(2 * mpmath.pi) / 2)


def sine_rest(z: Any) -> Any:
    """(1 - sin(pi r)/(pi r)) / r^2 at r = sqrt(z)."""
    pi = mpmath.pi
    return (
        mpmath.nsum(lambda k: (-1) ** int(k) * pi ** (2 * k + 2) * z**k / mpmath.factorial(2 * k + 3), [0, 60])
        if z
        else pi**2 / 6
    )


def cotangent_rest(z: Any) -> Any:
    """(1/r - pi cot(pi r)) / r at r = sqrt(z)."""
    r = mpmath.sqrt(z)
    return (1 / r - mpmath.pi * mpmath.cot(mpmath.pi * r)) / r if z > mpf(10) ** -30 else mpmath.pi**2 / 3


def digamma_rest(t: Any) -> Any:
    """digamma(1 + a) - log(a + 1/2) at a = (1 + t)/(1 - t)."""
    if 1 - t < mpf(10) ** -20:
        return mpf(0)
    a = (1 + t) / (1 - t)
    return mpmath.digamma(1 + a) - mpmath.log(a + 0.5)


def between(function: Callable[[Any], Any], meaning: str, degree: int, split: int = 0) -> Fit:
    """A fit in powers of t, for x = 1 + b from 1 to 3."""
    return Fit(meaning, function, (1 - GAMMA) / (1 + GAMMA), (3 - GAMMA) / (3 + GAMMA), degree, split=split)


FITS = {
    "ERF_NEAR": Fit(
        "erf(x) / x - 1 in powers of x^2, for x up to 0.85", lambda z: over_root(mpmath.erf, z) - 1, 0, "0.7225", 10
    ),
    "ERF_NEAR_SHORT": Fit(
        "the same for float32, for x up to 0.95", lambda z: over_root(mpmath.erf, z) - 1, 0, "0.9025", 6
    ),
    "ERF_FAR_SHORT": Fit(
        "log(erfc(x)) in powers of x, for x from 0.9 to 4",
        lambda x: mpmath.log(mpmath.erfc(x)),
        "0.9",
        4,
        7,
        mpmath.erfc,
    ),
    "ERFC_TAIL": Fit(
        "(1 + 2x) exp(x^2) erfc(x) in powers of t = (x - 3)/(x + 3), for x from 0.8 to 27.3",
        lambda t: (1 + 2 * back(t)) * erfcx(back(t)),
        moebius("0.79"),
        moebius("27.3"),
        19,
        split=1,
    ),
    "ERFC_TAIL_SHORT": Fit(
        "(x + 3) exp(x^2) erfc(x) in powers of t for float32, for x up to 10.1",
        lambda t: (K + back(t)) * erfcx(back(t)),
        -1,
        moebius("10.1"),
        10,
        lambda t: 1 / ((K + back(t)) * erfcx(back(t))),
    ),
    "EXP_SHORT": Fit(
        "exp(r) in powers of r for float32, for r up to ln(2)/2", mpmath.exp, "-0.3467", "0.3467", 6,
        lambda r: mpmath.exp(-r),
    ),
    "ERFINV_NEAR": Fit(
        "1 - erfinv(y) / y in powers of y^2, for y up to 0.5", lambda z: 1 - over_root(mpmath.erfinv, z), 0, "0.25", 14
    ),
    "ERFINV_NEAR_SHORT": Fit(
        "the same for float32", lambda z: 1 - over_root(mpmath.erfinv, z), 0, "0.25", 7
    ),
    "ERFINV_TAIL": erfinv_fit(
        "erfinv(1 - v) - s in powers of t = (s - 2)/(s + 2), where s = sqrt(-log(v)) is from 0.83 to 6.1", "6.1", 2, 23
    ),
    "ERFINV_TAIL_SHORT": erfinv_fit(
        "the same for float32, in powers of (s - 1)/(s + 1), for s up to 4.1", "4.1", 1, 11
    ),
    "LOG_SHORT": Fit(
        "(2 artanh(s) / s - 2) / s^2 in powers of s^2 for float32, for s up to (sqrt(2) - 1)/(sqrt(2) + 1)",
        artanh_rest, 0, "0.02945", 3, lambda z: z + mpf("1e-4"),
    ),
    "LGAMMA_NEAR": between(
        lgamma_over_zeros, "lgamma(1 + b) / (b (b - 1)) in powers of t = (b - 0.75)/(b + 2.75), for b up to 2", 18, 2
    ),
    "LGAMMA_NEAR_SHORT": between(lgamma_over_zeros, "the same for float32", 10),
    "LGAMMA_FAR": Fit("a (lgamma(a) - (a - 1/2) log(a) + a - log(2 pi)/2) in powers of 1/a^2, for a from 3",
                      stirling_rest, 0, "0.11112", 10),
    "LGAMMA_FAR_SHORT": Fit("the same for float32", stirling_rest, 0, "0.11112", 3),
    "SINE": Fit("(1 - sin(pi r)/(pi r)) / r^2 in powers of r^2, for r up to 1/2", sine_rest, 0, "0.25", 8, split=1),
    "SINE_SHORT": Fit("the same for float32", sine_rest, 0, "0.25", 4),
    "COTANGENT": Fit("(1/r - pi cot(pi r)) / r in powers of r^2, for r up to 1/2",
                     cotangent_rest, 0, "0.25", 15, split=1),
    "COTANGENT_SHORT": Fit("the same for float32", cotangent_rest, 0, "0.25", 8),
    "DIGAMMA": Fit("digamma(1 + a) - log(a + 1/2) in powers of t = (a - 1)/(a + 1)", digamma_rest, -1, 1, 22),
    "DIGAMMA_SHORT": Fit("the same for float32", digamma_rest, -1, 1, 10),
}  # fmt: skip

QUANTILE_FITS = {
    "LOG": Fit(
        "(2 artanh(s) / s - 2) / s^2 in powers of s^2, for s up to (sqrt(2) - 1)/(sqrt(2) + 1)",
        artanh_rest, 0, "0.02945", 6, lambda z: z + mpf("1e-4"),
    ),
    "LOG_SHORT": Fit("the same for float32", artanh_rest, 0, "0.02945", 3, lambda z: z + mpf("1e-4")),
    "NORMAL_NEAR": Fit(
        "z / y - 1 in powers of y^2, for y up to 0.5; a normal number is between -z and z with probability y",
        quantile_rest, 0, "0.25", 14,
    ),
    "NORMAL_NEAR_SHORT": Fit("the same for float32", quantile_rest, 0, "0.25", 7),
    "NORMAL_FAR": quantile_fit(
        "z - r in powers of t = (r - 2.8)/(r + 2.8), where r = sqrt(-2 log(1 - y)) is from 1.17 to 9.43",
        "9.43", "2.8", 23,
    ),
    "NORMAL_FAR_SHORT": quantile_fit(
        "the same for float32, in powers of (r - 2)/(r + 2), for r up to 6.67", "6.67", "2", 10
    ),
}  # fmt: skip

TARGETS = {
    ENGINE / "backends/jit/llvm/fits.py": ("Polynomials of the special functions", FITS),
    ENGINE / "ops/quantile_fits.py": ("Polynomials of normal and exponential quantiles", QUANTILE_FITS),
}
HEAD = '"""{}, lowest power first; written by ``python -m tools.special_fits``."""\n'


def numbers(fit: Fit, c: Sequence[Any]) -> list[float]:
    """Coefficients as floats; behind the last, what the roundings of the first lost."""
    return [*map(float, c), *(float(c[k] - mpf(float(c[k]))) for k in range(fit.split))]


def rows(name: str, fit: Fit, c: Sequence[Any]) -> list[str]:
    lines, row = [], "   "
    for x in numbers(fit, c):
        if len(row) + len(repr(x)) > 116:
            lines.append(row)
            row = "   "
        row += f" {x!r},"
    return [f"# {fit.meaning}", f"{name} = (", *lines, row, ")  # fmt: skip"]


def text_of(name: str, fit: Fit) -> list[str]:
    """The lines of a fit, which is computed for them; its error goes to standard error."""
    c, worst = remez(fit)
    print(f"{name}: degree {fit.degree}, error {mpmath.nstr(worst, 3)}", file=sys.stderr)
    return rows(name, fit, c)


def main(names: Sequence[str]) -> None:
    mp.dps = DIGITS
    for target, (what, fits) in TARGETS.items():
        wanted = {name: fit for name, fit in fits.items() if not names or name.lower() in names}
        lines = [line for name, fit in wanted.items() for line in text_of(name, fit)]
        if names:
            print("\n".join(lines))
        else:
            target.write_text("\n".join([HEAD.format(what), *lines]) + "\n", "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
