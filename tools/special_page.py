"""Writes the table of functions into docs/special.md, with the worst errors found, and draws the plots there.

python -m tools.special_page            both; it measures at 500 points for each function, which takes minutes
python -m tools.special_page plots      the plots alone
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from agcli.engine.ops import special  # noqa: F401  fills the table of ops
from agcli.engine.table import OPS
from tools.special_accuracy import CASES, worst

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "special.md"
IMAGES = ROOT / "docs" / "images"
COUNT = 500
J, I = "(f(v - 1, x) - f(v + 1, x))/2", "(f(v - 1, x) + f(v + 1, x))/2"  # noqa: E741
SHORT = "x^(a-1) exp(-x)/gamma(a)"

# function, definition and its source, domain, derivative
ROWS: dict[str, tuple[str, str, str]] = {
    "jv(v, x)": ("Bessel J, 10.2.2", "x >= 0; every x for whole v", f"in x: {J}"),
    "yv(v, x)": ("Bessel Y, 10.2.3", "x > 0", f"in x: {J}"),
    "iv(v, x)": ("Bessel I, 10.25.2", "x >= 0; every x for whole v", f"in x: {I}"),
    "kv(v, x)": ("Bessel K, 10.25.3", "x > 0", f"in x: -{I}"),
    "ive(v, x)": ("exp(-abs(x)) I", "as iv", "in x, by orders"),
    "kve(v, x)": ("exp(x) K", "x > 0", "in x, by orders"),
    "j0(x)": ("jv(0, x)", "every x", "-j1(x)"),
    "j1(x)": ("jv(1, x)", "every x", "(j0(x) - jv(2, x))/2"),
    "y0(x)": ("yv(0, x)", "x > 0", "-y1(x)"),
    "y1(x)": ("yv(1, x)", "x > 0", "(y0(x) - yv(2, x))/2"),
    "i0(x)": ("iv(0, x)", "every x", "i1(x)"),
    "i1(x)": ("iv(1, x)", "every x", "(i0(x) + iv(2, x))/2"),
    "k0(x)": ("kv(0, x)", "x > 0", "-k1(x)"),
    "k1(x)": ("kv(1, x)", "x > 0", "-(k0(x) + kv(2, x))/2"),
    "airyai(x)": ("Airy Ai, 9.2.2", "every x", "airyaiprime(x)"),
    "airyaiprime(x)": ("Ai'", "every x", "x airyai(x)"),
    "airybi(x)": ("Airy Bi, 9.2.2", "every x", "airybiprime(x)"),
    "airybiprime(x)": ("Bi'", "every x", "x airybi(x)"),
    "zeta(x)": ("Riemann, 25.2.1", "every x; pole at 1", "zeta(x, n=1), of order n <= 20"),
    "zeta(x, q)": ("Hurwitz, 25.11.1", "x > 1, q > 0; q < 0 for whole x", "in q: -x zeta(x + 1, q); in x: n=1"),
    "beta(a, b)": ("5.12.1", "every a, b", "in a: beta(a, b) (digamma(a) - digamma(a + b))"),
    "betaln(a, b)": ("log abs(beta(a, b))", "every a, b", "in a: digamma(a) - digamma(a + b)"),
    "betainc(a, b, x)": ("I, regularized, 8.17.2", "a, b > 0, 0 <= x <= 1", "in x: x^(a-1) (1-x)^(b-1)/beta(a, b)"),
    "gammainc(a, x)": ("P, regularized, 8.2.4", "a > 0, x >= 0", f"in x: {SHORT}"),
    "gammaincc(a, x)": ("Q = 1 - P, 8.2.4", "a > 0, x >= 0", f"in x: -{SHORT}"),
    "hyp2f1(a, b, c, x)": ("Gauss, 15.2.1", "x <= 1", "in x: a b/c hyp2f1(a + 1, b + 1, c + 1, x)"),
    "digamma(x)": ("5.2.2", "every x; poles at 0, -1, ...", "polygamma(1, x)"),
    "polygamma(n, x)": ("5.15.1, n = 0 to 170", "every x; poles at 0, -1, ...", "in x: polygamma(n + 1, x)"),
    "lambertw(x, k=0)": ("4.13.1, w >= -1", "x >= -1/e", "exp(-w)/(1 + w)"),
    "lambertw(x, k=-1)": ("4.13.1, w <= -1", "-1/e <= x < 0", "exp(-w)/(1 + w)"),
    "ellipk(m)": ("K of m = k^2, 19.2.8", "m <= 1", "(E - (1 - m) K)/(2m (1 - m)), exact at m = 0"),
    "ellipe(m)": ("E of m = k^2, 19.2.8", "m <= 1", "(E - K)/(2m), exact at m = 0"),
    "expi(x)": ("Ei, 6.2.5", "every x; pole at 0", "exp(x)/x"),
    "exp1(x)": ("E1, 6.2.1", "x > 0", "-exp(-x)/x"),
    "sinint(x)": ("Si, 6.2.9", "every x", "sin(x)/x, 1 at 0"),
    "cosint(x)": ("Ci, 6.2.11", "x > 0", "cos(x)/x"),
    "fresnels(x)": ("S, 7.2.8", "every x", "sin(pi x^2/2)"),
    "fresnelc(x)": ("C, 7.2.7", "every x", "cos(pi x^2/2)"),
    "erfi(x)": ("-i erf(i x), 7.2.1", "every x", "2 exp(x^2)/sqrt(pi)"),
    "erfcx(x)": ("exp(x^2) erfc(x), 7.2.3", "every x", "2x erfcx(x) - 2/sqrt(pi)"),
    "erfcinv(x)": ("inverse of erfc, 7.17.1", "0 <= x <= 2", "-sqrt(pi) exp(erfcinv(x)^2)/2"),
    "ndtr(x)": ("normal distribution function, 7.2.2", "every x", "exp(-x^2/2)/sqrt(2 pi)"),
    "ndtri(x)": ("its quantile", "0 <= x <= 1", "sqrt(2 pi) exp(ndtri(x)^2/2)"),
    "log_ndtr(x)": ("log(ndtr(x))", "every x", "sqrt(2/pi)/erfcx(-x/sqrt(2))"),
    "logit(x)": ("log(x/(1 - x))", "0 <= x <= 1", "1/(x (1 - x))"),
    "entr(x)": ("-x log(x), 0 at 0", "x >= 0", "-log(x) - 1"),
    "xlogy(a, x)": ("a log(x), 0 where a = 0", "x >= 0", "log(x), a/x"),
    "xlog1py(a, x)": ("a log(1 + x), 0 where a = 0", "x >= -1", "log1p(x), a/(1 + x)"),
    "log1mexp(x)": ("log(1 - exp(-x))", "x >= 0", "1/expm1(x)"),
    "heaviside(x, h0=1/2)": ("unit step, h0 at 0", "every x", "0, at 0 too"),
    "sinc(x)": ("sin(pi x)/(pi x), 1 at 0", "every x", "sinc(x, n=1)"),
}
LABELS = {
    "lambertw(x, k=0)": ["lambertw"],
    "lambertw(x, k=-1)": ["lambertw, k=-1"],
    "zeta(x)": ["zeta"],
    "zeta(x, q)": ["zeta of x and q, by q", "zeta of x and q, by x"],
}


def labels(call: str) -> list[str]:
    """The rows of the measurement for a row of the page."""
    name = call.partition("(")[0]
    return LABELS.get(call) or ([name] if name in CASES else [])


def missing() -> set[str]:
    """Special functions that the page does not name."""
    elsewhere = {"erf", "erfc", "erfinv", "lgamma", "gamma"}
    named = {call.partition("(")[0] for call in ROWS}
    return {n for n, e in OPS.items() if e.family.startswith("special")} - elsewhere - named


def measured(call: str) -> str:
    """The worst errors of value, first and second derivative."""
    found: list[float] = [0.0, 0.0, 0.0]
    for label in labels(call):
        for e in worst(label, COUNT):
            found[e.order] = max(found[e.order], e.error)
    return " ".join(f"{e:.0e}" for e in found) if labels(call) else "exact"


def table() -> str:
    lines = ["| function | definition, DLMF | domain | derivative | worst errors: value, first, second |"]
    lines.append("|---|---|---|---|---|")
    for call, (definition, domain, derivative) in ROWS.items():
        lines.append(f"| `{call}` | {definition} | {domain} | {derivative} | {measured(call)} |")
        sys.stdout.write(lines[-1] + "\n")
        sys.stdout.flush()
    return "\n".join(lines)


# Plots -----------------------------------------------------------------------------------------------------------
Curves = Sequence[tuple[str, tuple[Any, ...], dict[str, Any]]]
PLOTS: dict[str, tuple[tuple[float, float], tuple[float, float], Curves]] = {
    "special-bessel": ((0.01, 20), (-1, 1.1), [
        ("jv", (0,), {}), ("jv", (1,), {}), ("jv", (2.5,), {}), ("yv", (0,), {}), ("yv", (1,), {})]),
    "special-airy": ((-12, 4), (-0.8, 2), [("airyai", (), {}), ("airybi", (), {}), ("airyaiprime", (), {})]),
    "special-zeta": ((-8, 6), (-1.5, 3), [("zeta", (), {}), ("zeta", (), {"n": 1}), ("digamma", (), {})]),
    "special-integrals": ((-4, 8), (-2.5, 2.5), [
        ("expi", (), {}), ("exp1", (), {}), ("sinint", (), {}), ("cosint", (), {}), ("fresnels", (), {}),
        ("fresnelc", (), {})]),
    "special-lambert": ((-0.5, 3), (-4, 2.5), [
        ("lambertw", (), {}), ("lambertw", (), {"k": -1}), ("ellipk", (), {}), ("ellipe", (), {})]),
    "special-distributions": ((-4, 8), (-2, 1.2), [
        ("ndtr", (), {}), ("log_ndtr", (), {}), ("gammainc", (2.0,), {}), ("gammaincc", (2.0,), {}), ("entr", (), {}),
        ("heaviside", (), {})]),
}  # fmt: skip


def plots() -> None:
    """Each plot as a small SVG file, the same bytes from the same values."""
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "ag"
    from matplotlib import pyplot

    for name, (xs, ys, curves) in PLOTS.items():
        figure, axes = pyplot.subplots(figsize=(6, 3.2))
        x = np.linspace(*xs, 300)
        for function, front, options in curves:
            y = np.asarray(OPS[function].function(*front, x, **options).eval())
            y = np.where((y < ys[0] - 1) | (y > ys[1] + 1), np.nan, y)
            inside = [*map(str, front), "x", *(f"{k}={v}" for k, v in options.items())]
            axes.plot(x, y, label=f"{function}({', '.join(inside)})", linewidth=1.4)
        axes.set(xlim=xs, ylim=ys)
        axes.grid(alpha=0.3)
        axes.legend(fontsize=7)
        figure.tight_layout()
        figure.savefig(IMAGES / f"{name}.svg", metadata={"Date": None})
        pyplot.close(figure)


def main(arguments: Sequence[str]) -> int:
    plots()
    if "plots" not in arguments:
        text = PAGE.read_text("utf-8")
        made = re.sub(
            r"(<!-- functions -->\n).*?(<!-- end -->)", lambda m: f"{m[1]}{table()}\n{m[2]}", text, flags=re.S
        )
        PAGE.write_text(made, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
