#!/usr/bin/env bash
# Expected: %Y takes a year of four digits, as in Python; %y of 69 is 1969, as POSIX and Python have it.
# Happens: with %Y, "22/01/01" is the year 22, without a null or an error, and with %y the century turns at 70: "69" is
# 2069, so that 1 February 1969 comes a hundred years late. Both also with strict=True.
# Version: polars 2.1.0.
# Matters: a column of two-digit years is read as dates of antiquity, and a split by time holds out the wrong rows.

set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet polars==2.1.0

"$folder/venv/bin/python" -I - <<'PYTHON'
from datetime import date, datetime

import polars as pl


def by_polars(text, layout):
    return pl.Series([text]).str.strptime(pl.Date, layout, strict=True)[0]


def by_python(text, layout):
    try:
        return datetime.strptime(text, layout).date()
    except ValueError:
        return "refused"


print("polars", pl.__version__)
found = {}
for text, layout in (("22/01/01", "%Y/%m/%d"), ("01/02/68", "%d/%m/%y"), ("01/02/69", "%d/%m/%y")):
    found[text] = by_polars(text, layout), by_python(text, layout)
    print(f"{text} by {layout}: polars {found[text][0]}, Python {found[text][1]}")
assert found["22/01/01"] == (date(22, 1, 1), "refused"), "%Y wants four digits now"
assert found["01/02/68"] == (date(2068, 2, 1), date(2068, 2, 1))
assert found["01/02/69"] == (date(2069, 2, 1), date(1969, 2, 1)), "the century turns elsewhere now"
PYTHON
