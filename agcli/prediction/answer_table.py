"""Answers as a table: what the columns of predictions are called, and what is in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from agcli.datasets import DataError
from agcli.datasets.frame import Frame
from agcli.engine.types import Array

from .output_decoding import Answers, Classes, Numbers
from .predictor import spread

if TYPE_CHECKING:
    import polars as pl

PREDICTED, PROBABILITY, DEVIATION = "predicted", "probability", "deviation"
CLASSES = 100  # whose probabilities get a column each


def table_of(
    answers: Answers | None,
    kept: Frame | None = None,
    outputs: Mapping[str, Array] | None = None,
    dtype: str = "float32",
    answered: npt.NDArray[np.bool_] | None = None,
) -> pl.DataFrame:
    """Answers and the spec's own outputs as columns, behind those of the samples where these are kept.

    Numbers are of the model's ``dtype``; further digits would be noise. ``answered`` says of each sample whether it is
    among those of the answers; the others have no cells.
    """
    import polars as pl

    own = {n: rounded(c, dtype) for name, a in (outputs or {}).items() for n, c in spread(name, a)}
    table = pl.DataFrame(columns_of(answers, dtype) | own)
    if answered is not None and not answered.all():
        places = pl.Series(np.cumsum(answered) - 1).zip_with(pl.Series(answered), pl.Series([None], dtype=pl.Int64))
        table = table.select(pl.all().gather(places))
    if kept is None:
        return table
    before = {name: values for name, values in kept.columns.items() if np.ndim(values) == 1}
    both = [name for name in table.columns if name in before]
    if both:
        raise DataError(f'{kept.file}: has a column "{both[0]}" itself; rename it, or leave --keep out')
    return pl.DataFrame(before).hstack(table) if before else table


def rounded(values: Array, dtype: str) -> Array:
    """Floats in the model's type; anything else as it is."""
    with np.errstate(over="ignore"):
        return values.astype(dtype) if values.dtype.kind == "f" else values


def columns_of(answers: Answers | None, dtype: str = "float32") -> dict[str, Array]:
    """The columns of predictions by name: classes with their probabilities, numbers in units, or none."""
    if answers is None:
        return {}
    found = _of_numbers(answers) if isinstance(answers, Numbers) else _of_classes(answers)
    return {name: rounded(values, dtype) for name, values in found.items()}


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
