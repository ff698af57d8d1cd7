"""A model with its weights: samples in, outputs out, in batches of few different sizes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from agcli.build import Model, build
from agcli.building import OUTPUT
from agcli.datasets import DataError, Speller, Split, fitted
from agcli.datasets.dataset import KNOWN
from agcli.datasets.frame import Frame
from agcli.engine.errors import EngineError
from agcli.engine.function import Function
from agcli.engine.graph import Tensor, toposort
from agcli.engine.leaves import Placeholder
from agcli.engine.types import Array
from agcli.runs import Run, RunError
from agcli.spec import Spec, SpecError

from .reading import Answers, Reading
from .terms import Terms, terms_in

BATCH = 1024  # samples at a time; fewer are filled up to a power of two, so that few plans are made


class Predictor:
    """A trained model. It is built when the first samples show the shapes of its inputs."""

    def __init__(self, spec: Spec, terms: Terms, run: Run | None = None, which: str = "") -> None:
        self.spec, self.terms, self.run, self.which = spec, terms, run, which
        self.reading = Reading(spec.loss.name, terms)
        self.function: Function | None = None

    @classmethod
    def open(cls, run: Run, which: str = "") -> Predictor:
        """The model of a run, with a checkpoint's weights (see ``Run.chosen``). A table need not be there any more."""
        learnt = run.learnt
        if learnt is not None and isinstance(fitted(learnt), Speller):
            raise RunError(f"{run.folder}: was trained on running text; predictions are for tables and arrays")
        return cls(run.spec, terms_in(run), run, which)

    @classmethod
    def of(cls, model: Model, terms: Terms) -> Predictor:
        """The same of a model that is built already and has its weights."""
        made = cls(model.spec, terms)
        made.function = function_of(model)
        return made

    def outputs(self, split: Split) -> dict[str, Array]:
        """The model's output for all samples of a split, and the spec's own ``outputs`` that have a row a sample."""
        function = self.function = self.function or function_of(self._built(split))
        inputs = function.inputs
        parts: dict[str, list[Array]] = {}
        for count, feeds in _batches(split, [p.name or "" for p in inputs]):
            for name, values in function(dict(zip(inputs, feeds, strict=True))).items():
                parts.setdefault(name, []).append(np.array(values[:count]))
        return {name: np.concatenate(arrays) for name, arrays in parts.items()}

    def answers(self, split: Split) -> Answers:
        """What the model says of the samples of a split, in the data's own terms."""
        return self.reading(self.outputs(split)[OUTPUT])

    def predict(self, frame: Frame) -> Answers:
        """The same for samples as they stand in a file."""
        return self.answers(self.terms.split(frame))

    def predict_all(self, frame: Frame) -> tuple[Answers, dict[str, Array]]:
        """The same, and the spec's own outputs by name."""
        found = self.outputs(self.terms.split(frame))
        return self.reading(found.pop(OUTPUT)), found

    def _built(self, split: Split) -> Model:
        try:
            model = build(self.spec, self.terms.skeleton(split))
            if self.run is not None:
                self.run.restore({f"model.{k}": v for k, v in model.parameters.items()}, self.which)
        except (EngineError, SpecError) as error:
            shapes = ", ".join(f"{name} {column.shape}" for name, column in split.columns.items())
            raise DataError(f"the model does not take samples of the shape {shapes}: {error}") from None
        if not has_answers(model):
            raise DataError(f"{self.spec.name}: the spec has no `model` that gives an output for each sample")
        return model


def has_answers(model: Model) -> bool:
    """Whether the model gives an output a sample; a spec of formulas alone may have but its loss."""
    return model.test.output.shape[:1] == (None,)


def function_of(model: Model) -> Function:
    """The output, and the outputs of the spec that follow from the inputs alone and have a row a sample."""
    named = {name: t for name, t in model.test.outputs.items() if t.shape[:1] == (None,) and not _needs(t, model.y)}
    inputs = [p for name, p in model.inputs.items() if name not in KNOWN]
    return Function(model.evaluated({**named, OUTPUT: model.test.output}), inputs=inputs, key=model.key)


def _needs(t: Tensor, target: Placeholder | None) -> bool:
    return target is not None and any(x is target for x in toposort([t]))


def _batches(split: Split, names: list[str]) -> Iterator[tuple[int, list[Array]]]:
    """How many samples a batch has, and the arrays to feed."""
    for start in range(0, len(split), BATCH):
        part = split.select(slice(start, start + BATCH))
        size = min(BATCH, 1 << (len(part) - 1).bit_length())
        yield len(part), [_filled(part[name], size) for name in names]


def _filled(array: Array, size: int) -> Array:
    """The array with its last row repeated up to a size."""
    if len(array) == size:
        return array
    return np.concatenate([array, np.repeat(array[-1:], size - len(array), axis=0)])
