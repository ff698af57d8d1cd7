"""The samples that are evaluated: encoded for the model, and as they stand in their file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from agcli.datasets import Column, DataError, Dataset, Recipe, Speller, Split, Table
from agcli.datasets.checks import Rows, untargeted
from agcli.datasets.dataset import WEIGHTS
from agcli.datasets.frame import Frame, joined
from agcli.datasets.labels import Labels
from agcli.datasets.stream import written
from agcli.engine.types import Array
from agcli.prediction.sources import Source
from agcli.prediction.target_encoding import TableTerms, Terms, set_frame

HELD = 1 << 28  # bytes of a file; of a larger one, the encoded samples lie on disk


@dataclass(frozen=True)
class Samples:
    """A split and, in the same order, its frames, which can be read again."""

    name: str
    split: Split
    frames: Callable[[], Iterator[Frame]]
    lacks: str = ""  # the column of weights that they do not have
    lost: tuple[str, ...] = ()  # what is to be said of rows without a target

    def rows(self, chosen: Array) -> tuple[Array, list[dict[str, Any]]]:
        """The row numbers in the file of some samples, and their cells, in the order of ``chosen``."""
        numbers = np.zeros(len(chosen), np.int64)
        cells: list[dict[str, Any]] = [{} for _ in chosen]
        first = 0
        for frame in self.frames():
            for place in np.flatnonzero((chosen >= first) & (chosen < first + len(frame))):
                row = int(chosen[place]) - first
                numbers[place] = frame.numbers[row]
                cells[place] = {name: plain_cell(values[row]) for name, values in frame.columns.items()}
            first += len(frame)
        return numbers, cells

    def counts(self, answers: int) -> Array | None:
        """How much each of so many answers counts, (answers,), as the data has it; None where all count alike."""
        column = self.split.columns.get(WEIGHTS)
        if column is None:
            return None
        return np.repeat(np.asarray(column.stored, np.float64), answers // max(len(column), 1))

    def column(self, name: str) -> Any:
        """The cells of one column."""
        parts = (replace(frame, columns={name: frame[name].values}) for frame in self.frames())
        return joined(parts)[name]


def of_split(data: Dataset, terms: Terms, name: str) -> Samples:
    """A split of the data that a model was trained on."""
    split = data[name]
    title = f"{data.name} ({name})"
    table = data.settled
    if isinstance(table, Table):
        return Samples(title, split, lambda: table.frames(name), lost=data.lost)
    frame = text_frame(data.fitted, split, title) if isinstance(data.fitted, Speller) else set_frame(data, name)
    return Samples(title, split, lambda: iter([frame]))


def text_frame(speller: Speller, split: Split, title: str) -> Frame:
    """Windows of running text as text."""
    numbers = split.columns["x"].stored
    unit = speller.vocabulary.unit
    if unit == "bytes":
        texts = [bytes(row.tolist()).decode("utf-8", "replace") for row in numbers]
    else:
        texts = [(" " if unit == "words" else "").join(row) for row in np.array(speller.classes)[numbers]]
    return Frame(title, {"text": np.array(texts)})


def of_frame(frame: Frame, terms: Terms) -> Samples:
    """Samples that a program has in memory, whose target is known."""
    rows = Rows()
    kept = _with_target(frame, terms.recipe, rows) if isinstance(terms, TableTerms) else frame
    if not len(kept):
        raise DataError(f'{frame.file}: expected samples with a "{terms.targets[0]}", found none')
    found = _weighed(
        terms, kept, lambda known: Samples(frame.file, known.split(kept, target=True), lambda: iter([kept]))
    )
    return replace(found, lost=tuple(untargeted(terms.targets, rows.lost, rows.total)))


def of_source(source: Source, terms: Terms) -> Samples:
    """The samples of another file, whose target is known."""
    if isinstance(terms, TableTerms):
        recipe, rows = terms.recipe, Rows()

        def known() -> Iterator[Frame]:
            rows.total = rows.lost = 0
            for frame in source.frames():
                kept = _with_target(frame, recipe, rows)
                if len(kept):
                    yield kept

        if source.size > HELD:
            first = next(known(), None)
            found = _weighed(
                terms, first, lambda of: Samples(source.name, written(known(), of.recipe, None)["train"], known)
            )
            return replace(found, lost=tuple(untargeted(terms.targets, rows.lost, rows.total)))
        frames = list(known())
        if not frames:
            raise DataError(f'{source.name}: expected samples with a "{terms.targets[0]}", found none')
        whole = joined(frames)
        found = _weighed(
            terms, whole, lambda of: Samples(source.name, of.split(whole, target=True), lambda: iter(frames))
        )
        return replace(found, lost=tuple(untargeted(terms.targets, rows.lost, rows.total)))
    frame = joined(source.frames())
    return Samples(source.name, terms.split(frame, target=True), lambda: iter([frame]))


def _weighed(terms: Terms, frame: Frame | None, make: Callable[[Any], Samples]) -> Samples:
    """What ``make`` makes of samples by these terms; where they lack the weights that training had, all count 1."""
    if not isinstance(terms, TableTerms) or frame is None:
        return make(terms)
    recipe = terms.recipe
    if not recipe.weights or recipe.weights in frame.columns:
        return make(terms)
    found = make(TableTerms(replace(recipe, weights="")))
    ones = Column(np.ones(len(found.split), recipe.dtype))
    split = replace(found.split, columns={**found.split.columns, WEIGHTS: ones})
    return replace(found, split=split, lacks=recipe.weights)


def _with_target(frame: Frame, recipe: Recipe, rows: Rows) -> Frame:
    """The samples that have a target; ``rows`` counts all, and those without."""
    needed = [part.column for part in recipe.target if not isinstance(part.role, Labels)]  # a set may be empty
    missing = np.any([frame[name].missing() for name in needed], axis=0) if needed else np.zeros(len(frame), bool)
    rows.add(len(frame), missing)
    return frame.take(np.flatnonzero(~missing)) if missing.any() else frame


def plain_cell(value: Any) -> Any:
    """A cell as plain data: numbers, text, or nested lists."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if value is None or isinstance(value, str | int | list | bool):
        return value
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    return str(value)
