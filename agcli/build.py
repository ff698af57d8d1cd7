"""Spec -> graph: placeholders, parameters, and the loss and metrics for training and for evaluation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from agcli.datasets import Dataset
from agcli.engine.errors import EngineError
from agcli.engine.function import Function
from agcli.engine.graph import Tensor
from agcli.engine.leaves import Placeholder, Variable, placeholder, variable
from agcli.engine.ops.keys import make_key, streams
from agcli.engine.ops.reductions import mean, sum
from agcli.engine.optimizers import Step
from agcli.engine.origin import origin
from agcli.engine.subgraph import substitute
from agcli.engine.variables import Variables
from agcli.layers import Scope, apply_layer
from agcli.losses import LOSSES, METRICS
from agcli.optimizer import averages, step_of
from agcli.spec import Spec


@dataclass(frozen=True)
class Graph:
    """What is computed of a batch: the model's output, the mean loss, and the sums of the metrics."""

    output: Tensor
    loss: Tensor
    sums: dict[str, Tensor]


@dataclass(frozen=True)
class Model:
    """A spec as graph. ``train`` and ``test`` share their parameters and differ where training is random."""

    spec: Spec
    samples: int  # to train on
    x: Placeholder
    y: Placeholder
    parameters: Variables
    key: Variable
    train: Graph
    test: Graph

    def trainer(self) -> tuple[Step, dict[str, Variable]]:
        """One training step as a function of a batch, and the optimizer's own variables by name."""
        fetches = {"loss": self.train.loss, **self.train.sums}
        inputs = [self.x, self.y]
        step = step_of(
            self.spec, self.samples, self.parameters, self.train.loss, fetches=fetches, inputs=inputs, key=self.key
        )
        return step, step.variables

    def evaluator(self) -> Function:
        """Loss and metric sums of a batch, without training."""
        return Function(self.evaluated({"loss": self.test.loss, **self.test.sums}), inputs=[self.x, self.y])

    def predictor(self) -> Function:
        """The model's output for a batch of inputs."""
        return Function(self.evaluated({"output": self.test.output})["output"], inputs=[self.x])

    def evaluated(self, fetches: dict[str, Tensor]) -> dict[str, Tensor]:
        """Fetches with the running means of the parameters in their place, where the optimizer keeps them."""
        means = averages(self.spec, self.parameters)
        return dict(zip(fetches, substitute(list(fetches.values()), means), strict=True))

    def state(self, optimizer: dict[str, Variable]) -> dict[str, Variable]:
        """Every variable that a checkpoint holds."""
        named = {f"model.{k}": v for k, v in self.parameters.items()}
        return named | {f"optimizer.{k}": v for k, v in optimizer.items()} | {"random.key": self.key}


def build(spec: Spec, data: Dataset) -> Model:
    """The graph of ``spec`` for the columns of ``data``. Raises SpecError at the layer or loss that does not fit."""
    columns = data.train.columns
    x = placeholder("x", (None, *columns["x"].shape), columns["x"].dtype)
    y = placeholder("y", (None, *columns["y"].shape), columns["y"].dtype)
    parameters = Variables()
    graphs = [graph(spec, x, y, Scope(parameters, spec.seed, training)) for training in (True, False)]
    key = variable(make_key(spec.seed), "random key", trainable=False)
    averages(spec, parameters)
    return Model(spec, len(data.train), x, y, parameters, key, *graphs)


def graph(spec: Spec, x: Placeholder, y: Placeholder, scope: Scope) -> Graph:
    output = layers(spec, x, scope)
    loss_of = LOSSES[spec.loss.name]
    loss = placed(spec, ("loss",), lambda: mean(loss_of(output, y)))
    sums = {
        m.name: placed(spec, ("metrics", i), lambda m=m: sum(METRICS[m.name].sample(output, y)))
        for i, m in enumerate(spec.metrics)
    }
    return Graph(output, loss, sums)


def layers(spec: Spec, x: Tensor, scope: Scope) -> Tensor:
    """The layers in order; each is named after its kind and its number among its kind."""
    counts: dict[str, int] = {}
    shapes = [str(x.shape)]
    with streams():
        for i, choice in enumerate(spec.model):
            counts[choice.name] = counts.get(choice.name, 0) + 1
            scope.layer = f"{choice.name}_{counts[choice.name]}"
            way = " -> ".join(shapes[-4:])
            x = placed(spec, ("model", i), lambda x=x, c=choice: apply_layer(x, c, scope), f"; shapes so far: {way}")
            shapes.append(str(x.shape))
    return x


def placed(spec: Spec, path: tuple[Any, ...], make: Any, more: str = "") -> Tensor:
    """A tensor that knows its line in the spec; what goes wrong with it is reported there."""
    try:
        with origin(spec.location(path)):
            return make()  # type: ignore[no-any-return]
    except EngineError as e:
        raise spec.error(path, f"{e}{more}") from e
