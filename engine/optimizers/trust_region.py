"""One step of least squares: the linear problem in a region that is trusted, with bounds.

J. J. Moré, The Levenberg-Marquardt algorithm: implementation and theory, 1978. The damping is found from the
singular values of the scaled Jacobian instead of from the normal equations, which would square its condition number.
"""

from __future__ import annotations

import math

import numpy as np

from ..types import Array

CLOSE = 0.1  # how near the length of a step has to come to the radius
TRIALS = 60  # of a damping; Newton's method takes two or three
EPS = float(np.finfo(np.float64).eps)


def triangle(j: Array, r: Array) -> tuple[Array, Array]:
    """The same least-squares problem in as few rows as there are columns."""
    if j.shape[0] <= j.shape[1]:
        return j, r
    q, upper = np.linalg.qr(j)
    return upper, q.T @ r


def damped(j: Array, r: Array, radius: float) -> Array:
    """The q that makes |j q + r| smallest among those no longer than ``radius``, nearly: 10 % of it are left to chance.

    Where the columns of ``j`` depend on each other, the shortest such q.
    """
    u, s, vt = np.linalg.svd(j, full_matrices=False)
    is_real = s > EPS * max(j.shape) * s.max(initial=0.0)
    s, vt, c = s[is_real], vt[is_real], (u.T @ r)[is_real]
    if not s.size:
        return np.zeros(j.shape[1])
    whole = c / s
    length = float(np.linalg.norm(whole))
    if not length > radius * (1 + CLOSE):
        return composed(vt, whole)
    # |q| falls with the damping; 1/|q| is nearly linear in it, so that Newton's method on that comes from one side.
    low, high = 0.0, float(np.linalg.norm(s * c)) / radius
    damping = max(1e-3 * high, math.sqrt(low * high))
    part = whole
    for _ in range(TRIALS):
        part = s * c / (s * s + damping)
        length = float(np.linalg.norm(part))
        if abs(length - radius) <= CLOSE * radius:
            break
        low, high = (damping, high) if length > radius else (low, damping)
        slope = -float(np.sum(part * part / (s * s + damping))) / length
        damping -= (length - radius) / radius * length / slope
        if not low < damping < high:
            damping = max(1e-3 * high, math.sqrt(low * high))
    return composed(vt, part)


def composed(vt: Array, part: Array) -> Array:
    """The step with these shares of the singular directions, downhill."""
    q: Array = vt.T @ -part
    return q


def bounded(j: Array, r: Array, scale: Array, radius: float, low: Array, high: Array) -> Array:
    """The step p of |j p + r| with |scale * p| within ``radius`` and low <= p <= high, as 0 is.

    Components that the slope presses against a bound stay there; those that would pass one end at it, and the others
    are computed anew for what is left.
    """
    j, r = triangle(j, r)
    slope = j.T @ r
    p = np.zeros(len(scale))
    free = ~pressed(slope, low, high)
    while free.any():
        rest = radius**2 - float(np.sum((scale * p)[~free] ** 2))
        q = damped(j[:, free] / scale[free], r + j[:, ~free] @ p[~free], math.sqrt(max(rest, (CLOSE * radius) ** 2)))
        p[free] = q / scale[free]
        cut = np.clip(p, low, high)
        passed = free & (cut != p)
        p = cut
        if not passed.any():
            break
        free &= ~passed
    return p


def pressed(slope: Array, low: Array, high: Array) -> Array:
    """Which components stand at a bound (0 from it) with a loss that falls beyond it."""
    found: Array = ((low >= 0) & (slope > 0)) | ((high <= 0) & (slope < 0))
    return found
