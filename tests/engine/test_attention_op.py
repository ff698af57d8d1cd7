"""Attention as one op: against its plain form and torch, in shards and threads, with dropout, and what it keeps."""

import numpy as np
import pytest

import agcli.api as ag
from agcli.engine.backends.jit import active
from agcli.engine.backends.jit.attention import launch
from agcli.engine.ops.attention import Attention, AttentionGrad, KeptWeights
from agcli.engine.ops.attention_plain import plain_weights
from agcli.engine.ops.attention_tiles import Heads
from agcli.engine.ops.base import items
from agcli.engine.ops.dropout import LEVELS
from agcli.engine.testing import check_grads
from agcli.engine.transforms.apply import vmap

pytestmark = pytest.mark.numeric

MASKS = {"none": None, "of keys": (3, 1, 1, -1), "of queries": (1, 1, -1, 1), "of heads": (1, 4, -1, -1)}
WIDTHS = ((16, 16), (5, 3), (33, 40))


@pytest.fixture(params=["numpy", "compiled"])
def backend(request, monkeypatch, policy):
    """Both backends, the compiled one from the smallest sizes on."""
    if request.param == "numpy":
        monkeypatch.setenv("AG_BACKEND", "numpy")
    elif not active():
        pytest.skip("nothing is compiled here")
    policy(min_elements=0, min_gain=0, attention_scores=0, apart_elements=-1)
    return request.param


def drawn(rng, queries, keys, widths, groups, dtype):
    shapes = ((3, 4, queries, widths[0]), (3, groups, keys, widths[0]), (3, groups, keys, widths[1]))
    return [rng.standard_normal(s).astype(dtype) for s in shapes]


def masked(rng, name, queries, keys):
    """A mask that closes some rows altogether."""
    if MASKS[name] is None:
        return None
    shape = [n if n > 0 else (queries, keys)[i - 2] for i, n in enumerate(MASKS[name])]
    mask = rng.random(shape) < 0.6
    mask[:, :, :1] = False
    return mask


def plain(q, k, v, mask, causal):
    """The same in products and a softmax, heads of keys repeated."""
    each = q.shape[1] // k.shape[1]
    k, v = (ag.repeat(x, each, axis=1) if each > 1 else x for x in (k, v))
    look = None if mask is None else ag.constant(mask)
    return plain_weights(q, k, look, causal, None) @ v


def close(found, expected, dtype):
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=300 * np.finfo(dtype).eps * np.max(np.abs(b), initial=1))


def compiled_ops(f):
    return {step.op.name for step in f.plan.steps if step.op.name.startswith("compiled<attention")}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("widths", WIDTHS, ids=str)
@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("causal", [False, True])
def test_values_and_gradients_are_those_of_the_plain_form(causal, mask, widths, dtype, backend):
    rng = np.random.default_rng(0)
    for queries, keys, groups in ((7, 7, 4), (37, 21, 2), (18, 70, 1)):
        arrays, look = drawn(rng, queries, keys, widths, groups, dtype), masked(rng, mask, queries, keys)
        xs = [ag.placeholder(n, a.shape, dtype) for n, a in zip("qkv", arrays, strict=True)]
        results = []
        for y in (ag.scaled_dot_product_attention(*xs, look, causal=causal), plain(*xs, look, causal)):
            weights = ag.constant(np.cos(np.arange(y.type.size)).reshape(y.shape).astype(dtype))
            f = ag.function([y, *ag.grad(ag.sum(y * weights), xs)], inputs=xs)
            results.append(f(*arrays))
            assert len(compiled_ops(f)) == (2 if backend == "compiled" and len(results) == 1 else 0)
        close(*results, dtype)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("mask", ["none", "of keys", "of heads"])
