"""Matrices in the making: sums of diagonals, outer products and whole matrices, and what is done to their rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from agcli.engine.frozen import frozen
from agcli.engine.graph import Constant, Tensor, call
from agcli.engine.rewrite.rules import number
from agcli.engine.types import static
from agcli.expression.lift_shapes import as_vector, barest
from agcli.expression.lower import FLOAT


@frozen
class Linear:
    """A matrix: diag(diagonal) + the outer products of `pairs` + the `matrices`. A formula of one value has one row,
    which is `row`. `length` counts the rows, `width` the columns."""

    length: int
    width: int
    row: Tensor | None = None
    diagonal: Tensor | None = None
    pairs: tuple[tuple[Tensor, Tensor], ...] = ()
    matrices: tuple[Tensor, ...] = ()

    def tensor(self) -> Tensor:
        """The matrix as a formula."""
        if self.row is not None:
            return call("expand_dims", self.row, 0)
        terms = [*self.matrices]
        if self.diagonal is not None:
            terms.append(diagonal_matrix(self.diagonal, self.width))
        terms += [outer(u, r) for u, r in self.pairs]
        return total(terms) if terms else call("zeros", (self.length, self.width), dtype="float64")


Forms = Mapping[int, Linear]


def one() -> Tensor:
    return Constant(1, FLOAT)


def total(terms: Sequence[Tensor]) -> Tensor:
    result = terms[0]
    for term in terms[1:]:
        result = result + term
    return result


def diagonal_matrix(d: Tensor, n: int) -> Tensor:
    """diag(d), or of a number d*eye(n)."""
    bare = barest(d)
    if bare.shape != ():
        return call("diag", d)
    identity = call("eye", n, dtype="float64")
    return identity if number(bare) == 1 else bare * identity


def outer(u: Tensor, r: Tensor) -> Tensor:
    """The outer product of two vectors, their numbers in front: x*a and x*b give a*b*outer(x, x)."""
    (a, u), (b, r) = numbers_of(u), numbers_of(r)
    factor = a * b
    pair = call("outer", u, r)
    if number(barest(u)) == 1 == number(barest(r)):
        return call("broadcast_to", factor, shape=pair.shape)
    return factor * pair


def numbers_of(t: Tensor) -> tuple[Tensor, Tensor]:
    """A vector as a number times a vector."""
    factor: Tensor = one()
    while t.op is not None:
        name, inputs = t.op.name, t.inputs
        if name == "negative":
            factor, t = -factor, inputs[0]
        elif name == "divide" and barest(inputs[1]).shape == () and inputs[0].shape == t.shape:
            factor, t = factor / barest(inputs[1]), inputs[0]
        elif name == "multiply" and barest(inputs[0]).shape == () and inputs[1].shape == t.shape:
            factor, t = factor * barest(inputs[0]), inputs[1]
        elif name == "multiply" and barest(inputs[1]).shape == () and inputs[0].shape == t.shape:
            factor, t = factor * barest(inputs[1]), inputs[0]
        else:
            break
    return factor, t


def flat(t: Tensor, length: int) -> Tensor | None:
    """An operand that does not move, as a number or as a vector of that length."""
    bare = barest(t)
    if bare.shape in ((), (length,)):
        return bare
    if t.type.known and t.type.size == 1:
        return call("reshape", t, ())
    vector = as_vector(t)
    if vector is not None and vector.shape == (length,):
        return vector
    straight = t.type.known and t.type.size == length == max(map(static, t.shape))
    return call("reshape", t, (length,)) if straight else None


def both(a: Tensor | None, b: Tensor | None) -> Tensor | None:
    return b if a is None else a if b is None else a + b


def changed(form: Linear, change: Callable[[Tensor], Tensor]) -> Linear:
    """What a rule does to each term of a sum."""
    return Linear(
        form.length, form.width,
        None if form.row is None else change(form.row),
        None if form.diagonal is None else change(form.diagonal),
        tuple((change(u), r) for u, r in form.pairs),
        tuple(change(t) for t in form.matrices),
    )  # fmt: skip


def scaled(form: Linear, d: Tensor) -> Linear:
    """Every row times its number; `d` is a vector or one number."""
    if number(d) == 1:
        return form
    if d.shape == () or form.row is not None:
        return changed(form, lambda t: t * d if number(d) is None else d * t)
    return Linear(
        form.length, form.width,
        diagonal=None if form.diagonal is None else d if number(form.diagonal) == 1 else form.diagonal * d,
        pairs=tuple((u * d, r) for u, r in form.pairs),
        matrices=tuple(rows_times(d, t) for t in form.matrices),
    )  # fmt: skip


def repeated(form: Linear, length: int) -> Linear | None:
    """The one row of a number, for each element of a vector."""
    if form.row is None or form.length == length:
        return form if form.length == length else None
    return Linear(length, form.width, pairs=((call("ones", (length,), dtype="float64"), form.row),))


def product(a: Tensor, b: Tensor) -> Tensor:
    """a @ b, from the left: (a @ p) @ q where b is p @ q."""
    if b.op is not None and b.op.name == "matmul" and len(b.inputs[0].shape) == 2:
        return call("matmul", product(a, b.inputs[0]), b.inputs[1])
    return call("matmul", a, b)


def rows_times(d: Tensor, t: Tensor) -> Tensor:
    """diag(d) @ t; diag(d) @ diag(c) is one diagonal."""
    if t.op is not None and t.op.name == "matmul":
        left, right = t.inputs
        return call("matmul", rows_times(d, left), right)
    if t.op is not None and t.op.name == "diag":
        return call("diag", d * t.inputs[0])
    return call("matmul", call("diag", d), t)


def size_of(t: Tensor) -> int | None:
    """The elements of a number, a vector, a row or a column; None for other shapes."""
    if not t.type.known:
        return None
    lengths = [static(d) for d in t.shape if d != 1]
    return None if len(lengths) > 1 else lengths[0] if lengths else 1


def contracted(form: Linear, weights: Tensor | None) -> Linear:
    """The sum of all rows, each times its weight."""
    if form.row is not None:
        return form if weights is None else scaled(form, weights)
    rows = []
    if form.diagonal is not None:
        d = form.diagonal
        if weights is not None:
            d = weights if number(d) == 1 else weights * d
        rows.append(d if d.shape else call("broadcast_to", d, (form.width,)))
    rows += [call("sum", u if weights is None else weights * u) * r for u, r in form.pairs]
    rows += [call("sum", m, axis=0) if weights is None else call("matmul", weights, m) for m in form.matrices]
    return Linear(1, form.width, row=total(rows))
