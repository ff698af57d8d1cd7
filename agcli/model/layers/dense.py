"""Dense layers, activations and embeddings."""

from __future__ import annotations

from typing import Any

from agcli.engine import functional
from agcli.engine.errors import DTypeError, ShapeError
from agcli.engine.graph import Tensor
from agcli.engine.types import static
from agcli.model.layers.scope import Scope
from agcli.spec.nouns import Activation
from agcli.spec.tables import Choice


def activate(x: Tensor, choice: Choice[Activation] | None) -> Tensor:
    """The activation of ``x``; ``x`` itself for None."""
    return x if choice is None else choice.fields.of(x)


def width(x: Tensor, layer: str) -> int:
    """The length of the last axis of samples that have one."""
    if x.ndim < 2 or x.shape[-1] is None:
        hint = "; put `flatten` before it" if x.ndim > 2 else ""
        raise ShapeError(f"{layer}: expected samples that are rows of numbers, got {x.shape}{hint}")
    if x.dtype.kind != "f":
        raise DTypeError(f"{layer}: expected numbers, got {x.type}; put an `embedding` before it")
    return static(x.shape[-1])


def linear(x: Tensor, units: int, fields: Any, scope: Scope, bias_init: Any = None) -> Tensor:
    """``x @ weight + bias`` with the initialisers of the fields."""
    y = x @ scope.parameter("weight", (width(x, "dense"), units), fields.init)
    return y + scope.parameter("bias", (units,), bias_init) if bias_init is not None else y


def dense(x: Tensor, fields: Any, scope: Scope) -> Tensor:
    return activate(
        linear(x, fields.units, fields, scope, fields.bias_init if fields.use_bias else None), fields.activation
    )


def activation(x: Tensor, fields: Any, scope: Scope) -> Tensor:
    return activate(x, fields.name)


def embedding(x: Tensor, fields: Any, scope: Scope) -> Tensor:
    if x.dtype.kind not in "iu":
        raise DTypeError(f"embedding: expected whole numbers, got {x.type}")
    return functional.embedding(scope.parameter("weight", (fields.size, fields.width), fields.init), x)


def dropout(x: Tensor, fields: Any, scope: Scope) -> Tensor:
    return functional.dropout(x, fields.rate) if scope.training else x
