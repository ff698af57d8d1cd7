"""k-fold cross-validation: a training for each fold, and what their test figures say together."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from pathlib import Path

from agcli.data.section import folds
from agcli.events import Done, Event, Folded
from agcli.model.undefined import Undefined, in_json
from agcli.runs import Run
from agcli.runs.places import check_free, usual
from agcli.spec import Spec

from .trainer import Trainer

RESULT = "folds.json"


class CrossValidation:
    """Trainings on each of ``of`` folds, in ``out/fold-1``, ``out/fold-2`` and so on.

    Each is a run like any other, whose spec holds its fold: it resumes and evaluates by itself. Iterating trains,
    and ends with the event ``Folded``, which is also written to ``out/folds.json``.
    """

    def __init__(self, spec: Spec, of: int, out: Path | None = None) -> None:
        self.specs = folds(spec, of)
        self.out = out if out is not None else usual(spec.name)
        check_free(self.out)
        self.trainer: Trainer | None = None
        self.signal = 0

    def stop(self, signal: int = 2) -> None:
        """End after the step that runs now; later folds do not begin."""
        self.signal = signal
        if self.trainer is not None:
            self.trainer.stop(signal)

    def log(self, text: str) -> None:
        """Write a line into the log of the run that trains now."""
        if self.trainer is not None:
            self.trainer.log(text)

    def __iter__(self) -> Iterator[Event]:
        done: list[Done] = []
        for number, spec in enumerate(self.specs, 1):
            self.trainer = Trainer(spec, self.out / f"fold-{number}")
            if self.signal:
                self.trainer.stop(self.signal)
            for event in self.trainer:
                yield event
            if not isinstance(event, Done):
                return
            done.append(event)
        yield self._together(done)

    def _together(self, done: list[Done]) -> Folded:
        figures = [event.figures for event in done]
        numbers = [name for name, value in figures[0].items() if isinstance(value, int | float)]  # no confusion matrix
        columns: dict[str, list[float]] = {name: [one[name] for one in figures] for name in numbers}
        folded = Folded(
            self.out,
            tuple(event.run for event in done),
            {name: over_folds(statistics.fmean, values) for name, values in columns.items()},
            {name: over_folds(statistics.stdev, values) for name, values in columns.items()},
        )
        Run(self.out).write(RESULT, {"folds": [in_json(f)["metrics"] for f in figures], **folded.to_json()})
        return folded


def over_folds(of: Callable[[list[float]], float], values: list[float]) -> float:
    """A statistic of a figure over the folds; if a fold has no value of it, there is none."""
    for fold, value in enumerate(values, 1):
        if isinstance(value, Undefined):
            return Undefined(f"in fold {fold}, {value.reason}")
    return of(values)
