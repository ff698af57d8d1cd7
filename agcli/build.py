"""Spec -> graph: placeholders, parameters, and the loss and metrics for training and for evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

import numpy as np

from agcli.datasets import Dataset
from agcli.engine.errors import ShapeError
from agcli.engine.function import Function
from agcli.engine.graph import Tensor, toposort
from agcli.engine.leaves import Placeholder, Variable, placeholder, variable
from agcli.engine.ops.keys import make_key, streams
from agcli.engine.ops.reductions import mean
from agcli.engine.optimizers import Step
from agcli.engine.subgraph import substitute
from agcli.engine.types import Array
from agcli.engine.variables import Variables
from agcli.expression.errors import nearest
from agcli.formulas import tensor_of
from agcli.layers import Network, Scope, Trace, run, start
from agcli.losses import LOSSES
from agcli.metrics import Meter, meter
from agcli.optimizer import averages, step_of
from agcli.precision import in_floats
from agcli.spec import Spec
from agcli.spec.initializers import INITIALIZERS
from agcli.spec.names import path_text
from agcli.streaming import formula_meter

OF_CLASSES = ("softmax_cross_entropy", "negative_log_likelihood", "focal", "hinge")  # losses with a score a class
OUTPUT = "output"  # what formulas call the model's output
RECURRENT = ("simple_rnn", "lstm", "gru")  # layers with `return_sequences`


@dataclass(frozen=True)
class Graph:
    """What is computed of a batch: the model's output, the mean loss, and the parts of the metrics."""

    output: Tensor
    loss: Tensor
    meters: tuple[Meter, ...]
    outputs: Mapping[str, Tensor]  # the spec's own, by name
    updates: Mapping[Variable, Tensor]
    traces: tuple[Trace, ...]

    @property
    def fetches(self) -> dict[str, Tensor]:
        return {"loss": self.loss, **{k: t for m in self.meters for k, t in m.fetches().items()}}

    @property
    def cheap_fetches(self) -> dict[str, Tensor]:
        """The same without the scores that some metrics keep of every sample."""
        return {"loss": self.loss, **{k: t for m in self.meters if not m.keep for k, t in m.fetches().items()}}


