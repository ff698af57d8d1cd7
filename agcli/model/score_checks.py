"""Whether a model ends in what its loss wants of it: raw scores or logarithms, and as many as the target needs."""

from __future__ import annotations

from collections.abc import Mapping

from agcli.counts import number_of
from agcli.data.mending import usual
from agcli.datasets import Dataset, Recipe, kinds
from agcli.engine.graph import Tensor
from agcli.spec import Spec
from agcli.spec.nouns import Link

_ACTIVATED = {"softmax": "scores", "sigmoid": "scores"}
# Of how an output is read: the ops in which it must not end, and what it should be instead.
WRONG_ENDS: Mapping[Link, Mapping[str, str]] = {
    "softmax": _ACTIVATED,
    "sigmoid": _ACTIVATED,
    "margin": _ACTIVATED,
    "log_softmax": {"softmax": "logarithms", "sigmoid": "logarithms", "add": "logarithms", "matmul": "logarithms"},
    "exp": {"exp": "the logarithm of the mean", "softmax": "the logarithm of the mean"},
}
ADVICE = {
    "scores": "takes the raw scores and has {op} in it: leave `{op}` out of the last layer",
    "logarithms": "takes logarithms of probabilities: end in `log_softmax`, or write `loss: {other}`",
    "the logarithm of the mean": "takes the logarithm of the mean: leave `{op}` out of the last layer",
}


def refuse(spec: Spec, data: Dataset, output: Tensor, target: Tensor) -> None:
    """Raise SpecError at the loss for an output that it cannot mean."""
    told = _wrong_end(spec, output) or _wrong_count(spec, data, output, target)
    if told:
        raise spec.error(("loss",), told)


def _wrong_end(spec: Spec, output: Tensor) -> str:
    op = _last(output)
    wrong = WRONG_ENDS.get(spec.loss.fields.link, {}).get(op)
    return f"`{spec.loss.name}` {ADVICE[wrong].format(op=op, other=usual(kinds.CLASSES))}" if wrong else ""


def _last(output: Tensor) -> str:
    """The op that an output ends in, whatever its shape was made of it."""
    while output.op is not None and output.op.name in ("reshape", "squeeze", "expand_dims", "astype"):
        output = output.inputs[0]
    return output.op.name if output.op is not None else ""


def _wrong_count(spec: Spec, data: Dataset, output: Tensor, target: Tensor) -> str:
    last = output.shape[-1] if output.ndim > 1 else 1
    if spec.loss.fields.link == "distance" and target.ndim > 1:
        return f"`{spec.loss.name}` takes one label a sample, the target has {target.shape[-1]}; name one as `target`"
    if last is None or output.ndim > target.ndim + 1 or spec.loss.fields.link in ("distance", "vectors"):
        return ""
    if spec.loss.fields.link in ("softmax", "log_softmax", "margin") and target.dtype.kind in "iu":
        if output.ndim <= target.ndim > 1:  # a sequence of classes, and no place of the output is one of theirs
            return ""
        return _few_scores(spec, data, last if output.ndim == target.ndim + 1 else 1)
    return _other_size(spec, data, output, target, last)


def _few_scores(spec: Spec, data: Dataset, scores: int) -> str:
    """Of classes: a score each, or one for two where the loss takes labels too."""
    classes = len(data.classes)
    takes_one = "labels" in spec.loss.fields.target and classes in (0, 2)
    if not classes or scores >= max(classes, 2) or (scores == 1 and takes_one):
        return ""
    count = number_of(scores, "score")
    other = f", or write `loss: {usual(kinds.LABELS)}`" if classes == 2 else ""
    return f"the data has {number_of(classes, 'class')}, the model gives {count}; end in `dense: {classes}`{other}"


def _other_size(spec: Spec, data: Dataset, output: Tensor, target: Tensor, last: int) -> str:
    """Of labels, shares and numbers: one each, and twice as many of a mean beside a deviation."""
    if target.ndim > 2 or output.ndim > 2 or not isinstance(data.fitted, Recipe):
        return ""
    size = target.shape[-1] if target.ndim == 2 else 1
    if size is None:
        return ""
    each, told = (2, "a mean and a log variance for each number") if spec.loss.fields.link == "gaussian" else (1, "")
    if last == size * each:
        return ""
    what = told or ("as many" if size > 1 else "one")
    gives = number_of(last, "number")
    other = f", or write `loss: {usual(kinds.CLASSES)}`" if last == len(data.classes) > 1 else ""
    numbers = number_of(size, "number")
    return (
        f"the target has {numbers} a sample, the model gives {gives}, and `{spec.loss.name}` needs {what}; "
        f"end in `dense: {size * each}`{other}"
    )


def cautions(spec: Spec, data: Dataset, output: Tensor) -> list[str]:
    """Sentences on scores that no class of the data has."""
    classes, scores = len(data.classes), output.shape[-1] if output.ndim > 1 else None
    is_classes = spec.loss.fields.link in ("softmax", "log_softmax", "margin") and "classes" in spec.loss.fields.target
    if not is_classes or not classes or scores is None or scores <= max(classes, 2 if classes == 2 else 1):
        return []
    return [
        f"the model gives {number_of(scores, 'score')}, the data has {number_of(classes, 'class')}: "
        f"{scores - classes:,} of them answer to none; `dense: {classes}` is enough"
    ]
