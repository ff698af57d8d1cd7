"""Augmentation: images flipped, moved, turned and made noisy at random, while training only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import DataError
from .order import drawn

_MOVES = 4  # random numbers that move an image
Floats = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Augment:
    """What may happen to an image, each by a random amount up to the one given.

    `flip` mirrors left and right in half of the cases; `shift` is in pixels, `rotate` in degrees; `noise` is the
    standard deviation of normal noise, in units of what is fed. Pixels that move in repeat the nearest edge.
    """

    flip: bool = False
    shift: float = 0.0
    rotate: float = 0.0
    noise: float = 0.0

    def check(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        """Raise DataError if samples of this shape are no images, or are not fed as floats."""
        if len(shape) not in (2, 3):
            raise DataError(
                f"augment: expected images of shape (height, width) or (height, width, channels), found {shape}; "
                "set `flatten: false`"
            )
        if dtype.kind != "f":
            raise DataError(f"augment: expected images fed as floats, found {dtype}; leave out `raw: true`")

    def apply(self, images: Floats, rows: npt.NDArray[np.int64], seed: int, epoch: int) -> None:
        """Change images (n, h, w) or (n, h, w, c) in place, each as (seed, epoch, its row number) decides."""
        if not len(rows):
            return
        draws = drawn(rows, seed, epoch, _MOVES + (images[0].size if self.noise else 0))
        if self.flip or self.shift or self.rotate:
            self._move(images, draws)
        if self.noise:
            from scipy.special import ndtri

            noise: Floats = ndtri(draws[:, _MOVES:]).astype(images.dtype).reshape(images.shape)
            images += images.dtype.type(self.noise) * noise

    def _move(self, images: Floats, draws: npt.NDArray[np.float64]) -> None:
        """Bilinear sampling of each image at where its pixels come from: one affine map an image, about its centre."""
        height, width = images.shape[1:3]
        signed = 2 * draws - 1
        angle = np.deg2rad(self.rotate) * signed[:, 0, None, None]
        mirror = np.where(self.flip & (draws[:, 3] < 0.5), -1.0, 1.0)[:, None, None]
        middle, centre = (height - 1) / 2, (width - 1) / 2
        down, right = np.arange(height)[:, None] - middle, np.arange(width)[None, :] - centre
        rows = np.cos(angle) * down - np.sin(angle) * right + self.shift * signed[:, 1, None, None]
        columns = mirror * (np.sin(angle) * down + np.cos(angle) * right + self.shift * signed[:, 2, None, None])
        images[...] = _sampled(images, rows + middle, columns + centre)


def _sampled(images: Floats, rows: npt.NDArray[np.float64], columns: npt.NDArray[np.float64]) -> Floats:
    """The images at fractional places (n, h, w), with edges that go on for ever."""
    height, width = images.shape[1:3]
    rows, columns = np.clip(rows, 0, height - 1), np.clip(columns, 0, width - 1)
    top, left = np.floor(rows).astype(np.intp), np.floor(columns).astype(np.intp)
    below, beside = np.minimum(top + 1, height - 1), np.minimum(left + 1, width - 1)
    image = np.arange(len(images))[:, None, None]
    trailing = (...,) + (None,) * (images.ndim - 3)
    down, right = ((place - edge).astype(images.dtype)[trailing] for place, edge in ((rows, top), (columns, left)))
    upper = images[image, top, left] * (1 - right) + images[image, top, beside] * right
    lower = images[image, below, left] * (1 - right) + images[image, below, beside] * right
    result: Floats = upper * (1 - down) + lower * down
    return result
