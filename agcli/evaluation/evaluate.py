"""The evaluation of a trained model on samples whose target is known."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from agcli.data.same_files import known_as
from agcli.data.section import scales
from agcli.datasets import DataError, Dataset, Split, TableFile
from agcli.datasets.dataset import WEIGHTS
from agcli.datasets.frame import Frame
from agcli.engine.graph import toposort
from agcli.engine.types import Array
from agcli.model.build import Model
from agcli.model.undefined import reasons
from agcli.prediction import Answers, Classes, Numbers, Predictor
from agcli.prediction.answerable import why_not
from agcli.prediction.sources import opened as opened_source
from agcli.prediction.target_encoding import Terms, terms_in, terms_of
from agcli.runs import Run, RunError
from agcli.runs.looks import look, told
from agcli.training.evaluate import Trained, opened, weighing_data, weighted
from agcli.training.fit import attempted, written

from .bootstrap import Figure
from .classes import Calibration, ClassRow, calibration, class_table, confusion, label_table
from .figures import figures
from .groups import Group, groups
from .samples import Samples, of_frame, of_source, of_split
from .worst import COUNT, Worst, worst

JUDGED = {"accuracy": 1, "root_mean_squared_error": -1}  # figures that say whether a model learnt; 1 if more is better


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What is known of a model on some samples. ``metrics`` are the spec's own, as in training; ``figures`` are of
    the answers in the data's own terms, with intervals."""

    run: Path
    name: str
    data: str
    split: str
    samples: int
    epoch: int
    step: int
    loss: float
    metrics: dict[str, Any]
    weights: str = "last"  # best, last or step
    test_looks: int = 0  # how often the test data was looked at, this time included; 0 of other samples
    classes: tuple[str, ...] = ()
    unseen: int = 0  # samples of other classes, which training does not have
    figures: dict[str, Figure] = field(default_factory=dict)
    confusion: Array | None = field(default=None, repr=False)
    table: list[ClassRow] = field(default_factory=list, repr=False)
    calibration: Calibration | None = field(default=None, repr=False)
    worst: list[Worst] = field(default_factory=list, repr=False)
    by: str | None = None
    groups: list[Group] = field(default_factory=list)
    answers: Answers | None = field(default=None, repr=False)  # a row a sample, too much to print
    truth: Array | None = field(default=None, repr=False)
    outputs: dict[str, Array] = field(default_factory=dict, repr=False)  # the spec's own formulas
    outputs_of: str = ""  # the split that these are of; empty for a file's samples
    notes: tuple[str, ...] = ()  # what has to be known to read the figures
    fit: dict[str, Any] | None = field(default=None, repr=False)  # of least squares: parameters with errors, or why not

    def to_json(self) -> dict[str, Any]:
        """Plain data; None stands for what is not finite, as JSON has no word for it."""
        found: dict[str, Any] = finite(self._plain())
        return found

    def _plain(self) -> dict[str, Any]:
        return {
            "run": str(self.run),
            "name": self.name,
            "data": self.data,
            "split": self.split,
            "samples": self.samples,
            "epoch": self.epoch,
            "step": self.step,
            "weights": self.weights,
            "test_looks": self.test_looks,
            "loss": self.loss,
            "metrics": self.metrics,
            "undefined": reasons(self.metrics),
            "figures": {k: f.to_json() for k, f in self.figures.items()},
            "classes": [asdict(row) for row in self.table],
            "confusion": self.confusion,
            "unseen": self.unseen,
            "calibration": self.calibration.to_json() if self.calibration else None,
            "worst": [asdict(w) for w in self.worst],
            "by": self.by,
            "groups": [g.to_json() for g in self.groups],
            "notes": list(self.notes),
            "outputs_of": self.outputs_of,
            "outputs": {k: v.tolist() for k, v in self.outputs.items()},
            "fit": self.fit,
        }


def finite(value: Any) -> Any:
    """Plain data of arrays and numbers, without NaN and infinity."""
    if isinstance(value, Mapping):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    if isinstance(value, np.ndarray | np.generic):
        return finite(value.tolist())
    return None if isinstance(value, float) and not math.isfinite(value) else value


