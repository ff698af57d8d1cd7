"""Jacobians as matrices: `2*eye(3)`, `diag(exp(x))`, `A + A.T`.

The tangent of a vector formula along a vector v is linear in v. Its matrix is read off from the graph of the tangent,
op by op: a matrix is a sum of diagonals, outer products and whole matrices, and v itself is the identity matrix.
Source of the rules: Magnus and Neudecker, Matrix Differential Calculus (differentials, and their identification).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from agcli.engine.frozen import changed as altered
from agcli.engine.gradient import forward
from agcli.engine.graph import Constant, Tensor, call, toposort
from agcli.engine.leaves import Placeholder, placeholder
from agcli.engine.rewrite.rules import number
from agcli.engine.types import static
from agcli.expression.lift_shapes import FULL, barest, tidy
from agcli.expression.linear_forms import (
    Forms,
    Linear,
    both,
    changed,
    contracted,
    flat,
    one,
    product,
    repeated,
    rows_times,
    scaled,
    size_of,
)
from agcli.expression.lower import FLOAT, stack


def jacobian(f: Tensor, x: Placeholder) -> Tensor | None:
    """The derivatives of each element of the vector `f` by each of the vector `x`; None where an op has no rule."""
    if len(f.shape) != 1 or len(x.shape) != 1 or not f.type.known or not x.type.known:
        return None
    along = placeholder("the direction", x.shape, x.dtype)
    (found,) = forward(toposort([f]), [f], [x], [along])
    m, n = static(f.shape[0]), static(x.shape[0])
    if found is None:
        return call("zeros", (m, n), dtype="float64")
    found = tidy(found)
    forms = {along.id: Linear(n, n, diagonal=one()) if n > 1 else Linear(1, 1, row=call("ones", (1,), dtype="float64"))}
    for t in toposort([found]):
        if t.op is None or not any(i.id in forms for i in t.inputs):
            continue
        rule = RULES.get(t.op.name)
        made = rule(t, forms) if rule else None
        if made is None:
            return None
        forms[t.id] = made
    return forms[found.id].tensor() if found.id in forms else None


# Rules: an op, with the forms of the inputs that move, gives the form of its result


def same(t: Tensor, forms: Forms) -> Linear | None:
    """Ops that change a shape and no value, or repeat one number."""
    form, size = forms[t.inputs[0].id], size_of(t)
    if size is None:
        return None
    return repeated(form, size)


def negative(t: Tensor, forms: Forms) -> Linear:
    return changed(forms[t.inputs[0].id], lambda x: -x)


def add(t: Tensor, forms: Forms) -> Linear | None:
    size = size_of(t)
    if size is None:
        return None
    parts = []
    for x in t.inputs:
        part = forms.get(x.id)
        if part is None:
            if number(barest(x)) == 0:
                continue
            return None
        part = repeated(part, size)
        if part is None:
            return None
        parts.append(part)
    found = parts[0]
    for part in parts[1:]:
        found = Linear(
            size, found.width, both(found.row, part.row), both(found.diagonal, part.diagonal),
            found.pairs + part.pairs, found.matrices + part.matrices,
        )  # fmt: skip
    return found


def subtract(t: Tensor, forms: Forms) -> Linear | None:
    b = t.inputs[1]
    if b.id not in forms:
        return add(t, forms)
    return add(t, {**forms, b.id: changed(forms[b.id], lambda x: -x)})


def multiply(t: Tensor, forms: Forms) -> Linear | None:
    moving, other = t.inputs if t.inputs[0].id in forms else t.inputs[::-1]
    size = size_of(t)
    if other.id in forms or size is None:
        return None
    form, factor = forms[moving.id], flat(other, size)
    if factor is None:
        return None
    if form.row is not None and size > 1:
        if factor.shape == ():
            return repeated(scaled(form, factor), size)
        return Linear(size, form.width, pairs=((factor, form.row),))
    return scaled(form, factor)


def divide(t: Tensor, forms: Forms) -> Linear | None:
    top, bottom = t.inputs
    if top.id not in forms or bottom.id in forms:
        return None
    size = size_of(t)
    factor = None if size is None else flat(bottom, size)
    form = forms[top.id]
    if size is None or factor is None or form.length != size:
        return None
    if factor.shape == ():
        return changed(form, lambda x: x / factor)
    return scaled(form, 1 / factor)


def summed(t: Tensor, forms: Forms) -> Linear | None:
    form, size = forms[t.inputs[0].id], size_of(t)
    if size == form.length:
        return form
    return contracted(form, None) if size == 1 else None


def averaged(t: Tensor, forms: Forms) -> Linear | None:
    found = summed(t, forms)
    length = forms[t.inputs[0].id].length
    if found is None or found.length == length:
        return found
    return changed(found, lambda x: x / Constant(length, FLOAT))


def matmul(t: Tensor, forms: Forms) -> Linear | None:
    """A column that moves behind a matrix that does not, or a row before one."""
    left, right = t.inputs
    if (left.id in forms) == (right.id in forms) or len(left.shape) != 2 or len(right.shape) != 2:
        return None
    behind = right.id in forms
    form = forms[right.id if behind else left.id]
    matrix = left if behind else call("transpose", right)
    if (right.shape[1] if behind else left.shape[0]) != 1:
        return None
    if matrix.shape[0] == 1:
        weights = flat(left if behind else right, form.length)
        return None if weights is None else contracted(form, weights)
    length = static(matrix.shape[0])
    if form.row is not None:  # a matrix of one column
        column = flat(left if behind else right, length)
        return None if column is None else Linear(length, form.width, pairs=((column, form.row),))
    matrices = [product(matrix, m) for m in form.matrices]
    if form.diagonal is not None:
        d = form.diagonal
        if d.shape:
            matrices.append(call("matmul", matrix, call("diag", d)))
        else:
            matrices.append(matrix if number(d) == 1 else d * matrix)
    pairs = tuple((call("matmul", matrix, u), r) for u, r in form.pairs)
    return Linear(length, form.width, pairs=pairs, matrices=tuple(matrices))


def getitem(t: Tensor, forms: Forms) -> Linear | None:
    index, form = getattr(t.op, "index", None), forms[t.inputs[0].id]
    if index is None:  # arrays as indices
        return None
    moved = all(i is None or i == FULL or isinstance(i, int) for i in index)
    if moved and size_of(t) == form.length:  # only axes of length one come or go
        return same(t, forms)
    if len(index) != 1 or len(t.inputs[0].shape) != 1 or form.row is not None or not isinstance(index[0], int | tuple):
        return None
    part = index[0] if isinstance(index[0], int) else slice(*index[0])
    rows = call("getitem", form.tensor(), part)
    size = size_of(t)
    if size is None:
        return None
    if size > 1:
        return Linear(size, form.width, matrices=(rows,))
    if isinstance(part, int) and form.diagonal is not None and not form.pairs and not form.matrices:
        d = form.diagonal if form.diagonal.shape == () else call("getitem", form.diagonal, part)
        return scaled(Linear(1, form.width, row=unit(part, form.width)), d)
    return Linear(1, form.width, row=rows if isinstance(part, int) else call("reshape", rows, (form.width,)))


def unit(place: int, length: int) -> Tensor:
    """The vector with a one in that place."""
    return stack([Constant(int(i == place % length), FLOAT) for i in range(length)])


def putitem(t: Tensor, forms: Forms) -> Linear | None:
    index = t.op.index  # type: ignore[union-attr]
    form = forms.get(t.inputs[0].id)
    if form is None or form.row is None or len(index) != 1 or not isinstance(index[0], int) or len(t.shape) != 1:
        return None
    length = static(t.shape[0])
    return Linear(length, form.width, pairs=((unit(index[0], length), form.row),)) if length > 1 else form


def kept(form: Linear, condition: Tensor, taken: bool) -> Linear | None:
    """The rows for which a condition holds, and zeros."""
    choice = flat(condition, form.length)
    if choice is None:
        return None
    zero = Constant(0, FLOAT)

    def choose(t: Tensor) -> Tensor:
        return call("where", choice, *((t, zero) if taken else (zero, t)))

    if form.row is not None or choice.shape == ():
        return changed(form, choose)
    marks = choose(call("ones", (form.length,), dtype="float64"))
    return altered(
        form,
        diagonal=None if form.diagonal is None else choose(form.diagonal),
        pairs=tuple((choose(u), r) for u, r in form.pairs),
        matrices=tuple(rows_times(marks, t) for t in form.matrices),
    )


def keep(t: Tensor, forms: Forms) -> Linear | None:
    x, condition = t.inputs
    form = forms.get(x.id)
    return None if form is None else kept(form, condition, t.op.value)  # type: ignore[union-attr]


def where(t: Tensor, forms: Forms) -> Linear | None:
    condition, *branches = t.inputs
    size = size_of(t)
    parts: dict[int, Linear] = {}
    for x, taken in zip(branches, (True, False), strict=True):
        form = forms.get(x.id)
        if form is None and number(barest(x)) != 0:
            return None
        whole = None if form is None or size is None else repeated(form, size)
        part = None if whole is None else kept(whole, condition, taken)
        if form is not None and part is None:
            return None
        if part is not None:
            parts[x.id] = part
    if len(parts) < 2:
        return next(iter(parts.values()), None)
    return add(call("add", *branches), parts)


def concatenate(t: Tensor, forms: Forms) -> Linear | None:
    if t.op.axis != 0 or len(t.shape) != 1:  # type: ignore[union-attr]
        return None
    width = next(forms[x.id].width for x in t.inputs if x.id in forms)
    rows = []
    for x in t.inputs:
        form = forms.get(x.id) or Linear(static(x.shape[0]), width)
        rows.append(form.tensor())
    return Linear(static(t.shape[0]), width, matrices=(call("concatenate", *rows, axis=0),))


RULES: dict[str, Callable[[Any, Forms], Linear | None]] = {
    **dict.fromkeys(["reshape", "broadcast_to", "expand_dims", "squeeze", "transpose", "astype"], same),
    "negative": negative,
    "add": add,
    "subtract": subtract,
    "multiply": multiply,
    "divide": divide,
    "sum": summed,
    "mean": averaged,
    "matmul": matmul,
    "getitem": getitem,
    "putitem": putitem,
    "keep": keep,
    "where": where,
    "concatenate": concatenate,
}
