"""An answer of `ag grad` at a point -> the digits that are proved of its values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from flint import ctx

from agcli.engine.frozen import changed
from agcli.engine.graph import Tensor, call, toposort
from agcli.engine.leaves import Placeholder
from agcli.engine.types import static
from agcli.expression.assignments import assignments
from agcli.expression.at_point import parts, without_ties
from agcli.expression.calculus import differentiate, elements
from agcli.expression.errors import ExpressionError
from agcli.expression.lower import lower
from agcli.expression.proved.proofs import NoDigits, Outcome, Proof
from agcli.expression.proved.rounding import right_digits
from agcli.expression.proved.search import Item, Search
from agcli.expression.questions import Answer, Result

MAX_TENSORS = 20_000  # of a derivative as it is built
COMPARING = 300  # bits


class Chain:
    """The derivatives of a formula as the engine's rules build them: no shorter form is trusted."""

    def __init__(self, f: Tensor, variables: Mapping[str, Placeholder]) -> None:
        self.variables = variables
        self.made: dict[tuple[str, ...], Tensor] = {(): without_ties(f)}

    def __call__(self, names: tuple[str, ...]) -> Tensor:
        if names not in self.made:
            found = differentiate(self(names[:-1]), self.variables[names[-1]])
            if len(toposort([found])) > MAX_TENSORS:
                message = f"--digits: the derivative by {', '.join(names)} has more than {MAX_TENSORS:,} operations"
                raise ExpressionError(message, hint="ask for a lower order")
            self.made[names] = found
        return self.made[names]


class Place:
    """A formula at a point, as items that are asked for; `f` and `partial` are what the kinds of results need."""

    def __init__(self, f: Tensor, variables: Mapping[str, Placeholder]) -> None:
        self.f = f
        self.variables = variables
        self.chains: dict[int, Chain] = {}

    def chain(self, f: Tensor) -> Chain:
        return self.chains.setdefault(f.id, Chain(f, self.variables))

    def partial(self, f: Tensor, names: tuple[str, ...]) -> Any:
        """A derivative by each name in turn, of each element of a formula."""
        if f.shape != ():
            return stacked([self.partial(part, names) for part in parts(f)])
        return items(self.chain(f)(names), f, names)

    def total(self, names: Sequence[str], build: Callable[..., Tensor]) -> Any:
        """A formula of first derivatives, for which the formula must be smooth along all names."""
        return items(build(*(self.chain(self.f)((name,)) for name in names)), self.f, tuple(names))


def items(t: Tensor, base: Tensor | None = None, names: tuple[str, ...] = ()) -> Any:
    """An item, or an array of them in the shape of a tensor."""
    if t.shape == ():
        return Item(t, (), base, names)
    out: Any = np.empty(tuple(map(static, t.shape)), object)
    for index in np.ndindex(*out.shape):
        out[index] = Item(t, index, base, names)
    return out


def stacked(found: Sequence[Any]) -> Any:
    out: Any = np.empty((len(found), *np.shape(found[0])), object)
    for i, item in enumerate(found):
        out[i] = item
    return out


def derivative(p: Place, r: Result) -> Any:
    return p.partial(p.f, r.wrt)


def gradient(p: Place, r: Result) -> Any:
    return row([p.partial(p.f, (name,)) for name in r.wrt])


def row(found: Sequence[Any]) -> Any:
    return found[0] if len(found) == 1 and not isinstance(found[0], Item) else stacked(found)


def jacobian(p: Place, r: Result) -> Any:
    return stacked([row([p.partial(f, (name,)) for name in r.wrt]) for f in elements(p.f)])


def hessian(p: Place, r: Result) -> Any:
    if any(p.variables[name].shape for name in r.wrt):
        return p.partial(p.f, r.wrt * (1 if len(r.wrt) == 2 else 2))
    return stacked([stacked([p.partial(p.f, (a, b) if a <= b else (b, a)) for b in r.wrt]) for a in r.wrt])


def direction(p: Place, r: Result) -> Any:
    steps = {name: lower(s, p.variables)[0] for name, s in assignments([r.about], "--direction").items()}

    def build(*slopes: Tensor) -> Tensor:
        products = [df * v for df, v in zip(slopes, steps.values(), strict=True)]
        terms = [p if p.shape == () else call("sum", p) for p in products]
        return terms[0] if len(terms) == 1 else call("add_n", *terms)

    return p.total(list(steps), build)


def implicit(p: Place, r: Result) -> Any:
    """-F_x/F_y, and its total derivatives."""
    x, y = p.variables[r.wrt[0]], p.variables[r.about]

    def build(f_x: Tensor, f_y: Tensor) -> Tensor:
        total = slope = -f_x / f_y
        for _ in r.wrt[1:]:
            total = differentiate(total, x) + differentiate(total, y) * slope
        return total

    return p.total([r.wrt[0], r.about], build)


KINDS: dict[str, Callable[[Place, Result], Any]] = {
    "derivative": derivative,
    "gradient": gradient,
    "jacobian": jacobian,
    "hessian": hessian,
    "direction": direction,
    "implicit": implicit,
}


def proved(answer: Answer, point: Mapping[str, Tensor], count: int) -> Answer:
    """The answer with what is proved of each of its values. Raises ExpressionError for an op without a rule."""
    place = Place(answer.function, answer.formula.names)
    asked = [items(answer.function), *(KINDS[r.kind](place, r) for r in answer.results)]
    flat = [item for many in asked for item in (many.flat if isinstance(many, np.ndarray) else [many])]
    told = iter(Search(point, answer.at, count).found(flat))
    ordinary = [answer.found, *(r.found for r in answer.results)]
    proofs = [matched(many, there, told) for many, there in zip(asked, ordinary, strict=True)]
    results = tuple(changed(r, proof=proof) for r, proof in zip(answer.results, proofs[1:], strict=True))
    return changed(answer, results=results, proof=proofs[0])


def matched(asked: Any, ordinary: Any, told: Iterator[Outcome]) -> Any:
    """Proofs in the shape of what was asked, each beside the ordinary value there."""
    if isinstance(asked, Item):
        return beside(next(told), ordinary)
    out: Any = np.empty(asked.shape, object)
    there = np.broadcast_to(ordinary, asked.shape)
    for index in np.ndindex(*asked.shape):
        out[index] = beside(next(told), there[index])
    return out


def beside(found: Outcome, ordinary: Any) -> Proof:
    number = float(ordinary.number)
    if isinstance(found, NoDigits) or not np.isfinite(number):
        return Proof(found, number, None)
    with ctx.workprec(COMPARING):
        return Proof(found, number, right_digits(number, found))
