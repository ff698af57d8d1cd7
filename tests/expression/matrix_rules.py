"""Forms of matrix formulas: gradients of random small models, and what each rule for factors makes of their tensors."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import mpmath as mp
import numpy as np
from precise_graphs import graph_values

import agcli as ag
from agcli.engine.graph import toposort
from agcli.engine.leaves import Placeholder
from agcli.engine.types import TensorType
from agcli.expression.matrix import Lengths, factored, fixed, lengths, shortened
from agcli.expression.matrix.factors import RULES, Scaled

SMALL = {"n": 3, "t": 5, "s": 7, "r": 11}  # lengths in the place of the large primes, so that arrays can be computed
WIDE = 2  # features
DIGITS = 50

ACTIVATIONS = [ag.tanh, ag.sigmoid, ag.relu, ag.softplus, ag.exp, ag.square, ag.sin, ag.abs, lambda h: h, ag.silu]


@contextmanager
def small_lengths() -> Iterator[None]:
    """Unknown lengths are small numbers while it is open."""
    before = dict(lengths.LETTERS), list(lengths.PRIMES)
    lengths.LETTERS.update(SMALL)
    lengths.PRIMES[:] = SMALL.values()
    try:
        yield
    finally:
        lengths.LETTERS.update(before[0])
        lengths.PRIMES[:] = before[1]


def model(luck: random.Random) -> tuple[Any, list[Any], list[Any]]:
    """A loss, its parameters and its inputs."""
    x = ag.placeholder("x", (None, WIDE), "float64")
    y = ag.placeholder("y", (None, WIDE), "float64")
    labels = ag.placeholder("labels", (None,), "int64")
    weights = [ag.placeholder(name, (WIDE, WIDE), "float64") for name in ("W1", "W2")]
    bias = ag.placeholder("b", (WIDE,), "float64")
    h = x
    for w in weights[: luck.choice([1, 1, 2])]:
        h = h @ (ag.transpose(w) if luck.random() < 0.2 else w)
        h = luck.choice(ACTIVATIONS)(h + bias if luck.random() < 0.7 else h)
        if luck.random() < 0.3:
            h = ag.where(h > 0, h * luck.choice([1, 2, 0.5]), h / luck.choice([4, 8]))
        if luck.random() < 0.3:
            h = luck.choice(
                [lambda v: 2 * v, lambda v: -v, lambda v: v / 4, lambda v: v - bias, lambda v: v / (v * v + 2)]
            )(h)
    losses = [
        lambda: ag.mean((h - y) ** 2),
        lambda: ag.sum((h - y) ** 2) / 2,
        lambda: ag.mean(ag.sum(ag.square(h - y), axis=1)),
        lambda: ag.mean(ag.abs(h - y)),
        lambda: ag.mean(ag.logsumexp(h, axis=1) - ag.sum(h * y, axis=1)),
        lambda: ag.mean(ag.sparse_softmax_cross_entropy(h, labels)),
        lambda: ag.mean(ag.sparse_softmax_cross_entropy(h * 2, labels)),
        lambda: ag.mean(ag.softplus(h) - h * y),
        lambda: ag.mean(ag.reshape(h * y, (-1,))),
        lambda: ag.mean(ag.maximum(h, y) - ag.minimum(h, y)),
    ]  # fmt: skip
    loss = luck.choice(losses)()
    if luck.random() < 0.4:
        loss = loss + luck.choice([0.01, 0.5, 1]) * ag.sum(weights[0] ** 2)
    if luck.random() < 0.2:
        loss = loss - ag.mean(h)
    reached = {t.id for t in toposort([loss])}
    return loss, [p for p in (*weights, bias) if p.id in reached], [p for p in (x, y, labels) if p.id in reached]


def feeds(luck: random.Random, leaves: list[Any]) -> dict[str, Any]:
    """Random values of placeholders of known shapes, and the letters of lengths."""
    found: dict[str, Any] = {name: mp.mpf(length) for name, length in SMALL.items()}
    for p in leaves:
        values = np.empty(p.shape, object)
        for i in np.ndindex(values.shape):
            values[i] = luck.randrange(WIDE) if p.dtype.kind == "i" else mp.mpf(luck.uniform(-1.5, 1.5))
        found[p.name] = values
    return found


def forms(seed: int) -> Iterator[tuple[str, int, Any, Any]]:
    """For one model: a rule, the place (0 or 1) of the point, and the arrays of values before and after."""
    luck = random.Random(seed)
    loss, parameters, inputs = model(luck)
    found = ag.grad(loss, parameters)
    events: list[tuple[str, Any, Scaled]] = []

    def watched(name: str, rule: Any) -> Any:
        def made(factoring: Any, t: Any, scaled: Any) -> Scaled:
            result: Scaled = rule(factoring, t, scaled)
            events.append((name, t, result))
            return result

        return made

    rules = dict(RULES)
    with small_lengths(), mp.workdps(DIGITS):
        try:
            RULES.update({name: watched(name, rule) for name, rule in rules.items()})
            steps = [t for t in toposort([loss]) if t.op is not None and isinstance(t.type, TensorType)]
            whole = fixed([*found, *steps], {p: p.name for p in (*parameters, *inputs)})
            short = factored(whole, Lengths())
        finally:
            RULES.update(rules)
        count = len(found)
        shorter = shortened(short[:count], short[count:])
        leaves = [p for p in toposort(whole) if isinstance(p, Placeholder)]
        for place in range(2):
            point = feeds(luck, leaves)
            results = [r for _, _, r in events if r.tensor is not None]
            tensors = [*(t for _, t, _ in events), *(r.tensor for r in results), *whole[:count], *shorter]
            values = iter(graph_values(tensors, point))
            before = [next(values) for _ in events]
            after = {id(r): next(values) for r in results}
            for (name, _, result), value in zip(events, before, strict=True):
                factor = mp.mpf(result.factor.numerator) / result.factor.denominator
                made = factor * after[id(result)] if result.tensor is not None else factor
                yield f"matrix: {name}", place, value, np.broadcast_to(made, value.shape)
            for raw, form in zip([next(values) for _ in found], [next(values) for _ in found], strict=True):
                yield "matrix: shortened", place, raw, np.broadcast_to(form, raw.shape)


def names() -> list[str]:
    return [*(f"matrix: {name}" for name in RULES), "matrix: shortened"]
