"""Spec -> graph: placeholders, parameters, and the loss and metrics for training and for evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

from agcli.datasets import Dataset, Recipe, Speller
from agcli.datasets.dataset import KNOWN, SIGMA
from agcli.engine.function import Function
from agcli.engine.graph import Tensor, toposort
from agcli.engine.leaves import Placeholder, Variable, placeholder, variable
from agcli.engine.ops.keys import make_key
from agcli.engine.optimizers import Step
from agcli.engine.substitution import substitute
from agcli.engine.types import Array
from agcli.engine.variables import Variables
from agcli.expression.errors import nearest
from agcli.model.class_weights import shown, weighing
from agcli.model.columns import by_name
from agcli.model.graph import OUTPUT, Building, Graph, Outputs
from agcli.model.score_checks import cautions
from agcli.model.training_step import averages, step_of
from agcli.model.units import Units
from agcli.spec import Spec


@dataclass(frozen=True, kw_only=True)
class Answering:
    """A spec as graph, as far as predictions need it: neither loss nor metrics."""

    spec: Spec
    inputs: Mapping[str, Placeholder]  # by the names of the data's columns
    parameters: Variables
    key: Variable
    test: Outputs

    @property
    def x(self) -> Placeholder:
        """The only input, or the first of several."""
        return next(iter(self.inputs.values()))

    @property
    def y(self) -> Placeholder | None:
        """The target, if there is one."""
        return self.inputs.get("y")

    @property
    def sources(self) -> dict[str, Placeholder]:
        """The inputs without what is known of the target: what a prediction is made of."""
        return {name: p for name, p in self.inputs.items() if name not in KNOWN}

    @property
    def sigma(self) -> Placeholder | None:
        """The standard deviation of the target, (n,), if the spec names its column; the loss has it in it already."""
        return self.inputs.get(SIGMA)

    @property
    def absolute_sigma(self) -> bool:
        """Whether deviations are errors of measurement as they stand, which no scatter about the fit scales."""
        return self.spec.sigma is not None and self.spec.sigma.absolute

    def feeds(self, columns: Any) -> dict[Placeholder, Array]:
        """What a batch feeds; ``columns[name]`` are its arrays."""
        return {p: columns[name] for name, p in self.inputs.items()}

    def predictor(self) -> Function:
        """The model's output for a batch of inputs."""
        output = self.evaluated({OUTPUT: self.test.output})[OUTPUT]
        return Function(output, inputs=list(self.sources.values()), key=self.key)

    def describer(self) -> Function:
        """The `outputs` of the spec, of a batch; some of them need all samples in one."""
        return Function(self.evaluated(self.test.outputs), inputs=list(self.inputs.values()), key=self.key)

    def evaluated(self, fetches: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Fetches with the running means of the parameters in their place, where the optimizer keeps them."""
        means = averages(self.spec, self.parameters)
        return dict(zip(fetches, substitute(list(fetches.values()), means), strict=True))


@dataclass(frozen=True, kw_only=True)
class Model(Answering):
    """A spec as graph. ``train`` and ``test`` share their parameters and differ where training is random."""

    samples: int  # to train on
    classes: int  # of the target in the training data; a larger label is of a class that training does not see
    train: Graph
    test: Graph

    def trainer(self) -> tuple[Step, dict[str, Variable]]:
        """One training step as a function of a batch, and the optimizer's own variables by name."""
        options: dict[str, Any] = {"inputs": list(self.inputs.values()), "key": self.key, "updates": self.train.updates}
        step = step_of(
            self.spec, self.samples, self.parameters, self.train.loss, fetches=self.train.cheap_fetches, **options
        )
        return step, step.variables

    def evaluator(self) -> Function:
        """Loss and parts of the metrics of a batch, without training."""
        return Function(self.evaluated(self.test.fetches), inputs=list(self.inputs.values()), key=self.key)

    def unseen_evaluator(self) -> Function:
        """Parts of the metrics of a batch of classes that training did not see, for ``Sums.add_unseen``."""
        return Function(self.evaluated(self.test.unseen_fetches), inputs=list(self.inputs.values()), key=self.key)

    def cautions(self, data: Dataset) -> list[str]:
        """What has to be known of the loss: how much classes count, and scores that answer to none."""
        return [*shown(self.spec, data), *cautions(self.spec, data, self.test.output)]

    def state(self, optimizer: dict[str, Variable]) -> dict[str, Variable]:
        """Every variable that a checkpoint holds."""
        named = {f"model.{k}": v for k, v in self.parameters.items()}
        return named | {f"optimizer.{k}": v for k, v in optimizer.items()} | {"random.key": self.key}


def build(spec: Spec, data: Dataset) -> Model:
    """The graph of ``spec`` for the columns of ``data``. Raises SpecError at the layer or loss that does not fit."""
    inputs = {n: placeholder(n, (None, *c.shape), c.dtype) for n, c in data.train.columns.items()}
    parameters = Variables()
    columns = by_name(spec, data, inputs)
    units = Units.of(weighing(spec, data), data)
    padded = padding_of(data)
    graphs = [
        Building(spec, inputs, parameters, training, columns, units, padded, tokens_of(data)).graph(data)
        for training in (True, False)
    ]
    frozen = freeze(spec, parameters)
    train = replace(graphs[0], updates={v: t for v, t in graphs[0].updates.items() if v not in frozen})
    refuse_unused(spec, parameters, train.loss)
    key = variable(make_key(spec.seed), "random key", trainable=False)
    averages(spec, parameters)
    return Model(
        spec=spec, samples=len(data.train), classes=len(data.classes), inputs=inputs, parameters=parameters, key=key,
        train=train, test=graphs[1],
    )  # fmt: skip


def padding_of(data: Dataset) -> Mapping[str, str]:
    """The inputs that are texts filled up with 0, and the side of the zeros."""
    return data.fitted.padded if isinstance(data.fitted, Recipe) else {}


def tokens_of(data: Dataset) -> Mapping[str, int]:
    """The inputs that are numbers of tokens or names -> how many there are."""
    fitted = data.fitted
    if isinstance(fitted, Speller):
        return {"x": len(fitted.vocabulary)}
    return fitted.tokens if isinstance(fitted, Recipe) else {}


def build_outputs(spec: Spec, data: Dataset) -> Answering:
    """The graph of the outputs of ``spec`` alone, which need no target: a prediction. Raises SpecError."""
    inputs = {n: placeholder(n, (None, *c.shape), c.dtype) for n, c in data.train.columns.items()}
    parameters = Variables()
    columns = by_name(spec, data, inputs)
    units = Units.of(spec.loss.fields, data)
    outputs = Building(spec, inputs, parameters, False, columns, units, padding_of(data), tokens_of(data)).answers()
    freeze(spec, parameters)
    key = variable(make_key(spec.seed), "random key", trainable=False)
    averages(spec, parameters)
    return Answering(spec=spec, inputs=inputs, parameters=parameters, key=key, test=outputs)


def refuse_unused(spec: Spec, parameters: Variables, loss: Tensor) -> None:
    """Raise SpecError for parameters that are to be trained and do not reach the loss."""
    live = {t.id for t in toposort([loss])}
    unused = [name for name, v in parameters.items() if v.trainable and v.id not in live]
    if unused:
        path = ("variables", unused[0]) if unused[0] in spec.variables else ("model",)
        names = ", ".join(f"`{name}`" for name in unused)
        message = f"the loss does not depend on {names}; use them there, or take them out of training with `freeze`"
        raise spec.error(path, message.replace("them", "it") if len(unused) == 1 else message)


def freeze(spec: Spec, parameters: Variables) -> set[Variable]:
    """Take the parameters whose names match a pattern out of training."""
    found: set[Variable] = set()
    for i, pattern in enumerate(spec.freeze):
        matching = [v for name, v in parameters.items() if fnmatchcase(name, pattern)]
        if not matching:
            near = nearest(pattern, parameters)
            hint = (
                f"did you mean `{near}`?" if near else f"there are {', '.join(f'`{n}`' for n in list(parameters)[:16])}"
            )
            raise spec.error(("freeze", i), f"expected a pattern of names of parameters, got `{pattern}`; {hint}")
        found.update(matching)
    for v in found:
        v.trainable = False
    return found
