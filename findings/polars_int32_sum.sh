#!/usr/bin/env bash
# Expected: a sum of a narrow integer column is widened, as in NumPy and Arrow, and as polars does for Int8 and Int16.
# Happens: polars widens Int8 and Int16 to Int64 but sums Int32 and UInt32 in 32 bits: (2^31 - 1) + 1 = -2147483648,
# and 2^32 wraps to 0; the same in select, group_by and cum_sum. mean() is right.
# Version: polars 2.1.0 (NumPy 2.4.6 and pyarrow 26.0.1 beside it).
# Matters: counts kept in 32 bits, as R and many databases write them, give totals below zero. cast(pl.Int64) first.

set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet polars==2.1.0 numpy==2.4.6 pyarrow==26.0.1

"$folder/venv/bin/python" -I - <<'PYTHON'
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

print("polars", pl.__version__)
for kind in (pl.Int8, pl.Int16, pl.Int32, pl.UInt32):
    most = pl.select(kind.max()).item()
    column = pl.Series("a", [most, 1], dtype=kind)
    frame = pl.DataFrame({"group": ["x", "x"], "a": column})
    grouped = frame.group_by("group").agg(pl.col("a").sum())["a"].item()
    print(f"{kind!s:7} {most} + 1: sum={column.sum()} group_by={grouped} mean={column.mean()}")
    assert column.mean() == (most + 1) / 2
    wide = kind in (pl.Int8, pl.Int16)
    right = column.sum() == grouped == most + 1
    assert right == wide, f"the sum of {kind} changed"
values = [2**31 - 1, 1]
print("numpy  ", np.array(values, np.int32).sum(), " pyarrow", pc.sum(pa.array(values, pa.int32())))
assert np.array(values, np.int64).sum() == pc.sum(pa.array(values, pa.int32())).as_py() == 2**31
PYTHON
