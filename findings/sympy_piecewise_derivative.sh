#!/usr/bin/env bash
# Expected: f = Piecewise((sin(x)/x, x != 0), (1, True)) is smooth, so diff(f, x, 2) at 0 is -1/3, as limit() finds.
# Happens: it is 0. Branches are differentiated one by one, and the branch of the single point 0 is a constant; the
# function x + 1, written with a branch for 0, has the derivative 0 there. diff(sinc(x), x) gives NaN at 0.
# Version: SymPy 1.14.0.
# Matters: lambdify and ccode carry the 0 on: silently wrong curvatures at exactly the point the branch was written for.

set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet sympy==1.14.0

"$folder/venv/bin/python" -I - <<'PYTHON'
import sympy
from sympy import Eq, Ne, Piecewise, Rational, Symbol, diff, lambdify, limit, nan, sin, sinc

print("sympy", sympy.__version__)
x = Symbol("x", real=True)
f = Piecewise((sin(x) / x, Ne(x, 0)), (1, True))
seen, right = diff(f, x, 2).subs(x, 0), limit(diff(sin(x) / x, x, 2), x, 0)
print("f'' at 0 by diff:     ", seen)
print("f'' at 0 by limit:    ", right)
print("f'' lambdified, at 0.0:", lambdify(x, diff(f, x, 2), "math")(0.0))
line = Piecewise((1, Eq(x, 0)), (x + 1, True))
print("derivative of", line, "is", diff(line, x))
print("sinc(x)' at 0:        ", diff(sinc(x), x).subs(x, 0))
assert right == -Rational(1, 3)
assert seen == 0 and diff(line, x).subs(x, 0) == 0, "removable points are limits now"
assert diff(sinc(x), x).subs(x, 0) is nan, "sinc has a derivative at 0 now"
PYTHON
