#!/usr/bin/env bash
# Expected: x == x; and if x == y is False, then x != y is True.
# Happens: for a ball that is not exact, such as arb("0.1"), all of x == x, x != x, x <= x and x < x are False: a
# comparison answers whether it holds for every pair of points in the two balls. sorted() and max() do not object.
# Version: python-flint 0.9.0.
# Matters: "if a != b" and "if not a == b" take different branches. Decide with a - b, contains() and overlaps().

set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet python-flint==0.9.0

"$folder/venv/bin/python" -I - <<'PYTHON'
import flint
from flint import arb

print("python-flint", flint.__version__)
x = arb("0.1")
seen = {"x == x": x == x, "x != x": x != x, "x <= x": x <= x, "x >= x": x >= x, "x < x": x < x}  # noqa: PLR0124
print("x =", x, "; exact:", x.is_exact())
print(seen)
print("x overlaps x:", x.overlaps(x), "; x in [x]:", x in [x], "; 0.5 == 0.5:", arb(0.5) == arb(0.5))
wide = arb(0, 1)
print("sorted([1 +/- 2, 0, -0.5]) with wide balls:", sorted([arb(1, 2), arb(0), arb(-0.5)]))
print("max(0 +/- 1, 0.5):", max(wide, arb(0.5)), "; reversed:", max(arb(0.5), wide))
assert x.overlaps(x) and not x.is_exact() and arb(0.5) == arb(0.5)
assert not any(seen.values()), "comparisons of balls changed"
assert not max(wide, arb(0.5)).is_exact() and max(arb(0.5), wide).is_exact(), "max of balls changed"
PYTHON
