#!/usr/bin/env bash
# Expected: NPY_DISABLE_CPU_FEATURES="AVX2 FMA3" runs NumPy without its AVX2 kernels, as it did up to 2.3, or fails.
# Happens: since 2.4 kernels are dispatched by groups (X86_V3, X86_V4), and the old names are ignored. The only word
# about it is an ImportWarning, which Python hides by default. X86_V3 is the name that works (and takes V4 along).
# Version: NumPy 2.4.6 after 2.3.5, wheels for x86-64 (arm64 has other names; nothing is checked there).
# Matters: tests "with narrower kernels" pass because they ran the same kernels. Look at opt_func_info, not at the name.

set -euo pipefail
if [ "$(uname -m)" != x86_64 ]; then
    echo "nothing to see on $(uname -m)"
    exit 0
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for version in 2.3.5 2.4.6; do
    python3 -m venv "$folder/$version"
    "$folder/$version/bin/pip" install --quiet "numpy==$version"
done

# kernel VERSION FEATURES [PYTHON'S OPTIONS]: the kernel of float64 addition; warnings go to standard error
kernel() {
    NPY_DISABLE_CPU_FEATURES=$2 "$folder/$1/bin/python" -I "${@:3}" -c '
from numpy.lib.introspect import opt_func_info
print(opt_func_info(func_name="^add$", signature="^float64$")["add"]["ddd"]["current"])' 2>"$folder/words"
}

for version in 2.3.5 2.4.6; do
    for features in "" "AVX2 FMA3" X86_V3; do
        echo "numpy $version, NPY_DISABLE_CPU_FEATURES=\"$features\": $(kernel "$version" "$features")"
    done
done
full=$(kernel 2.4.6 "")
ignored=$(kernel 2.4.6 "AVX2 FMA3")
[ ! -s "$folder/words" ] || { echo "changed: the old names are reported now" >&2 && exit 1; }
[ "$ignored" = "$full" ] || { echo "changed: the old names work now" >&2 && exit 1; }
kernel 2.4.6 "AVX2 FMA3" -W default::ImportWarning >"$folder/out"
echo "with -W default::ImportWarning:" && cat "$folder/words"
grep -q "not part of the dispatched optimizations" "$folder/words"
case $full in baseline*) exit 0 ;; esac # a processor without AVX2 has nothing more to show
[[ $(kernel 2.3.5 "AVX2 FMA3") = baseline* && $(kernel 2.4.6 X86_V3) = baseline* ]]
