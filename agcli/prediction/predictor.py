"""A model with its weights: samples in, outputs out, in batches of few different sizes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from agcli.datasets import DataError, Speller, Split, fitted
from agcli.datasets.errors import CellError
from agcli.datasets.frame import Frame
from agcli.engine.errors import EngineError
from agcli.engine.function import Function
from agcli.engine.types import Array
from agcli.model.build import Answering, Model, build_outputs
from agcli.model.graph import OUTPUT
from agcli.runs import Run, RunError
from agcli.spec import Spec, SpecError
from agcli.training.fit import Fit, fit_for

from .answerable import row_outputs, why_not
from .bands import LEVEL, Bands, bands_of, checked, slopes_of
from .output_decoding import Answers, Classes, Numbers, Reading
from .target_encoding import Terms, terms_in

BATCH = 1024  # samples at a time; fewer are filled up to a power of two, so that few plans are made


class Predictor:
    """A trained model. It is built when the first samples show the shapes of its inputs."""

    def __init__(self, spec: Spec, terms: Terms, run: Run | None = None, which: str = "") -> None:
        self.spec, self.terms, self.run, self.which = spec, terms, run, which
        self.reading = Reading(spec.loss.fields, terms)
        self.function: Function | None = None
        self.model: Answering | None = None
        self.fit: Fit | None = None
        self.slopes: Function | None = None

    @classmethod
    def open(cls, run: Run, which: str = "") -> Predictor:
        """The model of a run, with a checkpoint's weights (see ``Run.chosen``). A table need not be there any more."""
        preprocessing = run.preprocessing
        if preprocessing is not None and isinstance(fitted(preprocessing), Speller):
            raise RunError(f"{run.folder}: was trained on running text; predictions are for tables and arrays")
        return cls(run.spec, terms_in(run), run, which)

    @classmethod
    def of(cls, model: Model, terms: Terms) -> Predictor:
        """The same of a model that is built already and has its weights."""
        made = cls(model.spec, terms)
        made.model, made.function = model, function_of(model)
        return made

    def outputs(self, split: Split) -> dict[str, Array]:
        """The model's output for all samples of a split, and the spec's own ``outputs`` that have a row a sample.

        Of no samples, that for one of zeros, whose shape is that of an answer.
        """
        if self.function is None:
            self.model = self.model or self._built(split)
            self.function = function_of(self.model)
        return _in_batches(self.function, split)

    def answers(self, split: Split) -> Answers:
        """What the model says of the samples of a split, in the data's own terms.

        Of a spec that has but `outputs` with a row a sample, these are the answers.
        """
        found = self.outputs(split)
        if OUTPUT in found:
            return self.reading(found[OUTPUT])
        columns = {n: c for name, array in found.items() for n, c in spread(name, array)}
        return Numbers(tuple(columns), np.stack(list(columns.values()), axis=1))

    def predict(self, frame: Frame) -> Answers:
        """The same for samples as they stand in a file."""
        split = self.terms.split(frame)
        with _named(frame):
            answers = _certain(self.answers(split), frame)
        return answers if len(frame) else answers.none()

    def predict_all(self, frame: Frame) -> tuple[Answers | None, dict[str, Array]]:
        """The same if the model has an output, and the spec's own outputs by name."""
        split = self.terms.split(frame)
        with _named(frame):
            found = self.outputs(split)
        output, none = found.pop(OUTPUT, None), not len(frame)
        answers = None if output is None else _certain(self.reading(output), frame)
        return answers.none() if none and answers else answers, {n: a[:0] if none else a for n, a in found.items()}

    def bands(self, frame: Frame, level: float = LEVEL) -> Bands:
        """The predictions with their bands, of a least-squares fit. Raises NoFitError where there is none.

        They are of the `sigma` of the frame, if training had one; without it, prediction bands are not known.
        """
        checked(level)
        split = self.terms.split(frame)
        self.model = self.model or self._built(split)
        if reason := why_not(self.model):
            raise DataError(f"{self.spec.name}: no bands: {reason}")
        if self.fit is None and self.run is not None:
            self.fit = fit_for(self.run, self.which)
        if self.fit is None:
            raise DataError("bands need a run, whose training data says how sure its parameters are")
        self.slopes = self.slopes or slopes_of(self.model)
        sigma, weighed = self.terms.deviations(frame), self.spec.sigma is not None
        sigma = np.ones(1) if sigma is not None and not len(frame) else sigma  # of the one that shows the shape
        found = bands_of(self.fit, **_in_batches(self.slopes, split), level=level, sigma=sigma, weighed=weighed)
        units = found.mapped(lambda ends: np.asarray(self.terms.restore(ends[:, None]), np.float64).reshape(len(ends)))
        return units if len(frame) else units.none()

    def _built(self, split: Split) -> Answering:
        try:
            model = build_outputs(self.spec, self.terms.skeleton(split))
            if self.run is not None:
                self.run.restore({f"model.{k}": v for k, v in model.parameters.items()}, self.which)
        except (EngineError, SpecError, RunError) as error:
            if wrong := self.terms.other_shape(split):
                name, found, expected = wrong
                said = f"expected samples of shape {expected} as in training, found {found}"
                raise DataError(f'column "{name}": {said}') from None
            if isinstance(error, RunError):
                raise
            shapes = ", ".join(f"{name} {column.shape}" for name, column in split.columns.items())
            raise DataError(f"the model does not take samples of the shape {shapes}: {error}") from None
        reason = why_not(model)
        if reason and not row_outputs(model):
            raise DataError(f"{self.spec.name}: cannot predict: {reason}")
        return model


