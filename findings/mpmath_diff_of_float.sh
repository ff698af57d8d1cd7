#!/usr/bin/env bash
# Expected: mpmath.diff(math.sin, 1.0) is 0.54, to fewer digits than mpmath.diff(mpmath.sin, 1.0).
# Happens: it is exactly 0.0, and the Taylor series of math.exp at 0 is 1 + 0*x + 0*x^2. The step lies far below one ulp
# of float64, and math.sin accepts an mpf by rounding it: all samples are the same number.
# Version: mpmath 1.3.0, Python's math (any function that converts to float).
# Matters: the reference derivative of a float64 function is 0 without an error. method="step" with an h mends it.

set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet mpmath==1.3.0

"$folder/venv/bin/python" -I - <<'PYTHON'
import math

import mpmath

print("mpmath", mpmath.__version__)
seen = mpmath.diff(math.sin, 1.0)
series = mpmath.taylor(math.exp, 0, 2)
print("diff(mpmath.sin, 1.0)  ", mpmath.diff(mpmath.sin, 1.0))
print("diff(math.sin, 1.0)    ", seen)
print("taylor(math.exp, 0, 2) ", series)
print("diff(.., h=1e-6)       ", mpmath.diff(math.sin, 1.0, h=mpmath.mpf("1e-6")))
assert abs(mpmath.diff(mpmath.sin, 1.0) - math.cos(1)) < 1e-12
assert seen == 0 and series == [1, 0, 0], "functions of floats are differentiated now"
PYTHON
