#!/usr/bin/env bash
# Expected: root_mean_squared_error(y, p) is the square root of mean_squared_error(y, p).
# Happens: for targets of several columns it is the mean of the columns' roots: 2.0 where the root of the mean squared
# error is 2.236. The squared error averages the columns before, the root after; no argument of it gives 2.236.
# Version: scikit-learn 1.9.1.
# Matters: RMSE of several targets from two libraries differ by more than rounding; say which one is reported.

set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet scikit-learn==1.9.1 numpy==2.4.6 scipy==1.17.1

"$folder/venv/bin/python" -I - <<'PYTHON'
import math

import sklearn
from sklearn.metrics import mean_squared_error, root_mean_squared_error

print("scikit-learn", sklearn.__version__)
truth, guess = [[0, 0], [0, 0]], [[1, 3], [1, 3]]
seen, squared = root_mean_squared_error(truth, guess), mean_squared_error(truth, guess)
print("root_mean_squared_error:      ", seen)
print("sqrt of mean_squared_error:   ", math.sqrt(squared))
print("the columns' roots:           ", root_mean_squared_error(truth, guess, multioutput="raw_values"))
assert squared == 5
assert seen == 2, "the root is taken of the mean over the columns now"
PYTHON
