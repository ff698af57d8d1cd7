"""How a contraction is computed: diagonals, sums, and one matrix product or product of elements for each pair.

An axis is known by its label. A label that starts with a digit stands for an axis of an ellipsis, which broadcasts;
a label that occurs twice in one operand stands for its diagonal.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import TypeAlias

import numpy as np

from ..graph import Tensor
from ..types import static
from .arrays import reshape, swap_last, transpose
from .diagonals import Diagonal, OnDiagonal
from .matmul import MatMul
from .reductions import sum
from .slicing import expand_dims, squeeze

Labels: TypeAlias = "tuple[str, ...]"
OPTIMAL = 5  # operands up to which every order of contraction is tried; beyond, the greedy one is taken


def unique(labels: Sequence[str]) -> Labels:
    return tuple(dict.fromkeys(labels))


def order_axes(x: Tensor, labels: Sequence[str], target: Sequence[str]) -> Tensor:
    """Axes in the order of ``target``, which holds the same labels as ``labels``; those that repeat keep theirs."""
    places: dict[str, list[int]] = {}
    for i, label in enumerate(labels):
        places.setdefault(label, []).append(i)
    axes = [places[label].pop(0) for label in target]
    return x if axes == list(range(len(axes))) else transpose(x, axes)


def as_shape_of(x: Tensor, shape: Sequence[int]) -> Tensor:
    return x if x.shape == tuple(shape) else reshape(x, tuple(shape))


def take_diagonals(x: Tensor, labels: Labels) -> tuple[Tensor, Labels]:
    """``x`` with one axis a label."""
    for label in repeats(labels):
        rest = without(without(labels, label), label)
        x, labels = Diagonal(0)(order_axes(x, labels, (*rest, label, label))), (*rest, label)
    return x, labels


def put_diagonals(x: Tensor, labels: Labels, target: Labels) -> Tensor:
    """The transpose of ``take_diagonals``: zeros beside the diagonals of the labels that repeat in ``target``."""
    for label in repeats(target):
        rest = without(labels, label)
        x, labels = OnDiagonal(0)(order_axes(x, labels, (*rest, label))), (*rest, label, label)
    return order_axes(x, labels, target)


def repeats(labels: Labels) -> list[str]:
    """Each label as often as it occurs again."""
    return [label for label, n in Counter(labels).items() for _ in range(n - 1)]


def without(labels: Sequence[str], label: str) -> Labels:
    """``labels`` without the first ``label``."""
    i = list(labels).index(label)
    return (*labels[:i], *labels[i + 1 :])


def drop_ones(x: Tensor, labels: Labels, lengths: Mapping[str, int]) -> tuple[Tensor, Labels]:
    """``x`` without its axes of length 1 that broadcast against longer ones."""
    ones = [i for i, label in enumerate(labels) if x.shape[i] == 1 and lengths[label] != 1]
    return (squeeze(x, ones), tuple(label for i, label in enumerate(labels) if i not in ones)) if ones else (x, labels)


def sum_out(x: Tensor, labels: Labels, keep: Collection[str]) -> tuple[Tensor, Labels]:
    """``x`` summed over the labels that nobody keeps."""
    summed = [i for i, label in enumerate(labels) if label not in keep]
    return (sum(x, summed), tuple(label for label in labels if label in keep)) if summed else (x, labels)


def spread(x: Tensor, labels: Labels, out: Labels) -> Tensor:
    """``x`` ready to be multiplied: axes in the order of ``out``, with length 1 where it has none."""
    x = order_axes(x, labels, [label for label in out if label in labels])
    missing = [i for i, label in enumerate(out) if label not in labels]
    return expand_dims(x, missing) if missing else x


def as_matrix(x: Tensor, labels: Labels, batch: Labels, rows: Labels, columns: Labels) -> Tensor:
    """``x`` as a stack of matrices, without a copy where its own order of axes allows it."""
    size = {label: static(d) for label, d in zip(labels, x.shape, strict=True)}

    def shape(*groups: Labels) -> list[int]:
        return [
            *(size[label] for label in batch),
            *(int(np.prod([size[label] for label in group])) for group in groups),
        ]

    if labels == (*batch, *columns, *rows):
        return swap_last(as_shape_of(x, shape(columns, rows)))
    return as_shape_of(order_axes(x, labels, (*batch, *rows, *columns)), shape(rows, columns))


def contract_pair(a: Tensor, la: Labels, b: Tensor, lb: Labels, out: Labels) -> Tensor:
    """Two operands; every label is in ``out`` or in both."""
    inner = [label for label in (la if a.type.size >= b.type.size else lb) if label not in out]
    if not inner:
        return spread(a, la, out) * spread(b, lb, out)
    batch = tuple(label for label in out if label in la and label in lb)
    left = tuple(label for label in out if label not in lb)
    right = tuple(label for label in out if label not in la)
    if out == (*batch, *right, *left):  # (a b)' = b' a' saves a transpose
        a, la, left, b, lb, right = b, lb, right, a, la, left
    y = MatMul()(as_matrix(a, la, batch, left, tuple(inner)), as_matrix(b, lb, batch, tuple(inner), right))
    size = {label: static(d) for ls, x in ((la, a), (lb, b)) for label, d in zip(ls, x.shape, strict=True)}
    labels = (*batch, *left, *right)
    return order_axes(as_shape_of(y, [size[label] for label in labels]), labels, out)


def find_path(terms: Sequence[Labels], out: Labels, lengths: dict[str, int]) -> list[tuple[int, ...]]:
    """The order in which operands are contracted, by NumPy's search; in turn where there are too many labels."""
    number = {label: i for i, label in enumerate(lengths)}
    if len(terms) <= 2 or len(number) > 52 or 0 in lengths.values():
        return [(0, 1)] * (len(terms) - 1)
    zero = np.zeros(())
    args: list[object] = []
    for labels in terms:
        args += [np.broadcast_to(zero, [lengths[label] for label in labels]), [number[label] for label in labels]]
    how = "optimal" if len(terms) <= OPTIMAL else "greedy"
    path, _ = np.einsum_path(*args, [number[label] for label in out], optimize=how)  # type: ignore[arg-type]
    return [pair for step in path[1:] for pair in pairs(step, len(terms))]


