"""Layers one after the other, or as a graph with names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import cast

from agcli.engine.errors import ShapeError
from agcli.engine.graph import Tensor
from agcli.expression.errors import nearest
from agcli.model.layers.masks import Mask
from agcli.model.layers.scope import Scope, Trace
from agcli.spec.nouns import Layer
from agcli.spec.tables import Choice

Described = Sequence[Choice[Layer]] | Mapping[str, Choice[Layer]]


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


def sources(choice: Choice[Layer], x: Tensor | None, known: Mapping[str, Tensor], scope: Scope) -> tuple[Tensor, ...]:
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


def shared(choice: Choice[Layer], place: Scope, scope: Scope, kinds: Mapping[str, str]) -> Scope:
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


def apply(choice: Choice[Layer], xs: tuple[Tensor, ...], scope: Scope) -> Tensor:
    """The tensor that the layer chosen in the spec makes of its inputs."""
    layer = choice.fields
    if len(xs) > 1 and not layer.several:
        raise ShapeError(f"{choice.name}: takes one input, got {len(xs)}; put `concat` or `add` before it")
    padded = [x for x in xs if scope.mask(x)]
    if padded and layer.padded == "refuses":
        raise ShapeError(refusal(choice.name, padded[0]))
    y = layer.combine(xs, scope) if layer.several else layer.build(xs[0], scope)
    if padded and layer.padded == "at each place":
        if y.ndim < 3:  # what was done along the last axis was done along that of places
            raise ShapeError(refusal(choice.name, padded[0]))
        mask = reduce(Mask.joined, (mask for x in padded if (mask := scope.mask(x))))
        scope.with_mask(y, mask)
    return y


def refusal(layer: str, x: Tensor) -> str:
    """Why a layer takes no padded sequences, and what to put before it."""
    if x.ndim < 3:
        mend = "put an `embedding` and then `global_avg_pool` or `lstm` before it"
    else:
        mend = "put `global_avg_pool`, `global_max_pool` or `lstm` before it, which leave padding out"
    return f"{layer}: text is filled up to {x.shape[1]} places, and this layer would count its padding; {mend}"