def evaluate(
    folder: Path,
    split: str = "",
    *,
    data: str | Path | TableFile | Frame | None = None,
    known: Dataset | None = None,
    by: str | None = None,
    weights: str = "",
    anyway: bool = False,
    count: int = COUNT,
    seed: int = 0,
) -> Evaluation:
    """Judge the model of a run on a split of its data, or on other samples: a file ``data``, or a frame of them.

    ``known`` is the data of the run, if it is at hand; else it is read again.

    The split is the test split if none is named; of a run without test data, that for validation, or else the
    training split, which ``notes`` say. Each look at the test split is counted in the run's result.

    ``by`` names a column whose values are judged apart, ``weights`` a checkpoint (best, last, or the number of a step;
    the best if not given), ``count`` how many of the worst samples are kept; ``seed`` draws the resamples. Raises
    RunError, DataError or SpecError for what does not fit, and RunError for data that has changed since the training,
    unless it is to be judged ``anyway``.
    """
    if data is None:
        if known is not None:
            trained = weighted(Run.open(folder), known, weights)
        else:
            trained = opened(folder, weights, anyway=anyway)
        return judge_split(trained, terms_of(trained.data), split, by=by, count=count, seed=seed)
    run = Run.open(folder)
    spec, terms = run.spec, terms_in(run)
    if isinstance(data, Frame):
        return _judged(run, terms, of_frame(data, terms), weights, known, by=by, count=count, seed=seed)
    with opened_source(data, spec, terms) as source:
        found = _judged(run, terms, of_source(source, terms), weights, known, by=by, count=count, seed=seed)
    told = SEEN.get(known_as(spec, data.path if isinstance(data, TableFile) else data))
    said = (*((told,) if told else ()), *source.notes)
    return replace(found, notes=(*said, *found.notes)) if said else found


# Of the field by which the spec of a run names a file: what is to be said where samples of the same file are judged.
SEEN = {
    "file": "these are the rows of the file that this run was trained on: figures of new samples will be worse; "
    "`ag eval RUN` judges by the samples that were held out",
    "validation_file": "these are the samples that chose the weights: figures of new samples will be worse",
}


def _judged(
    run: Run, terms: Terms, samples: Samples, weights: str, known: Dataset | None, **options: Any
) -> Evaluation:
    trained = weighted(run, terms.skeleton(samples.split), weights, trained_on=weighing_data(run, known))
    return judge(trained, terms, samples, "", **options)


def judge_split(
    trained: Trained, terms: Terms, split: str = "", *, by: str | None = None, count: int = COUNT, seed: int = 0
) -> Evaluation:
    """The evaluation of a trained model on a split of its data; see ``evaluate``."""
    fitted = "train" if trained.model.spec.is_formulas and not split else ""
    split = split or trained.data.judged
    looks = looked(trained) if split == "test" else (0, "")
    samples = of_split(trained.data, terms, split)
    return judge(trained, terms, samples, split, by=by, count=count, seed=seed, fitted=fitted, looks=looks)


def looked(trained: Trained) -> tuple[int, str]:
    """Count a look at the test data: how many they are, and what is to be said of it."""
    try:
        count = look(trained.run)
    except RunError as error:
        return 0, f"this look at the test data could not be counted: {error}"
    return count, told(count)


def judge(
    trained: Trained,
    terms: Terms,
    samples: Samples,
    split: str,
    *,
    by: str | None,
    count: int,
    seed: int,
    fitted: str = "",
    looks: tuple[int, str] = (0, ""),
) -> Evaluation:
    """The evaluation of a trained model on samples; the spec's `outputs` are of a split ``fitted`` if named."""
    sums, model = trained.evaluate(samples.split), trained.model
    described = trained.data[fitted] if fitted else samples.split
    base: dict[str, Any] = {
        "run": trained.run.folder, "name": model.spec.name, "data": trained.data.name if split else samples.name,
        "split": split, "samples": len(samples.split), "epoch": trained.epoch, "step": trained.step,
        "weights": trained.weights, "test_looks": looks[0],
        "loss": sums.mean_loss, "metrics": sums.metrics, "outputs": outputs(model, described),
        "outputs_of": fitted or split,
        "notes": (*notes(trained, terms, split, looks[1]), *weight_notes(terms, samples)),
        "fit": fit_report(trained, split),
    }  # fmt: skip
    found = answered(model, terms, samples)
    if found is None:
        if by is not None:
            raise DataError("--by: the model's outputs are neither classes nor the target's numbers")
        return Evaluation(**base)
    answers, truth = found
    own = {m.name: m.row for m in model.test.meters if m.row is not None and m.name == m.kind}
    counts = samples.counts(len(truth))
    base |= {"figures": as_trained(figures(answers, truth, seed, own=own, counts=counts), sums.metrics)}
    base |= {"answers": answers, "truth": truth}
    base["notes"] = (*base["notes"], *no_better(base["figures"]))
    if isinstance(answers, Classes):
        confused = as_counted(confusion(answers, truth, counts), sums.metrics.get("confusion_matrix"))
        table = label_table(answers, truth, counts) if answers.of else class_table(answers, confused)
        unseen = int((truth >= len(answers.names)).sum())
        if unseen:
            base |= {"unseen": unseen, "notes": (*base["notes"], unseen_note(unseen, len(truth)))}
        base |= {"classes": answers.names, "confusion": confused, "table": table}
        base["calibration"] = calibration(answers, truth, own.get("calibration_error"), counts)
    base["worst"] = worst(answers, truth, samples, count, str(model.spec.dtype))
    if by is not None:
        base |= {"by": by, "groups": groups(answers, truth, samples.column(by), seed, own, counts)}
    return Evaluation(**base)


