"""Training, prediction and evaluation from Python: what the commands do, as functions and objects."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

from agcli import training
from agcli.data.from_python import given, is_section
from agcli.data.same_files import unread
from agcli.datasets import Dataset
from agcli.datasets.memory import PYTHON
from agcli.engine.types import Array
from agcli.evaluation import Evaluation
from agcli.evaluation.evaluate import evaluate
from agcli.events import Event, Note
from agcli.prediction import Classes, Predictor
from agcli.prediction.bands import LEVEL, Bands
from agcli.prediction.output_decoding import Answers, plain
from agcli.prediction.samples import frame_of, judged_frame
from agcli.runs import Run, RunError
from agcli.runs.figures import final
from agcli.spec import Spec, Train, parse_spec, read_spec
from agcli.spec.names import suggestion
from agcli.training.fit import Estimate, Fit, fit_for

Specified: TypeAlias = "Spec | str | os.PathLike[str] | Mapping[str, Any]"


def train(
    spec: Specified,
    out: str | os.PathLike[str] | None = None,
    *,
    set: Sequence[str] = (),
    on_event: Callable[[Event], object] | None = None,
    **settings: Any,
) -> TrainedRun:
    """Train a model to the end and return its run.

    ``spec`` is a file, the name of a model of the zoo, a mapping with a spec's content, or a Spec. Keywords change
    it: sections (``seed=1``, ``optimizer={"adam": 0.01}``) and fields of ``train`` (``epochs=3``); ``set`` takes
    what ``--set`` takes. They are validated like the file. ``data=`` may also be samples: a Dataset, which is used as
    it is fed; a data frame or a mapping of columns, whose target the spec names or a guess; or a pair (x, y).
    ``out`` is the run's folder, ``runs/NAME-TIME`` if not given. ``on_event`` sees each event; Trainer gives them one
    by one. Raises SpecError, DataError or RunError.

    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> run = ag.train("iris", f"{folder.name}/run", epochs=30)
    >>> len(run.history), run.metrics["accuracy"] > 0.9
    (30, True)
    >>> print(*run.predict({"sepal_length": 5.1, "sepal_width": 3.5, "petal_length": 1.4, "petal_width": 0.2}))
    setosa
    >>> folder.cleanup()
    """
    trainer = Trainer(spec, out, set=set, **settings)
    for event in trainer:
        if on_event is not None:
            on_event(event)
    return TrainedRun(trainer.run.folder, trainer.data)


def load(folder: str | os.PathLike[str], weights: str | int = "") -> TrainedRun:
    """The run in a folder, or in the folder of that name in `runs`. Raises RunError if there is none.

    ``weights`` are "best" (by the validation data), "last", or those of a step; if not given, the best that there are.

    >>> try:
    ...     ag.load("nowhere")
    ... except ValueError as error:
    ...     print(str(error).partition(";")[0])
    nowhere: expected a run folder with a spec.yaml, found nothing there
    """
    return TrainedRun(Path(folder), weights=str(weights))


class Trainer(training.Trainer):
    """A training whose events one loops over; the loop may be left at any time, and resumed.

    Takes what ``train`` takes. ``Trainer.resume(folder)`` goes on with a run; of one that was given samples, with
    the same ones as ``data``.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     names = [type(event).__name__ for event in ag.Trainer("iris", f"{folder}/run", epochs=2)]
    >>> names[0], names.count("EpochDone"), names[-1]
    ('Started', 2, 'Done')
    """

    def __init__(
        self,
        spec: Specified,
        out: str | os.PathLike[str] | None = None,
        *,
        data: Any = None,
        set: Sequence[str] = (),
        **settings: Any,
    ) -> None:
        samples = None if data is None or is_section(data) else data
        unused: list[str] = []
        if samples is None and data is not None:
            settings["data"] = data
        if samples is not None and isinstance(spec, Mapping):
            spec = {"data": PYTHON, **spec}
        known, dataset = specified(spec, [*overrides(settings), *set]), None
        if samples is not None:
            unused = [*unread(known)]
            known, dataset = given(known, samples)
        super().__init__(known, Path(out) if out else None, data=dataset)
        self.notes += [Note(text, "data") for text in unused]

    @classmethod
    def resume(
        cls,
        folder: str | os.PathLike[str],
        overrides: Sequence[str] = (),
        spec: Spec | None = None,
        *,
        data: Any = None,
    ) -> training.Trainer:
        """A training that goes on from the newest checkpoint of a run which verifies."""
        dataset = None if data is None else given(Run.open(Path(folder)).spec, data)[1]
        return super().resume(Path(folder), tuple(overrides), spec, data=dataset)


class TrainedRun:
    """A run's folder as an object: how the training went, and the model that came of it.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     run = ag.train("iris", f"{folder}/run", epochs=30)
    ...     run = ag.load(f"{folder}/run")
    ...     found = run.evaluate()
    ...     rows = [[5.1, 3.5, 1.4, 0.2], [6.3, 3.3, 6.0, 2.5]]
    ...     print(run.spec.name, *run.predict(rows), run.predict(rows, probabilities=True).shape)
    iris setosa virginica (2, 3)
    >>> 0.8 < found.figures["accuracy"].low <= found.figures["accuracy"].value
    True
    """

    def __init__(self, folder: Path, data: Dataset | None = None, weights: str = "") -> None:
        self.place, self.weights = Run.open(folder), weights
        self.folder = self.place.folder
        self.data = data  # that it was trained on, if this process did it

    def __repr__(self) -> str:
        return f"TrainedRun({str(self.folder)!r})"

    @cached_property
    def spec(self) -> Spec:
        """The resolved spec."""
        return self.place.spec

    @property
    def result(self) -> dict[str, Any] | None:
        """What the training said at its end; None if it has not come to it."""
        return self.place.result

    @property
    def history(self) -> list[dict[str, Any]]:
        """A record for each epoch, and each evaluation between: the lines of ``metrics.jsonl``."""
        return self.place.metrics

    @property
    def metrics(self) -> dict[str, Any]:
        """Loss and metrics of the test split, with the weights that are kept. Empty if nothing was measured.

        Of a run without test data they are those of the validation split, or else of the training split; before the
        end, those of the last evaluation on the validation split.
        """
        return final(self.result, self.history)[1]

    @cached_property
    def predictor(self) -> Predictor:
        """The model with its weights; a resumed training has others, so load the run again after one."""
        return Predictor.open(self.place, self.weights)

    def predict(self, samples: Any, *, probabilities: bool = False) -> Array:
        """The names of the classes, or numbers in units of the target; or the probabilities of all classes.

        ``samples`` are a mapping of columns, a sequence of mappings, a data frame, an array with a row a sample in
        the data's own units, or the name of a file.
        """
        found = self.answers(samples)
        if not probabilities:
            return plain(found)
        if not isinstance(found, Classes) or not found.certain:
            raise RunError(f"{self.folder}: this model gives no probabilities; its loss is {self.spec.loss.name}")
        return found.chances

    def answers(self, samples: Any) -> Answers:
        """All that the model says of samples: Classes with probabilities, or Numbers."""
        return self.predictor.predict(frame_of(samples, self.spec, self.predictor.terms))

    @cached_property
    def fit(self) -> Fit:
        """What a least-squares fit says of its parameters: values, standard errors, covariance, correlations.

        Of the split that was fitted. Raises NoFitError, a RunError, where the loss or the data has no such thing.
        """
        return fit_for(self.place, self.weights)

    @property
    def parameters(self) -> dict[str, Estimate]:
        """The numbers of a least-squares fit by name: ``run.parameters["a"].value``, ``.standard_error``."""
        return self.fit.parameters

    def bands(self, samples: Any, level: float = LEVEL) -> Bands:
        """The predictions of a least-squares fit with their confidence and prediction bands.

        Raises RunError for a model that is none, or whose parameters the data does not determine.
        """
        return self.predictor.bands(frame_of(samples, self.spec, self.predictor.terms), level)

    def evaluate(self, split: Any = "", **options: Any) -> Evaluation:
        """Judge the model on a split of its data (the test split, if there is one), or on other samples.

        These are the name of a file as ``data``, or what ``train`` takes as such: a Dataset (its test split, if there
        is one), a data frame, a mapping of columns, a pair (x, y). See agcli.evaluation.evaluate.
        """
        if not isinstance(split, str):
            split, options = "", {"data": split, **options}
        samples = options.get("data")
        if samples is not None and not isinstance(samples, str | os.PathLike):
            options["data"] = judged_frame(samples, self.spec, self.predictor.terms)
        return evaluate(self.folder, split, known=self.data, **{"weights": self.weights, **options})


def specified(spec: Specified, changes: Sequence[str]) -> Spec:
    """The validated spec of a file, a mapping or a Spec, with changes as ``--set`` takes them."""
    if isinstance(spec, Spec):
        return parse_spec(spec.dump(), spec.name, changes) if changes else spec
    if isinstance(spec, Mapping):
        return parse_spec(json.dumps(spec, default=str), "spec", changes)
    return read_spec(spec, changes)


def overrides(settings: Mapping[str, Any]) -> Iterator[str]:
    """Keywords as ``--set`` takes them: names of sections, or of fields of ``train``."""
    for name, value in settings.items():
        if name not in Spec.model_fields and name not in Train.model_fields:
            known = [*Spec.model_fields, *Train.model_fields]
            raise RunError(f"there is no setting `{name}`{suggestion(name, known)}; `set` takes paths into a section")
        path = name if name in Spec.model_fields else f"train.{name}"
        yield f"{path}={json.dumps(value, default=str)}"
