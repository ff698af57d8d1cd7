"""Layers that compute nothing new: other shapes, and several inputs made one."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from agcli.model.ops import call
from agcli.spec.field_types import Shape
from agcli.spec.fields import Field
from agcli.spec.nouns import LAYERS, Layer

if TYPE_CHECKING:
    from agcli.engine.graph import Tensor
    from agcli.model.layers.scope import Scope


@LAYERS.row("flatten")
class Flatten(Layer):
    """Each sample as one row of values."""

    def build(self, x: Tensor, scope: Scope) -> Tensor:
        return call("flatten", x, keep=1)


@LAYERS.row("reshape")
class Reshape(Layer):
    """The same values in another shape."""

    main = "shape"
    shape: Shape = Field(description="the new shape without the batch; one -1 stands for what is left")

    def build(self, x: Tensor, scope: Scope) -> Tensor:
        from agcli.engine.errors import ShapeError
        from agcli.engine.types import static

        rest = [static(d) for d in x.shape[1:]]
        size, known = prod(rest), prod(d for d in self.shape if d != -1)
        if (-1 not in self.shape and size != known) or (-1 in self.shape and (known == 0 or size % known)):
            held = f"a sample of shape {tuple(rest)} has {size} values"
            raise ShapeError(f"reshape: {held}, which {tuple(self.shape)} cannot hold")
        filled = tuple(size // known if d == -1 else d for d in self.shape)
        return x.reshape((-1, *filled))


def check_alike(xs: tuple[Tensor, ...], layer: str, but: int | None = None) -> None:
    """Raise ShapeError unless all inputs have one shape, except for the length of one axis."""
    from agcli.engine.errors import ShapeError
    from agcli.engine.types import fits

    shapes = [tuple(d for i, d in enumerate(x.shape) if but is None or i != but % max(x.ndim, 1)) for x in xs]
    if len({x.ndim for x in xs}) > 1 or not all(fits(shapes[0], s) for s in shapes):
        end = "" if but is None else " but for the last axis"
        raise ShapeError(f"{layer}: expected inputs of one shape{end}, got {' and '.join(str(x.shape) for x in xs)}")


@LAYERS.row("concat")
class Concat(Layer):
    """Several inputs side by side on the last axis."""

    padded = "at each place"
    several = True

    def combine(self, xs: tuple[Tensor, ...], scope: Scope) -> Tensor:
        check_alike(xs, "concat", -1)
        return call("concatenate", *xs, axis=-1)


@LAYERS.row("add")
class Add(Layer):
    """The sum of several inputs."""

    padded = "at each place"
    several = True

    def combine(self, xs: tuple[Tensor, ...], scope: Scope) -> Tensor:
        check_alike(xs, "add")
        return call("add_n", *xs) if len(xs) > 2 else xs[0] + xs[-1]


@LAYERS.row("multiply")
class Multiply(Layer):
    """The product of several inputs, element by element."""

    padded = "at each place"
    several = True

    def combine(self, xs: tuple[Tensor, ...], scope: Scope) -> Tensor:
        check_alike(xs, "multiply")
        y = xs[0]
        for x in xs[1:]:
            y = y * x
        return y


@LAYERS.row("stack")
class Stack(Layer):
    """Several inputs of one shape along a new axis behind the batch."""

    several = True

    def combine(self, xs: tuple[Tensor, ...], scope: Scope) -> Tensor:
        check_alike(xs, "stack")
        return call("stack", *xs, axis=1)
