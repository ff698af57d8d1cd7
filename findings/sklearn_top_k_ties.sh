#!/usr/bin/env bash
# Expected: top_k_accuracy_score with k=1 is the accuracy of argmax over the scores, which takes the first of equal ones.
# Happens: among equal scores the class with the largest number leads: three equal scores count as a hit of the last
# class, and a miss of the first, so a model that says nothing is right on every sample of the last class.
# Version: scikit-learn 1.9.1.
# Matters: scores that tie (trees, counts, saturated sigmoids, low precision) give another top-1 than argmax does.

set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet scikit-learn==1.9.1

"$folder/venv/bin/python" -I - <<'PYTHON'
import numpy as np
import sklearn
from sklearn.metrics import accuracy_score, top_k_accuracy_score

print("scikit-learn", sklearn.__version__)
scores = np.ones((3, 3))
for c in range(3):
    labels = [c, c, c]
    top = top_k_accuracy_score(labels, scores, k=1, labels=[0, 1, 2])
    plain = accuracy_score(labels, scores.argmax(axis=1))
    print(f"class {c}: top 1 {top}, accuracy of argmax {plain}")
    assert (top, plain) == ((1.0 if c == 2 else 0.0), (1.0 if c == 0 else 0.0)), "ties are broken in another way now"
PYTHON
