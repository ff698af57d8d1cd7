"""How much classes count in a loss: by their names, in a list, or so that all classes together count alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from agcli.datasets import Dataset, Recipe
from agcli.datasets.dataset import TARGET
from agcli.engine.types import Array
from agcli.spec import Spec
from agcli.spec.names import suggestion
from agcli.spec.nouns import Loss

WEIGHTS = ("class_weights", "pos_weight")
BALANCED = "balanced"


def weighing(spec: Spec, data: Dataset) -> Loss:
    """The loss of a spec with its weights as numbers, in the order of the data's classes or labels."""
    loss: Loss = spec.loss.fields
    found: dict[str, Any] = {}
    for field in WEIGHTS:
        given = getattr(loss, field, None)
        if given is not None and not isinstance(given, int | float):
            found[field] = _in_order(spec, data, field, given)
    return loss.model_copy(update=found) if found else loss


def is_balanced(spec: Spec) -> bool:
    """Whether the weights follow from the training data."""
    return any(getattr(spec.loss.fields, field, None) == BALANCED for field in WEIGHTS)


def weighed(spec: Spec, data: Dataset) -> Spec:
    """The spec with its weights as numbers, for a model that is to be built without the data that it was trained on."""
    return spec.model_copy(update={"loss": replace(spec.loss, fields=weighing(spec, data))})


def order(data: Dataset, field: str) -> tuple[str, ...]:
    """What the weights of a field stand for, in their order."""
    recipe = data.fitted
    labels = recipe.labels if isinstance(recipe, Recipe) else ()
    if field == "pos_weight":
        return labels or data.classes[-1:] or ("1",)
    if labels and isinstance(recipe, Recipe):
        return recipe.answers
    target = data.train.columns[TARGET].stored
    return data.classes or tuple(map(str, range(int(target.max(initial=0)) + 1)))


def _in_order(spec: Spec, data: Dataset, field: str, given: Any) -> tuple[float, ...]:
    names, path = order(data, field), ("loss", spec.loss.name, field)
    if given == BALANCED:
        return _balanced(spec, data, field, len(names))
    if isinstance(given, Mapping):
        unknown = next((name for name in given if name not in names), None)
        if unknown is not None:
            told = f"the target has no class `{unknown}`{suggestion(unknown, list(names))}"
            raise spec.error((*path, unknown), told)
        return tuple(float(given.get(name, 1.0)) for name in names)
    if names and len(given) != len(names):
        what = "class weights, one for each class" if field == "class_weights" else "weights, one for each label"
        filled = [*given, *[1.0] * len(names)]
        named = ", ".join(f"{name}: {weight:g}" for name, weight in zip(names, filled, strict=False))
        told = f"expected {len(names)} {what}, in the order {', '.join(names)}; got {len(given)}"
        raise spec.error(path, f"{told}; by name: `{field}: {{{named}}}`")
    return tuple(given)


def _balanced(spec: Spec, data: Dataset, field: str, count: int) -> tuple[float, ...]:
    """n / (k * samples of the class), as scikit-learn has it; of labels, zeros for each one."""
    stored: Array = data.train.columns[TARGET].values
    if field == "pos_weight":
        ones = stored.reshape(len(stored), -1).mean(axis=0, dtype=np.float64)
        return tuple(float((1 - share) / share) if share else 1.0 for share in ones)
    samples = np.bincount(stored.reshape(-1).astype(np.int64), minlength=count)
    return tuple(float(samples.sum() / (count * n)) if n else 0.0 for n in samples)


def shown(spec: Spec, data: Dataset) -> list[str]:
    """A sentence on the weights that are not all written by name, in their order."""
    found = []
    for field in WEIGHTS:
        given = getattr(spec.loss.fields, field, None)
        if given is None or isinstance(given, Mapping | int | float):
            continue
        weights: Sequence[float] = getattr(weighing(spec, data), field)
        names = order(data, field)
        if names:
            pairs = ", ".join(f"{name} {weight:.4g}" for name, weight in zip(names, weights, strict=True))
            found.append(f"`{field}`: {pairs}")
    return found
