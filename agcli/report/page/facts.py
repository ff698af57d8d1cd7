"""What the page of a run is made of, gathered from its folder, its data and its model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agcli.comparison import Row, row
from agcli.datasets import DataError
from agcli.engine.errors import EngineError
from agcli.evaluation import Evaluation
from agcli.evaluation.evaluate import evaluate, judge_split
from agcli.evaluation.worst import COUNT
from agcli.model.build import Model
from agcli.prediction.curve import Curve, curve_of
from agcli.prediction.target_encoding import terms_of
from agcli.runs import Run, RunError
from agcli.runs.identity import ForeignError
from agcli.spec import SpecError
from agcli.training.evaluate import ChangedError, opened


@dataclass(frozen=True)
class Facts:
    """A run's row, what it wrote, and its evaluation; if there can be none, ``problem`` says why."""

    folder: Path
    row: Row
    spec: str
    history: Sequence[Mapping[str, Any]]
    result: Mapping[str, Any] | None
    environment: Mapping[str, Any]
    evaluation: Evaluation | None
    model: Model | None
    problem: str = ""
    curve: Curve | None = None


def facts(
    folder: Path,
    *,
    weights: str = "",
    split: str = "",
    data: str | None = None,
    anyway: bool = False,
    count: int = COUNT,
) -> Facts:
    """Everything about a run, judged on a split of its data, or on the samples of a file ``data``.

    Without its data or a checkpoint, there is no evaluation, and that is an error if a checkpoint, a split or a file
    was asked for by name, the data has changed, or a file of the run is another's. A file is judged without the run's
    own data, too.
    """
    run = Run.open(folder)
    folder = run.folder
    evaluation, model, problem, curve = None, None, "", None
    if data is not None:
        evaluation = evaluate(folder, data=data, weights=weights, count=count)
    try:
        trained = opened(folder, weights, anyway=anyway or data is not None)
        model, terms = trained.model, terms_of(trained.data)
        curve = curve_of(trained, terms)
        if data is None:
            evaluation = judge_split(trained, terms, split, count=count)
    except (DataError, RunError, EngineError, SpecError) as error:
        # What is asked for by name must be there.
        if weights or split or isinstance(error, ChangedError | ForeignError):
            raise
        problem = str(error)
    text = run.text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return Facts(folder, row(run), text, run.metrics, run.result, run.environment, evaluation, model, problem, curve)
