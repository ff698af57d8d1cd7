"""Generated sets: as many samples as wanted, drawn from a seed by the same numbers on every machine."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .dataset import Array, Column, Split
from .order import drawn, shuffled, stratified

_HELD_OUT = 0.2
Floats = npt.NDArray[np.float64]


def moons(*, samples: int, noise: float, seed: int, dtype: str = "float32") -> dict[str, Split]:
    """Two half circles that reach into each other. x: (n, 2) of `dtype`; y: (n,) int64."""
    y = np.arange(samples) % 2
    angle = np.pi * _uniform(samples, 1, seed)[:, 0]
    arc = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    x = np.where(y[:, None] == 0, arc, [1.0, 0.5] - arc)
    return _classes(x + noise * _normal(samples, 2, seed), y, seed, dtype)


def spirals(*, samples: int, noise: float, seed: int, classes: int, dtype: str = "float32") -> dict[str, Split]:
    """Arms that wind about the middle, one a class, within the unit circle. x: (n, 2) of `dtype`; y: (n,) int64."""
    y = np.arange(samples) % classes
    radius = np.sqrt(_uniform(samples, 1, seed)[:, 0])
    angle = 2 * np.pi * (y / classes + 0.75 * radius)
    x = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return _classes(x + noise * _normal(samples, 2, seed), y, seed, dtype)


def blobs(
    *, samples: int, noise: float, seed: int, classes: int, features: int, dtype: str = "float32"
) -> dict[str, Split]:
    """A cloud a class, about a centre drawn from [-5, 5]. x: (n, features) of `dtype`; y: (n,) int64."""
    y = np.arange(samples) % classes
    centres = 10 * drawn(np.arange(classes), seed, 2, features) - 5
    return _classes(centres[y] + noise * _normal(samples, features, seed), y, seed, dtype)


def sine(*, samples: int, noise: float, seed: int, dtype: str = "float32") -> dict[str, Split]:
    """sin(x) on [-pi, pi], with noise on y. x: (n, 1) and y: (n,), of `dtype`."""
    x = np.pi * (2 * _uniform(samples, 1, seed) - 1)
    y = np.sin(x[:, 0]) + noise * _normal(samples, 1, seed)[:, 0]
    rows = shuffled(samples, seed)
    cut = max(1, round(samples * _HELD_OUT))
    whole = Split({"x": Column(x.astype(dtype)), "y": Column(y.astype(dtype))})
    return {"train": whole.select(rows[cut:]), "test": whole.select(rows[:cut])}


def lotka_volterra(*, samples: int, noise: float, seed: int, dtype: str = "float32") -> dict[str, Split]:
    """Hares and lynxes over twenty years, read off at random times, with noise of normal deviation on both.

    hares' = 0.55 hares - 0.028 hares lynxes, lynxes' = 0.024 hares lynxes - 0.8 lynxes, from 30 and 4 (Lotka, 1925;
    Volterra, 1926). x: (n, 1), the years; y: (n, 2); both of `dtype`, rounded so that all machines have the same.
    """
    from scipy.integrate import solve_ivp

    years = np.round(20 * _uniform(samples, 1, seed)[:, 0], 2)

    def rates(_: float, y: Floats) -> list[float]:
        return [0.55 * y[0] - 0.028 * y[0] * y[1], 0.024 * y[0] * y[1] - 0.8 * y[1]]

    when, places = np.unique(years, return_inverse=True)
    found = solve_ivp(rates, (0, 20), [30, 4], t_eval=when, rtol=1e-10, atol=1e-10).y.T[places]
    y = np.round(found + noise * _normal(samples, 2, seed), 4)
    rows = shuffled(samples, seed)
    cut = max(1, round(samples * _HELD_OUT))
    whole = Split({"x": Column(years[:, None].astype(dtype)), "y": Column(y.astype(dtype))})
    return {"train": whole.select(rows[cut:]), "test": whole.select(rows[:cut])}


def _classes(x: Floats, y: npt.NDArray[np.int64], seed: int, dtype: str) -> dict[str, Split]:
    whole = Split({"x": Column(x.astype(dtype)), "y": Column(y.astype(np.int64))})
    train, test = stratified(y, max(1, round(len(y) * _HELD_OUT)), seed)
    return {"train": whole.select(train), "test": whole.select(test)}


def _uniform(samples: int, count: int, seed: int) -> Floats:
    return drawn(np.arange(samples), seed, 0, count)


def _normal(samples: int, count: int, seed: int) -> Floats:
    from scipy.special import ndtri

    normal: Array = ndtri(drawn(np.arange(samples), seed, 1, count))
    return normal
