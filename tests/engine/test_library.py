"""The engine as a library: the reference's examples, functions, state."""

import doctest
import importlib
import json
import pkgutil
import struct

import numpy as np
import pytest

import agcli as ag
import agcli.engine

pytestmark = pytest.mark.numeric


def test_readme_example_of_the_reference():
    x, y = ag.placeholder("x"), ag.placeholder("y")
    z = 2 * x * x + 3 * y + 1
    (gy,) = ag.grad([z], [y])
    assert gy.eval() == 3.0
    (gx,) = ag.grad([z], [x])
    assert gx.eval({x: 2.0}) == 8.0
    (ggx,) = ag.grad([gx], [x])
    assert ggx.eval() == 4.0


def test_softmax_regression_on_mnist(real_data):
    """The reference reaches 0.9135 after three epochs of batches of 200."""
    from agcli.datasets import Batches, load

    data = load("mnist", flatten=True)
    x, y = ag.placeholder("x", (None, 784)), ag.placeholder("y", (None,), "int64")
    w, b = ag.variable(ag.glorot_uniform((784, 10)), "w"), ag.variable(np.zeros(10, "float32"), "b")
    logits = x @ w + b
    loss = ag.mean(ag.sparse_softmax_cross_entropy(logits, y))
    accuracy = ag.mean(ag.equal(ag.argmax(logits, axis=-1), y))
    step = ag.function(loss, updates=ag.adam(0.001).minimize(loss, [w, b]))
    for epoch in range(3):
        for batch in Batches(data.train, 200, seed=0).epoch(epoch):
            step({x: batch.x, y: batch.y})
    result = ag.function(accuracy)({x: data.test.x, y: data.test.y})
    assert 0.913 <= result <= 0.92


MODULES = ["agcli"] + [
    m.name for m in pkgutil.walk_packages(agcli.engine.__path__, "agcli.engine.") if not m.name.endswith("__main__")
]


