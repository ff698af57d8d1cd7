"""Columns of a table by name, as formulas of a spec know them."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate

from agcli.datasets import Dataset, Numeric, Recipe
from agcli.datasets.dataset import SIGMA, TARGET
from agcli.datasets.preprocessing import Part
from agcli.engine.graph import Tensor
from agcli.engine.leaves import Placeholder
from agcli.expression.lower import VALUES, functions
from agcli.spec import Spec


def is_number(part: Part) -> bool:
    return isinstance(part.role, Numeric)


def by_name(spec: Spec, data: Dataset, inputs: Mapping[str, Placeholder]) -> dict[str, Tensor]:
    """The columns of numbers of a table, each (n,), by their own names, as far as these mean nothing else.

    A name that the header of a table has means that column: `x` is one of several inputs, not all of them side by
    side, and `y` is no target, where the table has columns with these names.
    """
    if not spec.is_formulas or not isinstance(data.fitted, Recipe):
        return {}
    groups = data.fitted.groups
    found: dict[str, Tensor] = {}
    for name, group in groups.items():
        widths = [len(part.role.features(part.column, part.stats)) for part in group]
        if inputs[name].shape != (None, sum(widths)):  # pictures and texts have other axes
            continue
        places = accumulate(widths, initial=0)  # of the first feature of each, and the end
        numbers = [(part.column, place) for part, place in zip(group, places, strict=False) if is_number(part)]
        found |= {column: inputs[name][:, place] for column, place in numbers}
    target = data.fitted.target
    if len(target) == 1 and TARGET in inputs:
        found[target[0].column] = inputs[TARGET]
    own = {name for name in inputs.keys() - {SIGMA} if is_other(found.get(name), inputs[name])}
    quantities = spec.odeint.rates if spec.odeint else ()
    ours = {*spec.variables, *spec.let, *quantities}
    ours -= found.keys() - {part.column for part in target}  # which are refused by name
    taken = {*inputs, *ours, "output", *VALUES, *functions()} - own
    return {name: t for name, t in found.items() if name not in taken and name.isidentifier()}


def is_other(column: Tensor | None, t: Placeholder) -> bool:
    """Whether a column is another tensor than the input that has its name, or only a part of it."""
    return column is not None and column is not t and (t.shape != (None, 1) or column.inputs[:1] != (t,))
