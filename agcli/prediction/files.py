"""From a file of samples to a file of predictions, piece by piece, so that neither has to fit into memory."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from agcli.data.same_files import files_of
from agcli.data.whole_file import is_one_of
from agcli.datasets import DataError, TableFile
from agcli.datasets.errors import CellError
from agcli.datasets.frame import Frame
from agcli.engine.types import Array
from agcli.runs import Run

from .answer_table import table_of
from .output_decoding import Answers, Numbers
from .predictor import Predictor
from .sinks import format_of, sink
from .sources import opened
from .target_encoding import TableTerms

if TYPE_CHECKING:
    import polars as pl

NO_SIGMA = "no prediction bands: the samples lack the column of `sigma`, which says how far they scatter"
FAR = 10.0  # deviations about the mean of a target, in which its predictions lie
NAMED = 10  # columns in one note


@dataclass
class Unseen:
    """Names of a column that training did not see: how many cells, and the first of them."""

    cells: int
    row: int
    name: str


@dataclass
class Rows:
    """Some rows: how many, and what is said of the first of them."""

    count: int = 0
    first: str = ""

    def add(self, count: int, first: str) -> None:
        """Some more of them."""
        self.first = self.first if self.count else first
        self.count += count


@dataclass
class Summary:
    """What was predicted: how many samples, and what the model could not know or say about them."""

    samples: int = 0
    unread: tuple[str, ...] = ()  # columns that the training did not have either
    unseen: dict[str, Unseen] = field(default_factory=dict)
    skipped: Rows = field(default_factory=Rows)
    infinite: Rows = field(default_factory=Rows)
    of_bands: tuple[str, ...] = ()
    of_file: tuple[str, ...] = ()

    @property
    def notes(self) -> list[str]:
        """A sentence for each thing that a reader of the predictions has to know."""
        found = [*self.of_file, *self.of_bands]
        if self.unread:
            more = f" and {len(self.unread) - NAMED:,} more" if len(self.unread) > NAMED else ""
            shown = ", ".join(f'"{name}"' for name in self.unread[:NAMED])
            found.append(f"the training had no column {shown}{more}; the model does not read it")
        found += [
            f'column "{column}": {u.cells:,} of {self.samples:,} samples have a name that training did not see, '
            f'such as "{u.name}" in row {u.row:,}; the model takes it as unknown'
            for column, u in self.unseen.items()
        ]
        if self.infinite.count:
            what = f"{self.infinite.count:,} of {self.samples:,} answers are no finite numbers"
            found.append(f"{what}, the first of them that of {self.infinite.first}")
        if self.skipped.count:
            what = f"{self.skipped.count:,} of {self.samples:,} samples were skipped and have an empty answer"
            found.append(f"{what}; the first: {self.skipped.first}")
        return found


@dataclass(frozen=True)
class Options:
    """What is wanted beside the answers: the columns of the samples, bands of a level, gaps where cells are bad.

    ``spoiled`` says of rows by their number what is wrong with them as a whole.
    """

    keep: bool = False
    level: float | None = None
    skip_bad: bool = False
    spoiled: Mapping[int, str] = field(default_factory=dict)


def predict_file(
    folder: Path,
    samples: str | Path | TableFile,
    out: Path | None = None,
    *,
    format: str | None = None,
    keep: bool = False,
    weights: str = "",
    level: float | None = None,
    skip_bad: bool = False,
    escape: bool = False,
) -> Summary:
    """Predict the samples of a file (`-` is standard input) with the model of a run.

    The table goes to ``out``, or to standard output: a row a sample, in order. ``keep`` puts the file's columns before
    the predictions. With a ``level``, columns for the ends of confidence and prediction bands of this level follow the
    predictions. A cell that cannot be read, a row with too many cells, a broken line of JSON are errors; with
    ``skip_bad``, such a sample has an empty answer, as has one with too few cells. ``escape`` puts an apostrophe
    before text that a spreadsheet would take for a formula.
    Raises RunError for what is no run, DataError for samples that do not fit it. What is wrong within the first
    megabytes is found before anything is written.
    """
    predictor = Predictor.open(Run.open(folder), weights)
    chosen = format_of(out, format)
    summary = Summary()
    with opened(samples, predictor.spec, predictor.terms, skip_bad=skip_bad) as source:
        if out is not None and is_one_of(out, (*source.paths, *files_of(predictor.spec).values())):
            raise DataError(f"{out}: holds samples, which the predictions would replace; write to another file")
        frames = source.frames()
        first = next(frames)
        summary.unread = source.unread(first)
        tables = _tables(predictor, first, frames, summary, Options(keep, level, skip_bad, source.spoiled))
        head = next(tables)
        with sink(out, chosen, escape=escape) as write:
            write(head)
            for table in tables:
                write(table)
        summary.of_file = source.notes
    return summary


def _tables(
    predictor: Predictor, first: Frame, rest: Iterator[Frame], summary: Summary, options: Options
) -> Iterator[pl.DataFrame]:
    dtype = _written_as(predictor)
    frame: Frame | None = first
    while frame is not None:
        answered = np.ones(len(frame), bool)
        answers, outputs = _answers(predictor, frame, answered, summary, options)
        yield table_of(answers, frame if options.keep else None, outputs, dtype, answered)
        summary.samples += len(frame)
        known = frame if answered.all() else frame.take(np.flatnonzero(answered))
        _count(known, answers, outputs, predictor, summary)
        frame = next(rest, None)


def _answers(
    predictor: Predictor, frame: Frame, answered: npt.NDArray[np.bool_], summary: Summary, options: Options
) -> tuple[Answers | None, dict[str, Array]]:
    """The answers, and outputs, to the samples that have some; ``answered`` then says which these are.

    Each turn takes out all samples that are wrong in the same way as the first that is.
    """
    numbers = frame.numbers.tolist() if options.spoiled else []
    bad = [(row, options.spoiled[number]) for row, number in enumerate(numbers) if number in options.spoiled]
    answered[[row for row, _ in bad]] = False
    while True:
        rows = np.flatnonzero(answered)
        some = frame if answered.all() else frame.take(rows)
        try:
            answers, outputs = predictor.predict_all(some)
            if options.level is not None:
                bands = predictor.bands(some, options.level)
                summary.of_bands = bands.notes if bands.prediction is not None else (*bands.notes, NO_SIGMA)
                outputs = bands.columns() | outputs
            if bad:
                summary.skipped.add(int(np.sum(~answered)), min(bad)[1])
            return answers, outputs
        except CellError as error:
            if not options.skip_bad or not error.rows:
                raise
            wrong = rows[list(error.rows)]
            bad.append((int(wrong[0]), str(error)))
            answered[wrong] = False


def _count(
    frame: Frame, answers: Answers | None, outputs: dict[str, Array], predictor: Predictor, summary: Summary
) -> None:
    """What has to be known of the samples that were answered."""
    if isinstance(predictor.terms, TableTerms):
        for column, rows in predictor.terms.unseen(frame):
            known = summary.unseen.get(column)
            row = int(rows[0])
            named = Unseen(0, int(frame.numbers[row]), str(frame.columns[column][row])[:40])
            summary.unseen[column] = known or named
            summary.unseen[column].cells += len(rows)
    numbers = [*outputs.values(), *([answers.values] if isinstance(answers, Numbers) else [])]
    wrong = np.zeros(len(frame), bool)
    for values in numbers:
        wrong |= ~np.isfinite(values).reshape(len(frame), math.prod(values.shape[1:])).all(axis=1)
    if wrong.any():
        summary.infinite.add(int(wrong.sum()), f"row {int(frame.numbers[wrong.argmax()]):,}")


def _written_as(predictor: Predictor) -> str:
    """The type of the numbers that are written: the model's, or float64 where the units of a target are beyond it."""
    dtype, terms, targets = str(predictor.spec.dtype), predictor.terms, predictor.reading.targets
    if terms.classes or not targets:
        return dtype
    with np.errstate(over="ignore"):
        ends = terms.restore(np.array([[-FAR], [FAR]]) * np.ones(len(targets)))
    return dtype if (np.abs(np.asarray(ends, np.float64)) < np.finfo(dtype).max).all() else "float64"
