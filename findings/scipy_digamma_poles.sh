#!/usr/bin/env bash
# Expected: psi(x) next to a pole, where it is about -1/(x + 1), is right to 15 digits: x + 1 is exact in float64.
# Happens: just above -1, -2, -3, ... digits go as the pole comes near: 12 are left at 1e-4 from it, 6 at 1e-10, 2 at
# 1e-14. polygamma(0, x) is the same. Just below the poles, and for psi(complex(x)), all digits are right.
# Version: SciPy 1.17.1.
# Matters: gradients of gamma there, gamma(x)*psi(x), are off by 0.8 % though gamma itself is exact. Use psi(complex(x)).

set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet mpmath==1.4.1 numpy==2.4.6 scipy==1.17.1

"$folder/venv/bin/python" -I - <<'PYTHON'
import mpmath
import scipy
from scipy.special import gamma, polygamma, psi

mpmath.mp.dps = 40
print("SciPy", scipy.__version__, "; mpmath", mpmath.__version__)


def error(value: float, right: mpmath.mpf) -> float:
    return float(abs(mpmath.mpf(float(value)) / right - 1))


def at(x: float) -> tuple[float, float]:
    """Relative errors of psi(x) and of psi(complex(x)) against 40 digits at this very float64."""
    right = mpmath.psi(0, mpmath.mpf(x))
    return error(psi(x), right), error(psi(complex(x)).real, right)


x = -1 + 1e-14
print(f"psi(-1 + 1e-14) = {psi(x)}, psi(complex(..)) = {psi(complex(x)).real}, -1/(x + 1) = {-1 / (x + 1)}")
print(f"gamma(-1 + 1e-14): relative error {error(gamma(x), mpmath.gamma(mpmath.mpf(x))):.1e}")
for pole in (-1, -2, -5):
    for h in (1e-4, 1e-6, 1e-8, 1e-10, 1e-12):
        (above, above_complex), (below, _) = at(pole + h), at(pole - h)
        print(f"{pole} +- {h}: error above {above:.1e} (complex {above_complex:.1e}), below {below:.1e}")
        assert above_complex < 1e-14 and below < 1e-14
        assert above > 1e-18 / h, "right above the poles now"
assert error(gamma(x), mpmath.gamma(mpmath.mpf(x))) < 1e-14
assert at(x)[0] > 1e-3 and polygamma(0, x) == psi(x), "right at 1e-14 now"
PYTHON
