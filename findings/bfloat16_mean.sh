#!/usr/bin/env bash
# Expected: np.mean of 1000 ones is 1, for bfloat16 as for float16, whose means NumPy accumulates in float32.
# Happens: it is 0.256. The exception is written for float16 alone; a bfloat16 array (what np.asarray makes of JAX's)
# adds in bfloat16, where 256 + 1 = 256, and divides that by 1000.
# Version: NumPy 2.4.6 with ml_dtypes 0.6.0.
# Matters: means of weights and losses are wrong by any factor, without a warning. astype(np.float32) before.

set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.4.6 ml_dtypes==0.6.0

"$folder/venv/bin/python" -I - <<'PYTHON'
import ml_dtypes
import numpy as np

print("numpy", np.__version__, "ml_dtypes", ml_dtypes.__version__)
ones = np.ones(1000, ml_dtypes.bfloat16)
seen = float(ones.mean())
print("mean of 1000 bfloat16 ones:   ", seen, " sum:", ones.sum())
print("of 10,000 float16 ones:       ", np.ones(10_000, np.float16).mean())
print("of the bfloat16 ones as float32:", ones.astype(np.float32).mean())
assert np.ones(10_000, np.float16).mean() == ones.astype(np.float32).mean() == 1
assert seen == 0.255859375, "bfloat16 is accumulated wider now"
PYTHON
