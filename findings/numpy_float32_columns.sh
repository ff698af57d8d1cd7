#!/usr/bin/env bash
# Expected: NumPy adds pairwise, so that the mean and std of a million float32 numbers near 1000 are good to 5 digits.
# Happens: that holds along the contiguous axis only. Over axis 0 of a (rows, columns) table each column is one running
# float32 sum: the means of 1,000,000 rows are off by 9 and every std is 9 instead of 1.
# Version: NumPy 2.4.6, any processor.
# Matters: tables are summed over axis 0 wherever columns are standardized. dtype=np.float64 in mean and std mends it.

set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.4.6

"$folder/venv/bin/python" -I - <<'PYTHON'
import numpy as np

print("numpy", np.__version__)
table = (1000 + np.random.default_rng(0).normal(size=(1_000_000, 3))).astype(np.float32)
by_axis, copied = table.std(axis=0), np.ascontiguousarray(table.T).std(axis=1)
in_double = table.std(axis=0, dtype=np.float64)
print("mean(axis=0) minus the float64 mean:", table.mean(axis=0) - table.mean(axis=0, dtype=np.float64))
print("std(axis=0):                        ", by_axis)
print("std of the same columns, contiguous:", copied)
print("std(axis=0, dtype=np.float64):      ", in_double)
assert np.allclose(in_double, 1, atol=0.01) and np.allclose(copied, in_double, rtol=1e-3)
assert (by_axis > 5).all(), "std over axis 0 is accurate now"
PYTHON
