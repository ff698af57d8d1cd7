"""Graph -> graph: a loop that multiplies by the same matrix in every turn reads it packed, once for all turns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from ...graph import Tensor, toposort
from ...leaves import Placeholder
from ...loops.scan import Scan
from ...ops import elementwise as ew
from ...ops.matmul import MatMul
from ...types import static
from .panel_product import PanelProduct
from .panels import Pack

LEAST = 16  # elements along each side of a matrix; smaller ones are multiplied as fast without
TURNS = 4  # of a loop; in shorter ones packing takes as long as it saves


def factors(t: Tensor) -> list[Tensor]:
    """The matrices by which every turn of a loop multiplies, as placeholders of its body."""
    if not isinstance(t.op, Scan) or not all(x.type.known for x in t.inputs):
        return []
    types = [x.type for x in t.inputs]
    if (t.op.turns(*types) or 0) < TURNS:
        return []
    body = t.op.turn(types)
    shared = {p.id for p in body.shared}
    return list({p.inputs[1].id: p.inputs[1] for p in toposort(body.results) if is_product(p, shared)}.values())


def is_product(t: Tensor, shared: set[int]) -> bool:
    """Whether ``t`` is a product of floats with a matrix among ``shared``."""
    if not isinstance(t.op, MatMul) or t.ndim != 2 or t.inputs[1].id not in shared:
        return False
    fits = t.dtype.name in ("float32", "float64") and all(x.dtype == t.dtype for x in t.inputs)
    return fits and min(map(static, t.inputs[1].shape)) >= LEAST


def elements(t: Tensor) -> int:
    """How many elements of such matrices all turns together need not bring into order."""
    found = factors(t)
    turns = t.op.turns(*(x.type for x in t.inputs)) if found and isinstance(t.op, Scan) else 0
    return (turns or 0) * sum(int(w.type.size) for w in found)


def with_panels(t: Tensor, inputs: Sequence[Tensor], pack: Callable[[Tensor], Tensor]) -> Tensor:
    """The loop ``t`` on ``inputs``, of which those are packed by which it multiplies."""
    op: Scan = t.op  # type: ignore[assignment]
    found = factors(t)
    body = op.turn([x.type for x in inputs])
    given = dict(zip((p.id for p in body.inputs), inputs, strict=True))
    packed = {w.id: Placeholder(Pack().infer(w.type)) for w in found}
    made = panel_products(body.results, packed)
    used = {x.id for x in toposort(made)}
    shared = [p for p in body.shared if p.id in used]
    moving = inputs[: len(body.carries) + len(body.elements)]
    n, m = len(body.nexts), len(body.emits)
    new = replace(
        body, shared=(*shared, *packed.values()), nexts=tuple(made[:n]), emits=tuple(made[n : n + m]),
        totals=tuple(made[n + m :]), retyped={}, plans={},
    )  # fmt: skip
    rest = [given[p.id] for p in shared] + [pack(given[w.id]) for w in found]
    return Tensor(t.type, replace(op, body=new), (*moving, *rest))


def panel_products(outputs: Sequence[Tensor], packed: dict[int, Placeholder]) -> list[Tensor]:
    """``outputs`` with products by packed matrices; what is added to one and nothing else begins its sums."""
    order = toposort(outputs)
    starts = begun(order, outputs, {*packed})
    inner = {product.id for product, _ in starts.values()}
    new: dict[int, Tensor] = {}
    for t in order:
        product, start = starts.get(t.id, (t, None))
        if t.id in inner:
            continue
        if is_product(product, {*packed}):
            a, w = product.inputs
            first = [new[start.id]] if start is not None else []
            made = PanelProduct(static(product.shape[1]))(new[a.id], packed[w.id], *first)
            new[t.id] = Tensor(made.type, made.op, made.inputs, t.place, t.name)
        else:
            inputs = [new[x.id] for x in t.inputs]
            new[t.id] = t if all(a is b for a, b in zip(inputs, t.inputs, strict=True)) else t.on(inputs)
    return [new[t.id] for t in outputs]


def begun(order: Sequence[Tensor], outputs: Sequence[Tensor], packed: set[int]) -> dict[int, tuple[Tensor, Tensor]]:
    """Sums -> the product that is only read by it, and what is added."""
    uses = Counter(x.id for t in order for x in t.inputs)
    uses.update(t.id for t in outputs)
    found = {}
    for t in order:
        for x, other in (t.inputs, t.inputs[::-1]) if t.op == ew.add else ():
            if is_product(x, packed) and uses[x.id] == 1 and other.type == x.type:
                found[t.id] = x, other
    return found
