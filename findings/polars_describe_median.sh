#!/usr/bin/env bash
# Expected: the 50% row of describe() is the median, and quantile() interpolates as in NumPy, pandas and R.
# Happens: for [1, 2, 3, 4] describe() says 3.0 where median() of the same column says 2.5: quantiles, and describe with
# them, take the nearest value (a tie goes up); median() alone averages the middle two.
# Version: polars 2.1.0 (NumPy 2.4.6 and pandas 3.1.1 beside it).
# Matters: medians and quartiles in reports disagree with each other. interpolation="linear" in both mends it.

set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet polars==2.1.0 numpy==2.4.6 pandas==3.1.1

"$folder/venv/bin/python" -I - <<'PYTHON'
import numpy as np
import pandas as pd
import polars as pl

print("polars", pl.__version__)
values = [1.0, 2.0, 3.0, 4.0]
column = pl.Series("a", values)
table = dict(column.describe().iter_rows())
print("describe:  25%", table["25%"], " 50%", table["50%"])
print("median():     ", column.median(), " quantile(0.5):", column.quantile(0.5))
print("NumPy:     25%", np.quantile(values, 0.25), " 50%", np.median(values))
print("pandas:    ", pd.Series(values).describe()[["25%", "50%"]].to_dict())
linear = dict(column.describe(interpolation="linear").iter_rows())
print("describe, linear:", linear["25%"], linear["50%"])
assert column.median() == np.median(values) == linear["50%"] == 2.5
assert float(table["50%"]) == column.quantile(0.5) == 3.0, "the 50% row is the median now"
PYTHON
