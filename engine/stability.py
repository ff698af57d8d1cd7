"""Repairs: formulas that overflow, cancel or divide 0 by 0, replaced by equal ones that do not.

The gradient of such a formula as written is already broken (1/0 * 0), so repairs come before differentiation, and
compiling a function repairs values. One pass from the leaves up: an op that no rule names costs one look into a table,
and a graph without such formulas comes back as it is. Rules never look through the tensors in ``keep``: somebody
differentiates with respect to them.
"""
from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .graph import Op, Tensor, call, toposort
from .ops import elementwise as ew
from .ops.activations import log_sigmoid, sigmoid, softplus
from .ops.arrays import Reshape, Transpose, astype
from .ops.base import Pointwise
from .ops.creation import size
from .ops.logic import Where, where
from .ops.nn import LogSoftmax, Softmax
from .ops.reductions import Mean, Reduction, Sum, logsumexp
from .ops.slicing import GetItem
from .origin import origin
from .rewrite import number

BRANCH = 64  # ops of a branch of `where` that are looked at, so that the time stays linear
ADDENDS = 16  # squares under one root
ALIKE = 32  # ops of a formula that is compared with another
MOVES = (GetItem, Reshape, Transpose)


@dataclass
class Look:
    """What the rules may see: not through kept tensors, and which tensors have an unsafe op behind them."""

    keep: set[int]
    risky: set[int] = field(default_factory=set)

    def through(self, t: Tensor, op: Op | type[Op]) -> bool:
        """Whether ``t`` is made by ``op`` (one op, or any of a class) and may be taken apart."""
        return (t.op is op or (isinstance(op, type) and isinstance(t.op, op))) and t.id not in self.keep

    def exponent(self, t: Tensor) -> Tensor | None:
        """u, if ``t`` is exp(u)."""
        return t.inputs[0] if self.through(t, ew.exp) else None

    def negated(self, t: Tensor) -> Tensor | None:
        """u, if ``t`` is -u."""
        if self.through(t, ew.negative):
            return t.inputs[0]
        if self.through(t, ew.multiply):
            return next((b for a, b in both(t) if number(a) == -1), None)
        return t.inputs[1] if self.through(t, ew.subtract) and number(t.inputs[0]) == 0 else None

    def squared(self, t: Tensor) -> Tensor | None:
        """u, if ``t`` is u^2."""
        if self.through(t, ew.square):
            return t.inputs[0]
        if self.through(t, ew.multiply):
            return t.inputs[0] if t.inputs[0] is t.inputs[1] else None
        return t.inputs[0] if self.through(t, ew.power) and number(t.inputs[1]) == 2 else None

    def above_one(self, t: Tensor) -> Tensor | None:
        """u, if ``t`` is 1 + u."""
        return next((b for a, b in both(t) if number(a) == 1), None) if self.through(t, ew.add) else None

    def below_one(self, t: Tensor) -> Tensor | None:
        """u, if ``t`` is 1 - u."""
        if self.through(t, ew.subtract):
            return t.inputs[1] if number(t.inputs[0]) == 1 else None
        u = self.above_one(t)
        return None if u is None else self.negated(u)


Repair = Callable[..., "Tensor | None"]
REPAIRS: dict[str, list[Repair]] = {}


def repair(*names: str) -> Callable[[Repair], Repair]:
    """Register a rule for the ops of these names; it gets what it may see, the tensor and its inputs."""
    def add(rule: Repair) -> Repair:
        for name in names:
            REPAIRS.setdefault(name, []).append(rule)
        return rule

    return add