@contextmanager
def _named(frame: Frame) -> Iterator[None]:
    """Errors about samples, of a model that knows no file, with the name of theirs."""
    try:
        yield
    except CellError:
        raise
    except DataError as error:
        raise DataError(f"{frame.file}: {error}", error.path) from None


def _certain(answers: Answers, frame: Frame) -> Answers:
    """The answers. Raises CellError for samples of which the model says no class, as its scores are no numbers."""
    if isinstance(answers, Classes):
        lost = np.isnan(answers.probabilities).any(axis=1).reshape(-1, answers.each).any(axis=1)
        if lost.any() and len(frame):
            rows = np.flatnonzero(lost)
            said = "the model gives no class, since its scores are no numbers (NaN)"
            advice = "are the numbers of this sample as large as those of training?"
            raise CellError(f"{frame.file}: row {int(frame.numbers[rows[0]]):,}: {said}; {advice}", (), rows.tolist())
    return answers


def function_of(model: Answering) -> Function:
    """The output, and the outputs of the spec that follow from the inputs alone and have a row a sample."""
    named = row_outputs(model) | ({} if why_not(model) else {OUTPUT: model.test.output})
    return Function(model.evaluated(named), inputs=list(model.sources.values()), key=model.key)


def spread(name: str, values: Array) -> Iterator[tuple[str, Array]]:
    """A column, or a column for each number of a sample."""
    flat = values.reshape(len(values), math.prod(values.shape[1:]))
    for i in range(flat.shape[1]):
        yield (name if flat.shape[1] == 1 else f"{name}_{i}"), flat[:, i]


def _in_batches(function: Function, split: Split) -> dict[str, Array]:
    """The results of a function by name, with a row a sample; of no samples, a row of zeros fed."""
    parts: dict[str, list[Array]] = {}
    for count, feeds in _batches(split, [p.name or "" for p in function.inputs]):
        for name, values in function(dict(zip(function.inputs, feeds, strict=True))).items():
            parts.setdefault(name, []).append(np.array(values[: count or 1]))
    return {name: np.concatenate(arrays) for name, arrays in parts.items()}


def _batches(split: Split, names: list[str]) -> Iterator[tuple[int, list[Array]]]:
    """How many samples a batch has, and the arrays to feed."""
    for start in range(0, max(len(split), 1), BATCH):
        part = split.select(slice(start, start + BATCH))
        size = min(BATCH, 1 << max(0, len(part) - 1).bit_length())
        yield len(part), [_filled(part[name], size) for name in names]


def _filled(array: Array, size: int) -> Array:
    """The array with its last row repeated up to a size; zeros where it has none."""
    if len(array) == size:
        return array
    if not len(array):
        return np.zeros((size, *array.shape[1:]), array.dtype)
    return np.concatenate([array, np.repeat(array[-1:], size - len(array), axis=0)])
