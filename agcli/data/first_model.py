"""The model of a first spec: layers that fit the inputs of the data and its target, as lines of YAML."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from agcli.datasets import Dataset, Image, Recipe, Text

WIDTH = 32  # of the vector of a word
SMALL_IMAGE = 8  # pixels; below, one convolution is enough


def model_lines(data: Dataset) -> Iterator[str]:
    """The section `model:` for a table or arrays."""
    recipe = data.fitted
    assert isinstance(recipe, Recipe)  # noqa: S101  # of a table
    yield "model:"
    inputs = recipe.groups
    joined = []
    for name, parts in inputs.items():
        alone = len(inputs) == 1
        role, shape = parts[0].role, data.train.columns[name].shape
        if isinstance(role, Text):
            lines, out = _words(name, recipe.tokens[name], alone)
        elif isinstance(role, Image):
            lines, out = _picture(name, shape, alone)
        elif len(shape) > 1:
            lines, out = [_layer("flatten", "", name, f"{name}_flat", alone)], f"{name}_flat"
        else:
            lines, out = [], name
        joined.append(out)
        yield from lines
    if len(joined) > 1:
        yield f"  - {{concat: {{}}, input: [{', '.join(joined)}]}} # side by side"
    yield "  - dense: {units: 64, activation: relu}"
    yield "  - dense: {units: 32, activation: relu}"
    yield from _last(data)


def _last(data: Dataset) -> Iterator[str]:
    if isinstance(data.fitted, Recipe) and data.fitted.labels:
        yield f"  - dense: {len(data.fitted.labels)} # a score for each label"
    elif data.classes:
        yield f"  - dense: {max(len(data.classes), 2)} # a score for each class"
    else:
        size = int(np.prod(data.train.columns["y"].shape, dtype=int))
        yield f"  - dense: {size} # the prediction"


def _words(name: str, tokens: int, alone: bool) -> tuple[list[str], str]:
    """A mean of word vectors. The size of the embedding is that of the vocabulary, which training learns."""
    note = f" # a vector for each of {tokens - 2:,} words" if tokens > 2 else ""
    first = _layer("embedding", f"{{width: {WIDTH}}}", name, f"{name}_words", alone) + note
    return [first, _layer("global_avg_pool", "", "", f"{name}_mean", alone) + " # their mean"], f"{name}_mean"


def _picture(name: str, shape: tuple[int, ...], alone: bool) -> tuple[list[str], str]:
    """Convolutions, each followed by a pooling as long as there is something to pool."""
    lines = []
    if len(shape) == 2:
        lines.append(_layer("reshape", f"[{shape[0]}, {shape[1]}, 1]", name, f"{name}_picture", alone))
    for filters in (16, 32) if min(shape[:2]) > SMALL_IMAGE else (16,):
        source = name if not lines else ""
        called = f"{name}_{filters}"
        lines.append(
            _layer(
                "conv2d", f"{{filters: {filters}, kernel: 3, padding: same, activation: relu}}", source, called, alone
            )
        )
        lines.append(_layer("max_pool", "2", "", f"{called}_pooled", alone))
    return [*lines, _layer("flatten", "", "", f"{name}_flat", alone)], f"{name}_flat"


def _layer(kind: str, fields: str, source: str, name: str, alone: bool) -> str:
    """A layer; of several inputs it says what it reads, and is called something."""
    if alone:
        return f"  - {kind}: {fields}" if fields else f"  - {kind}"
    reads = f", input: {source}" if source else ""
    return f"  - {{{kind}: {fields or '{}'}{reads}, name: {name}}}"
