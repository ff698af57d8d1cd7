#!/usr/bin/env bash
# Expected: in labels of one class neither area under a curve is defined, and both functions say so in one way.
# Happens: roc_auc_score is NaN with UndefinedMetricWarning, but average_precision_score is 0.0 for negatives alone
# (with a plain UserWarning) and 1.0 for positives alone, without a word.
# Version: scikit-learn 1.9.1.
# Matters: a mean of average precisions over folds or classes takes in a perfect or a worst score that no model earned.

set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet scikit-learn==1.9.1

"$folder/venv/bin/python" -I - <<'PYTHON'
import math
import warnings

import sklearn
from sklearn.metrics import average_precision_score, roc_auc_score

print("scikit-learn", sklearn.__version__)
seen = {}
for labels in ([0, 0], [1, 1]):
    for score in (roc_auc_score, average_precision_score):
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            value = score(labels, [0.1, 0.2])
        kinds = [w.category.__name__ for w in said]
        print(f"{score.__name__}({labels}) = {value}, warnings: {kinds}")
        seen[score.__name__, labels[0]] = value, kinds
assert all(math.isnan(seen["roc_auc_score", c][0]) for c in (0, 1)), "roc_auc_score has a value now"
assert seen["average_precision_score", 0] == (0.0, ["UserWarning"]), "of negatives alone it says something else"
assert seen["average_precision_score", 1] == (1.0, []), "of positives alone it says something else"
PYTHON
