#!/usr/bin/env bash
# Expected: at 40 digits zeta(20, 100), the sum of (100 + n)^-20, is right to about 40 digits, as zeta(20) is.
# Happens: it is right to 9, and to 7 at 15 digits; zeta(60.5, 485.546) has 9 of 40 digits too. The summation stops where
# a term is below 10^-digits in itself, not beside the sum, which is 5.8e-40 here. No warning; SciPy's float64 has 15.
# Version: mpmath 1.4.1.
# Matters: as the oracle of a test it blames right code. psi(19, 100)/19! is the same number, and right.

set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet mpmath==1.4.1 numpy==2.4.6 scipy==1.17.1

"$folder/venv/bin/python" -I - <<'PYTHON'
import mpmath
import scipy
from mpmath import factorial, fsum, mp, mpf, nstr, psi, zeta

print("mpmath", mpmath.__version__, "; SciPy", scipy.__version__)


def direct(s: mpf, q: mpf) -> mpf:
    """The sum itself: what follows its 20,000 terms is below 1e-40 of it for the two cases below."""
    with mp.workdps(60):
        return fsum((q + n) ** -s for n in range(20_000))


def error(value: mpf, right: mpf) -> float:
    with mp.workdps(60):
        return float(abs(value - right) / right)


seen = {}
for s, q in (("20", "100"), ("60.5", "485.546")):
    for mp.dps in (15, 40):
        at = mpf(s), mpf(q)
        right = direct(*at)
        seen[s, mp.dps] = error(zeta(*at), right)
        print(f"zeta({s}, {q}) at {mp.dps} digits: {zeta(*at)}, relative error {seen[s, mp.dps]:.1e}")
    print(f"{'the sum itself:':>31} {nstr(right, 40)}")
mp.dps = 40
right = direct(mpf(20), mpf(100))
other = error(psi(19, 100) / factorial(19), right)
float64 = error(mpf(float(scipy.special.zeta(20, 100))), right)
print(f"relative error of psi(19, 100)/19! at 40 digits: {other:.1e}; of SciPy's zeta(20, 100): {float64:.1e}")
assert other < 1e-35 and float64 < 1e-14
assert all(value > 1e-11 for value in seen.values()), "zeta(s, q) has its digits now"
PYTHON
