#!/usr/bin/env bash
# Expected: builder.fcmp_ordered("!=", x, y) is C's and Python's x != y; "ordered" is the careful choice for NaN.
# Happens: it is False for NaN: the ordered "one" also asks that neither side is NaN, so x != x never finds one. C's !=
# is fcmp_unordered("!="), while C's ==, < and > are the ordered ones: the right prefix changes with the operator.
# Version: llvmlite 0.50.0.
# Matters: generated NaN checks are compiled to "false", and masks differ from NumPy's at NaN alone.

set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet llvmlite==0.50.0

"$folder/venv/bin/python" -I - <<'PYTHON'
import ctypes
import math

import llvmlite
import llvmlite.binding as llvm
from llvmlite import ir

print("llvmlite", llvmlite.__version__)
llvm.initialize_native_target()
llvm.initialize_native_asmprinter()
double, bit = ir.DoubleType(), ir.IntType(1)
module = ir.Module()
for kind in ("ordered", "unordered"):
    function = ir.Function(module, ir.FunctionType(bit, [double, double]), kind)
    builder = ir.IRBuilder(function.append_basic_block())
    builder.ret(getattr(builder, f"fcmp_{kind}")("!=", *function.args))
machine = llvm.Target.from_default_triple().create_target_machine()
engine = llvm.create_mcjit_compiler(llvm.parse_assembly(str(module)), machine)
engine.finalize_object()
seen = {}
for kind in ("ordered", "unordered"):
    call = ctypes.CFUNCTYPE(ctypes.c_bool, ctypes.c_double, ctypes.c_double)(engine.get_function_address(kind))
    seen[kind] = [call(math.nan, math.nan), call(1.0, 2.0), call(1.0, 1.0)]
    print(f'fcmp_{kind}("!="): nan, nan -> {seen[kind][0]}; 1, 2 -> {seen[kind][1]}; 1, 1 -> {seen[kind][2]}')
print("Python:               nan, nan ->", math.nan != float("nan"))
assert seen == {"ordered": [False, True, False], "unordered": [True, True, False]}, "the comparisons changed"
PYTHON