def test_values_and_gradients_are_those_of_torch(mask, causal, backend):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(1)
    arrays, look = drawn(rng, 20, 20, (16, 16), 4, "float32"), masked(rng, mask, 20, 20)
    xs = [ag.placeholder(n, a.shape) for n, a in zip("qkv", arrays, strict=True)]
    y = ag.scaled_dot_product_attention(*xs, look, causal=causal)
    found = ag.function([y, *ag.grad(ag.sum(ag.square(y)), xs)], inputs=xs)(*arrays)
    theirs = [torch.from_numpy(a).requires_grad_() for a in arrays]
    allowed = np.ones((20, 20), bool) if look is None else look
    allowed = allowed & np.tri(20, dtype=bool) if causal else allowed
    out = torch.nn.functional.scaled_dot_product_attention(*theirs, torch.from_numpy(allowed.copy()))
    out = torch.where(torch.from_numpy(allowed.any(-1, keepdims=True)), out, 0.0)
    out.square().sum().backward()
    close(found, [out.detach().numpy(), *(torch.nan_to_num(x.grad).numpy() for x in theirs)], "float32")


def test_leading_axes_broadcast(backend):
    rng = np.random.default_rng(2)
    shapes = (((5, 6), (7, 6), (7, 2)), ((2, 5, 6), (7, 6), (2, 7, 2)), ((5, 6), (2, 3, 7, 6), (3, 7, 2)),
              ((2, 1, 5, 6), (3, 7, 6), (2, 3, 7, 2)), ((2, 2, 1, 5, 6), (3, 7, 6), (2, 1, 3, 7, 2)))  # fmt: skip
    for shape in shapes:
        arrays = [rng.standard_normal(s) for s in shape]
        xs = [ag.placeholder(n, s, "float64") for n, s in zip("qkv", shape, strict=True)]
        q, k, v = xs
        pair = (ag.scaled_dot_product_attention(q, k, v), plain_weights(q, k, None, False, None) @ v)
        close(*(ag.function([y, *ag.grad(ag.sum(y * y), xs)], inputs=xs)(*arrays) for y in pair), "float64")


