"""Layers that compute nothing new: other shapes, and several inputs made one."""

from __future__ import annotations

from typing import Any

import numpy as np

from agcli.engine.errors import ShapeError
from agcli.engine.graph import Tensor, call
from agcli.engine.types import fits, static
from agcli.model.layers.scope import Scope

Tensors = tuple[Tensor, ...]


def flatten(x: Tensor, fields: Any, scope: Scope) -> Tensor:
    return call("flatten", x, keep=1)


def reshape(x: Tensor, fields: Any, scope: Scope) -> Tensor:
    shape = tuple(fields.shape)
    rest = [static(d) for d in x.shape[1:]]
    size, known = int(np.prod(rest)), int(np.prod([d for d in shape if d != -1]))
    if (-1 not in shape and size != known) or (-1 in shape and (known == 0 or size % known)):
        raise ShapeError(f"reshape: a sample of shape {tuple(rest)} has {size} values, which {shape} cannot hold")
    filled = tuple(size // known if d == -1 else d for d in shape)
    return x.reshape((-1, *filled))


def alike(xs: Tensors, layer: str, but: int | None = None) -> None:
    """Whether all inputs have one shape, except for the length of one axis."""
    shapes = [tuple(d for i, d in enumerate(x.shape) if but is None or i != but % max(x.ndim, 1)) for x in xs]
    if len({x.ndim for x in xs}) > 1 or not all(fits(shapes[0], s) for s in shapes):
        end = "" if but is None else " but for the last axis"
        raise ShapeError(f"{layer}: expected inputs of one shape{end}, got {' and '.join(str(x.shape) for x in xs)}")


def concat(xs: Tensors, fields: Any, scope: Scope) -> Tensor:
    alike(xs, "concat", -1)
    return call("concatenate", *xs, axis=-1)


def stack(xs: Tensors, fields: Any, scope: Scope) -> Tensor:
    alike(xs, "stack")
    return call("stack", *xs, axis=1)


def add(xs: Tensors, fields: Any, scope: Scope) -> Tensor:
    alike(xs, "add")
    return call("add_n", *xs) if len(xs) > 2 else xs[0] + xs[-1]


def multiply(xs: Tensors, fields: Any, scope: Scope) -> Tensor:
    alike(xs, "multiply")
    y = xs[0]
    for x in xs[1:]:
        y = y * x
    return y


JOINS = {"concat": concat, "add": add, "multiply": multiply, "stack": stack}