def as_trained(found: dict[str, Figure], metrics: Mapping[str, Any]) -> dict[str, Figure]:
    """Figures to the last digit as training has them: it may add up in another order, and in single precision."""

    def same(name: str, value: float) -> bool:
        known = metrics.get(name)
        if not isinstance(known, float):
            return False
        return math.isclose(known, value, rel_tol=1e-4, abs_tol=1e-6) or (math.isnan(known) and math.isnan(value))

    return {k: replace(f, value=metrics[k]) if same(k, f.value) else f for k, f in found.items()}


def as_counted(found: Array, trained: Any) -> Array:
    """Weighted counts to the last digit as training has them, whose weights are those of single precision."""
    known = np.asarray(trained, np.float64)
    return known if found.dtype.kind == "f" and known.shape == found.shape and np.allclose(known, found) else found


def unseen_note(unseen: int, count: int) -> str:
    """What is to be said of samples whose class training does not have."""
    return (
        f"{unseen:,} of {count:,} samples have a class that no training sample has: they count as wrong in accuracy, "
        "F1 and confusion, and are left out of the other figures"
    )


def no_better(figures: Mapping[str, Figure]) -> Iterator[str]:
    """What is to be said of a model whose first figure is no better than that of the best constant answer.

    Of numbers it is the root mean squared error, which the mean, the constant, makes least.
    """
    name = next((name for name in JUDGED if name in figures), "")
    found = figures[name] if name else None
    if found is None or found.baseline is None or math.isnan(found.value) or math.isnan(found.baseline):
        return
    gain = (found.value - found.baseline) * JUDGED[name]
    if gain <= 1e-9 * abs(found.baseline):
        value, constant = f"{found.value:.4g}", f"{found.baseline:.4g}"
        if value == constant:
            yield f"the model is no better than a constant answer, whose {name} is {constant}, too"
        else:
            yield f"the model is no better than a constant answer: its {name} is {value}, the constant's {constant}"


def fit_report(trained: Trained, split: str) -> dict[str, Any] | None:
    """What training wrote of the fit, if it is that of the same weights; else, with all of the data, a new one."""
    known = written(trained.run, trained.step)
    if known is not None:
        return known.report()
    return attempted(trained.model, trained.data.train, trained.step)[1] if split else None


def notes(trained: Trained, terms: Terms, split: str, looks: str) -> Iterator[str]:
    """What has to be known to read the figures of a split, or of a file."""
    data = trained.data
    if trained.is_changed:
        yield "the data is not what it was when this run was trained: some of these samples may have been trained on"
    if split == "train" and data.judged == "train":
        yield "no test data: the model is judged on the samples that it was trained on"
    if split == "validation":
        yield "the validation data chose the weights: these figures are better than those of new samples will be"
    for text in scales(getattr(terms, "recipe", None)):
        yield f"{text}; metrics and figures are in its own units"
    if looks:
        yield looks


def weight_notes(terms: Terms, samples: Samples) -> Iterator[str]:
    """What is to be said of samples that count by their weights, or do not since they lack them."""
    column = getattr(getattr(terms, "recipe", None), "weights", "")
    yield from samples.lost
    if samples.lacks:
        yield (
            f'the samples have no "{samples.lacks}", which `data.weights` names: each counts 1; give the file a column '
            f'"{samples.lacks}" to weigh them as training did'
        )
    elif column and WEIGHTS in samples.split.columns:
        yield f'samples count by their weights, "{column}", in figures and in counts of classes'


def outputs(model: Model, split: Split) -> dict[str, Array]:
    """The `outputs` of the spec, computed of all samples at once."""
    if not model.spec.outputs:
        return {}
    function = model.describer()
    values = function({p: split[p.name or ""] for p in function.inputs})
    return {name: np.array(value) for name, value in values.items()}


def answered(model: Model, terms: Terms, samples: Samples) -> tuple[Answers, Array] | None:
    """The model's answers and the truth in the same terms; None if its outputs cannot be compared to a target.

    A target that the loss never looks at says nothing of the model.
    """
    if "y" not in samples.split.columns or why_not(model) or not any(t is model.y for t in toposort([model.test.loss])):
        return None
    predictor = Predictor.of(model, terms)
    answers = predictor.answers(samples.split)
    truth = predictor.reading.truth(samples.split["y"])
    if isinstance(answers, Numbers):
        return (answers, truth) if truth.shape == answers.values.shape else None
    if terms.classes:
        truth = np.where(
            truth >= len(terms.classes), len(answers.names), truth
        )  # of classes that training does not see
    fits = truth.ndim == 1 and len(truth) == len(answers) and bool((truth <= len(answers.names)).all())
    return (answers, truth) if fits else None
