"""Masks: which places of padded sequences hold tokens, and what layers compute of those places alone.

Text is filled with 0 to one length; more of that filling changes no result, as every layer either works at each place
by itself, or leaves the padding out, or refuses.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import numpy as np

from agcli.engine.errors import ShapeError
from agcli.engine.graph import Tensor, call, toposort
from agcli.engine.ops.base import Pointwise
from agcli.engine.types import Array, static
from agcli.model.formulas import Model, tensor_of
from agcli.spec.nouns import Loss

NAME = "mask"  # what formulas call it
AT_EACH_PLACE = ("astype", "one_hot", "softmax", "log_softmax")  # ops beside elementwise ones that mix no places


@dataclass(frozen=True)
class Mask:
    """Which places of a sequence hold tokens, (n, length); these stand together, at its start or at its end."""

    places: Tensor
    left: bool = False  # the padding is before the tokens, not after them

    @property
    def length(self) -> int:
        return static(self.places.shape[1])

    @property
    def column(self) -> Tensor:
        """The same, beside channels: (n, length, 1)."""
        return call("expand_dims", self.places, -1)

    def joined(self, other: Mask) -> Mask:
        """Where both have tokens."""
        same = other.places is self.places
        return self if same else Mask(self.places & other.places, self.left and other.left)

    def at(self, source: Array) -> Mask:
        """The mask of other places: each one is like a place of this mask, or like the nearest one that there is."""
        source = np.clip(source, 0, self.length - 1)
        if np.array_equal(source, np.arange(self.length)):
            return self
        return Mask(call("take", self.places, source, axis=1), self.left)


def of_tokens(x: Tensor, side: str) -> Mask:
    """The mask of token numbers (n, length), in which 0 is padding on one ``side``."""
    return Mask(call("not_equal", x, 0), side == "left")


def cleared(x: Tensor, mask: Mask, value: float = 0.0) -> Tensor:
    """``x``, (n, length, channels), with one value at all padded places."""
    return call("where", mask.column, x, value)


def lowest(x: Tensor) -> float:
    return float(np.finfo(x.dtype).min)


def mean(x: Tensor, mask: Mask, axis: int | tuple[int, ...] = 1, keepdims: bool = False) -> Tensor:
    """The mean of (n, length, channels) over tokens along axes of which one is that of places; 0 of none."""
    count = call("sum", mask.column.astype(x.dtype), axis=axis, keepdims=keepdims)
    return call("sum", cleared(x, mask), axis=axis, keepdims=keepdims) / call("maximum", count, 1)


def largest(x: Tensor, mask: Mask) -> Tensor:
    """The largest value of each channel over tokens, (n, channels); 0 of none."""
    found = call("max", cleared(x, mask, lowest(x)), axis=1)
    return call("where", call("any", mask.places, axis=1, keepdims=True), found, 0)


def windows(mask: Mask, layer: str, count: int, span: int, stride: int, padding: str | int) -> Mask:
    """The mask of what windows make of a sequence: the places that the tokens alone would give.

    Windows begin at the first place, less the padding around; they have to do so wherever the padding of the text ends.
    Raises ShapeError where they do not.
    """
    if stride > 1 and padding == "same":
        raise ShapeError(
            f"{layer}: `padding: same` and a stride of {stride} put windows where the length of the text with its "
            f"padding says; write `padding: valid`, or a number"
        )
    if stride > 1 and mask.left:
        raise ShapeError(
            f"{layer}: windows with a stride of {stride} begin at the padding, which is left of the text; write "
            "`padding: right` in the column's role, or `stride: 1`"
        )
    around = span - 1 if padding == "same" else 0 if padding == "valid" else 2 * int(padding)
    places = np.arange(count)
    return mask.at(places if mask.left else places * stride + span - 1 - around)


def beyond(layer: str, field: str) -> ShapeError:
    """Why a layer of texts cannot have a field that looks beyond the end of a sequence."""
    return ShapeError(f"{layer}: `{field}` looks beyond the end of a text, where its padding begins; leave it out")


def spread(mask: Mask, count: int, span: int, stride: int, padding: str | int) -> Mask:
    """The mask of a transposed convolution, each token of which makes ``stride`` places and their surroundings."""
    around = 0 if padding == "valid" else span - stride if padding == "same" else 2 * int(padding)
    places = np.arange(count)
    return mask.at((places if mask.left else places - (span - stride - around)) // stride)


def positions(mask: Mask) -> Tensor:
    """The number of each token in its text, (n, length), from 0; that of padding is any."""
    return call("maximum", call("cumsum", mask.places.astype("int64"), axis=1) - 1, 0)


def standardized(
    x: Tensor, mask: Mask, average: Callable[[Tensor], Tensor], epsilon: float
) -> tuple[Tensor, Tensor, Tensor]:
    """``x`` with mean 0 and variance 1, and these two, for an ``average`` that leaves padding out."""
    centre = average(x)
    centred = x - centre
    variance = average(call("square", centred))
    return centred * call("rsqrt", variance + epsilon), centre, variance


def each_place(output: Tensor, target: Tensor, mask: Mask) -> tuple[Tensor, Tensor, Tensor]:
    """Outputs and targets with a row a place, (n * length, ...), and weights: 1 for tokens, 0 for padding.

    Raises ShapeError if the target has no value for each place.
    """
    if target.shape[1:2] != (mask.length,):
        raise ShapeError(
            f"the model's output has a row for each of {mask.length} places of padded text, the target has the shape "
            f"{target.shape}; put `global_avg_pool` or `lstm` before the last layer"
        )
    rows = [t.reshape((-1, *t.shape[2:])) for t in (output, target)]
    return rows[0], rows[1], mask.places.reshape((-1,)).astype("float64")


def per_sample(loss: Loss, output: Tensor, target: Tensor, mask: Mask | None) -> Tensor:
    """What each sample loses, (n,); of padded text the mean over its tokens."""
    if mask is None:
        return loss.of(output, target)
    rows, targets, _ = each_place(output, target, mask)
    return mean(loss.of(rows, targets).reshape((-1, mask.length, 1)), mask)[:, 0]


def formula(
    text: str, names: Mapping[str, Tensor], padded: Mapping[str, Mask], dtype: str, model: Model | None = None
) -> Tensor:
    """The formula of these names, of which some are ``padded``; it may use `mask`, and has to where it mixes places.

    `mask` is 1 for a token and 0 for padding, (n, length, 1); of several masks it is that of the last name. Raises
    ShapeError, or ExpressionError.
    """
    if not padded:
        return tensor_of(text, names, model)
    column = list(padded.values())[-1].column.astype(dtype)
    made = tensor_of(text, {NAME: column, **names}, model)
    name = mixed(made, names, padded, column)
    if name is not None:
        raise ShapeError(
            f"`{name}` is text, filled up to {padded[name].length} places, and the formula counts its padding; `mask` "
            f"is 1 for a token and 0 for padding, as in sum({name} * mask, 1) / maximum(sum(mask, 1), 1)"
        )
    return made


def mixed(made: Tensor, names: Mapping[str, Tensor], padded: Collection[str], mask: Tensor) -> str | None:
    """The first of the ``padded`` names whose places a formula mixes; None if it mixes none, or uses the ``mask``."""
    order = toposort([made], {t.id for t in names.values()})
    if any(t is mask for t in order):
        return None
    sources = {names[name].id: (name, names[name].shape[:2]) for name in padded}
    for t in order:
        source = next((sources[x.id] for x in t.inputs if x.id in sources), None)
        if source is None:
            continue
        if not is_at_each_place(t) or t.shape[:2] != source[1]:
            return source[0]
        sources[t.id] = source
    return None


def is_at_each_place(t: Tensor) -> bool:
    """Whether an op of sequences (n, length, ...) mixes no places of them."""
    name, axis = getattr(t.op, "name", ""), getattr(t.op, "axis", -1)
    return isinstance(t.op, Pointwise) or (name in AT_EACH_PLACE and (name == "one_hot" or axis in (-1, t.ndim - 1)))
