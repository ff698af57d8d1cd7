"""One graph of a spec in the making: layers, formulas, loss, metrics and outputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import DTypeLike

from agcli.counts import number_of
from agcli.datasets import Dataset
from agcli.datasets.dataset import KNOWN, SIGMA, TARGET, WEIGHTS
from agcli.engine.errors import ShapeError
from agcli.engine.graph import Tensor, call, toposort
from agcli.engine.leaves import Placeholder, Variable
from agcli.engine.ops.base import Elementwise
from agcli.engine.ops.keys import streams
from agcli.engine.ops.reductions import mean
from agcli.engine.types import Array
from agcli.engine.variables import Variables
from agcli.model.formula_metrics import formula_meter
from agcli.model.formulas import tensor_of
from agcli.model.layers import masks
from agcli.model.layers.apply import run
from agcli.model.layers.scope import Network, Scope, Trace
from agcli.model.meters import Meter, meter
from agcli.model.odeint import quantities
from agcli.model.precision import in_floats
from agcli.model.score_checks import refuse
from agcli.model.units import Units
from agcli.spec import Spec
from agcli.spec.graph import Parameter
from agcli.spec.names import Path as Place
from agcli.spec.names import path_text
from agcli.spec.nouns import INITIALIZERS, LAYERS, LOSSES, NamedFormula

OUTPUT = "output"  # what formulas call the model's output


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """What is computed of a sample: the model's output, and the spec's own formulas."""

    output: Tensor
    outputs: Mapping[str, Tensor]  # the spec's own, by name
    updates: Mapping[Variable, Tensor]
    traces: tuple[Trace, ...]
    let: Mapping[str, Tensor]  # formulas by name


@dataclass(frozen=True, kw_only=True)
class Graph(Outputs):
    """What is computed of a batch: its outputs, the mean loss, and the parts of the metrics."""

    loss: Tensor
    meters: tuple[Meter, ...]

    @property
    def fetches(self) -> dict[str, Tensor]:
        return {"loss": self.loss, **{k: t for m in self.meters for k, t in m.fetches().items()}}

    @property
    def unseen_fetches(self) -> dict[str, Tensor]:
        """The parts of metrics that know what to do with a class that training did not see; the loss does not."""
        return {k: t for m in self.meters if m.takes_unseen for k, t in m.fetches().items()}

    @property
    def cheap_fetches(self) -> dict[str, Tensor]:
        """The same without the scores that some metrics keep of every sample."""
        return {"loss": self.loss, **{k: t for m in self.meters if not m.keep for k, t in m.fetches().items()}}


class Building:
    """One graph in the making. Formulas know the data's columns, variables, named layers, the output, and `let`."""

    def __init__(
        self,
        spec: Spec,
        inputs: Mapping[str, Placeholder],
        parameters: Variables,
        training: bool,
        columns: Mapping[str, Tensor],
        units: Units,
        padded: Mapping[str, str] | None = None,
        tokens: Mapping[str, int] | None = None,
    ) -> None:
        self.spec = spec
        self.units = units
        self.in_units = False  # whether formulas see the output and the target in the target's own units
        self.inputs = inputs
        self.columns = columns
        self.network = Network(spec, parameters, training, {**inputs, **columns})
        self.padded = padded or {}
        self.mark_padding(inputs)
        self.network.tokens |= {inputs[name].id: count for name, count in (tokens or {}).items() if name in inputs}
        self.scope = Scope(self.network, path=("model",))

    def graph(self, data: Dataset) -> Graph:
        """All of it, for training or to judge a model."""
        with streams():
            output = self.output()
            loss = self.loss(output, data)
            meters = tuple(self.metrics(output, len(data.classes)))
            outputs = self.outputs(output if output is not None else loss)
        return Graph(**vars(outputs), loss=loss, meters=meters)

    def answers(self) -> Outputs:
        """What a prediction is made of: no loss, no metric. Without an output in the spec, `output` is any tensor."""
        with streams():
            output = self.output()
            return self.outputs(next(iter(self.network.names.values())) if output is None else output)

    def output(self) -> Tensor | None:
        """The output of the layers, or of the formula of that name; None if there is neither."""
        spec, network = self.spec, self.network
        for name in spec.variables:
            self.name(name, self.variable(name), ("variables", name))
        output = self.model() if spec.model else None
        if output is not None:
            network.names[OUTPUT] = output
        if spec.odeint is not None:
            variables = {name: network.names[name] for name in spec.variables}
            found = quantities(spec.odeint, network.names, variables, self.equation)
            for name, t in found.items():
                self.name(name, t, ("odeint", "rates", name))
        for name, text in spec.let.items():
            self.name(name, self.formula(text, ("let", name)), ("let", name))
        return network.names.get(OUTPUT) if output is None else output

    def outputs(self, output: Tensor) -> Outputs:
        """The output, and the formulas of `outputs`."""
        spec, network = self.spec, self.network
        let = {name: network.names[name] for name in spec.let}
        outputs: dict[str, Tensor] = {}
        with self.own_units():
            for name, text in spec.outputs.items():
                outputs[name] = self.formula(text, ("outputs", name))
                network.names.setdefault(name, outputs[name])
        return Outputs(output=output, outputs=outputs, updates=network.updates, traces=tuple(network.traces), let=let)

    @contextmanager
    def own_units(self) -> Iterator[None]:
        """Formulas inside see the model's output and its target in units of the target, not as training scales them."""
        names = self.network.names
        output = names.get(OUTPUT)
        if output is None or not self.spec.model or not self.units.fits(output):
            yield
            return
        before = {name: names[name] for name in (OUTPUT, TARGET) if name in names}
        read = {OUTPUT: self.units.output, TARGET: self.units.own}
        self.in_units = True
        names |= {name: read[name](t) for name, t in before.items()}
        try:
            yield
        finally:
            self.in_units = False
            names |= before

    def mark_padding(self, inputs: Mapping[str, Tensor]) -> None:
        """Note which places of the inputs that are texts hold tokens."""
        for name, side in self.padded.items():
            if inputs[name].dtype.kind in "iu":
                self.network.masks[inputs[name].id] = masks.of_tokens(inputs[name], side)

    def name(self, name: str, t: Tensor, path: Place) -> None:
        if name in self.network.names:
            means = "is a column of the data" if name in self.columns else "means something else already"
            raise self.spec.error(path, f"expected a new name, got `{name}`, which {means}")
        self.network.names[name] = t

    def variable(self, name: str) -> Variable:
        """The variable of a name in `variables`."""
        fields, parameters = self.spec.variables[name], self.network.variables
        if name not in parameters:
            with self.network.at(("variables", name)):
                rng = np.random.default_rng([self.spec.seed, len(parameters)])
                dtype = str(self.spec.dtype)
                first = drawn(fields, rng, dtype) if fields.value is None else filled(fields, dtype)
                parameters.add(name, first, trainable=fields.trainable)
        return parameters[name]

    def model(self) -> Tensor:
        """The layers applied to the input."""
        single = list(self.sources.values())
        return run(self.spec.model, single[0] if len(single) == 1 else None, self.scope, self.sources)

    @property
    def sources(self) -> dict[str, Tensor]:
        """What the `input` of a layer may name beside other layers."""
        return {name: t for name, t in self.inputs.items() if name not in KNOWN}

    def again(self, *xs: Tensor) -> Tensor:
        """The layers applied to other inputs, with the same parameters; for `model(...)` in formulas."""
        names = list(self.sources)
        if len(xs) != len(names):
            raise ShapeError(f"model: takes {number_of(len(names), 'input')} ({', '.join(names)}), got {len(xs)}")
        sources = dict(zip(names, xs, strict=True))
        self.mark_padding(sources)
        quiet = replace(self.network, names=dict(self.network.names), updates={}, traces=[])
        scope = Scope(quiet, path=("model",))
        output = run(self.spec.model, xs[0] if len(xs) == 1 else None, scope, sources)
        return self.units.output(output) if self.in_units else output

    def equation(self, text: str, path: Place, names: Mapping[str, Tensor]) -> Tensor:
        """A formula of these names alone."""
        with self.network.at(path):
            made = tensor_of(text, names)
            if made.ndim and path[1] != "at":
                told = f"expected a number, found a formula of shape {made.shape}"
                raise self.spec.error(path, told)
            return in_floats(made, self.spec.dtype, names.values())

    def formula(self, text: str, path: Place) -> Tensor:
        names = self.network.names
        with self.network.at(path):
            made = masks.formula(
                text, names, self.padded_names, str(self.spec.dtype), self.again if self.spec.model else None
            )
            self.refuse_table(made, path)
            return in_floats(made, self.spec.dtype, names.values())

    @property
    def padded_names(self) -> dict[str, masks.Mask]:
        """What formulas may name and is padded, the output last; not tokens themselves, which are numbers."""
        names = sorted(self.network.names.items(), key=lambda item: item[0] == OUTPUT)
        return {name: self.network.masks[t.id] for name, t in names if t.inputs and t.id in self.network.masks}

    def refuse_table(self, made: Tensor, path: Place) -> None:
        """Raise SpecError where a column (n, 1) meets numbers (n,): together they would silently make (n, n)."""
        known = {t.id for t in self.network.names.values()}
        for t in toposort([made], known):
            if not isinstance(t.op, Elementwise) or not {(None,), (None, 1)} <= {x.shape for x in t.inputs}:
                continue
            side = next(x for x in t.inputs if x.shape == (None, 1))
            column = whole(side)
            given = {name: self.network.names.get(name) for name in KNOWN}  # in the units that formulas see here
            name, target = next(((name, x) for x in t.inputs for name, fed in given.items() if x is fed), ("", None))
            if column is not None:
                told = f"`{column.name}` has the shape (n, 1): beside numbers of shape (n,) it makes a table (n, n)"
                raise self.spec.error(path, f"{told}; write {column.name}[:, 0]{self.own_names}")
            if target is not None and all(x is not target for x in toposort([side])):  # else, pairs may be meant
                other = next((name for name, x in self.network.names.items() if x is side), "the other side")
                shown = other if " " in other else f"`{other}`"
                told = f"`{name}` has the shape (n,), and {shown} (n, 1): together they make a table (n, n)"
                raise self.spec.error(path, f"{told}; write {'(...)' if ' ' in other else other}[:, 0]")

    @property
    def own_names(self) -> str:
        """The names of the columns of numbers, if they have such."""
        columns = [name for name in self.network.names if name in self.columns]
        return f", or name the column: {', '.join(columns[:8])}" if columns else ""

    def loss(self, output: Tensor | None, data: Dataset) -> Tensor:
        """The mean loss of a batch, while training with the penalties of the layers."""
        choice, weights = self.spec.loss, self.inputs.get(WEIGHTS)
        if choice.name == "expression":
            path = ("loss", "expression", "formula")
            loss = self.scalar(self.formula(getattr(choice.fields, "formula"), path), path)  # noqa: B009
            if weights is not None and all(t is not weights for t in toposort([loss])):
                told = "the formula of the loss does not use `weights`; multiply by it, as in mean(weights * ...)"
                raise self.spec.error(("data", "weights"), told)
        else:
            with self.network.at(("loss",), self.advice):
                judged = self.judged(output, choice.name)
                refuse(self.spec, data, *judged)
                mask = self.network.masks.get(judged[0].id)
                each = masks.per_sample(self.units.loss, *self.weighed(*judged), mask)
                loss = mean(each if weights is None else each * weights)
        self.check_sigma(loss)
        if self.network.training:
            for penalty in self.network.penalties.values():
                loss = loss + penalty
        return loss

    def weighed(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Output and target in standard deviations of the target, where the data has them, for squared errors."""
        sigma = self.inputs.get(SIGMA)
        if sigma is None or not self.units.loss.sigma:
            return output, target
        return output / beside(sigma, output), target / beside(sigma, target)

    def check_sigma(self, loss: Tensor) -> None:
        """Raise SpecError for standard deviations that the loss does not look at."""
        sigma = self.inputs.get(SIGMA)
        if sigma is None or any(t is sigma for t in toposort([loss])):
            return
        if self.spec.loss.name == "expression":
            how = "the formula of the loss does not use `sigma`; divide by it, as in mean(square((y - output) / sigma))"
        else:
            taken = ", ".join(f"`{name}`" for name, row in LOSSES.rows.items() if getattr(row.fields, "sigma", False))
            how = f"`{self.spec.loss.name}` does not use it; take {taken}, or a formula that has `sigma` in it"
        raise self.spec.error(("data", "sigma"), how)

    @property
    def advice(self) -> str:
        """What to type if the target has a value for each place of a sequence, and the model keeps but the last."""
        places = self.inputs["y"].shape[1:2] if "y" in self.inputs else ()
        for t in self.network.traces if places else ():
            is_last = "return_sequences" in LAYERS.rows[t.kind].fields.model_fields and len(t.output.shape) == 2
            if is_last and t.inputs[0].shape[1:2] == places:
                where = path_text(t.place)
                return f"; the target has {places[0]} places, of which {where} keeps the last: return_sequences: true"
        return ""

    def scalar(self, t: Tensor, path: Place) -> Tensor:
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

    def metrics(self, output: Tensor | None, classes: int) -> list[Meter]:
        """The meters of the spec's metrics, for a target of so many classes."""
        with self.own_units():
            return list(self.measured(output, classes))

    def measured(self, output: Tensor | None, classes: int) -> Iterator[Meter]:
        rows = [t for t in self.network.names.values() if t.shape[:1] == (None,)]
        for key, choice in self.spec.metric_items():
            path = ("metrics", key)
            if isinstance(choice.fields, NamedFormula):
                inner = path if isinstance(key, str) else (*path, "expression", "formula")
                given = choice.fields
                yield formula_meter(given.name, self.formula(given.formula, inner), rows, given.better)
                continue
            with self.network.at(path):
                judged = self.judged(output, choice.name)
                read = self.units.numbers if choice.fields.reads == "numbers" else self.units.scores
                named = meter(choice, classes, *self.places(judged[0], *read(*judged)))
                if choice.plugin is not None:
                    named = replace(named, finish=self.network.located(path, named.finish))
                yield replace(named, name=key) if isinstance(key, str) else named

    def places(self, judged: Tensor, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """Outputs, targets and weights of the rows that a metric counts: of padded text, a row a place."""
        weights, mask = self.inputs.get(WEIGHTS), self.network.masks.get(judged.id)
        if mask is None:
            return output, target, weights
        output, target, tokens = masks.each_place(output, target, mask)
        if weights is None:
            return output, target, tokens
        each = call("expand_dims", weights, 1) * mask.places.astype(weights.dtype)
        return output, target, each.reshape((-1,))


def whole(t: Tensor) -> Tensor | None:
    """The input (n, 1) of which ``t`` is made by elementwise ops alone."""
    stack, seen = [t], {t.id}
    while stack:
        t = stack.pop()
        if isinstance(t, Placeholder):
            return t
        new = (
            [x for x in t.inputs if x.shape == (None, 1) and x.id not in seen] if isinstance(t.op, Elementwise) else []
        )
        seen |= {x.id for x in new}
        stack += new
    return None


def beside(column: Tensor, t: Tensor) -> Tensor:
    """A number a sample, with as many axes as ``t``."""
    for _ in range(t.ndim - 1):
        column = call("expand_dims", column, -1)
    return column


def drawn(fields: Parameter, rng: np.random.Generator, dtype: DTypeLike) -> Array:
    """The first value of a variable whose value is not given."""
    init = fields.init or INITIALIZERS.read("glorot_uniform" if len(fields.shape) > 1 else "zeros")
    return init.fields.draw(fields.shape, rng, dtype)


def filled(fields: Parameter, dtype: DTypeLike) -> Array:
    """The given value of a variable, in its shape if it has one."""
    value = np.asarray(fields.value, dtype)
    try:
        return np.broadcast_to(value, fields.shape).copy() if fields.shape else value
    except ValueError:
        raise ShapeError(f"a value of shape {value.shape} does not fill the shape {tuple(fields.shape)}") from None
