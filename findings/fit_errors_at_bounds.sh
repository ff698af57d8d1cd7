#!/usr/bin/env bash
# Expected: where a bound holds a parameter fast, the standard errors are those of the fit with it fixed, or NaN.
# Happens: curve_fit reports the formula without bounds: an error of 0.06 for the parameter that cannot move, and twice
# the error of the fit with b fixed for the other. lmfit's "least_squares" agrees with it, its "leastsq" with neither.
# Version: SciPy 1.17.1, lmfit 1.3.4.
# Matters: bounds that are active make error bars meaningless, and no field of curve_fit's answer says they are.

set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet scipy==1.17.1 numpy==2.4.6 lmfit==1.3.4

"$folder/venv/bin/python" -I - <<'PYTHON'
import lmfit
import numpy as np
import scipy
from scipy.optimize import curve_fit

print("scipy", scipy.__version__, "lmfit", lmfit.__version__)


def line(x, a, b):
    return a * x + b


x = np.linspace(0, 1, 20)
y = 2 * x + 1 + 0.1 * np.sin(37 * np.arange(20))
free, spread = curve_fit(line, x, y)
print("free:       ", free, "errors", np.sqrt(np.diag(spread)))
bounded, spread = curve_fit(line, x, y, bounds=([-np.inf, 1.2], np.inf))
errors = np.sqrt(np.diag(spread))
print("b >= 1.2:   ", bounded, "errors", errors)
alone, spread = curve_fit(lambda x, a: line(x, a, 1.2), x, y)
error = np.sqrt(spread[0, 0])
print("b = 1.2:    ", alone, "error", error)
model = lmfit.Model(line)
found = {}
for method in ("least_squares", "leastsq"):
    answer = model.fit(y, model.make_params(a=1, b={"value": 1.5, "min": 1.2}), x=x, method=method)
    found[method] = [p.stderr for p in answer.params.values()]
    print("lmfit,", method, answer.best_values, "errors", found[method], answer.message)
assert np.isclose(bounded[1], 1.2) and np.isclose(bounded[0], alone[0], rtol=1e-4)
assert errors[1] > 0.02 and errors[0] > 1.5 * error, "curve_fit minds active bounds now"
assert np.allclose(found["least_squares"], errors, rtol=1e-3), "lmfit minds active bounds now"
leastsq = np.array(found["leastsq"], float)
assert not np.allclose(leastsq, errors, rtol=0.05), "lmfit's methods agree now"
PYTHON
