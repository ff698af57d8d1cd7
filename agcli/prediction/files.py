"""From a file of samples to a file of predictions, piece by piece, so that neither has to fit into memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from agcli.datasets import DataError, TableFile
from agcli.datasets.frame import Frame
from agcli.engine.types import Array
from agcli.runs import Run

from .output_decoding import Answers, Classes, Numbers
from .predictor import Predictor, spread
from .sinks import format_of, sink
from .sources import opened
from .target_encoding import TableTerms

if TYPE_CHECKING:
    import polars as pl

PREDICTED, PROBABILITY, DEVIATION = "predicted", "probability", "deviation"
NO_SIGMA = "no prediction bands: the samples lack the column of `sigma`, which says how far they scatter"
CLASSES = 100  # whose probabilities get a column each


@dataclass
class Unseen:
    """Names of a column that training did not see: how many cells, and the first of them."""

    cells: int
    row: int
    name: str


@dataclass
class Summary:
    """What was predicted: how many samples, and what the model could not know about them, by column."""

    samples: int = 0
    unseen: dict[str, Unseen] = field(default_factory=dict)
    of_bands: tuple[str, ...] = ()
    of_file: tuple[str, ...] = ()

    @property
    def notes(self) -> list[str]:
        """A sentence for each column with names that training did not see, and for bands that are not there."""
        return [*self.of_file, *self.of_bands] + [
            f'column "{column}": {u.cells:,} of {self.samples:,} samples have a name that training did not see, '
            f'such as "{u.name}" in row {u.row:,}; the model takes it as unknown'
            for column, u in self.unseen.items()
        ]


def predict_file(
    folder: Path,
    samples: str | Path | TableFile,
    out: Path | None = None,
    *,
    format: str | None = None,
    keep: bool = False,
    weights: str = "",
    level: float | None = None,
) -> Summary:
    """Predict the samples of a file (`-` is standard input) with the model of a run.

    The table goes to ``out``, or to standard output; ``keep`` puts the file's columns before the predictions. With a
    ``level``, columns for the ends of confidence and prediction bands of this level follow the predictions.
    Raises RunError for what is no run, DataError for samples that do not fit it, before anything is written.
    """
    predictor = Predictor.open(Run.open(folder), weights)
    chosen = format_of(out, format)
    summary = Summary()
    with opened(samples, predictor.spec, predictor.terms) as source:
        frames = source.frames()
        first = next(frames)
        tables = _tables(predictor, first, frames, summary, keep, level)
        head = next(tables)
        with sink(out, chosen) as write:
            write(head)
            for table in tables:
                write(table)
        summary.of_file = source.notes
    return summary


def _tables(
    predictor: Predictor, first: Frame, rest: Iterator[Frame], summary: Summary, keep: bool, level: float | None
) -> Iterator[pl.DataFrame]:
    frame: Frame | None = first
    while frame is not None:
        answers, outputs = predictor.predict_all(frame)
        if level is not None:
            bands = predictor.bands(frame, level)
            summary.of_bands = bands.notes if bands.prediction is not None else (*bands.notes, NO_SIGMA)
            outputs = bands.columns() | outputs
        yield table_of(answers, frame if keep else None, outputs, str(predictor.spec.dtype))
        summary.samples += len(frame)
        if isinstance(predictor.terms, TableTerms):
            for column, rows in predictor.terms.unseen(frame):
                known = summary.unseen.get(column)
                row = int(rows[0])
                named = Unseen(0, int(frame.numbers[row]), str(frame.columns[column][row])[:40])
                summary.unseen[column] = known or named
                summary.unseen[column].cells += len(rows)
        frame = next(rest, None)


def table_of(
    answers: Answers | None,
    kept: Frame | None = None,
    outputs: Mapping[str, Array] | None = None,
    dtype: str = "float32",
) -> pl.DataFrame:
    """Answers and the spec's own outputs as columns, behind those of the samples where these are kept.

    Numbers are of the model's ``dtype``; further digits would be noise.
    """
    import polars as pl

    own = {n: c for name, a in (outputs or {}).items() for n, c in spread(name, a)}
    columns = columns_of(answers, dtype) | {n: c.astype(dtype) if c.dtype.kind == "f" else c for n, c in own.items()}
    before: dict[str, Any] = {}
    if kept is not None:
        before = {name: values for name, values in kept.columns.items() if np.ndim(values) == 1}
        both = [name for name in columns if name in before]
        if both:
            raise DataError(f'{kept.file}: has a column "{both[0]}" itself; rename it, or leave --keep out')
    return pl.DataFrame(before | columns)


def columns_of(answers: Answers | None, dtype: str = "float32") -> dict[str, Array]:
    """The columns of predictions by name: classes with their probabilities, numbers in units, or none."""
    if answers is None:
        return {}
    found = _of_numbers(answers) if isinstance(answers, Numbers) else _of_classes(answers)
    return {name: values.astype(dtype) if values.dtype.kind == "f" else values for name, values in found.items()}


def _of_numbers(answers: Numbers) -> dict[str, Array]:
    single = len(answers.names) == 1
    found = {}
    for i, name in enumerate(answers.names):
        behind = "" if single else f"_{name}"
        found[PREDICTED + behind] = answers.values[:, i]
        if answers.deviations is not None:
            found[DEVIATION + behind] = answers.deviations[:, i]
    return found


def _of_classes(answers: Classes) -> dict[str, Array]:
    if answers.each > 1 or answers.of:
        return _of_several(answers)
    found = {PREDICTED: answers.named}
    if answers.certain:
        probabilities = answers.probabilities
        found[PROBABILITY] = probabilities.max(axis=1)
        if len(answers.names) <= CLASSES:
            found |= {f"{PROBABILITY}_{name}": probabilities[:, i] for i, name in enumerate(answers.names)}
    return found


def _of_several(answers: Classes) -> dict[str, Array]:
    """Several answers a sample: labels that do not exclude each other by their names, or the places of a sequence."""
    if answers.of:
        return _of_labels(answers)
    named = answers.named.reshape(-1, answers.each)
    certainty = answers.probabilities.max(axis=1).reshape(-1, answers.each)
    found = {}
    for i in range(answers.each):
        found[f"{PREDICTED}_{i}"] = named[:, i]
        if answers.certain:
            found[f"{PROBABILITY}_{i}"] = certainty[:, i]
    return found


def _of_labels(answers: Classes) -> dict[str, Array]:
    """The labels of a sample as its cell has them, or an answer each, and the probability of a 1 for each."""
    named = answers.named.reshape(-1, answers.each)
    found = {PREDICTED: answers.sets} if answers.mark else {}
    if not answers.mark:
        found |= {f"{PREDICTED}_{name}": named[:, i] for i, name in enumerate(answers.of)}
    if answers.certain and len(answers.of) <= CLASSES:
        found |= {f"{PROBABILITY}_{name}": answers.chances[:, i] for i, name in enumerate(answers.of)}
    return found
