"""What the JSON files of a run may hold, as far as anything reads them: damaged ones are reported.

A file may hold more than the table says: plug-ins and later versions write other figures.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from agcli.datasets import DataError, fitted

from .files import RunError
from .identity import KEY, is_id
from .migrate import ENVIRONMENT, FIT, METRICS, PREPROCESSING, RESULT

STATISTICS = "statistics"  # in environment.json: the hash of what data.json holds; a recipe has no other check


def hash_of(content: Mapping[str, Any]) -> str:
    """SHA-256 over plain data, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Kind:
    """What a value has to be, in words and as a question."""

    words: str
    holds: Callable[[Any], bool]


def _is_number(value: Any) -> bool:
    return isinstance(value, float) or (isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63


def _is_figure(value: Any) -> bool:
    """A number, none where it has no value, or an array of them, such as a confusion matrix."""
    return value is None or _is_number(value) or (isinstance(value, list) and all(map(_is_figure, value)))


def _all(is_one: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, dict) and all(map(is_one, value.values()))


def _or_none(is_one: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or is_one(value)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_time(value: Any) -> bool:
    return value is None or (_is_number(value) and 0 <= value < 1e12)


COUNT = Kind("a whole number, 0 or more", _is_count)
NUMBER = Kind("a number or null", _or_none(_is_number))
FIGURES = Kind("names with numbers", _all(_is_figure))
MAYBE_FIGURES = Kind("names with numbers, or null", _or_none(_all(_is_figure)))
TEXTS = Kind("names with texts", _all(_is_text))
MAYBE_TEXTS = Kind("names with texts, or null", _or_none(_all(_is_text)))
TEXT = Kind("a text", _is_text)
SECONDS = Kind("a number of seconds", _is_time)
MAPPING = Kind("a mapping", lambda value: isinstance(value, dict))
MAYBE_MAPPING = Kind("a mapping or null", _or_none(MAPPING.holds))
RUN_ID = Kind("the id of a run", is_id)
SPLIT = Kind("train, validation or test", lambda value: value in ("train", "validation", "test"))

# Path into a file, or into each line of metrics.jsonl -> what stands there, if anything does.
FIELDS: dict[str, dict[str, Kind]] = {
    METRICS: {
        "event": TEXT,
        "epoch": COUNT,
        "step": COUNT,
        "loss": NUMBER,
        "validation_loss": NUMBER,
        "metrics": FIGURES,
        "train_metrics": FIGURES,
        "undefined": TEXTS,
        "lr": NUMBER,
        "seconds": SECONDS,
        "elapsed": SECONDS,
    },
    RESULT: {
        KEY: RUN_ID,
        "split": SPLIT,
        "epochs": COUNT,
        "steps": COUNT,
        "loss": NUMBER,
        "validation_loss": NUMBER,
        "test_loss": NUMBER,
        "metrics": FIGURES,
        "validation_metrics": MAYBE_FIGURES,
        "undefined": TEXTS,
        "seconds": SECONDS,
        "weights": MAPPING,
        "best": MAYBE_MAPPING,
        "fit": MAYBE_MAPPING,
        "test_looks": COUNT,
    },
    FIT: {KEY: RUN_ID},
    ENVIRONMENT: {
        KEY: RUN_ID,
        STATISTICS: TEXT,
        "format": COUNT,
        "started": TEXT,
        "data": MAPPING,
        "data.name": TEXT,
        "data.sha256": MAYBE_TEXTS,
    },
}
NEEDED = {METRICS: {"epoch"}, RESULT: {"loss"}}  # without which there is nothing to say


def checked(file: str, content: dict[str, Any], where: str) -> dict[str, Any]:
    """The content of a file as it is. Raises RunError, calling it ``where``, if a training writes none like it."""
    problem = next(problems(file, content), "")
    if problem:
        raise RunError(f"{where}: {problem}; the file is damaged")
    return content


def problems(file: str, content: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with the content of a file."""
    needed = NEEDED.get(file, set())
    if file == METRICS and content.get("event") != "epoch":
        needed = {"step"}
    for name in sorted(needed - set(content)):
        yield f"`{name}` is missing"
    for path, kind in FIELDS.get(file, {}).items():
        holder, _, key = path.rpartition(".")
        within = content.get(holder) if holder else content
        if isinstance(within, dict) and key in within and not kind.holds(within[key]):
            yield f"`{path}`: expected {kind.words}, found something else"
    if file == PREPROCESSING:
        try:
            fitted(content)
        except DataError as e:
            yield str(e)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            yield "expected the statistics that training wrote, found others"
