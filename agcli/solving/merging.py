"""Ends of many searches -> distinct points, each with how many ended there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from agcli.engine.types import Array

SAME = 1e-5  # distance of two ends that are taken for one, relative
ROUND = 1e-7  # of the largest of several numbers, that are as good as 0 beside it


def groups(points: Sequence[Array], keys: Sequence[float], same: float = SAME) -> list[tuple[Array, int]]:
    """The points without those near to one of a lower key, each with its count; from the lowest key."""
    distinct: list[Array] = []
    counts: list[int] = []
    for i in np.argsort(np.asarray(keys), kind="stable"):
        x = points[i]
        at = next((k for k, y in enumerate(distinct) if near(x, y, same=same)), None)
        if at is None:
            distinct.append(x)
            counts.append(1)
        else:
            counts[at] += 1
    return list(zip(distinct, counts, strict=True))


def near(x: Array, y: Array, error: Array | float = 0.0, same: float = SAME) -> bool:
    scale = np.maximum(np.minimum(np.abs(x), np.abs(y)), ROUND * np.abs(x).max())
    return bool((np.abs(x - y) <= same * scale + 3 * error).all())
