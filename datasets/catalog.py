"""The data sets that have a name: one row each. A new set is a row here and a reader."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .dataset import Dataset, Info, Split
from .embedded import DIGITS, IRIS, digits, iris
from .errors import DataError, unknown
from .mnist import FASHION_MNIST, MNIST


@dataclass(frozen=True)
class Entry:
    """A named set: its info, the function that reads its splits, and that function's options with their defaults."""

    info: Info
    read: Callable[..., dict[str, Split]]
    options: Mapping[str, bool]


_ENTRIES = (
    Entry(
        Info(
            "digits",
            "1,797 handwritten digits of 8 by 8 pixels, counts 0 to 16; 1,437 to train, 360 to test",
            "UCI Machine Learning Repository, doi:10.24432/C50P49 (the repository's test file)",
            "CC BY 4.0",
            DIGITS,
        ),
        digits,
        {"flatten": True, "raw": False},
    ),
    Entry(
        Info(
            "iris",
            "150 flowers of three species, four measurements in centimetres; 120 to train, 30 to test",
            "R. A. Fisher, 1936; UCI Machine Learning Repository, doi:10.24432/C56C76, two rows corrected",
            "CC BY 4.0",
            IRIS,
            ("sepal_length", "sepal_width", "petal_length", "petal_width"),
        ),
        iris,
        {"raw": False},
    ),
    Entry(
        Info(
            "mnist",
            "70,000 handwritten digits of 28 by 28 pixels; 60,000 to train, 10,000 to test",
            "Y. LeCun, C. Cortes, C. J. C. Burges, The MNIST database of handwritten digits",
            "CC BY-SA 3.0",
            DIGITS,
        ),
        MNIST.read,
        {"flatten": False, "raw": False},
    ),
    Entry(
        Info(
            "fashion-mnist",
            "70,000 pictures of clothing of 28 by 28 pixels; 60,000 to train, 10,000 to test",
            "H. Xiao, K. Rasul, R. Vollgraf, Fashion-MNIST, arXiv:1708.07747",
            "MIT",
            (
                "T-shirt/top",
                "Trouser",
                "Pullover",
                "Dress",
                "Coat",
                "Sandal",
                "Shirt",
                "Sneaker",
                "Bag",
                "Ankle boot",
            ),
        ),
        FASHION_MNIST.read,
        {"flatten": False, "raw": False},
    ),
)
_BY_NAME = {entry.info.name: entry for entry in _ENTRIES}


def names() -> tuple[str, ...]:
    """The names that `load` knows."""
    return tuple(_BY_NAME)


def info(name: str) -> Info:
    """What is known of a set without reading it."""
    return _entry(name).info


def options(name: str) -> dict[str, bool]:
    """The options that `load` takes for this set, with their defaults."""
    return dict(_entry(name).options)


def load(name: str, **chosen: bool) -> Dataset:
    """Read a named data set, with `train` and `test` splits of columns `x` and `y`.

    Options: `flatten` makes a vector of each image; `raw` feeds values as they are stored, neither scaled nor
    standardised. A set lists its own in `options(name)`. Raises DataError for anything unknown, missing or damaged.
    """
    entry = _entry(name)
    for option, value in chosen.items():
        if option not in entry.options:
            raise unknown(f"option of {name}", option, entry.options)
        if not isinstance(value, bool):
            raise DataError(f"{name}: {option}: expected true or false, got {value!r}")
    return Dataset(**vars(entry.info), splits=entry.read(**{**entry.options, **chosen}))


def _entry(name: str) -> Entry:
    if name not in _BY_NAME:
        raise unknown("data set", name, _BY_NAME)
    return _BY_NAME[name]
