"""Runs of older versions: one table says how their files are read today, and nothing else knows of them.

A run's folder has a number, `format` in environment.json, and each checkpoint has one; a folder without it is of 1.
Rows are applied in their order to what a file holds whenever it is opened. When an older run is trained on, its files
are rewritten in today's form, all but the checkpoints. A process may be killed within that, so a row has to leave alone
what it made itself.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from .files import RunError

FORMAT = 3  # of the folders and checkpoints that are written; raised by what an older version would misread
FIRST = 1  # of what has no number

SPEC, PREPROCESSING, ENVIRONMENT = "spec.yaml", "data.json", "environment.json"
METRICS, RESULT, FIT = "metrics.jsonl", "result.json", "fit.json"
PROGRESS = "progress"  # of a checkpoint: what it holds beside its arrays


class NewerError(RunError):
    """A run that a newer version wrote."""


Reading: TypeAlias = Callable[[Any, Any], None]
"""Changes what stands at a key of a mapping or a place of a list: `(holder, key)`; the key may be absent."""


@dataclass(frozen=True)
class Row:
    """What an older version wrote otherwise.

    ``old`` is a path into a file, or each line of metrics.jsonl, `*` for every key or place of a level. ``new`` is the
    key that it has now, or a function that reads it. ``since`` is the first format that has it the new way.
    """

    file: str
    old: str
    new: str | Reading
    since: int
    why: str

    def apply(self, content: Any) -> None:
        """Bring the content of a file into the new form, in place."""
        for holder, key in list(spots(content, tuple(self.old.split(".")))):
            if callable(self.new):
                self.new(holder, key)
            elif key in holder:
                rename(holder, key, self.new)


def spots(content: Any, path: tuple[str, ...]) -> Iterator[tuple[Any, Any]]:
    """The mappings and lists that a path leads to, each with its last key; only `*` goes into lists."""
    key, *rest = path
    keys: list[Any] = [key]
    if key == "*":
        keys = list(content) if isinstance(content, dict) else list(range(len(content)))
    for each in keys if key == "*" or isinstance(content, dict) else ():
        if not rest:
            yield content, each
        elif isinstance(inner := content[each] if key == "*" else content.get(each), dict | list):
            yield from spots(inner, tuple(rest))


def rename(holder: dict[str, Any], old: str, new: str) -> None:
    """Give a value another key in the same place of its mapping; what the new key says already stays."""
    items = [(new if key == old else key, value) for key, value in holder.items() if key != old or new not in holder]
    holder.clear()
    holder.update(items)


def default(value: Any) -> Reading:
    """What an absent key means."""

    def read(holder: Any, key: Any) -> None:
        holder.setdefault(key, copy.deepcopy(value))

    return read


def unmasked(part: Any, key: Any) -> None:
    """Leave a text of an input as the model saw it."""
    if part.get("role") == "text":
        part.setdefault(key, "unmasked")


def pixels(part: Any, key: Any) -> None:
    """Of pictures nothing was kept but whether they were bytes."""
    stats = part.get(key)
    if isinstance(stats, dict) and "bytes" in stats:
        stats.setdefault("high", 255.0 if stats["bytes"] else 0.0)
        stats.setdefault("shape", [])


SMALLER = frozenset(("loss", "error", "perplexity", "rmse", "mae", "mse", "nll", "deviation", "residual"))


def directed(spec: Any, key: Any) -> None:
    """Write beside the formula that is watched which way is better, as was guessed by the words of its name."""
    watch, metrics = str((spec.get("train") or {}).get("watch", "loss")), spec.get(key)
    better = "high" if SMALLER.isdisjoint(watch.lower().split("_")) else "low"
    if isinstance(metrics, dict) and isinstance(metrics.get(watch), str):
        metrics[watch] = {"formula": metrics[watch], "better": better}
    known = metrics.values() if isinstance(metrics, dict) else metrics if isinstance(metrics, list) else ()
    for metric in known:
        fields = metric.get("expression") if isinstance(metric, dict) else None
        if isinstance(fields, dict) and fields.get("name") == watch:
            fields.setdefault("better", better)


def unvalidated(spec: Any, key: Any) -> None:
    """Give a section `data` of training and test data alone a validation part of 0; its test part stays as it was."""
    data = spec.get(key)
    if not isinstance(data, dict):
        return
    if data.get("name") not in ("table", "arrays"):
        data.setdefault("validation", 0)
        return
    if not data.get("split"):  # test data that had a file, or arrays, of their own
        data["split"] = {"shuffled": {"test": 0}}
    for options in data["split"].values():
        options.setdefault("validation", 0)


def forgotten(progress: Any, key: Any) -> None:
    """Without validation data no evaluation is the best."""
    progress[key] = {"found": None, "since": 0}


ROWS: tuple[Row, ...] = (
    Row(SPEC, "dtype", default("float32"), 2, "0.1: all was float32; a spec of formulas alone means float64 today"),
    Row(SPEC, "metrics", directed, 2, "0.2: which way a formula is better was guessed by its name"),
    Row(PREPROCESSING, "dtype", default("float32"), 2, "0.1: all was float32"),
    Row(PREPROCESSING, "sigma", default(""), 2, "0.1: no column held standard deviations"),
    Row(PREPROCESSING, "of", default("any"), 2, "0.2: what a target is was guessed, whatever the loss"),
    Row(PREPROCESSING, "code", default(""), 2, "0.2: a target was coded as its role says"),
    Row(PREPROCESSING, "weights", default(""), 2, "0.2: no column held weights"),
    Row(PREPROCESSING, "inputs.*.padding", unmasked, 2, "0.1: models counted the padding of texts"),
    Row(PREPROCESSING, "inputs.*.stats", pixels, 2, "0.2: the largest pixel and the shape of a picture were not kept"),
    Row(RESULT, "split", default("test"), 2, "0.1: there always were test data"),
    Row(PROGRESS, "halt", default(None), 2, "0.1: no optimizer ended a training"),
    Row(PROGRESS, "halted", default(0), 2, "0.1: no optimizer ended a training"),
    Row(SPEC, "data", unvalidated, 2, "0.2: there were two splits, training and test"),
    Row(METRICS, "test_loss", "validation_loss", 2, "0.2: evaluations on the way were of test data"),
    Row(RESULT, "test_looks", default(1), 2, "0.2: looks at the test data were not counted"),
    Row(PROGRESS, "test", "validation", 2, "0.2: the sums of the last evaluation, which was of test data"),
    Row(PROGRESS, "best", forgotten, 2, "0.2: the best evaluation was one of test data"),
    Row(PROGRESS, "best.void", default(""), 3, "0.3: a resumed training had forgotten why the figure was no number"),
    Row(PROGRESS, "standstill", default(None), 3, "0.3: a resumed training counted epochs without a change anew"),
)


def weights(written: int, patience: int | None) -> str:
    """Whose weights the result of a run speaks of; empty where today's rule says it.

    Up to 0.2 `best` was found by test data in every run, but only `patience` went back to it.
    """
    return "" if written > FIRST else "best" if patience else "last"


def migrated(file: str, content: Any, written: int, rows: tuple[Row, ...] = ROWS) -> Any:
    """The content of a file of format ``written`` as it would be written today; a file of today comes as it is."""
    needed = [row for row in rows if row.file == file and written < row.since]
    if not needed:
        return content
    content = copy.deepcopy(content)
    for row in needed:
        row.apply(content)
    return content


def format_of(environment: Mapping[str, Any], what: str) -> int:
    """The format of a run by its environment. Raises NewerError if a newer version wrote it."""
    found = environment.get("format", FIRST)
    if not isinstance(found, int):
        raise RunError(f"{what}: expected a number as the format of the run, found something else")
    if found > FORMAT:
        packages = environment.get("packages")
        version = str(packages.get("agcli", "")) if isinstance(packages, dict) else ""
        by = f"ag {version}" if re.fullmatch(r"[\w.+!-]{1,40}", version) else "a newer ag"
        raise NewerError(
            f"{what}: {by} wrote this run, in format {found}; this version reads formats up to {FORMAT}: "
            "pip install --upgrade agcli"
        )
    return found
