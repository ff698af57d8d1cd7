"""Sums of products over named axes: einsum, and the contractions that are special cases of it."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from ..errors import DTypeError, ShapeError
from ..frozen import frozen
from ..graph import Cotangents, Like, Op, Tensor, as_tensor, unify
from ..table import op, sample
from ..types import Dim, Shape, TensorType, broadcast_dims, normalize_axis
from .arrays import expand_like, reshape, sum_like
from .contraction import Labels, contract, unique
from .matmul import matmul

TERM = re.compile(r"([A-Za-z]*)(\.\.\.)?([A-Za-z]*)")


@frozen
class Einsum(Op):
    """Sum of products over the labels of ``terms`` (one an operand) that are not in ``output``.

    It is closed under differentiation: a label that repeats in ``output`` stands for a matrix that is zero beside its
    diagonal. As soon as all lengths are known it becomes transposes and matrix products (see contraction.py).
    """

    terms: tuple[Labels, ...]
    output: Labels
    name = "einsum"

    def infer(self, *types: TensorType) -> TensorType:
        lengths: dict[str, Dim] = {}
        for labels, t in zip(self.terms, types, strict=True):
            for label, d in zip(labels, t.shape, strict=True):
                lengths[label] = self.meet(label, lengths.get(label, d), d, types)
        dtype = np.result_type(*(t.dtype for t in types))
        if dtype.kind == "b":
            raise DTypeError("einsum: multiplies and adds numbers, got bool; cast one operand with astype")
        return TensorType(tuple(lengths[label] for label in self.output), dtype)

    def meet(self, label: str, a: Dim, b: Dim, types: Sequence[TensorType]) -> Dim:
        """The length of an axis that has length ``a`` in one operand and ``b`` in another."""
        if a is not None and b is not None and a != b and (not label.isdigit() or 1 not in (a, b)):
            shapes = " and ".join(str(t.shape) for t in types)
            what = "an axis of '...'" if label.isdigit() else f"index {label!r}"
            raise ShapeError(f"einsum: {what} has lengths {a} and {b} in {shapes}")
        return broadcast_dims(a, b)

    def simplify(self, *xs: Tensor) -> Tensor | None:
        if self.terms == (self.output,):
            return xs[0]
        if not all(x.type.known for x in xs):
            return None
        dtype = np.result_type(*(x.dtype for x in xs))
        y = contract(xs, self.terms, self.output)
        return y if y.dtype == dtype else y.astype(dtype)

    def vjp(self, g: Tensor, y: Tensor, *xs: Tensor) -> Cotangents:
        return [self.cotangent(g, k, xs) for k in range(len(xs))]

    def cotangent(self, g: Tensor, k: int, xs: Sequence[Tensor]) -> Tensor:
        """The product of ``g`` with all other operands; repeated over labels that only this operand has."""
        x, labels = xs[k], self.terms[k]
        terms = (self.output, *self.terms[:k], *self.terms[k + 1 :])
        found = {label for term in terms for label in term}
        present = tuple(label for label in unique(labels) if label in found)
        part = Einsum(terms, present).simplest(g, *xs[:k], *xs[k + 1 :])
        if len(present) < len(unique(labels)):
            missing = [i for i, label in enumerate(unique(labels)) if label not in found]
            whole = Einsum((labels,), unique(labels)).simplest(x)  # only its shape is read
            part = sum_like(part, Einsum((unique(labels),), present).simplest(whole))
            part = expand_like(part, whole, missing, keepdims=False)
        return Einsum((unique(labels),), labels).simplest(part)

    def jvp(self, tangents: Sequence[Tensor | None], y: Tensor, *xs: Tensor) -> Tensor | None:
        total: Tensor | None = None
        for k, t in enumerate(tangents):
            if t is not None:
                part = self.simplest(*xs[:k], t, *xs[k + 1 :])
                total = part if total is None else total + part
        return total


def parse(subscripts: str, shapes: Sequence[Shape]) -> tuple[tuple[Labels, ...], Labels]:
    """Labels of the operands and of the output; the axes of an ellipsis are numbered from the right."""
    left, arrow, right = subscripts.replace(" ", "").partition("->")
    texts = left.split(",")
    if len(texts) != len(shapes):
        raise ShapeError(f"einsum: {subscripts!r} names {len(texts)} operands, got {len(shapes)}")
    terms = tuple(split(text, len(shape), shape) for text, shape in zip(texts, shapes, strict=True))
    widest = max((label for term in terms for label in term if label.isdigit()), key=int, default=None)
    rank = 0 if widest is None else int(widest) + 1
    letters = [label for term in terms for label in term if label.isalpha()]
    if not arrow:
        once = sorted(label for label in set(letters) if letters.count(label) == 1)
        return terms, (*ellipsis(rank), *once)
    if rank and "..." not in right:
        raise ShapeError(f"einsum: the output of {subscripts!r} lacks the '...' of its operands")
    output = split(right, rank + len(right.replace("...", "")), None)
    for label in output:
        if label.isalpha() and (label not in letters or output.count(label) > 1):
            fault = "is in no operand" if label not in letters else "occurs twice in the output"
            raise ShapeError(f"einsum: index {label!r} of {subscripts!r} {fault}")
    return terms, output


def split(text: str, rank: int, shape: Shape | None) -> Labels:
    """The labels of one operand, or of the output (``shape`` None)."""
    match = TERM.fullmatch(text)
    if match is None:
        raise ShapeError(f"einsum: {text!r} is not made of letters and one '...'")
    first, dots, last = match.groups()
    spare = rank - len(first) - len(last)
    if spare < 0 or (spare and not dots):
        raise ShapeError(f"einsum: {text!r} names {len(first + last)} axes, its operand has {rank}: {shape}")
    return (*first, *ellipsis(spare), *last)


def ellipsis(rank: int) -> Labels:
    return tuple(str(i) for i in range(rank - 1, -1, -1))


def apply(terms: tuple[Labels, ...], output: Labels, operands: Sequence[Like]) -> Tensor:
    """The contraction as products, once it is known to fit."""
    xs = [as_tensor(x) for x in operands]
    xs = unify(xs) if len(xs) > 1 else xs
    whole = Einsum(terms, output)(*xs)
    products = Einsum(terms, output).simplify(*xs)
    return whole if products is None else products


@op(
    sample((2, 3), (3, 4), subscripts="ij,jk->ik"),
    sample((2, 3), (2, 3), subscripts="ij,ij"),
    sample((5, 2, 3), (3, 5, 4), subscripts="bij,jbk->kib"),
    sample((2, 3, 2), (3, 2, 4), subscripts="abc,bcd->da"),
    sample((3, 3), subscripts="ii"),
    sample((3, 3), (3,), subscripts="ii,j->ij"),
    sample((2, 3, 3, 2), subscripts="abba->ba"),
    sample((2, 3), subscripts="ij->j"),
    sample((4, 2, 3), (3, 2), (1, 2, 2), subscripts="...ij,jk,...kl->...il"),
    sample((2, 1, 2), (3, 2), subscripts="...i,...i"),
    sample((2,), (3,), (4,), subscripts="i,j,k->kij"),
    sample((2, 3), (3, 4), (4, 2), (2, 3), subscripts="ab,bc,cd,de->ae"),
    sample((0, 3), (3, 0), subscripts="ij,jk->ik"),
)
def einsum(*operands: Like | str, subscripts: str | None = None) -> Tensor:
    """Sum of products over named axes: ``einsum("bij,bjk->bik", a, b)``.

    Each operand names its axes by letters; those that the output lacks are summed, a letter that repeats in one
    operand takes its diagonal, ``...`` stands for axes that broadcast, and without ``->`` the output has the letters
    that occur once, sorted. The subscripts come first, as in NumPy, or by keyword. Pairs are contracted in the order
    that NumPy's path search finds, by matrix products wherever something is summed.

    >>> print(ag.einsum("ij,j->i", [[1, 2], [3, 4]], [10, 1]).eval())
    [12 34]
    """
    first, *rest = operands or ("",)
    text, given = (first, rest) if subscripts is None else (subscripts, operands)
    if not isinstance(text, str) or not given or any(isinstance(x, str) for x in given):
        raise ShapeError('einsum: takes subscripts and at least one tensor, as in einsum("ij,jk->ik", a, b)')
    xs = [as_tensor(x) for x in given if not isinstance(x, str)]
    return apply(*parse(text, [x.shape for x in xs]), xs)


@op(
    sample((2, 3), (3, 4), axes=1),
    sample((2, 3, 4), (4, 3, 2), axes=((1, 2), (1, 0))),
    sample((2, 3, 4), (3, 4), axes=2),
    sample((2,), (3,), axes=0),
    sample((2, 0), (0, 3), axes=1),
)
def tensordot(a: Like, b: Like, axes: int | Sequence[int | Sequence[int]] = 2) -> Tensor:
    """Sum of products over pairs of axes: the last ``axes`` of ``a`` with the first of ``b``, or two lists of axes.

    The result has the other axes of ``a``, then those of ``b``.

    >>> print(ag.tensordot([[1, 2], [3, 4]], [[1, 0], [0, 1]], axes=2).eval())
    5
    """
    x, y = as_tensor(a), as_tensor(b)
    left, right = paired_axes(axes, x.ndim, y.ndim)
    for i, j in zip(left, right, strict=True):
        if None not in (x.shape[i], y.shape[j]) and x.shape[i] != y.shape[j]:
            raise ShapeError(f"tensordot: axis {i} of {x.shape} and axis {j} of {y.shape} differ in length")
    xs, ys = [f"a{i}" for i in range(x.ndim)], [f"b{j}" for j in range(y.ndim)]
    for i, j in zip(left, right, strict=True):
        ys[j] = xs[i]
    output = [label for i, label in enumerate(xs) if i not in left]
    output += [label for j, label in enumerate(ys) if j not in right]
    return apply((tuple(xs), tuple(ys)), tuple(output), [x, y])


def paired_axes(axes: int | Sequence[int | Sequence[int]], m: int, n: int) -> tuple[list[int], list[int]]:
    """The axes of both operands, of ranks ``m`` and ``n``, that belong together, counted from 0."""
    if isinstance(axes, int):
        if not 0 <= axes <= min(m, n):
            raise ShapeError(f"tensordot: cannot pair {axes} axes of tensors of ranks {m} and {n}")
        return list(range(m - axes, m)), list(range(axes))
    if len(axes) != 2:
        raise ShapeError(f"tensordot: axes is a number or a pair of lists, got {axes!r}")
    left, right = ([a] if isinstance(a, int) else list(a) for a in axes)
    found = [normalize_axis(a, m, "tensordot") for a in left], [normalize_axis(a, n, "tensordot") for a in right]
    if len(left) != len(right) or any(len(set(side)) != len(side) for side in found):
        raise ShapeError(f"tensordot: axes {axes} are not pairs of different axes")
    return found


@op(sample((3,), (3,)), sample((), (2, 3)), sample((2, 3), (3,)), sample((2, 3, 4), (2, 4, 3)))
def dot(a: Like, b: Like) -> Tensor:
    """Sum of products over the last axis of ``a`` and the second to last (or only) one of ``b``; scalars multiply.

    For two matrices or vectors it is ``matmul``; with more axes it pairs every row of ``a`` with every column of ``b``.

    >>> print(ag.dot([1, 2, 3], [4, 5, 6]).eval())
    32
    """
    x, y = unify([as_tensor(a), as_tensor(b)])
    if x.ndim == 0 or y.ndim == 0:
        return x * y
    return matmul(x, y) if max(x.ndim, y.ndim) <= 2 else tensordot(x, y, ((-1,), (-min(2, y.ndim),)))


@op(sample((3,), (3,)), sample((2, 3), (3, 2)))
def vdot(a: Like, b: Like) -> Tensor:
    """Sum of products of all elements, in row-major order; the shapes may differ but not the numbers of elements.

    >>> print(ag.vdot([[1, 2], [3, 4]], [1, 10, 100, 1000]).eval())
    4321
    """
    x, y = unify([as_tensor(a), as_tensor(b)])
    if x.type.known and y.type.known and x.type.size != y.type.size:
        raise ShapeError(f"vdot: {x.shape} has {x.type.size} elements, {y.shape} has {y.type.size}")
    return matmul(reshape(x, -1), reshape(y, -1))


@op(sample((2, 3), (3, 4), (4, 2)), sample((3,), (3, 4), (4, 2), (2,)), sample((2, 3), (3, 1)))
def multi_dot(*matrices: Like) -> Tensor:
    """Matrix product of two or more matrices in the cheapest order; the first and the last may be vectors.

    >>> print(ag.multi_dot([1, 1], [[1, 2], [3, 4]], [10, 1]).eval())
    46
    """
    xs = unify([as_tensor(x) for x in matrices])
    inner = [x.ndim for x in xs[1:-1]]
    if len(xs) < 2 or any(n != 2 for n in inner) or {xs[0].ndim, xs[-1].ndim} - {1, 2}:
        shapes = ", ".join(str(x.shape) for x in xs)
        raise ShapeError(f"multi_dot: takes two or more matrices, or vectors at the ends; got {shapes}")
    labels = [(f"i{k}", f"i{k + 1}") for k in range(len(xs))]
    terms: list[Labels] = [*labels]
    terms[0], terms[-1] = labels[0][-xs[0].ndim :], labels[-1][: xs[-1].ndim]
    output = (*labels[0][: xs[0].ndim - 1], *labels[-1][3 - xs[-1].ndim :])
    return apply(tuple(terms), output, xs)
