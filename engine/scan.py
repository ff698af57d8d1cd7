"""``scan``: a loop as one op. Its body is a graph with a plan of its own, and so are its derivatives.

The op has four kinds of outputs, and keeps only those that are used (``prune``, when a function is compiled):

- *final*: a carry after the last turn;
- *trace*: a carry before the first and after every turn, in order of the axis: ``length + 1`` values;
- *emit*: one value a turn, stacked: what the user returns, and any value inside the body that a derivative needs;
- *total*: the sum over the turns, for the cotangents of what every turn reads.
"""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from .errors import ShapeError
from .gradient import accumulate, depends, is_float, pullback, pushforward
from .graph import Like, Op, Placeholder, Tensor, as_tensor, call, cast, toposort
from .loop import Loop, LoopPlan, plan_body
from .ops.base import items
from .ops.random import FUNCTION_KEY, fold_in
from .subgraph import captured, first_used, substitute
from .types import Array, TensorType, TupleType, fits

Output: TypeAlias = "tuple[str, int]"  # kind and number
VIEWS = ("reshape", "transpose", "broadcast_to", "expand_like", "reshape_like", "getitem", "astype")  # cheaper than kept


@dataclass(frozen=True, eq=False)
class Body:
    """One turn as a graph: placeholders for what it reads, tensors that it makes."""

    carries: tuple[Placeholder, ...]
    elements: tuple[Placeholder, ...]
    shared: tuple[Placeholder, ...]  # the same in every turn
    nexts: tuple[Tensor, ...]  # the carries of the next turn
    emits: tuple[Tensor, ...]
    totals: tuple[Tensor, ...]
    retyped: dict[Any, Body] = field(default_factory=dict)
    plans: dict[Any, LoopPlan] = field(default_factory=dict)

    @property
    def inputs(self) -> tuple[Placeholder, ...]:
        return (*self.carries, *self.elements, *self.shared)

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
            made = (*self.nexts, *self.emits, *self.totals)
            new = substitute(made, dict(zip(self.inputs, leaves, strict=True)))
            n, m, k = len(self.carries), len(self.elements), len(self.emits)
            self.retyped[types] = Body(
                tuple(leaves[:n]), tuple(leaves[n : n + m]), tuple(leaves[n + m :]),
                tuple(new[:n]), tuple(new[n : n + k]), tuple(new[n + k :]),
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
        body = self.turn([TensorType(a.shape, a.dtype) for a in inputs])
        plan = body.plans.get(self.outputs)
        if plan is None:
            plan = body.plans[self.outputs] = plan_body(body, self.outputs)
        length = self.turns(*(TensorType(a.shape, a.dtype) for a in inputs))
        return Loop(plan, inputs, out, length or 0, self.reverse).run

    def kernel(self, *inputs: Array, out: Any) -> None:
        self.bind(inputs, out)()

    def prune(self, used: frozenset[int], inputs: Sequence[Tensor]) -> tuple[Tensor, dict[int, int]] | None:
        """The loop with only the outputs in ``used`` and what they need; old output number -> new."""
        body, outputs = self.body, [o for i, o in enumerate(self.outputs) if i in used]
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
        tables = {k: [] for k in ("final", "emit", "total")}
        tables["final"] = sorted(carries)
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
        )
        numbers = {kind: {i: k for k, i in enumerate(table)} for kind, table in tables.items()}
        numbers["trace"] = numbers["final"]
        op = Scan(small, tuple((kind, numbers[kind][i]) for kind, i in outputs), self.length, self.reverse)
        new = op(*(x for x, k in zip(inputs, keep, strict=True) if k))
        return new, {old: k for k, old in enumerate(sorted(used))}

    def vjp(self, g: Any, y: Tensor, *inputs: Tensor) -> list[Tensor | None]:
        return Derivative(self, y, inputs).reverse(g)

    def jvp(self, tangents: Sequence[Tensor | None], y: Tensor, *inputs: Tensor) -> list[Tensor | None]:
        return Derivative(self, y, inputs).forward(tangents)


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
    inner = [t for t in toposort(made) if t.op is not None and isinstance(t.type, TensorType)]
    taken = {t.id for t in made[: n + m]}
    live = depends(toposort(made), moving)
    kept = [t for t in inner if t.id not in taken and t.id in live and t.op and t.op.name not in VIEWS]
    body = Body(
        tuple(p for p, _, _ in carries), tuple(p for p, _ in elements), tuple(shared),
        tuple(made[:n]), (*made[n : n + m], *kept), tuple(made[n + m :]),
    )  # fmt: skip
    outputs: list[Output] = [(kind, i) for kind in ("final", "trace") for i in range(n)]
    outputs += [("emit", i) for i in range(len(body.emits))] + [("total", i) for i in range(len(totals))]
    op = Scan(body, tuple(outputs), None if elements else length, reverse)
    found = items(op(*(x for _, x, _ in carries), *(x for _, x in elements), *outside))
    k = 2 * n + len(body.emits)
    return Results([*found[:n]], [*found[n : 2 * n]], [*found[2 * n : 2 * n + m]], [*found[k:]])


