#!/usr/bin/env bash
# Expected: a table of one column with missing values, written as CSV, has as many rows for whoever reads it.
# Happens: polars writes a missing value of a single column as a blank line, which pandas leaves out by default. Four rows
# become two, and what stands below is one row higher, without a word. polars itself reads all four.
# Version: polars 2.1.0, pandas 2.2.3.
# Matters: predictions of one column are joined to their samples by row; quoted empty cells ("") keep their places.

set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet polars==2.1.0 pandas==2.2.3

"$folder/venv/bin/python" -I - <<'PYTHON'
import io

import pandas as pd
import polars as pl

print("polars", pl.__version__, "pandas", pd.__version__)
frame = pl.DataFrame({"x": [1.5, None, 2.5, None]})
plain, quoted = frame.write_csv(), frame.write_csv(null_value='""')
print("written:", repr(plain))
rows = {
    "pandas": len(pd.read_csv(io.StringIO(plain))),
    "polars": len(pl.read_csv(io.StringIO(plain))),
    "pandas, of null_value='\"\"'": len(pd.read_csv(io.StringIO(quoted))),
}
for reader, count in rows.items():
    print(f"rows of 4 that are read by {reader}: {count}")
assert plain == "x\n1.5\n\n2.5\n\n", "missing values are written in another way now"
assert list(rows.values()) == [2, 4, 4], "blank lines are read in another way now"
PYTHON