def both(t: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """The two inputs, in either order."""
    a, b = t.inputs
    yield a, b
    yield b, a


def same(a: Tensor | None, b: Tensor | None) -> bool:
    """Whether two tensors are built alike from the same leaves; small ones only."""
    pairs, budget = [(a, b)], ALIKE
    while pairs and budget:
        x, y = pairs.pop()
        budget -= 1
        if x is y or (x is not None and y is not None and number(x) is not None and number(x) == number(y)):
            continue
        if x is None or y is None or x.op is None or not x.op.pure or x.op != y.op:
            return False
        pairs.extend(zip(x.inputs, y.inputs, strict=True))
    return not pairs


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
    moves = []
    while isinstance(x.op, MOVES) and x.id not in see.keep:
        moves.append(x.op)
        x = x.inputs[0]
    result = None
    for find in (log_of_one_op, log_of_sum, log_of_total):
        if result is None:
            result = find(see, x)
    for move in reversed(moves if result is not None else []):
        result = move(result)
    return result


def log_of_one_op(see: Look, x: Tensor) -> Tensor | None:
    """log(softmax(u)), log(sigmoid(u)), log(exp(u))"""
    if see.through(x, Softmax):
        return LogSoftmax(x.op.axis)(x.inputs[0])  # type: ignore[union-attr]
    if see.through(x, sigmoid):
        return log_sigmoid(x.inputs[0])
    return see.exponent(x)


def log_of_sum(see: Look, x: Tensor) -> Tensor | None:
    """log(1 + exp(u)) -> softplus(u); log(exp(u) + exp(v)) -> logaddexp(u, v); log(1 - sigmoid(u)) -> log_sigmoid(-u)"""
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
    if u is not None and isinstance(b.op, Sum) and b.id not in see.keep and same(see.exponent(b.inputs[0]), u):
        return share_of_total(u, b.op)
    if not see.through(b, ew.add):
        return None
    for x, y in both(b):
        v, w = see.exponent(x), see.exponent(y)
        if u is not None and same(v, u) and (w is not None or number(y) == 1):
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


@repair("divide")
def hyperbolic_tangent(see: Look, t: Tensor, a: Tensor, b: Tensor) -> Tensor | None:
    """(exp(x) - exp(y)) / (exp(x) + exp(y)) -> tanh((x - y) / 2); (exp(x) - 1) / (exp(x) + 1) -> tanh(x / 2)"""
    if not see.through(b, ew.add):
        return None
    if see.through(a, ew.expm1):
        v = see.above_one(b)
        u = None if v is None else see.exponent(v)
        return ew.tanh(ew.HALF * a.inputs[0]) if same(u, a.inputs[0]) else None
    if not see.through(a, ew.subtract):
        return None
    x, y = map(see.exponent, a.inputs)
    pairs = [tuple(map(see.exponent, pair)) for pair in both(b)]
    if x is None or y is None or not any(same(x, v) and same(y, w) for v, w in pairs):
        return None
    return ew.tanh(ew.HALF * (x - y))


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
    parts, stack = [], [t]
    while stack:
        x = stack.pop()
        if see.through(x, ew.add) and len(parts) + len(stack) < ADDENDS:
            stack.extend(reversed(x.inputs))
        else:
            parts.append(x)
    return parts


# Branches -----------------------------------------------------------------------------------------------------
UNSAFE: dict[str, tuple[int, float]] = {
    **dict.fromkeys(("log", "log2", "log10", "log1p", "sqrt", "rsqrt", "cbrt", "reciprocal", "power"), (0, 0.5)),
    **dict.fromkeys(("exp", "exp2", "exp10", "expm1", "sinh", "cosh", "tan"), (0, 0.5)),
    **dict.fromkeys(("arcsin", "arccos", "arctanh", "erfinv"), (0, 0.5)),
    **dict.fromkeys(("lgamma", "gamma", "digamma", "polygamma"), (0, 0.5)),
    **dict.fromkeys(("divide", "xlogy", "mod", "fmod"), (1, 1)),
    "arccosh": (0, 2),
}  # op -> the input that can make its value or its derivative infinite, and a number that cannot


@repair("where")
def mask_unsafe_branch(see: Look, t: Tensor, c: Tensor, a: Tensor, b: Tensor) -> Tensor | None:
    """where(x > 0, log(x), 0) -> where(x > 0, log(where(x > 0, x, 1/2)), 0): a 0 times infinity in the gradient less"""
    new = [masked(see, x, c, chosen) if x.id in see.risky else x for x, chosen in ((a, True), (b, False))]
    return None if new == [a, b] else Where()(c, *new)


def masked(see: Look, branch: Tensor, c: Tensor, chosen: bool) -> Tensor:
    """``branch``, whose unsafe ops see a harmless number where ``c`` is not ``chosen``."""
    memo: dict[int, Tensor] = {}
    for t in unsafe_part(see, branch):
        inputs = [memo.get(x.id, x) for x in t.inputs]
        at, harmless = UNSAFE.get(t.op.name, (-1, 0.0))  # type: ignore[union-attr]
        if at >= 0 and not guarded(inputs[at], c, chosen) and number(inputs[at]) is None:
            inputs[at] = where(c, inputs[at], harmless) if chosen else where(c, harmless, inputs[at])
        if any(x is not y for x, y in zip(inputs, t.inputs, strict=True)):
            memo[t.id] = t.op(*inputs)  # type: ignore[misc]
    return memo.get(branch.id, branch)


def unsafe_part(see: Look, branch: Tensor) -> list[Tensor]:
    """The pointwise ops, inputs first, through which ``branch`` depends on an unsafe one."""
    found: dict[int, Tensor] = {}
    stack = [branch]
    while stack and len(found) < BRANCH:
        t = stack.pop()
        if t.id in see.risky and t.id not in found and t.id not in see.keep:
            found[t.id] = t
            stack.extend(t.inputs)
    return sorted(found.values(), key=lambda t: t.id)  # a tensor is younger than its inputs


def guarded(x: Tensor, c: Tensor, chosen: bool) -> bool:
    """Whether ``x`` is masked by the same condition already, by hand or by an earlier repair."""
    if not isinstance(x.op, Where) or number(x.inputs[2 if chosen else 1]) is None:
        return False
    return same(x.inputs[0], c)


# The pass -----------------------------------------------------------------------------------------------------
def repairs(order: Sequence[Tensor], keep: Iterable[Tensor] = ()) -> dict[int, Tensor]:
    """Id of each tensor in ``order`` (inputs before users) that changes -> what takes its place."""
    see = Look({t.id for t in keep})
    memo: dict[int, Tensor] = {}
    for t in order:
        op = t.op
        if op is None:
            continue
        rules = REPAIRS.get(op.name, ())
        new = t
        if memo and any(x.id in memo for x in t.inputs):
            new = rebuilt(t, memo)
        if rules:
            new = repaired(see, new, rules)
        if new is not t:
            memo[t.id] = new
            if t.id in see.keep:
                see.keep.add(new.id)
        if op.name in UNSAFE or (see.risky and isinstance(op, Pointwise) and any(x.id in see.risky for x in t.inputs)):
            see.risky.update((t.id, new.id))
    return memo


def repaired(see: Look, t: Tensor, rules: Iterable[Repair]) -> Tensor:
    """``t``, or what the first rule that applies makes of it in the same type."""
    with origin(t.place):
        for rule in rules:
            new = rule(see, t, *t.inputs)
            if new is not None and new.shape == t.shape:
                new = new if new.dtype == t.dtype else astype(new, t.dtype)
                return new if t.name is None or new.op is None else copy(new).named(t.name)
    return t


def copy(t: Tensor) -> Tensor:
    """The same application of an op as another node, so that it can have another name."""
    return Tensor(t.type, t.op, t.inputs)


def rebuilt(t: Tensor, memo: Mapping[int, Tensor]) -> Tensor:
    """``t`` with the inputs that changed."""
    with origin(t.place):
        new = t.op(*(memo.get(x.id, x) for x in t.inputs))  # type: ignore[misc]
    new.name = t.name
    return new


def substitute(outputs: Sequence[Any], memo: dict[int, Tensor]) -> list[Any]:
    """``outputs`` (tensors or None), with the tensors whose ids ``memo`` holds replaced."""
    found = dict(memo)
    for t in toposort([t for t in outputs if t is not None], memo):
        if any(x.id in found for x in t.inputs):
            found[t.id] = rebuilt(t, found)
    return [t if t is None else found.get(t.id, t) for t in outputs]


def stabilise(outputs: Sequence[Tensor], keep: Sequence[Tensor] = ()) -> tuple[list[Tensor], list[Tensor]]:
    """``outputs`` with unstable formulas repaired, and what became of the tensors in ``keep``."""
    memo = repairs(toposort(outputs), keep)
    return [memo.get(t.id, t) for t in outputs], [memo.get(t.id, t) for t in keep]


__all__ = ["REPAIRS", "UNSAFE", "repair", "repairs", "stabilise", "substitute"]
