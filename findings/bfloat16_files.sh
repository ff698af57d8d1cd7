#!/usr/bin/env bash
# Expected: a bfloat16 array that np.save or safetensors.numpy wrote can be read back by the same module.
# Happens: both write it without a word. np.load returns raw two-byte records of dtype V2, and safetensors.numpy.load
# fails with KeyError: 'BF16' on its own bytes, though dtype and shape stand in the header.
# Version: NumPy 2.4.6, ml_dtypes 0.6.0, safetensors 0.8.0.
# Matters: the loss shows at the restore. Store view(np.uint16) with the dtype's name, or float32 (exact).

set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.4.6 ml_dtypes==0.6.0 safetensors==0.8.0

"$folder/venv/bin/python" -I - <<'PYTHON'
import io

import ml_dtypes
import numpy as np
import safetensors
import safetensors.numpy

print("numpy", np.__version__, "safetensors", safetensors.__version__)
weights = np.array([1.0, 2.0], ml_dtypes.bfloat16)
file = io.BytesIO()
np.save(file, weights)
file.seek(0)
loaded = np.load(file)
print("saved ", weights.dtype, weights)
print("np.load:", loaded.dtype, loaded)
saved = safetensors.numpy.save({"w": weights})
print("safetensors wrote:", saved[8:60])
try:
    seen = safetensors.numpy.load(saved)["w"].dtype
except KeyError as error:
    seen = f"KeyError: {error}"
print("safetensors.numpy.load:", seen)
assert np.array_equal(loaded.view(ml_dtypes.bfloat16), weights)  # the bytes are right
assert loaded.dtype == np.dtype("V2"), "npy files keep bfloat16 now"
assert seen == "KeyError: 'BF16'", "safetensors.numpy reads bfloat16 now"
PYTHON
