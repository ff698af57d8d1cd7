#!/usr/bin/env bash
# Expected: Mod(x, 3) has the sign of 3, as in Python, and its C code computes the same.
# Happens: for a real x the C code is fmod(x, 3), whose sign is that of x: -1 instead of 2 at -7. For an integer x the
# same printer does correct the sign. The Python and NumPy printers are right.
# Version: SymPy 1.14.0.
# Matters: phases and angles wrapped with Mod are wrong for negative values, in C alone, without a warning.

set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet sympy==1.14.0

"$folder/venv/bin/python" -I - <<'PYTHON'
import math

import sympy
from sympy import Mod, Symbol, ccode, pycode

print("sympy", sympy.__version__)
x, n = Symbol("x", real=True), Symbol("n", integer=True)
code = ccode(Mod(x, 3))
print("C, real x:   ", code)
print("C, integer n:", ccode(Mod(n, 3)))
print("Python:      ", pycode(Mod(x, 3)))
by_c = math.fmod(-7.0, 3.0)  # Python's math.fmod is the C library's
print("Mod(x, 3) at -7:", Mod(x, 3).subs(x, -7), " C code at -7:", by_c)
assert Mod(x, 3).subs(x, -7) == 2 and by_c == -1
assert code == "fmod(x, 3)", "the C code changed"
assert "+ 3" in ccode(Mod(n, 3)), "the C code of integers changed"
PYTHON
