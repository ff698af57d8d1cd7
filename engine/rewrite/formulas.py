"""Rules of repair: formulas that overflow, cancel or divide 0 by 0, and equal ones that do not.

Each rule gets what it may see, a tensor and its inputs, which are repaired already; so larger formulas are put together
from the small ones: log(1/(1 + exp(-x))) is first log(sigmoid(x)).
"""

from __future__ import annotations

from ..graph import Op, Tensor, call
from ..ops import elementwise as ew
from ..ops.activations import log_sigmoid, sigmoid, softplus
from ..ops.arrays import Reshape, Transpose, astype
from ..ops.creation import size
from ..ops.nn import LogSoftmax, Softmax
from ..ops.reductions import Mean, Reduction, Sum, logsumexp
from ..ops.slicing import GetItem
from .patterns import Look, both, repair
from .rules import number

ADDENDS = 16  # squares under one root
MOVES = (GetItem, Reshape, Transpose)
MOST_MOVES = 8  # between a logarithm and what it is taken of


# Logarithms ---------------------------------------------------------------------------------------------------
@repair("log")
def log_of_activation(see: Look, t: Tensor, x: Tensor) -> Tensor | None:
    """log(softmax(x)) -> log_softmax(x), and the other logarithms that are safe in one piece"""
    return safe_log(see, x)


@repair("log2", "log10")
def log_to_base(see: Look, t: Tensor, x: Tensor) -> Tensor | None:
    """log2(sigmoid(x)) -> log_sigmoid(x) / log(2)"""
    safe = safe_log(see, x)
    return None if safe is None else safe / ew.log(2 if t.op is ew.log2 else 10)


@repair("log")
def log_near_one(see: Look, t: Tensor, x: Tensor) -> Tensor | None:
    """log(1 + x) -> log1p(x); log(1 - x) -> log1p(-x)"""
    up, down = see.above_one(x), see.below_one(x)
    if up is not None and down is None:
        return ew.log1p(up)
    return None if down is None else ew.log1p(-down)


@repair("log1p")
def log1p_of_activation(see: Look, t: Tensor, x: Tensor) -> Tensor | None:
    """log1p(exp(x)) -> softplus(x); log1p(-sigmoid(x)) -> log_sigmoid(-x)"""
    u, v = see.exponent(x), see.negated(x)
    if u is not None:
        return softplus(u)
    return log_sigmoid(opposite(see, v.inputs[0])) if v is not None and see.through(v, sigmoid) else None


def safe_log(see: Look, x: Tensor) -> Tensor | None:
    """log(x) without overflow or cancellation, where ``x`` has a form that is known; looks through moves."""
    moves: list[Op] = []
    while isinstance(x.op, MOVES) and x.id not in see.keep and len(moves) < MOST_MOVES:
        moves.append(x.op)
        x = x.inputs[0]
    for find in (log_of_one_op, log_of_sum, log_of_total):
        result = find(see, x)
        if result is not None:
            for move in reversed(moves):
                result = move(result)
            return result
    return None


def log_of_one_op(see: Look, x: Tensor) -> Tensor | None:
    """log(softmax(u)), log(sigmoid(u)), log(exp(u))"""
    if see.through(x, Softmax):
        return LogSoftmax(x.op.axis)(x.inputs[0])  # type: ignore[union-attr]
    if see.through(x, sigmoid):
        return log_sigmoid(x.inputs[0])
    return see.exponent(x)


def log_of_sum(see: Look, x: Tensor) -> Tensor | None:
    """log(1 + exp(u)), log(exp(u) + exp(v)), log(1 - sigmoid(u))"""
    up, down = see.above_one(x), see.below_one(x)
    if up is not None and see.exponent(up) is not None:
        return softplus(up.inputs[0])
    if down is not None and see.through(down, sigmoid):
        return log_sigmoid(opposite(see, down.inputs[0]))
    if see.through(x, ew.add):
        u, v = map(see.exponent, x.inputs)
        return ew.logaddexp(u, v) if u is not None and v is not None else None
    return None


def log_of_total(see: Look, x: Tensor) -> Tensor | None:
    """log(sum(exp(u))) -> logsumexp(u); log(mean(exp(u))) -> logsumexp(u) - log(n)"""
    if not isinstance(x.op, Sum | Mean) or x.id in see.keep:
        return None
    u = see.exponent(x.inputs[0])
    if u is None:
        return None
    total = logsumexp(u, x.op.axes, x.op.keepdims)
    return total if isinstance(x.op, Sum) else total - ew.log(astype(size(u, x.op.axes), u.dtype))


def opposite(see: Look, u: Tensor) -> Tensor:
    v = see.negated(u)
    return ew.negative(u) if v is None else v