@pytest.mark.parametrize("name", MODULES)
def test_doctests(name):
    names = {"ag": ag, "np": np}
    module = importlib.import_module(name)
    result = doctest.testmod(module, extraglobs=names, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert result.failed == 0


def test_public_names_are_sorted_and_there():
    assert list(ag.__all__) == sorted(set(ag.__all__))
    for name in ag.__all__:
        assert getattr(ag, name).__doc__, name
    with pytest.raises(AttributeError, match=r"did you mean ag\.softmax"):
        ag.sofmax  # noqa: B018


def test_updates_see_one_state_and_are_committed_together():
    a, b = ag.variable(1.0, "a"), ag.variable(2.0, "b")
    swap = ag.function([a, b, a + b], updates={a: b, b: a})
    for old, new in (((1, 2), (2, 1)), ((2, 1), (1, 2))):
        assert swap()[2] == 3
        assert (a.value, b.value) == new, old
    w = ag.variable(np.arange(4.0), "w")
    shift = ag.function(w, updates={w: w[::-1] + 0})
    shift()
    np.testing.assert_array_equal(w.value, [3, 2, 1, 0])


def test_updates_in_one_arena_do_not_disturb_each_other():
    a, b = ag.variable(np.ones(3, "float32"), "a"), ag.variable(np.full(3, 2, "float32"), "b")
    flat = ag.pack([a, b])
    ag.function([], updates={a: b * 10, b: a * 10})()
    np.testing.assert_array_equal(flat.value, [20, 20, 20, 10, 10, 10])
    ag.function([], updates={flat: flat + 1})()
    np.testing.assert_array_equal(a.value, [21, 21, 21])


def test_functions_made_before_a_pack_see_the_new_memory():
    a = ag.variable(np.ones(3, "float32"), "a")
    double = ag.function(2 * a)
    np.testing.assert_array_equal(double(), [2, 2, 2])
    flat = ag.pack([a])
    ag.function([], updates={flat: flat * 5})()
    np.testing.assert_array_equal(double(), [10, 10, 10])


@pytest.mark.parametrize(
    ("feeds", "said"),
    [
        ({}, "not fed: x (float32(None, 3))"),
        ({"x": np.ones((2, 4), "float32")}, "placeholder x: expected float32(None, 3), got float32(2, 4)"),
        ({"x": np.ones(3, "float32")}, "placeholder x: expected float32(None, 3), got float32(3,)"),
        ({"x": np.ones((2, 3), "complex64")}, "placeholder x"),
        ({"x": [["a", "b", "c"]]}, "placeholder x"),
        ({"z": 1.0}, "no placeholder is called 'z'; it takes x"),
    ],
)
def test_feeds_that_do_not_fit_name_the_placeholder(feeds, said):
    x = ag.placeholder("x", (None, 3))
    with pytest.raises(ag.FeedError) as e:
        ag.function(2 * x)(feeds)
    assert said in str(e.value)


def test_integer_placeholders_refuse_fractions():
    n = ag.placeholder("n", (), "int64")
    f = ag.function(2 * n)
    assert f(n=3) == 6
    with pytest.raises(ag.FeedError, match="placeholder n: expected int64"):
        f(n=3.5)


@pytest.mark.parametrize(
    ("dtype", "value"), [("int8", [200]), ("int32", [2**40]), ("uint8", [-1]), ("int8", np.array([200], "uint8"))]
)
def test_integers_that_do_not_fit_are_refused_not_wrapped(dtype, value):
    n, v = ag.placeholder("n", (1,), dtype), ag.variable(np.zeros(1, dtype), "v")
    with pytest.raises(ag.FeedError, match=f"placeholder n: .* do not fit into {dtype}"):
        ag.function(n + 0)(n=value)
    with pytest.raises(ag.DTypeError, match=f"variable v: .* do not fit into {dtype}"):
        v.value = value
    assert ag.function(n + 0)(n=np.array([7])) == 7


def test_variables_of_integers_refuse_fractions():
    v = ag.variable([1, 2], "v")
    with pytest.raises(ag.DTypeError, match="variable v: expected int64, got float64"):
        v.value = [1.5, 2.5]
    v.value = np.array([3, 4], "int32")
    assert v.value.tolist() == [3, 4]


def test_labels_out_of_range_are_an_error_that_says_so():
    z, y = ag.placeholder("z", (None, 3)), ag.placeholder("y", (None,), "int64")
    f = ag.function(ag.sparse_softmax_cross_entropy(z, y))
    for bad in (3, -1):
        with pytest.raises(ag.EngineError, match=r"outside of 0\.\.2"):
            f(z=np.zeros((2, 3), "float32"), y=[0, bad])


def test_shape_errors_name_both_operands():
    x, w = ag.placeholder("x", (None, 784)), ag.variable(np.zeros((785, 10), "float32"), "w")
    with pytest.raises(ag.ShapeError) as e:
        x @ w
    expected = "matmul: (None, 784) @ (785, 10): inner dimensions 784 and 785 differ (x: placeholder, w: variable)"
    assert str(e.value) == expected


def test_disconnected_gradients_are_errors_that_name_the_tensor():
    x, y = ag.placeholder("x"), ag.placeholder("y")
    with pytest.raises(ag.GradientError, match="y does not reach"):
        ag.grad(x * x, [x, y])
    assert ag.grad(x * x, [y], allow_unused=True)[0].eval() == 0
    v = ag.placeholder("v", (3,))
    with pytest.raises(ag.GradientError, match="only through argmax"):
        ag.grad(ag.argmax(v).astype("float32"), v)
    with pytest.raises(ag.GradientError, match="not a scalar"):
        ag.grad(v * v, v)


def test_dropout_masks_differ_between_ops_and_calls_and_repeat_from_the_seed():
    x = ag.placeholder("x", (1000,))
    one, two = ag.dropout(x, 0.5), ag.dropout(x, 0.5)
    ones = np.ones(1000, "float32")
    f = ag.function([one, two], seed=3)
    a, b = f(x=ones)
    c, _ = f(x=ones)
    assert (a != b).any()
    assert (a != c).any()
    again = ag.function([one, two], seed=3)(x=ones)
    np.testing.assert_array_equal(a, again[0])
    assert set(np.unique(a)) == {0, 2}


def test_a_long_chain_builds_differentiates_and_runs(calls):
    x = ag.placeholder("x", (), "float64")

    def work(n):
        y = x
        for _ in range(n):
            y = ag.sin(y)
        assert np.isfinite(ag.function([y, ag.grad(y, x)])(x=1.0)).all()

    work(300)  # what is made once
    assert calls(lambda: work(6_000)) < 5 * calls(lambda: work(1_500))


def test_variables_save_and_load_whatever_they_hold(tmp_path):
    values = {
        "half": np.array([1, np.nan, np.inf], "float16"),
        "single": np.array(-0.0, "float32"),
        "double": np.zeros((0, 3)),
        "int": np.array([[2**62]]),
        "byte": np.array([0, 255], "uint8"),
        "flag": np.array([True, False]),
    }
    store, other = ag.Variables(), ag.Variables()
    for name, v in values.items():
        store.namespace("a").add(name, v)
        other.namespace("a").add(name, np.zeros_like(v))
    store.save(tmp_path / "v.safetensors", {"step": "3"})
    assert other.load(tmp_path / "v.safetensors") == {"step": "3"}
    for name, v in values.items():
        np.testing.assert_array_equal(other[f"a.{name}"].value, v)
    before = other["a.half"].value.copy()
    other.add("more", 1.0)
    with pytest.raises(ag.StateError, match="lacks 'more'"):
        other.load(tmp_path / "v.safetensors")
    np.testing.assert_array_equal(other["a.half"].value, before)


@pytest.mark.parametrize(
    ("op", "value"),
    [
        (lambda n: n + n, 2**62),
        (lambda n: n * n, 2**33),
        (lambda n: -n, -(2**63)),
        (lambda n: ag.sum(ag.stack([n, n, n])), 2**62),
        (lambda n: n**3, 2**22),
    ],
)
def test_integer_overflow_can_be_trapped(op, value):
    n = ag.placeholder("n", (), "int64")
    f = ag.function(op(n), debug_nans=True)
    assert f(n=3) in (6, 9, -3, 27)
    with pytest.raises(ag.ExecutionError, match="overflowed int64"):
        f(n=value)


def test_nan_is_trapped_with_the_op_that_made_it():
    x = ag.placeholder("x", (2,))
    f = ag.function(ag.sum(ag.log(x) * 2), debug_nans=True)
    assert np.isfinite(f(x=[1.0, 2.0]))
    with pytest.raises(ag.ExecutionError, match=r"log made the first NaN.*x in \[-1, 2\].*test_library.py"):
        f(x=[-1.0, 2.0])


def test_a_call_that_is_interrupted_leaves_nothing_behind(monkeypatch):
    x = ag.placeholder("x", (None, 64))
    f = ag.function([ag.sum(ag.exp(x), 1), ag.max(x[:, ::3] * 2)], inputs=[x])
    rng = np.random.default_rng(0)
    a, b = (rng.random((3000, 64), dtype=np.float32) for _ in range(2))
    f(a)
    (executor,) = f.executors.values()
    for n in executor.moving_steps:

        def move(k, n=n):
            if k == n:
                raise KeyboardInterrupt

        f(a)
        with monkeypatch.context() as patched:
            patched.setattr(executor, "move", move)
            with pytest.raises(KeyboardInterrupt):
                f(b)
        sums, largest = f(b)
        np.testing.assert_allclose(sums, np.exp(b).sum(1), rtol=1e-5)
        assert largest == b[:, ::3].max() * 2


@pytest.mark.parametrize("kind", ["BF16", "F8_E4M3"])
def test_files_of_types_that_numpy_does_not_have_are_refused_by_name(kind, tmp_path):
    path, size = tmp_path / "w.safetensors", {"BF16": 2, "F8_E4M3": 1}[kind]
    tensors = {"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}
    tensors["b.weight"] = {"dtype": kind, "shape": [2], "data_offsets": [4, 4 + 2 * size]}
    said = json.dumps(tensors).encode()
    path.write_bytes(struct.pack("<Q", len(said)) + said + bytes(4 + 2 * size))
    with pytest.raises(ag.StateError) as caught:
        ag.load_arrays(path)
    assert str(caught.value) == (
        f'{path}: tensor "b.weight" is of type {kind}, which NumPy does not have; '
        "convert it to F32 where it was written, in torch with tensor.float()"
    )
