"""How ops are written in formulas, where that is not their name with their inputs and attributes.

A rule gets the lifter, the tensor and the nodes of its inputs, and gives the node of the tensor.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from agcli.engine.graph import Constant as ConstantTensor
from agcli.engine.rewrite.rules import number
from agcli.expression.lift_shapes import barest, factors, outer_factors
from agcli.expression.syntax import Form, Literal

if TYPE_CHECKING:
    from agcli.expression.lift import Lifter


def negative(lifter: Lifter, t: Any, x: int) -> int:
    inner = lifter.negated(x)
    return lifter.call("negative", x) if inner is None else inner


def spelled_out(lifter: Lifter, t: Any, *args: int) -> list[int]:
    """The terms of a sum; a number beside the identity matrix is one in every element, as matrices are read."""
    found = list(args)
    if len(t.shape) == 2 and any(map(is_diagonal, t.inputs)):
        for place, x in enumerate(t.inputs):
            if barest(x).shape == () and number(barest(x)) != 0:
                found[place] = multiply_by_ones(lifter, t.shape, args[place])
    return found


def is_diagonal(t: Any) -> bool:
    """Whether a matrix is a sum or a multiple of diagonal ones."""
    while t.op is not None and t.op.name in ("multiply", "divide", "negative", "add", "subtract", "broadcast_to"):
        t = next((x for x in t.inputs if len(x.shape) == 2), t.inputs[0])
    return t.op is not None and t.op.name in ("eye", "diag")


def add(lifter: Lifter, t: Any, a: int, b: int) -> int:
    """a + -b is written a - b, and -a + b is b - a."""
    a, b = spelled_out(lifter, t, a, b)
    right, left = lifter.negated(b), lifter.negated(a)
    if right is not None:
        return lifter.call("subtract", a, right)
    if left is not None:
        return lifter.call("subtract", b, left)
    return lifter.call("add", a, b)


def subtract(lifter: Lifter, t: Any, a: int, b: int) -> int:
    a, b = spelled_out(lifter, t, a, b)
    right = lifter.negated(b)
    return lifter.call("subtract", a, b) if right is None else lifter.call("add", a, right)


def multiply(lifter: Lifter, t: Any, a: int, b: int) -> int:
    """Signs in front; a fraction before a factor is written as a quotient: 3*x/2."""
    outer = outer_factors(t)
    if outer is not None:
        return lifter.call("outer", *map(lifter.place, outer))
    if t.shape:  # a one of other shape than the result is not left in the graph for its value
        for one, other in ((a, b), (b, a)):
            if lifter.is_number(one, 1):
                return other
    left, right = lifter.negated(a), lifter.negated(b)
    if left is not None or right is not None:
        product = multiply(lifter, t, a if left is None else left, b if right is None else right)
        return product if left is not None and right is not None else negative(lifter, t, product)
    if lifter.is_fraction(b) and not lifter.is_fraction(a):
        a, b = b, a
    if lifter.is_fraction(a):
        top, bottom = lifter.nodes[a].args  # type: ignore[union-attr]
        return divide(lifter, t, b if lifter.is_number(top, 1) else lifter.call("multiply", top, b), bottom)
    return lifter.call("multiply", a, b)


def divide(lifter: Lifter, t: Any, a: int, b: int) -> int:
    left, right = lifter.negated(a), lifter.negated(b)
    if left is not None or right is not None:
        quotient = lifter.call("divide", a if left is None else left, b if right is None else right)
        return quotient if left is not None and right is not None else negative(lifter, t, quotient)
    return lifter.call("divide", a, b)


def reduction(lifter: Lifter, t: Any, x: int) -> int:
    """Axes are written where they are not all."""
    axes, keepdims = t.op.axes, t.op.keepdims
    keywords: dict[str, Any] = {}
    if axes != tuple(range(t.inputs[0].ndim)):
        keywords["axis"] = axes[0] if len(axes) == 1 else axes
    if keepdims:
        keywords["keepdims"] = True
    return lifter.call(t.op.name, x, **keywords)


def transpose(lifter: Lifter, t: Any, x: int) -> int:
    axes = t.op.axes
    return lifter.call("transpose", x, **({} if axes == tuple(range(len(axes)))[::-1] else {"axes": axes}))


def getitem(lifter: Lifter, t: Any, x: int, *indices: int) -> int:
    """An index: numbers and slices, or arrays of whole numbers behind the axes that are left whole."""
    if indices:
        whole = [lifter.form("slice", *map(lifter.plain, (None, None, None))) for _ in range(t.op.axis)]
        return lifter.form("index", x, *whole, *indices)
    vectors = factors(t)
    if vectors is not None:
        return lifter.call("matmul", *map(lifter.place, vectors))
    parts = [lifter.form("slice", *map(lifter.plain, i)) if isinstance(i, tuple) else lifter.plain(i)
             for i in t.op.index]  # fmt: skip
    return lifter.form("index", x, *parts)


def concatenate(lifter: Lifter, t: Any, *args: int) -> int:
    """A concatenation of single elements is a vector."""
    elements: list[int] = []
    for x, i in zip(t.inputs, args, strict=True):
        piece, short = inside(lifter, i), x.type.known and len(x.shape) == 1 and x.shape[0] <= 10
        node = lifter.nodes[i]
        if piece is not None:
            elements.append(piece)
        elif isinstance(node, Form) and node.kind == "vector" and len(x.shape) == 1:
            elements += node.args
        elif short and number(x) is not None:
            elements += [lifter.constant(number(x))] * x.shape[0]
        else:
            break
    else:
        if t.op.axis == 0:
            return lifter.form("vector", *elements)
    return lifter.call("concatenate", *args, axis=t.op.axis)


def inside(lifter: Lifter, i: int) -> int | None:
    """What stands in x[None], or in x[None, :]."""
    node = lifter.nodes[i]
    if not isinstance(node, Form) or node.kind != "index":
        return None
    first, *rest = (lifter.nodes[j] for j in node.args[1:])
    whole = all(isinstance(r, Form) and r.kind == "slice" and all(
        isinstance(lifter.nodes[j], Literal) for j in r.args) for r in rest)  # fmt: skip
    return node.args[0] if isinstance(first, Literal) and first.value is None and whole else None


def reshape(lifter: Lifter, t: Any, x: int) -> int:
    """One number is that number, however it was repeated."""
    value = number(t.inputs[0])
    if t.shape == () and value is not None:
        return lifter.constant(value)
    vectors = factors(t)
    if vectors is not None:
        return lifter.call("matmul", *map(lifter.place, vectors))
    return lifter.call("reshape", x, lifter.plain(t.op.shape))


def matmul(lifter: Lifter, t: Any, a: int, b: int) -> int:
    """A column times a row is the outer product of two vectors."""
    outer = outer_factors(t)
    return lifter.call("matmul", a, b) if outer is None else lifter.call("outer", *map(lifter.place, outer))


def keep(lifter: Lifter, t: Any, x: int, condition: int) -> int:
    zero = lifter.number(0)
    return lifter.call("where", condition, *((x, zero) if t.op.value else (zero, x)))


def putitem(lifter: Lifter, t: Any, x: int, like: int) -> int:
    """A number in one place of a short vector is a product with a vector of zeros and a one."""
    index, shape = t.op.index, t.shape
    if t.inputs[0].shape == () and len(shape) == 1 and t.type.known and shape[0] <= 10 and isinstance(index[0], int):
        unit = [lifter.number(int(i == index[0] % shape[0])) for i in range(shape[0])]
        vector = lifter.form("vector", *unit)
        return vector if lifter.is_number(x, 1) else lifter.call("multiply", x, vector)
    return lifter.call("putitem", x, like, index=index)


def power_of(exponent: int | Fraction) -> Callable[..., int]:
    return lambda lifter, t, x: lifter.call("power", x, lifter.number(exponent))


def astype(lifter: Lifter, t: Any, x: int) -> int:
    """Numbers stay as they are; true and false become 1 and 0."""
    if t.inputs[0].dtype.kind == "b" and t.dtype.kind != "b":
        return lifter.call("where", x, lifter.number(1), lifter.number(0))
    if t.dtype.kind != "f":
        return lifter.call("astype", x, dtype=str(t.dtype))
    return x


def item(lifter: Lifter, t: Any, x: int) -> int:
    """One output of several."""
    return lifter.form("index", x, lifter.number(t.op.index))


def clip(lifter: Lifter, t: Any, x: int, low: int, high: int) -> int:
    """A bound at infinity is none."""
    below, above = (isinstance(b, ConstantTensor) and b.shape == () and math.isinf(b.array) for b in t.inputs[1:])
    if below and above:
        return x
    if below or above:
        return lifter.call("minimum", x, high) if below else lifter.call("maximum", x, low)
    return lifter.call("clip", x, low, high)


def diagonal_at(name: str) -> Callable[..., int]:
    """A function of matrices whose diagonal is written where it is not the main one."""
    return lambda lifter, t, x, *like: lifter.call(name, x, **({"k": t.op.k} if t.op.k else {}))


def diag(lifter: Lifter, t: Any, x: int, *like: int) -> int:
    """Ones on the diagonal are the identity matrix."""
    if t.op.k == 0 and number(barest(t.inputs[0])) == 1 and t.shape[0] == t.shape[1]:
        return lifter.call("eye", lifter.number(t.shape[0]))
    return diagonal_at("diag")(lifter, t, x)


def triangle(lifter: Lifter, t: Any, x: int) -> int:
    return diagonal_at("triu" if t.op.upper else "tril")(lifter, t, x)


def diagonal(lifter: Lifter, t: Any, x: int) -> int:
    """The diagonal of a matrix; of more axes, that of the last two."""
    n = t.inputs[0].ndim
    axes = {} if n == 2 else {"axis1": n - 2, "axis2": n - 1}
    return lifter.call("diagonal", x, **({"offset": t.op.k} if t.op.k else {}), **axes)


def eye(lifter: Lifter, t: Any) -> int:
    rows, columns = t.shape
    keywords = ({"m": columns} if columns != rows else {}) | ({"k": t.op.k} if t.op.k else {})
    return lifter.call("eye", lifter.number(rows), **keywords)


def arange(lifter: Lifter, t: Any) -> int:
    op = t.op
    return lifter.call("arange", *map(lifter.plain, (op.start, op.start + op.step * t.shape[0], op.step)))


def tile(lifter: Lifter, t: Any, x: int) -> int:
    """Copies of the whole, or of each element along each axis."""
    if not t.op.inner:
        return lifter.call("tile", x, reps=t.op.reps)
    for axis, count in enumerate(t.op.reps):
        if count != 1:
            x = lifter.call("repeat", x, lifter.number(count), axis=axis)
    return x


def broadcast_to(lifter: Lifter, t: Any, x: int) -> int:
    for value, name in ((0, "zeros"), (1, "ones")):
        if lifter.is_number(x, value):
            return lifter.call(name, lifter.plain(t.op.shape))
    if number(t.inputs[0]) is not None:
        return multiply_by_ones(lifter, t.op.shape, x)
    return lifter.call("broadcast_to", x, shape=t.op.shape)


def multiply_by_ones(lifter: Lifter, shape: Any, x: int) -> int:
    """A number in every element: 2*ones((3,))."""
    plain = lifter.negated(x)
    ones = lifter.call("ones", lifter.plain(shape))
    value = x if plain is None else plain
    product = ones if lifter.is_number(value, 1) else lifter.call("multiply", value, ones)
    return product if plain is None else lifter.call("negative", product)


def last_axis(lifter: Lifter, t: Any, x: int) -> int:
    """A function along an axis, which is the last if nothing is said."""
    return lifter.call(t.op.name, x, **({"axis": t.op.axis} if t.op.axis != t.ndim - 1 else {}))


def one_hot(lifter: Lifter, t: Any, x: int) -> int:
    return lifter.call("one_hot", x, lifter.number(t.op.depth))


def size(lifter: Lifter, t: Any, x: int) -> int:
    return lifter.call("size", x, **({"axis": t.op.axes[0]} if len(t.op.axes) == 1 else {}))


def sinc(lifter: Lifter, t: Any, x: int) -> int:
    return lifter.call("sinc", x, **({"n": t.op.n} if t.op.n else {}))


def polygamma(lifter: Lifter, t: Any, x: int) -> int:
    """The order comes first, as it is typed."""
    return lifter.call("polygamma", lifter.number(t.op.n), x)


def zeta(lifter: Lifter, t: Any, *args: int) -> int:
    return lifter.call("zeta", *args, **({"n": t.op.n} if t.op.n else {}))


def heaviside(lifter: Lifter, t: Any, x: int, at_zero: int) -> int:
    """The value at 0 is left out where it is 1/2."""
    return lifter.call("heaviside", x, *(() if number(t.inputs[1]) == Fraction(1, 2) else (at_zero,)))


def scan(lifter: Lifter, t: Any, *args: int) -> int:
    """A loop by what goes into it; a formula has no words for the graph that it repeats."""
    return lifter.call("scan", *args, **({"reverse": True} if t.op.reverse else {}))


RULES: dict[str, Callable[..., int]] = {
    "negative": negative,
    "add": add,
    "subtract": subtract,
    "multiply": multiply,
    "divide": divide,
    "square": power_of(2),
    "reciprocal": lambda lifter, t, x: lifter.call("divide", lifter.number(1), x),
    **dict.fromkeys(["sum", "mean", "max", "min", "prod", "logsumexp", "any", "all", "norm"], reduction),
    "transpose": transpose,
    "getitem": getitem,
    "putitem": putitem,
    "matmul": matmul,
    "keep": keep,
    "concatenate": concatenate,
    "broadcast_to": broadcast_to,
    "reshape": reshape,
    "astype": astype,
    "item": item,
    "clip": clip,
    **dict.fromkeys(["tril", "triu", "triangle"], triangle),
    "diagonal": diagonal,
    "diag": diag,
    "eye": eye,
    "arange": arange,
    "tile": tile,
    "sinc": sinc,
    "polygamma": polygamma,
    **dict.fromkeys(["zeta", "hurwitz_zeta"], zeta),
    "lambertw_lower": lambda lifter, t, x: lifter.call("lambertw", x, lifter.number(-1)),
    "heaviside": heaviside,
    **dict.fromkeys(["softmax", "log_softmax"], last_axis),
    "one_hot": one_hot,
    "size": size,
    "scan": scan,
}