# Exponentials -------------------------------------------------------------------------------------------------
@repair("subtract", "add")
def exp_minus_one(see: Look, t: Tensor, a: Tensor, b: Tensor) -> Tensor | None:
    """exp(x) - 1 -> expm1(x); 1 - exp(x) -> -expm1(x)"""
    if t.op is ew.add:
        return next((ew.expm1(u.inputs[0]) for n, u in both(t) if number(n) == -1 and see.through(u, ew.exp)), None)
    u, v = see.exponent(a), see.exponent(b)
    if u is not None and number(b) == 1:
        return ew.expm1(u)
    return ew.negative(ew.expm1(v)) if v is not None and number(a) == 1 else None


@repair("divide")
def quotient_of_exponentials(see: Look, t: Tensor, a: Tensor, b: Tensor) -> Tensor | None:
    """exp(x) / sum(exp(x)) -> softmax(x); exp(x) / (exp(x) + exp(y)) -> sigmoid(x - y), where 1 counts as exp(0)"""
    u = see.exponent(a)
    if u is not None and isinstance(b.op, Sum) and b.id not in see.keep and see.same(see.exponent(b.inputs[0]), u):
        return share_of_total(u, b.op)
    if not see.through(b, ew.add):
        return None
    for x, y in both(b):
        v, w = see.exponent(x), see.exponent(y)
        if u is not None and see.same(v, u) and (w is not None or number(y) == 1):
            return sigmoid(u if w is None else u - w)
    return None


def share_of_total(u: Tensor, total: Reduction) -> Tensor | None:
    """exp(u) / total, the sum of exp(u) over some axes."""
    if not total.keepdims and len(total.axes) != u.ndim:
        return None
    if len(total.axes) == 1:
        return Softmax(total.axes[0])(u)
    return ew.exp(u - logsumexp(u, total.axes, total.keepdims))


@repair("divide")
def hyperbolic_tangent(see: Look, t: Tensor, a: Tensor, b: Tensor) -> Tensor | None:
    """(exp(x) - exp(y)) / (exp(x) + exp(y)) -> tanh((x - y) / 2); (exp(x) - 1) / (exp(x) + 1) -> tanh(x / 2)"""
    if not see.through(b, ew.add):
        return None
    if see.through(a, ew.expm1):
        v = see.above_one(b)
        u = None if v is None else see.exponent(v)
        return ew.tanh(ew.HALF * a.inputs[0]) if see.same(u, a.inputs[0]) else None
    if not see.through(a, ew.subtract):
        return None
    x, y = map(see.exponent, a.inputs)
    pairs = [tuple(map(see.exponent, pair)) for pair in both(b)]
    if x is None or y is None or not any(see.same(x, v) and see.same(y, w) for v, w in pairs):
        return None
    return ew.tanh(ew.HALF * (x - y))


@repair("divide")
def logistic(see: Look, t: Tensor, a: Tensor, b: Tensor) -> Tensor | None:
    """x / (1 + exp(-y)) -> x sigmoid(y)"""
    u = see.above_one(b)
    u = None if u is None else see.exponent(u)
    if u is None:
        return None
    s = sigmoid(opposite(see, u))
    return s if number(a) == 1 else a * s


@repair("reciprocal", "power")
def logistic_inverse(see: Look, t: Tensor, a: Tensor, *exponent: Tensor) -> Tensor | None:
    """reciprocal(1 + exp(-x)) and (1 + exp(-x))^-1 -> sigmoid(x)"""
    u = see.above_one(a)
    u = None if u is None or (exponent and number(exponent[0]) != -1) else see.exponent(u)
    return None if u is None else sigmoid(opposite(see, u))


# Roots --------------------------------------------------------------------------------------------------------
@repair("sqrt", "power")
def root_of_squares(see: Look, t: Tensor, x: Tensor, *exponent: Tensor) -> Tensor | None:
    """sqrt(x^2) -> abs(x); sqrt(x^2 + y^2) -> hypot(x, y); sqrt(sum(x^2)) -> norm(x); sqrt(mean(x^2)) the same way"""
    if exponent and number(exponent[0]) != 0.5:
        return None
    if isinstance(x.op, Sum | Mean) and x.id not in see.keep:
        u = see.squared(x.inputs[0])
        if u is None or u.dtype.kind != "f":
            return None
        length = call("norm", u, axis=x.op.axes, keepdims=x.op.keepdims)
        return length if isinstance(x.op, Sum) else length / ew.sqrt(astype(size(u, x.op.axes), u.dtype))
    legs = [see.squared(a) for a in addends(see, x)]
    if any(leg is None for leg in legs):
        return None
    result = legs[0]
    for leg in legs[1:]:
        result = ew.hypot(result, leg)  # type: ignore[arg-type]
    return ew.abs(result) if len(legs) == 1 else result  # type: ignore[arg-type]


def addends(see: Look, t: Tensor) -> list[Tensor]:
    """a, b, c of a + b + c; of a longer sum the rest in one."""
    parts: list[Tensor] = []
    stack = [t]
    while stack:
        x = stack.pop()
        if see.through(x, ew.add) and len(parts) + len(stack) < ADDENDS:
            stack.extend(reversed(x.inputs))
        else:
            parts.append(x)
    return parts
