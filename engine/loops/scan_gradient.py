"""The derivatives of a loop: loops again, over what the first one has kept."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeAlias

from ..gradient import accumulate, is_float, pullback, pushforward
from ..graph import Op, Tensor, call
from ..leaves import Placeholder, Variable
from ..ops.base import items
from ..subgraph import first_used
from ..substitution import substitute
from ..types import TensorType
from .scan import VIEWS, Output, Results, Scan, loop, trace_slices

LINEAR = ("reshape", "transpose", "sum", "negative")  # sums over turns go through these
Linear: TypeAlias = "Callable[[Tensor], Tensor]"


@dataclass
class Part:
    """One term of a sum over the turns: what the loop delivers, and what is done with it once at the end."""

    after: list[Linear]
    totals: list[Tensor] = field(default_factory=list)
    emits: list[Tensor] = field(default_factory=list)  # the two factors of a matrix product, or what is summed
    flips: tuple[bool, bool] = (False, False)

    def finish(self, stacks: Iterator[Tensor], sums: Iterator[Tensor]) -> Tensor:
        if self.totals:
            value = next(sums)
        else:
            value = self.product(next(stacks), next(stacks)) if len(self.emits) == 2 else next(stacks).sum(0)
        for op in self.after:
            value = op(value)
        return value

    def product(self, a: Tensor, b: Tensor) -> Tensor:
        """Sum of the products a[t] @ b[t] as one product of long matrices."""
        a = join_turns(a if self.flips[0] else a.transpose(0, 2, 1)).T
        b = join_turns(b.transpose(0, 2, 1)) if self.flips[1] else join_turns(b)
        return call("matmul", a, b)


def join_turns(x: Tensor) -> Tensor:
    return x.reshape(-1, x.shape[2])


def parts(t: Tensor, stacked: Container[int] = ()) -> list[Part]:
    """The sum of ``t`` over the turns in terms: linear ops and matrix products are cheaper once at the end.

    What is ``stacked`` anyway is added up at the end, too.
    """
    found = []
    stack: list[tuple[Tensor, list[Linear]]] = [(t, [])]
    while stack:
        z, after = stack.pop()
        name = z.op.name if z.op else ""
        if core(z).id in stacked:
            found.append(Part(after, emits=[z]))
        elif name == "add" and all(x.type == z.type for x in z.inputs):
            stack += [(x, after) for x in z.inputs]
        elif z.op is not None and name in LINEAR:
            stack.append((z.inputs[0], [z.op, *after]))
        elif z.op is not None and name == "sum_like" and isinstance(z.inputs[1], Variable):
            stack.append((z.inputs[0], [partial(swapped, z.op, z.inputs[1]), *after]))
        elif name == "matmul" and z.ndim == 2 and None not in z.shape and all(x.ndim == 2 for x in z.inputs):
            flips = [x.op is not None and x.op.name == "transpose" for x in z.inputs]
            factors = [x.inputs[0] if flip else x for x, flip in zip(z.inputs, flips, strict=True)]
            found.append(Part(after, emits=factors, flips=(flips[0], flips[1])))
        else:
            found.append(Part(after, totals=[z]))
    return found


def swapped(op: Op, like: Tensor, value: Tensor) -> Tensor:
    return op(value, like)


def core(t: Tensor) -> Tensor:
    """What ``t`` is, but for sums over axes that it has not."""
    while t.op is not None and t.op.name == "sum_like" and t.type == t.inputs[0].type:
        t = t.inputs[0]
    return t


def finish(terms: Sequence[Part], stacks: Iterator[Tensor], sums: Iterator[Tensor]) -> Tensor:
    values = [p.finish(stacks, sums) for p in terms]
    total = values[0]
    for v in values[1:]:
        total = total + v
    return total


class Derivative:
    """The derivatives of one loop, which are loops again and read what the first one has kept."""

    def __init__(self, op: Scan, y: Tensor, inputs: Sequence[Tensor]) -> None:
        self.op, self.body = op, op.body
        n, m = len(self.body.carries), len(self.body.elements)
        self.inits, self.stacks, self.shared = inputs[:n], inputs[n : n + m], inputs[n + m :]
        self.length = op.turns(*(x.type for x in inputs))
        self.outputs = dict(zip(op.outputs, items(y), strict=True))
        before, after = trace_slices(op.reverse)
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
        if not inputs and self.stacks:  # the number of turns is the length of an element
            inputs = [(Placeholder(self.body.elements[0].type), self.stacks[0])]
        stacked = {core(e).id for t in new[n + m :] for p in parts(t) for e in p.emits}
        sums = [parts(t, stacked) for t in new[n + m :]]
        terms = [p for group in sums for p in group]
        done = loop(
            [(p, init, t) for (p, init, _), t in zip(carries, new, strict=False)],
            inputs,
            [*new[n : n + m], *(e for p in terms for e in p.emits)],
            totals=[t for p in terms for t in p.totals],
            length=self.length,
            reverse=reverse,
        )
        stacks, added = iter(done.emit[m:]), iter(done.total)
        done.total = [finish(group, stacks, added) for group in sums]
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
