"""Predictions beside targets: one target for each prediction, or one number for all; nothing broadcasts in silence."""

from __future__ import annotations

from ..errors import ShapeError
from ..frozen import frozen
from ..graph import Cotangents, Like, Tensor, as_tensor
from ..types import Array, Shape, TensorType, fits
from .base import Linear


@frozen
class Alike(Linear):
    """The first input, once the lengths are known and found to be those of the second; it leaves no trace in a plan."""

    loss: str
    words: tuple[str, str]
    hint: str
    name = "alike"
    internal = True  # the message begins with the loss
    shape_only = (1,)

    def infer(self, target: TensorType, prediction: TensorType) -> TensorType:
        check(target.shape, prediction.shape, self.loss, self.words, self.hint)
        return target

    def view(self, *arrays: Array) -> Array | None:
        return arrays[0]

    def vjp(self, g: Tensor, y: Tensor, target: Tensor, prediction: Tensor) -> Cotangents:
        return g, None

    def simplify(self, target: Tensor, prediction: Tensor) -> Tensor | None:
        return target if target.type.known and prediction.type.known else None


def check(target: Shape, prediction: Shape, loss: str, words: tuple[str, str], hint: str) -> None:
    if fits(target, prediction):
        return
    first, second = words
    if not hint and len(target) != len(prediction) and 1 in (target[-1:] + prediction[-1:]):
        longer = first if len(prediction) > len(target) else second
        hint = f"drop the last axis: {longer}[..., 0]"
    hint = hint or "repeat what is shared by all with ag.broadcast_to"
    raise ShapeError(f"{loss}: {first} {prediction} and {second} {target} must have one shape; {hint}")


def alike(
    prediction: Like, target: Like, loss: str, words: tuple[str, str] = ("prediction", "target"), hint: str = ""
) -> tuple[Tensor, Tensor]:
    """Both as tensors, of one shape; a single number may stand for all targets, or all predictions."""
    p, t = as_tensor(prediction), as_tensor(target)
    if not (p.ndim and t.ndim) and not hint:
        return p, t
    op = Alike(loss, words, hint)
    checked = op(t, p)
    return p, t if p.type.known and t.type.known else checked
