"""Layers that are made of layers, formulas, and activations as layers of their own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal

from annotated_types import Len
from pydantic import Strict

from agcli.model.layers.dense import activate
from agcli.spec.field_types import Flag, Kind, OneOf, Size
from agcli.spec.fields import Field
from agcli.spec.formula import Formula
from agcli.spec.nouns import ACTIVATIONS, LAYERS, ActivationChoice, Layer, Layers

if TYPE_CHECKING:
    from agcli.engine.graph import Tensor
    from agcli.model.layers.scope import Scope

Join = Annotated[Literal["concat", "add", "multiply"], OneOf("concat", "add", "multiply")]


def within(scope: Scope, *path: str) -> Scope:
    """The same scope, further down in the spec."""
    return replace(scope, path=(*scope.path, *path))


@LAYERS.row("residual")
class Residual(Layer):
    """The input plus what the layers make of it (He et al. 2016)."""

    padded = "masks"
    main = "layers"
    layers: Layers = Field(description="layers whose output has the shape of their input")

    def build(self, x: Tensor, scope: Scope) -> Tensor:
        from agcli.model.layers.apply import apply, run

        y = run(self.layers, x, within(scope, "residual", "layers"))
        return apply(LAYERS.read("add"), (x, y), scope)


@LAYERS.row("parallel")
class Parallel(Layer):
    """Several lists of layers, each of the same input, joined."""

    padded = "masks"
    main = "branches"
    branches: Annotated[tuple[Layers, ...], Strict(False), Len(1, 100), Kind("a list of lists of layers")] = Field(
        description="the lists"
    )
    join: Join = Field(default="concat", description="put the results side by side, add or multiply them")

    def build(self, x: Tensor, scope: Scope) -> Tensor:
        from agcli.model.layers.apply import apply, run

        inner = within(scope, "parallel", "branches")
        results = [run(layers, x, inner.inner(f"branch_{i + 1}", i)) for i, layers in enumerate(self.branches)]
        return apply(LAYERS.read(self.join), tuple(results), scope)


@LAYERS.row("repeat")
class Repeat(Layer):
    """The same layers several times."""

    padded = "masks"
    times: Annotated[Size, Kind("a positive integer")] = Field(description="how often")
    layers: Layers = Field(description="the layers")
    share: Flag = Field(default=False, description="the same parameters each time")

    def build(self, x: Tensor, scope: Scope) -> Tensor:
        from agcli.model.layers.apply import run

        inner = within(scope, "repeat", "layers")
        for i in range(self.times):
            x = run(self.layers, x, inner if self.share else inner.inner(f"{i + 1}"))
        return x


@LAYERS.row("lambda")
class Lambda(Layer):
    """A formula of `x`, the input, and of every name that formulas of this spec know."""

    padded = "masks"
    main = "formula"
    formula: Formula = Field(description="such as `x[:, -1]` or `x * sigmoid(x)`")

    def build(self, x: Tensor, scope: Scope) -> Tensor:
        from agcli.model.layers.masks import formula

        mask = scope.mask(x)
        with scope.network.at((*scope.path, "lambda", "formula")):
            y = formula(self.formula, {**scope.network.names, "x": x}, {"x": mask} if mask else {}, scope.dtype)
        return scope.with_mask(y, mask if mask and y.ndim == x.ndim and y.shape[1] == mask.length else None)


@LAYERS.row("activation")
class ActivationLayer(Layer):
    """The named activation as a layer of its own; its bare name does the same."""

    padded = "at each place"
    main = "name"
    name: ActivationChoice = Field(description="which one")

    def build(self, x: Tensor, scope: Scope) -> Tensor:
        return activate(x, self.name)


for activation, row in ACTIVATIONS.rows.items():
    LAYERS.add(activation, row)
