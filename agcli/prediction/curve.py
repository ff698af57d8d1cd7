"""The curve of a formula model of one number: its bands from end to end of the samples that it was fitted to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from agcli.datasets.frame import Frame, joined
from agcli.datasets.table import Table
from agcli.engine.types import Array
from agcli.training.evaluate import Trained
from agcli.training.fit import NoFitError, fit_with

from .answerable import why_not
from .bands import LEVEL, ONE_NUMBER, Bands
from .output_decoding import Numbers
from .predictor import Predictor
from .target_encoding import SetTerms, TableTerms, Terms, set_frame

POINTS = 200  # of a curve


@dataclass(frozen=True, eq=False)
class Curve:
    """Samples ``x``, ``y`` (n,) in units of the data, and the model at ``grid`` (m,), with ``bands`` if it has such.

    ``problem`` says why there are no bands.
    """

    across: str
    up: str
    x: Array
    y: Array
    grid: Array
    values: Array
    bands: Bands | None
    problem: str = ""


def curve_of(trained: Trained, terms: Terms, level: float = LEVEL) -> Curve | None:
    """The curve of a model of formulas alone, fitted to the training data; None if it is none of one number."""
    model, data = trained.model, trained.data
    inputs = terms.inputs if isinstance(terms, TableTerms | SetTerms) else ()
    if not model.spec.is_formulas or why_not(model) or len(inputs) != 1 or len(terms.targets) != 1 or terms.classes:
        return None
    if model.test.output.shape not in ONE_NUMBER:
        return None
    table = data.settled
    frame = joined(table.frames("train")) if isinstance(table, Table) else set_frame(data, "train")
    x, y = frame[inputs[0]].numbers(), frame[terms.targets[0]].numbers()
    known = np.isfinite(x) & np.isfinite(y)
    if x.ndim != 1 or not known.any():
        return None
    grid = np.linspace(x[known].min(), x[known].max(), POINTS)
    predictor, line = Predictor.of(model, terms), Frame("the curve", {inputs[0]: grid})
    answers = predictor.predict(line)
    if not isinstance(answers, Numbers):
        return None
    bands, problem = None, ""
    try:
        predictor.fit = fit_with(trained)
        bands = predictor.bands(line, level)
    except NoFitError as error:
        problem = str(error)
    return Curve(inputs[0], terms.targets[0], x[known], y[known], grid, answers.values[:, 0], bands, problem)
