#!/usr/bin/env bash
# Expected: at 30 digits mpmath finds lim 1/sqrt(n) = 0 and lim log(n)/sqrt(n) = 0, or says that it cannot.
# Happens: limit() returns 0.00724910824... and 0.328952..., all 30 digits printed, without warning; nsum() of the
# divergent harmonic series returns 10.92. The extrapolation behind both is for errors that shrink like powers of 1/n.
# Version: mpmath 1.3.0.
# Matters: as the oracle of a test it confirms wrong limits. Trust it only where two precisions agree.

set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet mpmath==1.3.0

"$folder/venv/bin/python" -I - <<'PYTHON'
import mpmath
from mpmath import inf, limit, log, mp, nsum, sqrt

print("mpmath", mpmath.__version__)
cases = {
    "limit of 1/n              (0)": lambda: limit(lambda n: 1 / n, inf),
    "limit of 1/sqrt(n)        (0)": lambda: limit(lambda n: 1 / sqrt(n), inf),
    "limit of log(n)/sqrt(n)   (0)": lambda: limit(lambda n: log(n) / sqrt(n), inf),
    "limit of log(n)    (infinite)": lambda: limit(log, inf),
    "sum of 1/n         (infinite)": lambda: nsum(lambda n: 1 / n, [1, inf]),
}
seen = {}
for name, compute in cases.items():
    seen[name] = []
    for mp.dps in (15, 30):
        seen[name].append(compute())
        print(f"{name}, {mp.dps} digits: {seen[name][-1]}")
fine, *wrong = seen.values()
assert all(abs(value) < 1e-10 for value in fine)
assert all(1e-3 < abs(value) < 100 for values in wrong for value in values), "limits are right or refused now"
PYTHON
