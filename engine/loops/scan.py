"""``scan``: a loop as one op. Its body is a graph with a plan of its own, and so are its derivatives.

The op has four kinds of outputs, and keeps only those that are used (``prune``, when a function is compiled):

- *final*: a carry after the last turn;
- *trace*: a carry before the first and after every turn, in order of the axis: ``length + 1`` values;
- *emit*: one value a turn, stacked: what the user returns, and any value inside the body that a derivative needs;
- *total*: the sum over the turns, for the cotangents of what every turn reads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from ..errors import ShapeError
from ..gradient import depends
from ..graph import Op, Tensor, as_tensor, cast, toposort
from ..leaves import Placeholder
from ..ops.base import items
from ..ops.keys import FUNCTION_KEY, fold_in
from ..rewrite.rewriter import simplify
from ..rewrite.shards import Layout, Sharder
from ..subgraph import captured
from ..substitution import substitute
from ..types import Array, TensorType, TupleType, fits
from .loop import Loop, LoopPlan, plan_body

Output: TypeAlias = "tuple[str, int]"  # kind and number
VIEWS = (
    "reshape",
    "transpose",
    "broadcast_to",
    "expand_like",
    "reshape_like",
    "getitem",
    "astype",
)  # cheaper than kept


@dataclass(frozen=True, eq=False)
class Body:
    """One turn as a graph: placeholders for what it reads, tensors that it makes."""

    carries: tuple[Placeholder, ...]
    elements: tuple[Placeholder, ...]
    shared: tuple[Placeholder, ...]  # the same in every turn
    nexts: tuple[Tensor, ...]  # the carries of the next turn
    emits: tuple[Tensor, ...]
    totals: tuple[Tensor, ...]
    rewritten: bool = False
    sharded: bool = False  # it runs beside others, so its kernels have one thread
    retyped: dict[Any, Body] = field(default_factory=dict)
    plans: dict[Any, LoopPlan] = field(default_factory=dict)

    @property
    def inputs(self) -> tuple[Placeholder, ...]:
        return (*self.carries, *self.elements, *self.shared)

    @property
    def results(self) -> list[Tensor]:
        return [*self.nexts, *self.emits, *self.totals]

    def made(self, output: Output) -> Tensor:
        """The tensor of the body from which an output comes."""
        kind, i = output
        return {"final": self.nexts, "trace": self.nexts, "emit": self.emits, "total": self.totals}[kind][i]

    def at(self, types: tuple[TensorType, ...]) -> Body:
        """This body for inputs of other types, such as shapes that have become known."""
        if types == tuple(p.type for p in self.inputs):
            return self
        if types not in self.retyped:
            leaves = [Placeholder(t) for t in types]
            new = substitute(self.results, dict(zip(self.inputs, leaves, strict=True)))
            n, m, k = len(self.carries), len(self.elements), len(self.emits)
            self.retyped[types] = Body(
                tuple(leaves[:n]), tuple(leaves[n : n + m]), tuple(leaves[n + m :]),
                tuple(new[:n]), tuple(new[n : n + k]), tuple(new[n + k :]), self.rewritten, self.sharded,
            )  # fmt: skip
        return self.retyped[types]


@dataclass(frozen=True)
class Scan(Op):
    """A body run along the first axis of its elements, in order or from the end."""

    body: Body
    outputs: tuple[Output, ...]
    length: int | None
    reverse: bool
    name = "scan"

    def unify(self, inputs: list[Tensor]) -> list[Tensor]:
        return inputs

    def turns(self, *types: TensorType) -> int | None:
        """The number of turns, None while it is not known."""
        n = len(self.body.carries)
        lengths = {t.shape[0] for t in types[n : n + len(self.body.elements)]} | {self.length}
        known = {d for d in lengths if d is not None}
        if len(known) > 1:
            raise ShapeError(f"scan: lengths {' and '.join(map(str, sorted(known)))} differ")
        return known.pop() if known else None

    def turn(self, types: Sequence[TensorType]) -> Body:
        """The body for inputs of these types."""
        n, m = len(self.body.carries), len(self.body.elements)
        parts = [t.with_shape(t.shape[1:]) if n <= i < n + m else t for i, t in enumerate(types)]
        body = self.body.at(tuple(parts))
        for i, (old, new) in enumerate(zip(body.carries, body.nexts, strict=True)):
            if old.dtype != new.dtype or not fits(old.shape, new.shape):
                raise ShapeError(f"scan: carry {i} comes in as {old.type}, and the step makes {new.type} of it")
        return body

    def infer(self, *types: TensorType) -> TupleType:
        length, body = self.turns(*types), self.turn(types)
        lead: dict[str, tuple[int | None, ...]] = {
            "final": (), "trace": (None if length is None else length + 1,), "emit": (length,), "total": (),
        }  # fmt: skip

        def output(kind: str, i: int) -> TensorType:
            t = body.carries[i] if kind in ("final", "trace") else body.made((kind, i))
            return TensorType((*lead[kind], *t.shape), t.dtype)

        return TupleType(tuple(output(kind, i) for kind, i in self.outputs))

    def bind(self, inputs: Sequence[Array], out: Any) -> Callable[[], Any]:
        return self.loop(inputs, out).run

    def loop(self, inputs: Sequence[Array], out: Any) -> Loop:
        """The loop for these arrays."""
        body = self.turn([TensorType(a.shape, a.dtype) for a in inputs])
        plan = body.plans.get(self.outputs)
        if plan is None:
            plan = body.plans[self.outputs] = plan_body(body, self.outputs)
        length = self.turns(*(TensorType(a.shape, a.dtype) for a in inputs))
        return Loop(plan, inputs, out, length or 0, self.reverse)

    def culprit(self, inputs: Sequence[Array], out: Any) -> str | None:
        return self.loop(inputs, out).culprit()

    def prune(self, used: frozenset[int], inputs: Sequence[Tensor]) -> tuple[Tensor, dict[int, int]] | None:
        """The loop with only the outputs in ``used`` and what they need; old output number -> new."""
        body = self.body
        first: dict[tuple[str, int], int] = {}  # what several outputs stack or add up alike is kept once
        same = {k: first.setdefault((self.outputs[k][0], body.made(self.outputs[k]).id), k) for k in sorted(used)}
        outputs = [self.outputs[k] for k in first.values()]
        carries = {i for kind, i in outputs if kind in ("final", "trace")}
        wanted = {body.made(o).id: body.made(o) for o in outputs}
        while True:  # a carry is needed if something that is needed reads it
            wanted.update((body.nexts[i].id, body.nexts[i]) for i in carries)
            ids = {t.id for t in toposort(wanted.values())}
            more = {i for i, p in enumerate(body.carries) if p.id in ids} | carries
            if more == carries:
                break
            carries = more
        keep = [i in carries if i < len(body.carries) else p.id in ids for i, p in enumerate(body.inputs)]
        n, m = len(body.carries), len(body.elements)
        if self.length is None and m and not any(keep[n : n + m]):
            keep[n] = True  # the length is read from an element
        if all(keep) and len(outputs) == len(self.outputs):
            return None
        tables: dict[str, list[int]] = {"final": sorted(carries), "emit": [], "total": []}
        for kind, i in outputs:
            if kind in ("emit", "total"):
                tables[kind].append(i)
        small = Body(
            tuple(p for p, k in zip(body.carries, keep[:n], strict=True) if k),
            tuple(p for p, k in zip(body.elements, keep[n : n + m], strict=True) if k),
            tuple(p for p, k in zip(body.shared, keep[n + m :], strict=True) if k),
            tuple(body.nexts[i] for i in tables["final"]),
            tuple(body.emits[i] for i in tables["emit"]),
            tuple(body.totals[i] for i in tables["total"]),
            body.rewritten,
            body.sharded,
        )
        numbers = {kind: {i: k for k, i in enumerate(table)} for kind, table in tables.items()}
        numbers["trace"] = numbers["final"]
        op = Scan(small, tuple((kind, numbers[kind][i]) for kind, i in outputs), self.length, self.reverse)
        new = op(*(x for x, k in zip(inputs, keep, strict=True) if k))
        numbers_of = {k: n for n, k in enumerate(first.values())}
        return new, {old: numbers_of[k] for old, k in same.items()}

    def vjp(self, g: Any, y: Tensor, *inputs: Tensor) -> list[Tensor | None]:
        from .scan_gradient import Derivative

        return Derivative(self, y, inputs).reverse(g)

    def jvp(self, tangents: Sequence[Tensor | None], y: Tensor, *inputs: Tensor) -> list[Tensor | None]:
        from .scan_gradient import Derivative

        return Derivative(self, y, inputs).forward(tangents)

    def graph(self, inputs: Sequence[Tensor]) -> tuple[int, list[Tensor]]:
        """How many turns there are, and what one of them makes."""
        types = [x.type for x in inputs]
        return self.turns(*types) or 0, self.turn(types).results

    def in_shards(self, sharder: Sharder, t: Tensor, states: list[int]) -> Layout | None:
        from .shards import in_shards

        return in_shards(self, sharder, t, states)

    def simplify(self, *inputs: Tensor) -> Tensor | None:
        """The loop with a rewritten body, once all lengths are known."""
        types = [x.type for x in inputs]
        if self.body.rewritten or not all(t.known for t in types):
            return None
        body = self.turn(types)
        made = simplify(body.results)
        n, m = len(body.nexts), len(body.emits)
        new = replace(body, nexts=tuple(made[:n]), emits=tuple(made[n : n + m]), totals=tuple(made[n + m :]),
                      retyped={}, plans={}, rewritten=True)  # fmt: skip
        return replace(self, body=new)(*inputs)


@dataclass
class Results:
    """The outputs of a loop by kind."""

    final: list[Tensor]
    trace: list[Tensor]
    emit: list[Tensor]
    total: list[Tensor]


def loop(
    carries: Sequence[tuple[Placeholder, Tensor, Tensor]],
    elements: Sequence[tuple[Placeholder, Tensor]],
    emits: Sequence[Tensor],
    *,
    totals: Sequence[Tensor] = (),
    length: int | None = None,
    reverse: bool = False,
) -> Results:
    """A loop of a body that is already a graph: carries are (placeholder, first value, next value), elements
    (placeholder, stacked values); whatever else the body reads is the same in every turn.
    """
    nexts = [new for _, _, new in carries]
    moving = [*(p for p, _, _ in carries), *(p for p, _ in elements)]
    outside = captured([*nexts, *emits, *totals], moving)
    shared = [Placeholder(t.type) for t in outside]
    made = substitute([*nexts, *emits, *totals], dict(zip(outside, shared, strict=True)))
    n, m = len(nexts), len(emits)
    live = depends(toposort(made), moving)
    inner = [t for t in toposort(made) if t.id in live and t.op and t.op.name not in VIEWS]
    found = {t.id: t for t in (*made[n : n + m], *inner) if t.op is not None and isinstance(t.type, TensorType)}
    stacked = {k: t for k, t in found.items() if k not in {x.id for x in made[:n]}}
    body = Body(
        tuple(p for p, _, _ in carries), tuple(p for p, _ in elements), tuple(shared),
        tuple(made[:n]), tuple(stacked.values()), tuple(made[n + m :]),
    )  # fmt: skip
    outputs: list[Output] = [(kind, i) for kind in ("final", "trace") for i in range(n)]
    outputs += [("emit", i) for i in range(len(body.emits))] + [("total", i) for i in range(len(totals))]
    op = Scan(body, tuple(outputs), None if elements else length, reverse)
    results = items(op(*(x for _, x, _ in carries), *(x for _, x in elements), *outside))
    values = dict(zip(stacked, results[2 * n :], strict=False))  # each tensor of the body -> its values in all turns
    before, after = trace_slices(reverse)
    values.update((p.id, x) for p, x in elements)
    values.update((p.id, x[before]) for (p, _, _), x in zip(carries, results[n:], strict=False))
    values.update((t.id, x[after]) for t, x in zip(made[:n], results[n:], strict=False) if t.op is not None)
    count = len(totals)
    return Results(
        [*results[:n]], [*results[n : 2 * n]], [values[t.id] for t in made[n : n + m]],
        [*results[len(results) - count :]],
    )  # fmt: skip


def trace_slices(reverse: bool) -> tuple[slice, slice]:
    """Where in a trace the carries lie that the turns read, and those that they make."""
    before, after = slice(None, -1), slice(1, None)
    return (after, before) if reverse else (before, after)


def scan(
    step: Callable[[Any, Any], tuple[Any, Any]],
    init: Any,
    xs: Any = None,
    length: int | None = None,
    reverse: bool = False,
) -> tuple[Any, Any]:
    """Run ``step(carry, x) -> (carry, y)`` along the first axis of ``xs``; returns (last carry, all y stacked).

    ``init``, ``xs`` and ``y`` are tensors, tuples of tensors, or None (for ``y`` and ``xs``; then ``length`` counts
    the turns). A carry keeps its type. The step is a graph: it may use any tensor around it, and differentiates to
    any order in both modes; random ops in it draw new numbers in every turn. The length may be unknown until the
    graph runs. ``reverse`` starts from the last element; y stays in the order of ``xs``.

    >>> x = ag.placeholder("x", (None,), "float64")
    >>> last, sums = ag.scan(lambda total, x: (total + x, total + x), 0.0, x)
    >>> print(*ag.function([last, sums])([1.0, 2.0, 3.0]))
    6.0 [1. 3. 6.]
    """
    stacks = [as_tensor(x) for x in leaves(xs)]
    for x in stacks:
        if x.ndim == 0:
            raise ShapeError(f"scan: runs along the first axis of xs, but {x!r} has none")
    if not stacks and (not isinstance(length, int) or length < 0):
        raise ShapeError(f"scan: without xs, length= counts the turns; got {length!r}")
    if stacks and length is not None and any(x.shape[0] not in (None, length) for x in stacks):
        raise ShapeError(f"scan: length={length}, but xs have lengths {[x.shape[0] for x in stacks]}")
    inits = [as_tensor(c) for c in leaves(init)]
    elements = [Placeholder(x.type.with_shape(x.shape[1:])) for x in stacks]
    for _ in range(2):  # a second time where numbers took the dtype of what they met
        carries = [Placeholder(c.type) for c in inits]
        carry, y = pair(step(like(init, carries), like(xs, elements)))
        nexts = [as_tensor(c) for c in leaves(carry)]
        if len(nexts) != len(inits):
            raise ShapeError(f"scan: the step must return {len(inits)} carries, it returned {len(nexts)}")
        if not any(c.type.weak for c in inits):
            break
        inits = [cast(c, new.dtype) if c.type.weak else c for c, new in zip(inits, nexts, strict=True)]
    nexts = [cast(new, c.dtype) if new.type.weak else new for new, c in zip(nexts, carries, strict=True)]
    emits = [as_tensor(t) for t in leaves(y)]
    refuse_dynamic([*nexts, *emits], [*carries, *elements])
    moving = list(zip(carries, inits, nexts, strict=True))
    if FUNCTION_KEY in toposort([*nexts, *emits]):
        key = Placeholder(FUNCTION_KEY.type)
        *made, after = substitute([*nexts, *emits, fold_in(key, 1)], {FUNCTION_KEY: key})
        nexts, emits = made[: len(nexts)], made[len(nexts) :]
        moving = [*zip(carries, inits, nexts, strict=True), (key, FUNCTION_KEY, after)]
    done = loop(moving, list(zip(elements, stacks, strict=True)), emits, length=length, reverse=reverse)
    return like(init, done.final[: len(inits)]), like(y, done.emit)


def refuse_dynamic(made: Sequence[Tensor], moving: Sequence[Placeholder]) -> None:
    """A turn has one plan, so no length in it may depend on what moves."""
    order = toposort(made)
    known = {p.id for p in moving}
    for t in order:
        if known.isdisjoint(x.id for x in t.inputs):
            continue
        known.add(t.id)
        if t.op is not None and t.op.dynamic:
            raise ShapeError(f"scan: {t.op.name} makes a length out of values, which differs from turn to turn")


def leaves(structure: Any) -> list[Any]:
    """The tensors of None, a tensor, or a tuple."""
    return [] if structure is None else list(structure) if isinstance(structure, tuple | list) else [structure]


def like(structure: Any, tensors: Sequence[Tensor]) -> Any:
    """``tensors`` in the form of ``structure``."""
    return None if structure is None else tuple(tensors) if isinstance(structure, tuple | list) else tensors[0]


def pair(result: Any) -> tuple[Any, Any]:
    if not isinstance(result, tuple) or len(result) != 2:
        raise ShapeError(f"scan: the step must return a pair (carry, y), it returned {result!r:.80}")
    return result
