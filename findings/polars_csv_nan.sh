#!/usr/bin/env bash
# Expected: a table of floats that NumPy's savetxt wrote comes back as floats.
# Happens: savetxt writes a missing number as "nan"; polars takes "NaN" for a number but not "nan", and the whole column
# becomes text, its infinities too. pandas and pyarrow read floats. With a schema polars reads "nan" itself.
# Version: polars 2.1.0, NumPy 2.4.6.
# Matters: one missing measurement makes a numeric column a categorical one. Pass schema_overrides, or write "NaN".

set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet polars==2.1.0 numpy==2.4.6 pandas==3.1.1 pyarrow==26.0.1

"$folder/venv/bin/python" -I - <<'PYTHON'
import io

import numpy as np
import pandas as pd
import polars as pl
import pyarrow.csv

print("polars", pl.__version__)
buffer = io.StringIO()
np.savetxt(buffer, [[1.0, 0.5], [2.0, np.nan], [3.0, np.inf]], fmt="%g", delimiter=",", header="a,b", comments="")
text = buffer.getvalue()
print(text)
seen = pl.read_csv(io.StringIO(text))["b"]
print("polars: ", seen.dtype, seen.to_list())
print("pandas: ", pd.read_csv(io.StringIO(text))["b"].dtype)
print("pyarrow:", pyarrow.csv.read_csv(io.BytesIO(text.encode())).schema.field("b").type)
capital = pl.read_csv(io.StringIO(text.replace("nan", "NaN")))["b"]
print("polars, with NaN:     ", capital.dtype)
told = pl.read_csv(io.StringIO(text), schema_overrides={"b": pl.Float64})["b"]
print("polars, with a schema:", told.dtype, told.to_list())
assert pd.read_csv(io.StringIO(text))["b"].dtype == np.float64
assert capital.dtype == told.dtype == pl.Float64
assert seen.dtype == pl.String, "nan is a number now"
PYTHON
