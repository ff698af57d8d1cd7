"""A model at each stage of its way: the layers of the spec, the graph, the gradient, the plan."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from agcli.counts import number_of
from agcli.data.section import load_data
from agcli.engine.function import Function
from agcli.engine.gradient import grad
from agcli.engine.graph import Constant, Tensor, toposort
from agcli.engine.leaves import Variable
from agcli.engine.plan import Plan
from agcli.engine.show import show, what
from agcli.model.build import Model, build
from agcli.spec import Spec

from .fixed import fixed
from .layers import table
from .pictures import LIMIT, WRITERS, Node, Picture

FORMATS = ("tree", *WRITERS)


def draw(spec: Spec, stage: str = "spec", format: str = "tree") -> str:
    """The model of a spec as text: ``stage`` is one of STAGES, ``format`` one of FORMATS."""
    data = load_data(spec)
    model = build(spec, data)
    batch = min(spec.train.batch_size, len(data.train))
    text, picture = STAGES[stage](model, batch)
    if format == "tree":
        return text()
    return "\n".join(WRITERS[format](picture().cut(LIMIT)))


Views = tuple[Callable[[], str], Callable[[], Picture]]


def layers(model: Model, batch: int) -> Views:
    """The layers, from the inputs to the loss."""
    return lambda: "\n".join(_listed(model, batch)), lambda: _layers(model)


def trained(model: Model) -> list[str]:
    """The names of the parameters that are trained."""
    return [name for name, v in model.parameters.items() if isinstance(v, Variable) and v.trainable]


def graph(model: Model, batch: int) -> Views:
    """The loss of a batch as a graph of ops."""
    return _tensors([model.train.loss])


def gradient(model: Model, batch: int) -> Views:
    """The derivatives of the loss by all parameters that it depends on."""
    names = trained(model)
    found = grad(model.train.loss, [model.parameters[n] for n in names])
    return _tensors([g.named(f"d loss/d {n}") if not g.name else g for n, g in zip(names, found, strict=True)])


def plan(model: Model, batch: int) -> Views:
    """The steps of a training step's loss and gradient, with the places of their results in memory."""
    names = trained(model)
    made = fixed(model, [model.train.loss], batch)
    loss = made.tensors[0]
    fetches = [loss, *grad(loss, [made.variables[n] for n in names])]
    function = Function(fetches, inputs=list(made.inputs.values()), key=model.key)
    function.compile(tuple(tuple(int(d or 0) for d in p.shape) for p in made.inputs.values()))
    found = function.plan or Plan()
    return lambda: str(found), lambda: _steps(found)


STAGES: Mapping[str, Callable[[Model, int], Views]] = {
    "spec": layers,
    "graph": graph,
    "gradient": gradient,
    "plan": plan,
}


def _listed(model: Model, batch: int) -> Iterator[str]:
    for name, p in model.inputs.items():
        yield f"{name}: {p.type}"
    for name in model.spec.variables:
        yield f"{name}: {model.parameters[name].type}, a variable"
    rows = table(model, batch)
    for i, row in enumerate(rows):
        last = not any(other.depth == 0 for other in rows[i + 1 :]) and row.depth == 0
        branch = "│  " * row.depth + ("└─ " if last else "├─ ")
        shape = ", ".join("?" if d is None else str(d) for d in row.shape)
        counted = f", {number_of(row.parameters, 'parameter')}" if row.parameters else ""
        yield f"{branch}{row.name} ({row.kind}): ({shape}){counted}"
    yield _loss(model)


def _loss(model: Model) -> str:
    loss = model.spec.loss
    return f"loss: {getattr(loss.fields, 'formula', loss.name)}"


def _layers(model: Model) -> Picture:
    """Layers of the outermost level, with the layers and inputs that each takes."""
    nodes: list[Node] = []
    edges: list[tuple[int, int]] = []
    known: dict[int, int] = {}  # tensor -> node

    def add(made: Tensor, sources: Sequence[Tensor], text: str, *, rounded: bool = True) -> None:
        edges.extend((known[x.id], len(nodes)) for x in dict.fromkeys(sources) if x.id in known)
        known[made.id] = len(nodes)
        nodes.append(Node(len(nodes), text, rounded))

    for name, p in model.inputs.items():
        add(p, (), f"{name} {p.type}", rounded=False)
    for name in model.spec.variables:
        add(model.parameters[name], (), f"{name} {model.parameters[name].type}", rounded=False)
    for trace in model.train.traces:
        if not trace.depth:
            shape = ", ".join("?" if d is None else str(d) for d in trace.output.shape[1:])
            add(trace.output, trace.inputs, f"{trace.path}: {trace.kind} ({shape})")
    loss = model.train.loss
    ends = [x for t in toposort([loss], set(known)) for x in t.inputs]
    add(loss, ends, _loss(model))
    return Picture(nodes, edges)


def _tensors(tensors: list[Tensor]) -> Views:
    def picture() -> Picture:
        order = toposort(tensors)
        nodes = [Node(t.id, what(t), rounded=t.op is not None) for t in order if not _plain(t)]
        shown = {node.id for node in nodes}
        edges = [(x.id, t.id) for t in order for x in dict.fromkeys(t.inputs) if x.id in shown]
        return Picture(nodes, edges)

    return lambda: show(tensors), picture


def _plain(t: Tensor) -> bool:
    """Single numbers would only crowd a picture."""
    return isinstance(t, Constant) and t.shape == ()


def _steps(found: Plan) -> Picture:
    nodes: list[Node] = []
    edges: list[tuple[int, int]] = []
    made: dict[int, int] = {}  # slot -> node
    for index in dict.fromkeys(i for step in found.steps for i in step.inputs):
        slot = found.slots[index]
        if slot.kind in ("feed", "variable"):
            made[index] = len(nodes)
            nodes.append(Node(len(nodes), f"{found.describe(index)} {slot.type}", rounded=False))
    for step in found.steps:
        number = len(nodes)
        results = ", ".join(f"{found.describe(i)} {found.slots[i].type}" for i in step.outputs)
        nodes.append(Node(number, f"{step.op.name} -> {results}"))
        sources = [made.get(i, made.get(found.slots[i].root)) for i in step.inputs]
        edges += [(source, number) for source in dict.fromkeys(sources) if source is not None]
        made.update(dict.fromkeys(step.outputs, number))
    return Picture(nodes, edges)
