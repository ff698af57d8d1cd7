"""The data sets that have a name: one row each. A new set is a row here and a reader."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from threading import Thread
from typing import Any

from .augment import Augment
from .dataset import Dataset, Info, Split
from .embedded import DIGITS, IRIS, digits, iris
from .errors import DataError, unknown
from .generated import blobs, lotka_volterra, moons, sine, spirals
from .mnist import FASHION_MNIST, MNIST

Option = bool | int | float | Augment | None

# What an option may be, by the type of its default or by its name: (words, the lowest, the highest).
_BOUNDS: Mapping[str, tuple[str, float, float]] = {
    "samples": ("a whole number of 10 to 10,000,000", 10, 10_000_000),
    "classes": ("a whole number of 2 to 100", 2, 100),
    "features": ("a whole number of 1 to 1,000", 1, 1_000),
    "seed": ("a whole number of 0 or more", 0, 2**64 - 1),
    "noise": ("a number of 0 or more", 0, 1e9),
}


@dataclass(frozen=True)
class Entry:
    """A named set: its info, the function that reads its splits, and that function's options with their defaults.

    `where` says where it comes from: the package, the network, or nowhere at all; `is_at_hand` whether a large set
    can be read without the network.
    """

    info: Info
    read: Callable[..., dict[str, Split]]
    options: Mapping[str, Option]
    where: str = "in the package"
    is_at_hand: Callable[[], bool] = bool


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
        {"flatten": True, "raw": False, "augment": None},
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
        Info("moons", "two half circles that reach into each other", "generated", "none", ("0", "1"), ("x", "y")),
        moons,
        {"samples": 1_000, "noise": 0.1, "seed": 0},
        "generated",
    ),
    Entry(
        Info("spirals", "arms that wind about the middle, one a class", "generated", "none", (), ("x", "y")),
        spirals,
        {"samples": 1_000, "noise": 0.02, "seed": 0, "classes": 2},
        "generated",
    ),
    Entry(
        Info("blobs", "a round cloud a class", "generated", "none"),
        blobs,
        {"samples": 1_000, "noise": 1.0, "seed": 0, "classes": 3, "features": 2},
        "generated",
    ),
    Entry(
        Info("sine", "one period of a sine with noise", "generated", "none", (), ("x",)),
        sine,
        {"samples": 1_000, "noise": 0.1, "seed": 0},
        "generated",
    ),
    Entry(
        Info("lotka_volterra", "hares and lynxes over twenty years", "generated", "none", (), ("year",)),
        lotka_volterra,
        {"samples": 50, "noise": 1.0, "seed": 0},
        "generated",
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
        {"flatten": False, "raw": False, "augment": None},
        "downloaded once",
        MNIST.is_at_hand,
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
        {"flatten": False, "raw": False, "augment": None},
        "downloaded once",
        FASHION_MNIST.is_at_hand,
    ),
)
_BY_NAME = {entry.info.name: entry for entry in _ENTRIES}


def names() -> tuple[str, ...]:
    """The names that `load` knows."""
    return tuple(_BY_NAME)


def info(name: str) -> Info:
    """What is known of a set without reading it."""
    return _entry(name).info


def options(name: str) -> dict[str, Option]:
    """The options that `load` takes for this set, with their defaults."""
    return dict(_entry(name).options)


def where(name: str) -> str:
    """Where a set comes from: "in the package", "generated" or "downloaded once"."""
    return _entry(name).where


_begun: tuple[Any, Future[Dataset]] | None = None  # what is being read on a thread


def begin(name: str, dtype: str = "float32", **chosen: Option) -> None:
    """Begin to read a large set on a thread, for the `load` of the same arguments that comes later, if it does.

    Nothing is downloaded, and what is wrong is said by `load`.
    """
    global _begun  # noqa: PLW0603  # a process trains one model
    found: Future[Dataset] = Future()

    def read() -> None:
        try:
            found.set_result(_load(name, dtype, chosen))
        except BaseException as error:  # noqa: BLE001  # it belongs to who asks
            found.set_exception(error)

    entry = _BY_NAME.get(name)
    if entry is None or not entry.is_at_hand():
        return
    with suppress(RuntimeError):  # the system has no more threads
        Thread(target=read, name="ag-data", daemon=True).start()
        _begun = (name, dtype, chosen), found


def load(name: str, dtype: str = "float32", **chosen: Option) -> Dataset:
    """Read a named data set, with `train` and `test` splits of columns `x` and `y`.

    Floats are fed as `dtype`. Options: `flatten` makes a vector of each image; `raw` feeds values as they are stored,
    neither scaled nor standardised; `augment` (an Augment) changes images at random while training; generated sets
    take `samples`, `noise`, `seed`, `classes`. A set lists its own in `options(name)`. Raises DataError for anything
    unknown, missing or damaged.
    """
    global _begun
    begun, _begun = _begun, None
    if begun is not None and begun[0] == (name, dtype, chosen):
        return begun[1].result()
    return _load(name, dtype, chosen)


def _load(name: str, dtype: str, chosen: Mapping[str, Option]) -> Dataset:
    entry = _entry(name)
    for option, value in chosen.items():
        if option not in entry.options:
            raise unknown(f"option of {name}", option, entry.options)
        _check(name, option, value, entry.options[option])
    values = {**entry.options, **chosen}
    augment = values.pop("augment", None)
    splits = entry.read(dtype=dtype, **values)
    if isinstance(augment, Augment):
        splits["train"] = splits["train"].augmented(augment)
    info = vars(entry.info)
    if "classes" in entry.options:  # a number, before the names of classes
        info = {**info, "classes": tuple(map(str, range(int(str(values["classes"])))))}
    return Dataset(**info, splits=splits)


def _check(name: str, option: str, value: Option, default: Option) -> None:
    """Raise DataError for a value of another kind than the default, or out of bounds."""
    if option == "augment":
        if value is not None and not isinstance(value, Augment):
            raise DataError(f"{name}: augment: expected an Augment or None, got {value!r}")
        return
    if isinstance(default, bool):
        if not isinstance(value, bool):
            raise DataError(f"{name}: {option}: expected true or false, got {value!r}")
        return
    words, low, high = _BOUNDS[option]
    kinds = (int, float) if isinstance(default, float) else (int,)
    if isinstance(value, bool) or not isinstance(value, kinds) or not low <= value <= high:
        raise DataError(f"{name}: {option}: expected {words}, got {value!r}")


def _entry(name: str) -> Entry:
    if name not in _BY_NAME:
        raise unknown("data set", name, _BY_NAME)
    return _BY_NAME[name]