class Derivative:
    """The derivatives of one loop, which are loops again and read what the first one has kept."""

    def __init__(self, op: Scan, y: Tensor, inputs: Sequence[Tensor]) -> None:
        self.op, self.body = op, op.body
        n, m = len(self.body.carries), len(self.body.elements)
        self.inits, self.stacks, self.shared = inputs[:n], inputs[n : n + m], inputs[n + m :]
        self.length = op.turns(*(x.type for x in inputs))
        self.outputs = dict(zip(op.outputs, items(y), strict=True))
        before, after = slice(None, -1), slice(1, None)
        if op.reverse:
            before, after = after, before
        self.before = before
        self.kept: dict[int, Callable[[], Tensor]] = {}  # tensor of the body -> its values in all turns
        for i, t in enumerate(self.body.emits):
            self.keep(t, lambda i=i: self.outputs["emit", i])  # type: ignore[misc]
        for i, (old, new) in enumerate(zip(self.body.carries, self.body.nexts, strict=True)):
            self.keep(new, lambda i=i: self.outputs["trace", i][after])  # type: ignore[misc]
            self.kept[old.id] = lambda i=i: self.outputs["trace", i][before]  # type: ignore[misc]
        for p, x in zip(self.body.elements, self.stacks, strict=True):
            self.kept[p.id] = lambda x=x: x  # type: ignore[misc]

    def keep(self, t: Tensor, values: Callable[[], Tensor]) -> None:
        if t.op is not None and t.op.name not in VIEWS:
            self.kept[t.id] = values

    def run(
        self,
        carries: Sequence[tuple[Placeholder, Tensor, Tensor]],
        elements: Sequence[tuple[Placeholder, Tensor]],
        emits: Sequence[Tensor],
        totals: Sequence[Tensor],
        reverse: bool,
    ) -> Results:
        """A loop over the turns of the first one; values of its body are read from what it has kept."""
        made = [*(new for _, _, new in carries), *emits, *totals]
        read = first_used(made, self.kept)
        extra = [(Placeholder(t.type), self.kept[t.id]()) for t in read]
        replace: dict[Tensor, Tensor] = dict(zip(self.body.shared, self.shared, strict=True))
        replace.update((t, p) for t, (p, _) in zip(read, extra, strict=True))
        new = substitute(made, replace)
        n, m = len(carries), len(emits)
        inputs = [*elements, *extra]
        later = [Total(t, {p.id: x for p, x in inputs}) for t in new[n + m :]]
        parts = [p for total in later for p in total.parts]
        done = loop(
            [(p, init, t) for (p, init, _), t in zip(carries, new, strict=False)],
            inputs,
            [*new[n : n + m], *(e for p in parts for e in p.emits)],
            [t for p in parts for t in p.totals],
            self.length,
            reverse,
        )
        stacks, sums = iter(done.emit[m:]), iter(done.total)
        done.total = [total.finish(stacks, sums) for total in later]
        done.emit = done.emit[:m]
        return done

    def reverse(self, g: Sequence[Tensor | None]) -> list[Tensor | None]:
        """Cotangents of the inputs for those of the outputs: the loop run the other way."""
        body, given = self.body, dict(zip(self.op.outputs, g, strict=True))
        floats = [i for i, p in enumerate(body.carries) if is_float(p)]
        carries = {i: Placeholder(TensorType(body.carries[i].shape, body.carries[i].dtype)) for i in floats}
        ys: list[Tensor] = [body.nexts[i] for i in floats]
        gs: list[Tensor] = list(carries.values())
        elements: list[tuple[Placeholder, Tensor]] = []
        for output, g_out in given.items():
            if g_out is None or output[0] in ("final", "trace"):
                continue
            ys.append(body.made(output))
            if output[0] == "total":
                gs.append(g_out)
            else:
                gs.append(part := Placeholder(ys[-1].type))
                elements.append((part, g_out))
        xs = body.inputs
        found = pullback(ys, xs, gs)
        loops = []
        for i in floats:
            new, init = found[i], given.get(("final", i))
            through = given.get(("trace", i))
            if through is not None:
                elements.append((part := Placeholder(carries[i].type), through[self.before]))
                new = accumulate(new, part)
                init = accumulate(init, through[0 if self.op.reverse else -1])
            zero = call("zeros_like", self.inits[i])
            new = call("zeros_like", body.carries[i]) if new is None else new
            loops.append((carries[i], zero if init is None else init, new))
        n, m = len(body.carries), len(body.elements)
        emits = {i: t for i, t in enumerate(found) if t is not None and n <= i < n + m}
        totals = {i: t for i, t in enumerate(found) if t is not None and i >= n + m}
        done = self.run(loops, elements, list(emits.values()), list(totals.values()), not self.op.reverse)
        results: dict[int, Tensor] = dict(zip(floats, done.final, strict=True))
        results.update(zip(emits, done.emit, strict=True))
        results.update(zip(totals, done.total, strict=True))
        return [results.get(i) for i in range(len(xs))]

    def forward(self, tangents: Sequence[Tensor | None]) -> list[Tensor | None]:
        """Tangents of the outputs for those of the inputs: a loop in the same direction."""
        body = self.body
        n, m = len(body.carries), len(body.elements)
        carries = {i: Placeholder(TensorType(p.shape, p.dtype)) for i, p in enumerate(body.carries) if is_float(p)}
        elements = {
            i: Placeholder(p.type)
            for i, p in enumerate(body.elements) if tangents[n + i] is not None
        }  # fmt: skip
        shared = {i: t for i, t in enumerate(tangents[n + m :]) if t is not None}
        xs = [*(body.carries[i] for i in carries), *(body.elements[i] for i in elements),
              *(body.shared[i] for i in shared)]  # fmt: skip
        made = {o: body.made(o) for o in self.op.outputs if o[0] != "trace" and is_float(body.made(o))}
        found = dict(zip(made, pushforward([*made.values()], xs, [*carries.values(), *elements.values(),
                                                                 *shared.values()]), strict=True))  # fmt: skip
        loops = []
        for i, p in carries.items():
            new, init = found.get(("final", i)), tangents[i]
            loops.append((
                p,
                call("zeros_like", self.inits[i]) if init is None else init,
                call("zeros_like", body.carries[i]) if new is None else new,
            ))  # fmt: skip
        emits = {o: t for o, t in found.items() if t is not None and o[0] == "emit"}
        totals = {o: t for o, t in found.items() if t is not None and o[0] == "total"}
        inputs = [(p, tangents[n + i]) for i, p in elements.items()]
        done = self.run(loops, inputs, list(emits.values()), list(totals.values()), self.op.reverse)  # type: ignore[arg-type]
        results: dict[Output, Tensor] = dict(zip(emits, done.emit, strict=True))
        results.update(zip(totals, done.total, strict=True))
        results.update((("final", i), t) for i, t in zip(carries, done.final, strict=True))
        results.update((("trace", i), t) for i, t in zip(carries, done.trace, strict=True))
        return [results.get(o) for o in self.op.outputs]
