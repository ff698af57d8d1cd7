"""The part of the page that an evaluation fills: figures, confusions, calibration, the worst samples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from agcli.counts import number_of
from agcli.engine.types import Array
from agcli.evaluation import Evaluation
from agcli.evaluation.worst import Worst
from agcli.prediction import Numbers
from agcli.prediction.curve import Curve

from .. import fits
from ..evaluation import (
    NO_INTERVAL,
    amount,
    cell_text,
    counted,
    interval,
    noun_of,
    of_data,
    rows_of,
    share,
    tidy,
    weights_of,
)
from . import charts
from .html import Html, joined, picture, table, tag

CLASSES = 60  # of a confusion matrix
POINTS = 1500  # of a scatter
CELLS = 12  # columns of a sample
CUT = 60  # characters of a cell


def results(found: Evaluation) -> Iterator[Html]:
    """The sections, in order."""
    where = f"the {found.split} split of {found.data}" if found.split else found.data
    yield tag("p", f"{number_of(found.samples, 'sample')}: {where}; {weights_of(found)}.", class_="soft")
    yield from (tag("p", f"{note[0].upper()}{note[1:]}.", class_="note") for note in found.notes)
    yield figure_table(found)
    if found.fit is not None:
        yield from fit_parts(found.fit)
    if found.outputs:
        of = of_data(found.outputs_of)
        yield tag("h3", f"Outputs of the spec{of and ','}{of}")
        values = [(name, np.array2string(value, precision=5, threshold=64)) for name, value in found.outputs.items()]
        yield table(("name", "value"), [(name, tag("code", value)) for name, value in values])
    if found.table:
        yield tag("h3", noun_of(found)[1].capitalize())
        yield class_table(found)
    if found.confusion is not None and len(found.classes) <= CLASSES:
        yield tag("h3", "Confusions: a row for each class, a column for each prediction")
        yield confusion(found.classes, found.confusion, rows_of(found))
    drawn = [*calibration(found), *predictions(found)]
    if drawn:
        yield tag("h3", "Can the answers be believed?")
        yield tag("div", *drawn, class_="charts")


def fitted(found: Curve) -> Iterator[Html]:
    """A curve over its samples, with the bands of a least-squares fit, or with the reason why there are none."""
    count = min(len(found.x), POINTS)
    chosen = np.linspace(0, len(found.x) - 1, count).astype(int)
    shown = found.x[chosen].tolist(), found.y[chosen].tolist()
    bands: list[tuple[str, Array | None]] = []
    if found.bands is not None:
        percent = f"{100 * found.bands.level:g} %"
        bands = [
            (f"{percent} prediction band", found.bands.prediction),
            (f"{percent} confidence band", found.bands.confidence),
        ]
    title = f"{found.up} over {found.across}: training data and model"
    drawn = charts.curve(title, shown, found.grid, found.values, bands, found.across)
    yield tag("div", drawn, class_="charts wide")
    if found.problem:
        yield tag("p", f"No bands: {found.problem}.", class_="note")


def fit_parts(fit: Mapping[str, Any]) -> Iterator[Html]:
    """The parameters of a least-squares fit with their errors, or why they have none."""
    if fits.problem(fit):
        yield tag("p", f"{fits.problem(fit)}.", class_="note")
        return
    yield tag("h3", fits.heading(fit).capitalize())
    yield table(fits.HEAD, fits.rows(fit), (1, 2))
    for line in fits.remarks(fit):
        yield tag("p", line, class_="soft")


def figure_table(found: Evaluation) -> Html:
    """Figures with intervals, and what a constant answer would reach."""
    rows: list[tuple[Any, ...]] = [("loss", amount(found.loss), "", "")]
    for name, f in found.figures.items():
        rows.append((name, amount(f.value), interval(f), "" if f.baseline is None else amount(tidy(f.baseline))))
    for name, value in found.metrics.items():
        if name not in found.figures and np.ndim(value) == 0:
            rows.append((name, amount(value), NO_INTERVAL.get(name, ""), ""))
    return table(("metric", "value", "95 % interval", "constant answer"), rows, (1, 2, 3))


def class_table(found: Evaluation) -> Html:
    rows = [
        (r.name, counted(r.samples), counted(r.predicted), *(share(x) for x in (r.precision, r.recall, r.f1)))
        for r in found.table[:200]
    ]
    return table((noun_of(found)[0], "samples", "predicted", "precision", "recall", "f1"), rows, range(1, 6))


def confusion(classes: Sequence[str], counts: Any, names: Sequence[str]) -> Html:
    """A heat map: the stronger, the larger the share of the class."""

    def cell(i: int, j: int) -> Html:
        count, total = counts[i][j], np.sum(counts[i])
        if not count:
            return tag("td", "·", class_="none")
        strength = 0.1 + 0.7 * count / total
        said = f"{names[i]} taken for {classes[j]}: {counted(count)} of {counted(total)}"
        style = f"background: rgba(var(--heat), {strength:.2f})" if i == j else None
        return tag("td", counted(count), title=said, style=style, class_="wrong" if i != j else None)

    rows = [(name, *(cell(i, j) for j in range(len(classes)))) for i, name in enumerate(names)]
    return table(("", *classes), rows, class_="heat")


def calibration(found: Evaluation) -> Iterator[Html]:
    if found.calibration is not None:
        title = f"Calibration: certainty and accuracy differ by {amount(found.calibration.error)} on average"
        yield charts.reliability(title, [(b.certainty, b.accuracy, counted(b.samples)) for b in found.calibration.bins])


def predictions(found: Evaluation) -> Iterator[Html]:
    """For numbers, what was said over what is true, where both are numbers."""
    if not isinstance(found.answers, Numbers) or found.truth is None:
        return
    rows = np.unique(np.linspace(0, len(found.truth) - 1, POINTS).astype(int))
    for i, name in enumerate(found.answers.names[:6]):
        pairs = np.stack([found.truth[rows, i], found.answers.values[rows, i]])
        true, said = pairs[:, np.isfinite(pairs).all(axis=0)].tolist()
        if true:
            yield charts.scatter(f"{name}: {number_of(len(true), 'sample')}", true, said, f"true {name}", "predicted")


def worst_table(rows: Sequence[Worst]) -> Html:
    """A row a sample: its row in the file, what is true, what was said, and its cells, pictures drawn."""
    names = list(rows[0].cells)[:CELLS]
    heads = ("row", "true", "said", "wrong by", *names)
    return table(heads, [_worst(row, names) for row in rows], (0, 3))


def _worst(row: Worst, names: Sequence[str]) -> tuple[Any, ...]:
    said = [tag("b", cell_text(row.truth)), tag("span", cell_text(row.said), class_="wrong")]
    cells = [_cell(row.cells.get(name), f"{name} of row {row.row}") for name in names]
    return (f"{row.row:,}", *said, amount(row.wrong), *cells)


def _cell(value: Any, alt: str) -> Html:
    drawn = picture(value, alt) if isinstance(value, list) else None
    if drawn is not None:
        return drawn
    text = cell_text(value)
    return joined([text if len(text) <= CUT else f"{text[: CUT - 1]}…"])