@pytest.mark.parametrize("causal", [False, True])
def test_derivatives_to_third_order_with_groups_and_dropout(causal):
    rng = np.random.default_rng(3)
    arrays = [rng.standard_normal(s) for s in ((2, 4, 3, 2), (1, 2, 3, 2), (2, 2, 3, 3))]
    mask = np.array([True, False, True])

    op = Attention(causal, 0.7, True, LEVELS * 2 // 5, 0)
    rest = (ag.constant(mask.reshape(1, 1, 1, 3)), ag.random_key(3))

    def attended(*xs):
        return items(op(*(ag.transpose(x, (0, 2, 1, 3)) for x in xs), *rest))[0]

    check_grads(attended, arrays, order=3, tolerance=1e-5)


def arrays_of_op(rng, dtype="float32", batch=3, places=45, heads=4, groups=2, width=16):
    q = rng.standard_normal((batch, places, heads, width)).astype(dtype)
    k, v = (rng.standard_normal((batch, places, groups, width)).astype(dtype) for _ in range(2))
    return q, k, v


def run(op, arrays, shapes, dtype="float32"):
    outs = tuple(np.full(s, np.nan, dtype) for s in shapes)
    with np.errstate(all="ignore"):
        op.bind(arrays, outs)()
    return outs


def both_ways(arrays, dy, op, compiled, threads=False):
    """Values and gradients of an op and its gradient, as NumPy or compiled."""
    q, k, v, *rest = arrays
    fields = [getattr(op, name) for name in Attention.__match_args__]
    ops = [op, AttentionGrad(*fields)]
    if compiled:
        ops = [launch.CompiledAttention(x, threads) for x in ops]
    y, level = run(ops[0], [q, k, v, *rest], (q.shape[:3] + v.shape[3:], (q.shape[0], q.shape[2], q.shape[1])))
    return [y, level, *run(ops[1], [dy, level, q, k, v, *rest], (q.shape, k.shape, v.shape))]


@pytest.mark.parametrize("causal", [False, True])
def test_weights_that_dropout_keeps_do_not_depend_on_tiles_or_backend(causal, monkeypatch):
    rng = np.random.default_rng(4)
    arrays = [*arrays_of_op(rng), np.array([7, 5], np.uint64)]
    dy = rng.standard_normal(arrays[0].shape).astype("float32")
    op = Attention(causal, None, False, LEVELS // 3, 11)
    expected = both_ways(arrays, dy, op, False)
    monkeypatch.setattr("agcli.engine.ops.attention_tiles.ROWS", 3)
    monkeypatch.setattr("agcli.engine.ops.attention_tiles.ELEMENTS", 1)
    close(both_ways(arrays, dy, op, False), expected, "float32")
    if active():
        monkeypatch.setattr(launch, "TILE", {True: 8, False: 8})
        close(both_ways(arrays, dy, op, True), expected, "float32")
    kept = KeptWeights(LEVELS // 3, 0, 11)(ag.constant(arrays[3]), ag.zeros((3, 4, 45, 45))).eval()
    assert abs(kept.mean() - 2 / 3) < 0.02
    q, k, v = (np.repeat(x.swapaxes(1, 2), 4 // x.shape[2], axis=1) for x in arrays[:3])
    look = ag.constant(np.ones((1, 1, 1, 1), bool))
    shares = plain_weights(*map(ag.constant, (q, k)), look, causal, None).eval()
    close([expected[0]], [(shares * kept * 1.5 @ v).swapaxes(1, 2)], "float32")


def test_dropout_repeats_from_its_key_and_each_has_its_own():
    x = np.random.default_rng(5).standard_normal((2, 40, 8)).astype("float32")
    y = ag.scaled_dot_product_attention(x, x, x, dropout=0.5, random_key=ag.random_key(1))
    z = ag.scaled_dot_product_attention(x, x, x, dropout=0.5, random_key=ag.random_key(1))
    assert (y.eval() == y.eval()).all()
    assert (y.eval() != z.eval()).any()
    f = ag.function(ag.scaled_dot_product_attention(x, x, x, dropout=0.5))
    assert (f() != f()).any()
    with pytest.raises(ag.ShapeError, match=r"rate of dropout lies in \[0, 1\)"):
        ag.scaled_dot_product_attention(x, x, x, dropout=1.0)


@pytest.mark.skipif(not active(), reason="nothing is compiled here")
@pytest.mark.parametrize("groups", [1, 2, 4])
def test_results_do_not_depend_on_the_number_of_threads(groups, monkeypatch):
    rng = np.random.default_rng(6)
    arrays = arrays_of_op(rng, batch=5, groups=groups)
    dy = rng.standard_normal(arrays[0].shape).astype("float32")
    monkeypatch.setattr(launch, "SHARED", 0)
    found = []
    for n in (1, 2, 3):
        monkeypatch.setattr(launch, "workers", lambda n=n: n)
        found.append(both_ways(arrays, dy, Attention(True, None, False), True, threads=True))
    for other in found[1:]:
        assert all((a == b).all() for a, b in zip(found[0], other, strict=True))


@pytest.mark.parametrize("closed", [False, True])
def test_inputs_may_lie_elsewhere_at_the_next_call(closed, backend):
    """Large ones are read where they lie."""
    rng = np.random.default_rng(9)
    shape, look = (8, 4, 40, 16), (8, 4, 40, 40)
    xs = [ag.placeholder(n, shape) for n in "qkv"]
    mask = [ag.placeholder("mask", look, "bool")] * closed
    y = ag.scaled_dot_product_attention(*xs, *mask, causal=True)
    f = ag.function([y, *ag.grad(ag.sum(ag.square(y)), xs)], inputs=[*xs, *mask])
    for _ in range(3):
        arrays = [rng.standard_normal(shape).astype("float32") for _ in xs]
        arrays += [rng.random(look) < 0.5] * closed
        z = plain(*map(ag.constant, arrays[:3]), arrays[3] if closed else None, True)
        close(f(*arrays)[:1], [z.eval()], "float32")
        same = [ag.placeholder(n, shape) for n in "qkv"]
        z = plain(*same, arrays[3] if closed else None, True)
        g = ag.function(ag.grad(ag.sum(ag.square(z)), same), inputs=same)
        close(f(*arrays)[1:], g(*arrays[:3]), "float32")


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_shards_see_the_same_samples(dropout, backend):
    rng = np.random.default_rng(7)
    x, w = ag.placeholder("x", (None, 24, 8)), ag.variable(rng.standard_normal((8, 8)).astype("float32"))
    h = (x @ w).reshape((-1, 24, 2, 4)).transpose((0, 2, 1, 3))
    y = ag.scaled_dot_product_attention(h, h, h, causal=True, dropout=dropout)
    total = ag.sum(ag.square(y))
    array = rng.standard_normal((5, 24, 8)).astype("float32")
    functions = [ag.function([y, ag.grad(total, w)], inputs=[x], shards=n) for n in (1, 2)]
    close(functions[1](array), functions[0](array), "float32")
    shards = {s.shard for s in functions[1].plan.steps if "attention" in s.op.name}
    assert shards == {0, 1}


def test_examples_are_batched_as_one(backend):
    rng = np.random.default_rng(8)
    xs = rng.standard_normal((4, 2, 9, 6))
    x = ag.placeholder("x", xs.shape, "float64")

    def loss(a):
        return ag.sum(ag.square(ag.scaled_dot_product_attention(a, a, ag.tanh(a), causal=True)))

    f = ag.function(vmap(lambda a: ag.grad(loss(a), a))(x), inputs=[x])
    one = ag.placeholder("one", xs.shape[1:], "float64")
    g = ag.function(ag.grad(loss(one), one), inputs=[one])
    close([f(xs)], [np.stack([g(a) for a in xs])], "float64")
    assert not any("scan" in step.op.name for step in f.plan.steps)


def bytes_of(places, backend):
    """What the plan of a training step allocates, and the scratch memory of its attention."""
    q, k, v = (ag.placeholder(n, (1, 2, places, 16)) for n in "qkv")
    y = ag.scaled_dot_product_attention(q, k, v, causal=True)
    f = ag.function(ag.grad(ag.sum(ag.square(y)), [q, k, v]), inputs=[q, k, v])
    f(*(np.zeros((1, 2, places, 16), "float32") for _ in range(3)))
    (executor,) = f.executors.values()
    scratch = 0
    for call in executor.calls:
        for part in getattr(call, "kept", ()) if not hasattr(call, "memory") else [call]:
            scratch += part.memory[0].nbytes if hasattr(part, "memory") else 0
    return f.plan.arena + scratch


def test_memory_is_linear_in_the_places(backend):
    small, middle, large = (bytes_of(n, backend) for n in (512, 1024, 2048))
    assert (large - middle) / (middle - small) < 2.2
    assert large < 8 * 2 * 2048 * 16 * 4 * 4  # one array of scores would have 2 * 2048 * 2048 * 4


@pytest.mark.parametrize("causal", [False, True])
def test_tiles_of_numpy_are_linear_in_the_places(causal):
    sizes = []
    for places in (1 << 13, 1 << 14, 1 << 15):
        q, k, v = (np.broadcast_to(np.float32(0), (4, places, 8, 16)) for _ in range(3))
        sizes.append(sum(x.nbytes for x in Heads(Attention(causal, None, False), [q, k, v]).memory))
    assert sizes[2] <= 2 * sizes[1] <= 4 * sizes[0] < 1 << 24


def test_what_does_not_fit_is_an_error_that_says_so():
    x = np.zeros((2, 4, 3, 2))
    for args, match in (
        ((x, x[:, :3], x[:, :3]), "3 heads of keys and values do not divide 4 heads of queries"),
        ((x, x[..., :1], x), "query and key need one width, got 2 and 1"),
        ((x, x, x[:, :, :2]), "3 keys do not belong to 2 values"),
        ((x, x, x, np.ones((2, 3), bool)), "a mask of 2 queries does not belong to 3"),
        ((x, x[[0, 0, 0]], x), "the numbers of samples differ: 2, 3"),
        ((x[0, 0, 0], x, x), r"needs \(..., L, D\)"),
    ):
        with pytest.raises(ag.ShapeError, match=match):
            ag.scaled_dot_product_attention(*args)
