"""How ops are written in formulas, where that is not their name with their inputs and attributes.

A rule gets the lifter, the tensor and the nodes of its inputs, and gives the node of the tensor.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from agcli.engine.graph import Constant as ConstantTensor
from agcli.expression.syntax import Form, Literal

if TYPE_CHECKING:
    from agcli.expression.lift import Lifter


def negative(lifter: Lifter, t: Any, x: int) -> int:
    inner = lifter.negated(x)
    return lifter.call("negative", x) if inner is None else inner


def add(lifter: Lifter, t: Any, a: int, b: int) -> int:
    """a + -b is written a - b, and -a + b is b - a."""
    right, left = lifter.negated(b), lifter.negated(a)
    if right is not None:
        return lifter.call("subtract", a, right)
    if left is not None:
        return lifter.call("subtract", b, left)
    return lifter.call("add", a, b)


def subtract(lifter: Lifter, t: Any, a: int, b: int) -> int:
    right = lifter.negated(b)
    return lifter.call("subtract", a, b) if right is None else lifter.call("add", a, right)


def multiply(lifter: Lifter, t: Any, a: int, b: int) -> int:
    """Signs in front; a fraction before a factor is written as a quotient: 3*x/2."""
    left, right = lifter.negated(a), lifter.negated(b)
    if left is not None or right is not None:
        product = multiply(lifter, t, a if left is None else left, b if right is None else right)
        return product if left is not None and right is not None else negative(lifter, t, product)
    if lifter.is_fraction(b) and not lifter.is_fraction(a):
        a, b = b, a
    if lifter.is_fraction(a):
        top, bottom = lifter.nodes[a].args  # type: ignore[union-attr]
        return divide(lifter, t, b if lifter.is_one(top) else lifter.call("multiply", top, b), bottom)
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


def getitem(lifter: Lifter, t: Any, x: int) -> int:
    parts = [lifter.form("slice", *map(lifter.plain, i)) if isinstance(i, tuple) else lifter.plain(i)
             for i in t.op.index]  # fmt: skip
    return lifter.form("index", x, *parts)


def concatenate(lifter: Lifter, t: Any, *args: int) -> int:
    """A concatenation of single elements is a vector."""
    pieces = [inside(lifter, i) for i in args]
    if t.op.axis == 0 and all(p is not None for p in pieces):
        return lifter.form("vector", *[p for p in pieces if p is not None])
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


def diagonal_at(name: str, keyword: str = "k") -> Callable[..., int]:
    """A function of matrices whose diagonal is written where it is not the main one."""
    return lambda lifter, t, x: lifter.call(name, x, **({keyword: t.op.k} if t.op.k else {}))


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


def sinc(lifter: Lifter, t: Any, x: int) -> int:
    return lifter.call("sinc", x, **({"n": t.op.n} if t.op.n else {}))


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
    "concatenate": concatenate,
    "broadcast_to": lambda lifter, t, x: lifter.call("broadcast_to", x, shape=t.op.shape),
    "astype": astype,
    "item": item,
    "clip": clip,
    **dict.fromkeys(["tril", "triu", "triangle"], triangle),
    "diagonal": diagonal,
    "diag": diagonal_at("diag"),
    "eye": eye,
    "arange": arange,
    "tile": tile,
    "sinc": sinc,
}
