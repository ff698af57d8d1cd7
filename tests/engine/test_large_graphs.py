"""Large graphs compile in a time that grows as they do, counted in calls."""

import numpy as np
import pytest

import agcli as ag
from agcli.engine.orders import orders_kept, toposort
from agcli.engine.rewrite import rewriter, rules
from benchmarks.compile import GRAPHS, MANY, chain

pytestmark = pytest.mark.numeric


def compiled(make, n, length):
    x = ag.placeholder("x", (length,), "float32")
    y = make(x, n)
    f = ag.function([y, ag.grad(y.sum(), x)], inputs=[x])
    return lambda: f.compile((x.shape,))


@pytest.mark.parametrize("name", GRAPHS)
@pytest.mark.parametrize("length", [4, MANY])
def test_compiling_is_linear_in_the_nodes(name, length, calls, monkeypatch):
    """Kernels excepted, of which graphs of all sizes have a bounded number."""
    monkeypatch.setattr("agcli.engine.backends.numpy.Executor.bind_all", lambda self: None)
    compiled(GRAPHS[name], 1000, length)()  # loads modules
    small, large = (calls(compiled(GRAPHS[name], n, length)) for n in (1000, 4000))
    assert 3 < large / small < 5


def test_a_chain_of_equal_blocks_compiles_one_kernel_for_all(monkeypatch):
    fused = pytest.importorskip("agcli.engine.backends.jit.elementwise.fused")
    monkeypatch.delenv("AG_BACKEND", raising=False)
    x = ag.placeholder("x", (MANY,))
    f = ag.function(chain(x, 4000), inputs=[x])
    f.compile((x.shape,))
    programs = [s.op.program for s in f.plan.steps if isinstance(s.op, fused.Fused)]
    assert len(programs) > 50
    assert len(set(programs)) <= 3


def test_a_graph_of_many_kernels_compiles_those_that_save_most(monkeypatch, policy):
    fused = pytest.importorskip("agcli.engine.backends.jit.elementwise.fused")
    monkeypatch.delenv("AG_BACKEND", raising=False)
    policy(compiled_lines=500)
    x, z = ag.placeholder("x", (MANY,)), ag.placeholder("z", (4 * MANY,))
    y, large = GRAPHS["wide"](x, 3000), ag.exp(ag.sin(z) * 2)
    f, plain = (ag.function([y, large], inputs=[x, z], debug_nans=debug) for debug in (False, True))
    f.compile((x.shape, z.shape))
    programs = {s.op.program for s in f.plan.steps if isinstance(s.op, fused.Fused)}
    assert 0 < sum(len(p.lines) for p in programs) < 500 + 100
    feeds = [np.linspace(0.1, 0.4, n, dtype="float32") for n in (MANY, 4 * MANY)]
    for a, b in zip(f(*feeds), plain(*feeds), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4)


def test_an_order_that_was_asked_for_is_not_made_again(calls):
    x = ag.placeholder("x", (4,))
    y = chain(x, 1000)
    with orders_kept():
        first = calls(lambda: toposort([y]))
        order = toposort([y])
        assert calls(lambda: toposort([y])) < first / 10
        order.clear()  # a copy
        assert toposort([y]) == toposort([y]) != []
        assert toposort([y], stop={y.inputs[0].id}) == [y]
    assert calls(lambda: toposort([y])) > first / 2


@pytest.mark.parametrize("name", sorted(rules.RULES))
def test_rules_wait_for_nothing_else(name, monkeypatch):
    """What the looks of inputs rule out is what no rule would change."""
    looked = rules.stays
    seen = []

    def both(op, inputs):
        found = looked(op, inputs)
        if found and op.name == name:
            t = ag.Tensor(op.infer(*(x.type for x in inputs)), op, tuple(inputs))
            seen.append([r.__name__ for r in rules.RULES[name] if r(t, *inputs) is not None])
        return found

    monkeypatch.setattr(rewriter, "stays", both)
    x, y = ag.placeholder("x", (3, 4), "float64"), ag.placeholder("y", (3, 4), "float64")
    several = [x, y, -x, x - y, x * 2, 1 - y, x[:1], ag.exp(x), x * 0 + 1]
    pairs = [op(a, b) for a in several for b in several for op in (ag.add, ag.subtract, ag.multiply, ag.divide)]
    pairs += [op(a) for a in several for op in (ag.negative, ag.exp)]
    pairs += [a**b for a in several for b in (0, 1, 2, y)]
    rewriter.simplify(pairs)
    rewriter.simplify([ag.grad(t.sum(), [x], allow_unused=True)[0] for t in pairs])
    assert not any(seen)