def pairs(step: tuple[int, ...], count: int) -> list[tuple[int, ...]]:
    """A step over more than two operands, which NumPy's search may end with, two at a time."""
    return [tuple(sorted(step))] if len(step) == 2 else [(0, 1)] * (len(step) - 1)


def contract(xs: Sequence[Tensor], terms: Sequence[Labels], output: Labels) -> Tensor:
    """The sum over all labels that are not in ``output`` of the product of ``xs``; all lengths must be known."""
    out = unique(output)
    lengths: dict[str, int] = {}
    for x, labels in zip(xs, terms, strict=True):
        for label, d in zip(labels, x.shape, strict=True):
            lengths[label] = static(d) if lengths.get(label, 1) == 1 else lengths[label]
    work = [drop_ones(*take_diagonals(x, labels), lengths) for x, labels in zip(xs, terms, strict=True)]
    uses = Counter(label for _, labels in work for label in labels)
    work = [sum_out(x, labels, {*out, *(label for label in labels if uses[label] > 1)}) for x, labels in work]
    for step in find_path([labels for _, labels in work], out, lengths):
        (b, lb), (a, la) = (work.pop(i) for i in sorted(step, reverse=True))
        keep = {*out, *(label for _, labels in work for label in labels)}
        kept = tuple(label for label in unique((*la, *lb)) if label in keep) if work else out
        work.append((contract_pair(a, la, b, lb, kept), kept))
    x, labels = work[0]
    return put_diagonals(order_axes(x, labels, out), out, output)
