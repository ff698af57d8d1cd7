#!/usr/bin/env bash
# Expected: minimize() without a gradient walks from (0, 0) to the minimum of (x - 3)^2 + (y - 3)^2.
# Happens: with an objective of JAX, which computes in float32, five gradient methods return the start and say success.
# Their difference step, 1.5e-8, follows the float64 x; float32 rounds it away, and a gradient of 0 is "converged".
# Version: SciPy 1.17.1 with JAX 0.10.2 (any float32 objective does it). Nelder-Mead and COBYQA are not affected.
# Matters: success=True on an untouched start. Pass jac=jax.grad(f), a step of 1e-3, or enable float64.

set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet scipy==1.17.1 numpy==2.4.6 jax==0.10.2 jaxlib==0.10.2

JAX_PLATFORMS=cpu "$folder/venv/bin/python" -I - <<'PYTHON'
import jax
import jax.numpy as jnp
import numpy as np
import scipy
from scipy.optimize import minimize

print("scipy", scipy.__version__, "jax", jax.__version__)


def objective(p):
    return jnp.sum((jnp.asarray(p) - 3) ** 2)


for method in ("BFGS", "L-BFGS-B", "CG", "SLSQP", "TNC"):
    answer = minimize(lambda p: float(objective(p)), [0.0, 0.0], method=method)
    print(f"{method:9} x={answer.x} success={answer.success}: {answer.message}")
    assert answer.success and np.all(answer.x == 0), f"{method} moves now"
mended = minimize(lambda p: float(objective(p)), [0.0, 0.0], jac=lambda p: np.asarray(jax.grad(objective)(p), float))
print("with jac  x=", mended.x)
assert np.allclose(mended.x, 3, atol=1e-3)
PYTHON
