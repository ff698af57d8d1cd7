#!/usr/bin/env bash
# Expected: root(x, 3) means one thing, in SymPy and in the code it prints, and so does its derivative.
# Happens: at -8 SymPy says 1 + 1.73i (the principal root) and the C code cbrt(x) says -2. The C code of the derivative
# uses pow(x, 2.0/3.0), which is NaN there: a real function whose printed derivative does not exist.
# Version: SymPy 1.14.0 (C99 printer).
# Matters: values pass a test against C's cbrt, gradients are NaN. real_root(x, 3) means and prints one thing.

set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet sympy==1.14.0

"$folder/venv/bin/python" -I - <<'PYTHON'
import ctypes
import ctypes.util
import math

import sympy
from sympy import N, Symbol, ccode, diff, real_root, root

print("sympy", sympy.__version__)
x = Symbol("x", real=True)
f = root(x, 3)
code, slope = ccode(f), ccode(diff(f, x))
library = ctypes.CDLL(ctypes.util.find_library("m"))
library.cbrt.restype = library.pow.restype = ctypes.c_double
library.cbrt.argtypes, library.pow.argtypes = [ctypes.c_double], [ctypes.c_double] * 2
value, power = library.cbrt(-8.0), library.pow(-8.0, 2.0 / 3.0)
print("f =", f, " at -8:", N(f.subs(x, -8)))
print("C code:", code, " at -8:", value)
print("C code of the derivative:", slope, " at -8:", 1 / 3 / power)
print("C code of real_root:", ccode(real_root(x, 3)))
assert (code, slope) == ("cbrt(x)", "(1.0/3.0)/pow(x, 2.0/3.0)"), "the C code changed"
assert value == -2 and math.isnan(power)
PYTHON
