"""Small tables of samples that tests train on."""

import numpy as np


def rows(count=120, classes="uv", seed=0):
    rng = np.random.default_rng(seed)
    kinds = rng.integers(0, len(classes), count)
    values = rng.standard_normal((count, 2)) + 2 * kinds[:, None]
    lines = [f"{a:.4f},{b:.4f},g{i % 9},{classes[k]}" for i, ((a, b), k) in enumerate(zip(values, kinds, strict=True))]
    return "a,b,who,kind\n" + "\n".join(lines) + "\n"
