"""Repairs before differentiation and before a function is compiled: graph -> graph of the same, safer values.

The gradient of an unstable formula as written is already broken (1/0 * 0), so it has to go before it is differentiated.
One pass from the leaves up: an op that no rule names costs one look into a table, and a graph without such formulas
comes back as it is. Rules never look through the tensors in ``keep``: somebody differentiates with respect to them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ..graph import Tensor, toposort
from ..ops.arrays import astype
from ..ops.base import Pointwise
from ..ops.logic import Where, where
from ..origin import origin
from . import formulas
from .patterns import REPAIRS, Look, Repair, repair
from .rules import number

BRANCH = 32  # ops of a branch of `where` that are looked at, so that the time stays linear

# Branches -----------------------------------------------------------------------------------------------------
UNSAFE: dict[str, tuple[int, float]] = {
    **dict.fromkeys(("log", "log2", "log10", "log1p", "sqrt", "rsqrt", "cbrt", "reciprocal", "power"), (0, 0.5)),
    **dict.fromkeys(("exp", "exp2", "exp10", "expm1", "sinh", "cosh", "tan"), (0, 0.5)),
    **dict.fromkeys(("arcsin", "arccos", "arctanh", "erfinv"), (0, 0.5)),
    **dict.fromkeys(("lgamma", "gamma", "digamma", "polygamma"), (0, 0.5)),
    **dict.fromkeys(("divide", "xlogy", "mod", "fmod", "xlog1py"), (1, 1)),
    **dict.fromkeys(("y0", "y1", "i0", "i1", "k0", "k1", "airybi", "airybiprime", "zeta", "expi", "exp1"), (0, 0.5)),
    **dict.fromkeys(("cosint", "erfi", "erfcx", "erfcinv", "ellipk", "ellipe", "lambertw", "ndtri"), (0, 0.5)),
    **dict.fromkeys(("logit", "entr", "log1mexp"), (0, 0.5)),
    "lambertw_lower": (0, -0.2),
    **dict.fromkeys(("jv", "yv", "iv", "kv", "ive", "kve", "gammainc", "gammaincc", "hurwitz_zeta"), (1, 0.5)),
    "betainc": (2, 0.5),
    "hyp2f1": (3, 0.5),
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
        if at >= 0 and not guarded(see, inputs[at], c, chosen) and number(inputs[at]) is None:
            inputs[at] = where(c, inputs[at], harmless) if chosen else where(c, harmless, inputs[at])
        if any(x is not y for x, y in zip(inputs, t.inputs, strict=True)):
            memo[t.id] = t.op(*inputs)  # type: ignore[misc]
            see.risky.add(memo[t.id].id)
    return memo.get(branch.id, branch)


def may_fail(see: Look, t: Tensor) -> bool:
    """Whether ``t`` is an unsafe op, or pointwise in one."""
    if t.op is None or t.op.name in UNSAFE:
        return t.op is not None
    return bool(see.risky) and isinstance(t.op, Pointwise) and any(x.id in see.risky for x in t.inputs)


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


def guarded(see: Look, x: Tensor, c: Tensor, chosen: bool) -> bool:
    """Whether ``x`` is masked by the same condition already, by hand or by an earlier repair."""
    if not isinstance(x.op, Where) or number(x.inputs[2 if chosen else 1]) in (None, 0):
        return False
    return see.same(x.inputs[0], c)


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
        if may_fail(see, new):
            see.risky.add(new.id)
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
    return t.on(t.inputs)


def rebuilt(t: Tensor, memo: Mapping[int, Tensor]) -> Tensor:
    """``t`` with the inputs that changed."""
    return t.on([memo.get(x.id, x) for x in t.inputs])


def stabilise(outputs: Sequence[Tensor], keep: Sequence[Tensor] = ()) -> tuple[list[Tensor], list[Tensor]]:
    """``outputs`` with unstable formulas repaired, and what became of the tensors in ``keep``."""
    memo = repairs(toposort(outputs), keep)
    return [memo.get(t.id, t) for t in outputs], [memo.get(t.id, t) for t in keep]


__all__ = ["REPAIRS", "UNSAFE", "formulas", "repair", "repairs", "stabilise"]
