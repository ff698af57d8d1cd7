"""Layers: for each name of the spec, a function (tensor, fields, scope) -> tensor.

A scope hands out parameters by name, so that the graphs for training and for evaluation share them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from agcli.engine import functional
from agcli.engine.errors import ShapeError
from agcli.engine.graph import Tensor
from agcli.engine.initializers import initial, orthogonal, truncated
from agcli.engine.leaves import Variable
from agcli.engine.table import OPS
from agcli.engine.types import static
from agcli.engine.variables import Variables

Layer = Callable[[Tensor, Any, "Scope"], Tensor]


@dataclass
class Scope:
    """Where a layer's parameters live, and whether the graph is for training."""

    variables: Variables
    seed: int
    training: bool
    layer: str = ""
    created: dict[str, Variable] = field(default_factory=dict)

    def parameter(self, name: str, shape: tuple[int, ...], init: Any) -> Variable:
        """The parameter of this layer called ``name``; drawn when it is first asked for."""
        full = f"{self.layer}.{name}"
        if full not in self.variables:
            rng = np.random.default_rng([self.seed, len(self.variables)])
            self.variables.add(full, start(init, shape, rng))
        return self.variables[full]


def start(init: Any, shape: tuple[int, ...], rng: np.random.Generator) -> Any:
    """The first value of a parameter for an initialiser chosen in the spec."""
    match init.name:
        case "normal":
            return rng.normal(init.fields.mean, init.fields.std, shape).astype(np.float32)
        case "uniform":
            return rng.uniform(-init.fields.limit, init.fields.limit, shape).astype(np.float32)
        case "constant":
            return np.full(shape, init.fields.value, np.float32)
        case "truncated_normal":
            return truncated(shape, rng, init.fields.std, init.fields.mean).astype(np.float32)
        case "orthogonal":
            return orthogonal(shape, rng, init.fields.gain).astype(np.float32)
        case name:
            return initial(name, shape, rng)


def apply_activation(x: Tensor, choice: Any) -> Tensor:
    """The op of the activation's name, with its fields as keywords."""
    fields = {"alpha" if name == "slope" else name: value for name, value in choice.fields}
    return OPS[choice.name].function(x, **fields)  # type: ignore[no-any-return]


def dense(x: Tensor, fields: Any, scope: Scope) -> Tensor:
    if x.ndim < 2 or x.shape[-1] is None:
        raise ShapeError(f"dense: expected samples that are rows of numbers, got {x.shape}; put `flatten` before it")
    y = x @ scope.parameter("weight", (static(x.shape[-1]), fields.units), fields.init)
    if fields.use_bias:
        y = y + scope.parameter("bias", (fields.units,), fields.bias_init)
    return y if fields.activation is None else apply_activation(y, fields.activation)


def dropout(x: Tensor, fields: Any, scope: Scope) -> Tensor:
    return functional.dropout(x, fields.rate) if scope.training else x


def flatten(x: Tensor, fields: Any, scope: Scope) -> Tensor:
    return OPS["flatten"].function(x, keep=1)  # type: ignore[no-any-return]


def reshape(x: Tensor, fields: Any, scope: Scope) -> Tensor:
    shape = tuple(fields.shape)
    rest = [static(d) for d in x.shape[1:]]
    size, known = int(np.prod(rest)), int(np.prod([d for d in shape if d != -1]))
    if (-1 not in shape and size != known) or (-1 in shape and (known == 0 or size % known)):
        raise ShapeError(f"reshape: a sample of shape {tuple(rest)} has {size} values, which {shape} cannot hold")
    filled = tuple(size // known if d == -1 else d for d in shape)
    return x.reshape((-1, *filled))


def activation(x: Tensor, fields: Any, scope: Scope) -> Tensor:
    return apply_activation(x, fields.name)


LAYERS: Mapping[str, Layer] = {
    "dense": dense,
    "dropout": dropout,
    "flatten": flatten,
    "reshape": reshape,
    "activation": activation,
}


def apply_layer(x: Tensor, choice: Any, scope: Scope) -> Tensor:
    """The tensor that the layer chosen in the spec makes of ``x``."""
    layer = LAYERS.get(choice.name)
    return apply_activation(x, choice) if layer is None else layer(x, choice.fields, scope)
