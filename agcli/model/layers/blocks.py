"""Layers in order or as a graph with names, and the layers that are made of layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from agcli.engine.errors import ShapeError
from agcli.engine.graph import Tensor
from agcli.expression.errors import nearest
from agcli.model.formulas import tensor_of
from agcli.model.layers import attention, convolution, dense, normalisation, recurrent, shape
from agcli.model.layers.scope import Scope, Trace
from agcli.spec.tables import Choice

Described = Sequence[Choice[Any]] | Mapping[str, Choice[Any]]

MANY = {**shape.JOINS, "attention": attention.attention}  # layers of several inputs, given as a tuple
SINGLE = {
    f.__name__: f
    for f in (
        dense.dense, dense.activation, dense.embedding, dense.dropout,
        convolution.conv1d, convolution.conv2d, convolution.depthwise_conv2d, convolution.conv1d_transpose,
        convolution.conv2d_transpose, convolution.max_pool, convolution.avg_pool, convolution.global_max_pool,
        convolution.global_avg_pool, normalisation.batch_norm, normalisation.layer_norm, normalisation.rms_norm,
        normalisation.group_norm, recurrent.simple_rnn, recurrent.lstm, recurrent.gru, attention.transformer,
        attention.positional, shape.flatten, shape.reshape,
    )
}  # fmt: skip


def run(layers: Described, x: Tensor | None, scope: Scope, inputs: Mapping[str, Tensor] | None = None) -> Tensor:
    """The layers one after the other, or as their `input` keys say; the output of the last one.

    A layer is called what its `name` or its key in a mapping says, else after its kind and its number among its kind.
    """
    named = layers.items() if isinstance(layers, Mapping) else enumerate(layers)
    known: dict[str, Tensor] = dict(inputs or {})
    counts: dict[str, int] = {}
    kinds: dict[str, str] = {}
    shapes = [str(x.shape)] if x is not None else []
    for key, choice in named:
        counts[choice.name] = counts.get(choice.name, 0) + 1
        given = key if isinstance(key, str) else choice.beside.name if choice.beside else None
        name = given or f"{choice.name}_{counts[choice.name]}"
        place = scope.inner(name, key)
        if name in known:
            raise place.error(f"expected a name of its own, got `{name}`, which is another's")
        xs = sources(choice, x, known, place)
        own = shared(choice, place, scope, kinds)
        with scope.network.at(place.path, f"; shapes so far: {' -> '.join(shapes[-4:])}"):
            x = known[name] = apply(choice, xs, own)
            if not isinstance(key, str) and given is None:
                del known[name]
        kinds[name] = choice.name
        shapes.append(str(x.shape))
        scope.network.traces.append(Trace(place.name, choice.name, xs, x, place.path, scope.depth))
        if given:
            scope.network.names.setdefault(given, x)
    return cast(Tensor, x)  # there is at least one layer


def sources(choice: Choice[Any], x: Tensor | None, known: Mapping[str, Tensor], scope: Scope) -> tuple[Tensor, ...]:
    """The inputs of a layer: those it names, else the layer before it."""
    names = choice.beside.input if choice.beside else None
    if names is None:
        if x is None:
            some = ", ".join(f"`{name}`" for name in known)
            raise scope.error(f"expected an `input` of the first layer, as there are several: {some}")
        return (x,)
    names = (names,) if isinstance(names, str) else names
    for name in names:
        if name not in known:
            near = nearest(name, known)
            hint = f"did you mean `{near}`?" if near else f"known: {', '.join(f'`{n}`' for n in known) or 'none'}"
            raise scope.error(f"expected an input or a layer above with a name, got `{name}`; {hint}")
    return tuple(known[name] for name in names)


def shared(choice: Choice[Any], place: Scope, scope: Scope, kinds: Mapping[str, str]) -> Scope:
    """The scope of a layer's parameters: its own, or that of the layer whose weights it uses."""
    beside = choice.beside
    if beside is None:
        return place
    if beside.weights is None:
        return scope.inner(place.name.rpartition(".")[2], place.path[-1], l1=beside.l1, l2=beside.l2)
    if kinds.get(beside.weights) != choice.name:
        found = kinds.get(beside.weights)
        what = f"which is of kind `{found}`" if found else "which is no layer above it"
        raise place.error(f"expected the name of another `{choice.name}` layer, got `{beside.weights}`, {what}")
    return scope.inner(beside.weights, place.path[-1], l1=beside.l1, l2=beside.l2)


def apply(choice: Choice[Any], xs: tuple[Tensor, ...], scope: Scope) -> Tensor:
    """The tensor that the layer chosen in the spec makes of its inputs."""
    if choice.name in MANY:
        return MANY[choice.name](xs, choice.fields, scope)
    if len(xs) > 1:
        raise ShapeError(f"{choice.name}: takes one input, got {len(xs)}; put `concat` or `add` before it")
    layer = SINGLE.get(choice.name) or BLOCKS.get(choice.name)
    return choice.fields.build(xs[0], scope) if layer is None else layer(xs[0], choice.fields, scope)


def within(scope: Scope, *path: str) -> Scope:
    """The same scope, further down in the spec."""
    return replace(scope, path=(*scope.path, *path))


def residual(x: Tensor, fields: Any, scope: Scope) -> Tensor:
    y = run(fields.layers, x, within(scope, "residual", "layers"))
    return shape.add((x, y), fields, scope)


def parallel(x: Tensor, fields: Any, scope: Scope) -> Tensor:
    inner = within(scope, "parallel", "branches")
    branches = [run(layers, x, inner.inner(f"branch_{i + 1}", i)) for i, layers in enumerate(fields.branches)]
    return shape.JOINS[fields.join](tuple(branches), fields, scope)


def repeat(x: Tensor, fields: Any, scope: Scope) -> Tensor:
    inner = within(scope, "repeat", "layers")
    for i in range(fields.times):
        x = run(fields.layers, x, inner if fields.share else inner.inner(f"{i + 1}"))
    return x


def lambda_(x: Tensor, fields: Any, scope: Scope) -> Tensor:
    with scope.network.at((*scope.path, "lambda", "formula")):
        return tensor_of(fields.formula, {**scope.network.names, "x": x})


BLOCKS = {"residual": residual, "parallel": parallel, "repeat": repeat, "lambda": lambda_}
