#!/usr/bin/env bash
# Expected: w = lambertw(x, -1) solves w*exp(w) = x, and next to the branch point is -1 - sqrt(2*(1 + e*x)) + ...
# Happens: up to -1/e + 1.8e-9 it hardly leaves -1: at 8.9e-10 from -1/e it is -1.0000000072 instead of -1.0000694721. The
# other branch, k = 0, is right there to 11 digits.
# Version: SciPy 1.17.1.
# Matters: 1 + w is off by a factor of 10,000, and with it the derivative w/(x*(1 + w)).

set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet mpmath==1.4.1 numpy==2.4.6 scipy==1.17.1

"$folder/venv/bin/python" -I - <<'PYTHON'
import math

import mpmath
import scipy
from scipy.special import lambertw

mpmath.mp.dps = 40
print("SciPy", scipy.__version__, "; mpmath", mpmath.__version__)
branch = -mpmath.exp(-1)
errors = {}
for distance in (1e-13, 1e-11, 8.877e-10, 1.8e-9, 2.2e-9, 1e-8):
    x = float(branch + distance)
    lower, upper = lambertw(x, -1).real, lambertw(x, 0).real
    right = mpmath.lambertw(mpmath.mpf(x), -1).real
    series = -1 - mpmath.sqrt(2 * (1 + mpmath.e * mpmath.mpf(x)))
    assert abs(right - series) < 10 * distance and abs(right * mpmath.exp(right) - mpmath.mpf(x)) < 1e-38
    errors[distance] = float(abs(mpmath.mpf(float(lower)) / right - 1))
    print(f"-1/e + {distance}: k=-1 {lower:.12f} (right: {mpmath.nstr(right, 13)}), k=0 {upper:.12f}")
    print(f"    k=-1: relative error {errors[distance]:.1e}; w*exp(w) - x = {lower * math.exp(lower) - x:.1e}")
upper = lambertw(-0.36787944028372255, 0).real
assert abs(upper - float(mpmath.lambertw(mpmath.mpf(-0.36787944028372255), 0).real)) < 1e-10
assert errors[2.2e-9] < 1e-10 and errors[1e-8] < 1e-10
assert errors[1e-11] > 1e-6 and errors[8.877e-10] > 1e-5 and errors[1.8e-9] > 1e-5, "the lower branch is right now"
PYTHON
