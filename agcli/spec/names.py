"""Words for messages: paths, values as a person would name them, and the nearest known name."""

import json
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

from agcli.printable import printable

Path = tuple[str | int, ...]

LISTED = 16
SHOWN_CHARACTERS = 40

# What people who come from elsewhere type; consulted only when the name on the right is known at that place.
ELSEWHERE = {
    "alpha": "lr",
    "batch": "batch_size",
    "batchsize": "batch_size",
    "bce": "sigmoid_cross_entropy",
    "betas": "beta1",
    "bias": "use_bias",
    "binary_cross_entropy": "sigmoid_cross_entropy",
    "cross_entropy": "softmax_cross_entropy",
    "crossentropy": "softmax_cross_entropy",
    "dataset": "data",
    "epsilon": "eps",
    "fc": "dense",
    "features": "units",
    "fully_connected": "dense",
    "kaiming_normal": "he_normal",
    "kaiming_uniform": "he_uniform",
    "kernel_initializer": "init",
    "layers": "model",
    "learning_rate": "lr",
    "linear": "dense",
    "momentum": "sgd",
    "nesterov": "sgd",
    "network": "model",
    "nll": "softmax_cross_entropy",
    "optim": "optimizer",
    "p": "rate",
    "size": "units",
    "sparse_categorical_crossentropy": "softmax_cross_entropy",
    "swish": "silu",
    "training": "train",
    "xavier_normal": "glorot_normal",
    "xavier_uniform": "glorot_uniform",
}


def path_text(path: Path) -> str:
    """`("model", 2, "dense", "units")` as `model[2].dense.units`, the form that `--set` reads."""
    parts = [f"[{step}]" if isinstance(step, int) else f".{shortened(step)}" for step in path]
    return "".join(parts).removeprefix(".")


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that was probably meant, or None."""
    names = list(known)
    plain = name.lower().replace("-", "_").replace(" ", "_")
    by_plain = {candidate.lower().replace("-", "_"): candidate for candidate in names}
    if ELSEWHERE.get(plain) in names:
        return ELSEWHERE[plain]
    begun = [candidate for candidate in by_plain if len(plain) >= 3 and candidate.startswith(plain)]
    close = begun or get_close_matches(plain[:SHOWN_CHARACTERS], by_plain, n=1, cutoff=0.65)
    if not close and len(plain) >= 4:  # the beginning of a long name, misspelt
        starts = {candidate[: len(plain) + 1]: candidate for candidate in reversed(by_plain)}
        close = [starts[found] for found in get_close_matches(plain, starts, n=1, cutoff=0.8)]
    return by_plain[close[0]] if close else None


def suggestion(name: str, known: Iterable[str]) -> str:
    """The end of a sentence about an unknown name: the nearest known one, or a list of what is known."""
    names = list(known)
    near = nearest(name, names)
    return f"; did you mean `{near}`?" if near else f"; known: {listing(names)}" if names else ""


def listing(names: Iterable[str]) -> str:
    """Names as running text, at most sixteen of them."""
    quoted = [f"`{shortened(name)}`" for name in names]
    more = [f"and {len(quoted) - LISTED} more"] if len(quoted) > LISTED else []
    return ", ".join(quoted[:LISTED] + more)


def described(value: Any) -> str:
    """A value read from YAML in the words of a message: `"ten"`, `0.5`, `nothing`, `a list of 3`."""
    match value:
        case None:
            return "nothing"
        case str():
            return json.dumps(shortened(value), ensure_ascii=False)
        case list() if 0 < len(value) <= 4 and not any(isinstance(item, list | dict) for item in value):
            return f"[{', '.join('null' if item is None else described(item) for item in value)}]"
        case list():
            return f"a list of {len(value)}" if value else "an empty list"
        case dict():
            keys = "the key" if len(value) == 1 else "the keys"
            return f"a mapping with {keys} {listing(value)}" if value else "an empty mapping"
        case _:
            return shortened(scalar_text(value))


def scalar_text(value: bool | int | float | None) -> str:
    """A scalar other than text as YAML writes it."""
    words = {"True": "true", "False": "false", "None": "null", "inf": ".inf", "-inf": "-.inf", "nan": ".nan"}
    return words.get(repr(value), repr(value))


def shortened(text: str) -> str:
    """The text on one line, printable, and at most 40 characters long."""
    shown = printable(text[: SHOWN_CHARACTERS + 1])
    return shown if len(shown) <= SHOWN_CHARACTERS else f"{shown[: SHOWN_CHARACTERS - 1]}…"
