#!/usr/bin/env bash
# Expected: the physical codes of a Categorical column count its own values in order of appearance, as in 1.x or pandas.
# Happens: codes come from one pool of the process. ["a", "b"] is [0, 1] alone, [1, 0] while a column with "b" first
# is alive, and [0, 1] again once that one is deleted. Nothing in the column changed.
# Version: polars 2.1.0.
# Matters: codes used as class numbers differ between training and prediction. Enum([...]) fixes them.

set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet polars==2.1.0

"$folder/venv/bin/python" -I - <<'PYTHON'
import gc

import polars as pl


def codes(kind=pl.Categorical):
    return pl.Series(["a", "b"], dtype=kind).to_physical().to_list()


print("polars", pl.__version__)
before = codes()
other = pl.Series(["b"], dtype=pl.Categorical)
during, fixed = codes(), codes(pl.Enum(["a", "b"]))
del other
gc.collect()
after = codes()
print("codes of ['a', 'b'], alone:                  ", before)
print("while another column holds 'b':              ", during)
print("after that column was deleted:               ", after)
print("as Enum(['a', 'b']), beside the other column:", fixed)
assert before == fixed == [0, 1]
assert (during, after) == ([1, 0], [0, 1]), "codes belong to the column now"
PYTHON
