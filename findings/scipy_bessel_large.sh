#!/usr/bin/env bash
# Expected: j0(x) is jv(0, x), only faster; yv(100, 8e8) is 2.3e-5, as every Bessel function is a wave of that size there.
# Happens: j0, j1, y0, y1 lose digits as x grows (an error of 4e-8 of the wave at 8e8, of 3 % at 1e15), where jv and yv
# keep all of them. But for orders from 86 on yv loses as many, and from x = 7.16e8 on it is exactly 0, as is all of
# hankel1, while jv has all digits and yn of the same order 7. Nothing warns, unless special.errstate asks for it.
# Version: SciPy 1.17.1.
# Matters: which of two names for one function is called decides about half the digits, or about all.

set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet mpmath==1.4.1 numpy==2.4.6 scipy==1.17.1

"$folder/venv/bin/python" -I - <<'PYTHON'
import mpmath
import scipy
from scipy.special import hankel1, j0, j1, jv, y0, y1, yn, yv

mpmath.mp.dps = 40
print("SciPy", scipy.__version__, "; mpmath", mpmath.__version__)


def error(value: float, right: mpmath.mpf, x: float) -> float:
    """Of the wave's size, sqrt(2/(pi*x)): zeros do not count."""
    return float(abs(mpmath.mpf(float(value)) - right) / mpmath.sqrt(2 / (mpmath.pi * x)))


worst = {}
for x in (8.02e8, 1e12, 1e15):
    values = {
        "j0": (j0(x), jv(0, x), mpmath.besselj(0, x)),
        "j1": (j1(x), jv(1, x), mpmath.besselj(1, x)),
        "y0": (y0(x), yv(0, x), mpmath.bessely(0, x)),
        "y1": (y1(x), yv(1, x), mpmath.bessely(1, x)),
    }
    errors = {name: (error(a, right, x), error(b, right, x)) for name, (a, b, right) in values.items()}
    print(f"x = {x}:", ", ".join(f"{name} {a:.0e} (by order {b:.0e})" for name, (a, b) in errors.items()))
    worst[x] = max(a for a, _ in errors.values())
    assert max(b for _, b in errors.values()) < 1e-14
assert worst[8.02e8] > 1e-8 and worst[1e12] > 1e-7 and worst[1e15] > 1e-2, "j0, j1, y0, y1 have their digits now"

for order, x in ((85, 8e8), (86, 8e8), (100, 7e8), (100, 8e8), (100, 1e15)):
    right = mpmath.bessely(order, x)
    print(f"order {order}, x = {x}: yv {yv(order, x)}, yn {yn(order, x)} (right: {mpmath.nstr(right, 16)})")
    print(f"    hankel1 {hankel1(order, x)}; error of jv {error(jv(order, x), mpmath.besselj(order, x), x):.0e}")
    assert error(jv(order, x), mpmath.besselj(order, x), x) < 1e-14
    lost = order >= 86 and x > 7.16e8
    assert error(yn(order, x), right, x) < 1e-6 or x > 1e9
    assert lost or error(yv(order, x), right, x) < (1e-14 if order < 86 else 1e-6)
    assert not lost or (yv(order, x) == 0 and hankel1(order, x) == 0), "yv and hankel1 are not 0 now"
PYTHON
