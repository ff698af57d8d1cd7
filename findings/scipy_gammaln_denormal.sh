#!/usr/bin/env bash
# Expected: gammaln(x) is about -log(x) for a tiny x: 713.80 at 1e-310 and 744.44 at 5e-324, as math.lgamma has them; and it is
# finite as long as the result fits, up to 2.55998e305.
# Happens: gammaln and loggamma are inf for denormal numbers (below 2.2e-308), gammaln also from 2.5563e305 on.
# Version: SciPy 1.17.1.
# Matters: log-likelihoods of gamma, beta and Dirichlet laws become inf or NaN for shapes that float64 still holds.

set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.4.6 scipy==1.17.1

"$folder/venv/bin/python" -I - <<'PYTHON'
import math

import scipy
from scipy.special import gammaln, loggamma

print("SciPy", scipy.__version__)
for x in (1e-307, 1e-310, 5e-324, 2.55e305, 2.5599e305):
    print(f"{x}: gammaln {gammaln(x):.6g}, loggamma {loggamma(x):.6g}, math.lgamma {math.lgamma(x):.6g}")
assert gammaln(1e-307) == math.lgamma(1e-307) and gammaln(2.55e305) < math.inf
assert [gammaln(x) for x in (1e-310, 5e-324, 2.5599e305)] == [math.inf] * 3, "gammaln is finite there now"
assert loggamma(1e-310) == math.inf, "loggamma is finite there now"
assert all(math.isfinite(math.lgamma(x)) for x in (1e-310, 5e-324, 2.5599e305))
PYTHON