@dataclass(frozen=True)
class Model:
    """A spec as graph. ``train`` and ``test`` share their parameters and differ where training is random."""

    spec: Spec
    samples: int  # to train on
    inputs: Mapping[str, Placeholder]  # by the names of the data's columns
    parameters: Variables
    key: Variable
    train: Graph
    test: Graph

    @property
    def x(self) -> Placeholder:
        """The only input, or the first of several."""
        return next(iter(self.inputs.values()))

    @property
    def y(self) -> Placeholder | None:
        """The target, if there is one."""
        return self.inputs.get("y")

    def feeds(self, columns: Any) -> dict[Placeholder, Array]:
        """What a batch feeds; ``columns[name]`` are its arrays."""
        return {p: columns[name] for name, p in self.inputs.items()}

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

    def predictor(self) -> Function:
        """The model's output for a batch of inputs."""
        output = self.evaluated({OUTPUT: self.test.output})[OUTPUT]
        return Function(output, inputs=[p for name, p in self.inputs.items() if name != "y"], key=self.key)

    def describer(self) -> Function:
        """The `outputs` of the spec, of a batch; some of them need all samples in one."""
        return Function(self.evaluated(self.test.outputs), inputs=list(self.inputs.values()), key=self.key)

    def evaluated(self, fetches: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Fetches with the running means of the parameters in their place, where the optimizer keeps them."""
        means = averages(self.spec, self.parameters)
        return dict(zip(fetches, substitute(list(fetches.values()), means), strict=True))

    def state(self, optimizer: dict[str, Variable]) -> dict[str, Variable]:
        """Every variable that a checkpoint holds."""
        named = {f"model.{k}": v for k, v in self.parameters.items()}
        return named | {f"optimizer.{k}": v for k, v in optimizer.items()} | {"random.key": self.key}


def build(spec: Spec, data: Dataset) -> Model:
    """The graph of ``spec`` for the columns of ``data``. Raises SpecError at the layer or loss that does not fit."""
    inputs = {n: placeholder(n, (None, *c.shape), c.dtype) for n, c in data.train.columns.items()}
    parameters = Variables()
    graphs = [Building(spec, inputs, parameters, training).graph() for training in (True, False)]
    frozen = freeze(spec, parameters)
    train = replace(graphs[0], updates={v: t for v, t in graphs[0].updates.items() if v not in frozen})
    refuse_unused(spec, parameters, train.loss)
    refuse_few_scores(spec, data, train.output)
    key = variable(make_key(spec.seed), "random key", trainable=False)
    averages(spec, parameters)
    return Model(spec, len(data.train), inputs, parameters, key, train, graphs[1])


def refuse_few_scores(spec: Spec, data: Dataset, output: Tensor) -> None:
    """Raise SpecError for a model that has no score for some class of the data."""
    classes, scores = len(data.classes), output.shape[-1] if output.ndim > 1 else None
    if spec.loss.name in OF_CLASSES and scores is not None and 1 < scores < classes:
        told = f"the data has {classes:,} classes, the model gives {scores:,} scores; its last layer needs {classes:,}"
        raise spec.error(("loss",), told)


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


class Building:
    """One graph in the making. Formulas know the data's columns, variables, named layers, the output, and `let`."""

    def __init__(self, spec: Spec, inputs: Mapping[str, Placeholder], parameters: Variables, training: bool) -> None:
        self.spec = spec
        self.inputs = inputs
        self.network = Network(spec, parameters, training, dict(inputs))
        self.scope = Scope(self.network, path=("model",))

    def graph(self) -> Graph:
        spec, network = self.spec, self.network
        with streams():
            for name in spec.variables:
                self.name(name, self.variable(name), ("variables", name))
            output = self.model() if spec.model else None
            if output is not None:
                network.names[OUTPUT] = output
            for name, text in spec.let.items():
                self.name(name, self.formula(text, ("let", name)), ("let", name))
            if output is None:
                output = network.names.get(OUTPUT)
            loss = self.loss(output)
            meters = tuple(self.metrics(output))
            outputs: dict[str, Tensor] = {}
            for name, text in spec.outputs.items():
                outputs[name] = self.formula(text, ("outputs", name))
                network.names.setdefault(name, outputs[name])
        final = output if output is not None else loss
        return Graph(final, loss, meters, outputs, network.updates, tuple(network.traces))

    def name(self, name: str, t: Tensor, path: tuple[Any, ...]) -> None:
        if name in self.network.names:
            raise self.spec.error(path, f"expected a new name, got `{name}`, which means something else already")
        self.network.names[name] = t

    def variable(self, name: str) -> Variable:
        """The variable of a name in `variables`."""
        fields, parameters = self.spec.variables[name], self.network.variables
        if name not in parameters:
            with self.network.at(("variables", name)):
                rng = np.random.default_rng([self.spec.seed, len(parameters)])
                dtype = self.spec.dtype
                first = drawn(fields, rng, dtype) if fields.value is None else filled(fields, dtype)
                parameters.add(name, first, trainable=fields.trainable)
        return parameters[name]

    def model(self) -> Tensor:
        """The layers applied to the input."""
        single = [t for name, t in self.inputs.items() if name != "y"]
        return run(self.spec.model, single[0] if len(single) == 1 else None, self.scope, self.sources)

    @property
    def sources(self) -> dict[str, Tensor]:
        """What the `input` of a layer may name beside other layers."""
        return {name: t for name, t in self.inputs.items() if name != "y"}

    def again(self, *xs: Tensor) -> Tensor:
        """The layers applied to other inputs, with the same parameters; for `model(...)` in formulas."""
        names = list(self.sources)
        if len(xs) != len(names):
            raise ShapeError(f"model: takes {len(names)} inputs ({', '.join(names)}), got {len(xs)}")
        quiet = replace(self.network, names=dict(self.network.names), updates={}, traces=[])
        scope = Scope(quiet, path=("model",))
        return run(self.spec.model, xs[0] if len(xs) == 1 else None, scope, dict(zip(names, xs, strict=True)))

    def formula(self, text: str, path: tuple[Any, ...]) -> Tensor:
        names = self.network.names
        with self.network.at(path):
            made = tensor_of(text, names, self.again if self.spec.model else None)
            return in_floats(made, self.spec.dtype, names.values())

    def loss(self, output: Tensor | None) -> Tensor:
        """The mean loss of a batch, while training with the penalties of the layers."""
        choice: Any = self.spec.loss
        if choice.name == "expression":
            path = ("loss", "expression", "formula")
            loss = self.scalar(self.formula(choice.fields.formula, path), path)
        else:
            with self.network.at(("loss",), self.advice):
                loss = mean(LOSSES[choice.name](*self.judged(output, choice.name), choice.fields))
        if self.network.training:
            for penalty in self.network.penalties.values():
                loss = loss + penalty
        return loss

    @property
    def advice(self) -> str:
        """What to type if the target has a value for each place of a sequence, and the model keeps but the last."""
        places = self.inputs["y"].shape[1:2] if "y" in self.inputs else ()
        for t in self.network.traces:
            is_last = t.kind in RECURRENT and len(t.output.shape) == 2
            if places and is_last and t.inputs[0].shape[1:2] == places:
                where = path_text(t.place)
                return f"; the target has {places[0]} places, of which {where} keeps the last: return_sequences: true"
        return ""

    def scalar(self, t: Tensor, path: tuple[Any, ...]) -> Tensor:
        """A number, or the mean of several."""
        if t.dtype.kind != "f" and not t.type.weak:
            raise self.spec.error(path, f"expected a formula with a derivative, got {t.type}")
        return t if t.shape == () else mean(t)

    def judged(self, output: Tensor | None, loss: str) -> tuple[Tensor, Tensor]:
        """Output and target, for losses and metrics by name."""
        target = self.inputs.get("y")
        if output is None:
            raise ShapeError(f"{loss}: needs the output of a `model`, or of a formula called `output` in `let`")
        if target is None:
            raise ShapeError(f"{loss}: needs a target, and the data has none; write the loss as a formula")
        return output, target

    def metrics(self, output: Tensor | None) -> list[Meter]:
        found = []
        rows = [t for t in self.network.names.values() if t.shape[:1] == (None,)]
        for key, choice in self.spec.metric_items():
            path = ("metrics", key)
            fields: Any = choice.fields
            if choice.name == "expression":
                inner = path if isinstance(key, str) else (*path, "expression", "formula")
                found.append(formula_meter(fields.name, self.formula(fields.formula, inner), rows))
                continue
            with self.network.at(path):
                named = meter(choice, *self.judged(output, choice.name))
                found.append(replace(named, name=key) if isinstance(key, str) else named)
        return found


def drawn(fields: Any, rng: np.random.Generator, dtype: Any) -> Array:
    """The first value of a variable whose value is not given."""
    init = fields.init or INITIALIZERS.read("glorot_uniform" if len(fields.shape) > 1 else "zeros")
    return start(init, fields.shape, rng, dtype)


def filled(fields: Any, dtype: Any) -> Array:
    """The given value of a variable, in its shape if it has one."""
    value = np.asarray(fields.value, dtype)
    try:
        return np.broadcast_to(value, fields.shape).copy() if fields.shape else value
    except ValueError:
        raise ShapeError(f"a value of shape {value.shape} does not fill the shape {tuple(fields.shape)}") from None
