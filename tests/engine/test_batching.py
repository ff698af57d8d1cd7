"""``vmap``: every op of the table over many examples at once, values and gradients."""

from collections import Counter

import numpy as np
import pytest

from agcli.engine import functional, ops
from agcli.engine.errors import ShapeError
from agcli.engine.function import function
from agcli.engine.gradient import grad
from agcli.engine.graph import Op, call
from agcli.engine.leaves import placeholder
from agcli.engine.table import OPS
from agcli.engine.transforms.apply import hessian, jacobian, vmap
from agcli.engine.transforms.batching import RULES

pytestmark = pytest.mark.numeric

assert functional
assert ops
RNG = np.random.default_rng(0)


def real(*shape):
    return RNG.uniform(0.5, 2.0, shape)


def rosenbrock(x):
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


ROWS = [
    pytest.param(entry, row, id=f"{entry.name}-{i}")
    for entry in OPS.values()
    for i, row in enumerate(entry.samples)
    if any(a.real for a in row.args)
]


def subclasses(cls):
    return [c for s in cls.__subclasses__() for c in (s, *subclasses(s))]


def test_every_batching_rule_belongs_to_one_op():
    names = Counter(c.__name__ for c in {*subclasses(Op)} if c.__module__.startswith("agcli"))
    assert {n: names[n] for n in RULES} == dict.fromkeys(RULES, 1)


def test_what_has_no_length_cannot_be_batched():
    with pytest.raises(ShapeError, match="makes a length out of values"):
        vmap(lambda x: call("argwhere", x))(placeholder("x", (2, 3)))


def batched_and_single(entry, sample, n=3):
    """The function of one example with its real arguments, and their values for ``n`` examples."""
    drawn = sample.draw()

    def f(*reals):
        given = iter(reals)
        return entry.function(
            *(next(given) if a.real else d for a, d in zip(sample.args, drawn, strict=True)), **sample.kwargs
        )

    draws = [[d for a, d in zip(sample.args, sample.draw(seed), strict=True) if a.real] for seed in range(n)]
    return f, [np.stack(column) for column in zip(*draws, strict=True)]


def check_vmap(f, stacks, rtol=1e-9):
    xs = [placeholder(f"x{i}", a.shape[1:], "float64") for i, a in enumerate(stacks)]
    many = [placeholder(f"x{i}", a.shape, "float64") for i, a in enumerate(stacks)]
    one, all_at_once = f(*xs), vmap(f)(*many)
    if not isinstance(one, list | tuple):
        one, all_at_once = [one], [all_at_once]
    single, together = function(list(one), inputs=xs), function(list(all_at_once), inputs=many)
    got = together(*stacks)
    for i in range(len(stacks[0])):
        for a, b in zip(got, single(*(s[i] for s in stacks)), strict=True):
            np.testing.assert_allclose(a[i], b, rtol=rtol, atol=1e-12)


@pytest.mark.parametrize(("entry", "sample"), ROWS)
def test_vmap_of_every_op(entry, sample):
    f, stacks = batched_and_single(entry, sample)
    try:
        check_vmap(f, stacks)
    except ShapeError as e:
        assert "makes a length out of values" in str(e)  # noqa: PT017


@pytest.mark.parametrize(("entry", "sample"), [row for row in ROWS if row.values[0].differentiable])
def test_vmap_of_the_gradient_of_every_op(entry, sample):
    f, stacks = batched_and_single(entry, sample, 2)

    def gradients(*xs):
        y = f(*xs)
        ys = [t for t in (y if isinstance(y, tuple) else [y]) if t.dtype.kind == "f"]
        return grad(ys, list(xs), [call("cos", t) for t in ys], allow_unused=True)

    if entry.name not in ("unique", "setdiff1d", "argwhere", "nonzero"):
        check_vmap(gradients, stacks)


@pytest.mark.parametrize(
    ("f", "shapes"),
    [
        (lambda x: x * x.sum(), [(3,)]),
        (lambda x: call("broadcast_to", x, (2, 3)) + 1, [(3,)]),
        (lambda x, w: call("tanh", x @ w).sum(), [(3,), (3, 3)]),
        (lambda x: call("concatenate", x, np.ones(2)), [(3,)]),
        (lambda x: x.reshape(6).reshape(-1), [(2, 3)]),
        (lambda x: hessian(rosenbrock, x), [(3,)]),
        (lambda x: jacobian(call("cumsum", x), x), [(3,)]),
    ],
)
def test_vmap_over_an_unknown_number_of_examples(f, shapes):
    stacks = [real(4, *s) for s in shapes]
    known = [placeholder("x", a.shape, "float64") for a in stacks]
    unknown = [placeholder("x", (None, *s), "float64") for s in shapes]
    expected = function(vmap(f)(*known), inputs=known)(*stacks)
    np.testing.assert_allclose(function(vmap(f)(*unknown), inputs=unknown)(*stacks), expected, rtol=1e-12)


def test_vmap_axes_and_nesting():
    a, b = placeholder("a", (3, 4), "float64"), placeholder("b", (5, 4), "float64")
    products = vmap(lambda x: vmap(lambda y: x @ y)(b))(a)
    columns = vmap(lambda x: x.sum(), axes=1)(a)
    x, y = real(3, 4), real(5, 4)
    got, sums = function([products, columns], inputs=[a, b])(x, y)
    np.testing.assert_allclose(got, x @ y.T)
    np.testing.assert_allclose(sums, x.sum(0))
    with pytest.raises(ShapeError, match="lengths 3 and 5 of the mapped axes differ"):
        vmap(lambda x, y: x + y)(a, b)
    with pytest.raises(ShapeError, match="must name an axis"):
        vmap(lambda x, y: x + y, axes=(None, None))(a, b)


def test_a_batch_is_one_product_of_matrices():
    x, w = placeholder("x", (8, 3), "float64"), placeholder("w", (3, 4), "float64")
    f = function(vmap(lambda x: call("tanh", x @ w))(x), inputs=[x, w])
    f(real(8, 3), real(3, 4))
    assert [s.op.name for s in f.plan.steps] == ["matmul", "tanh"]


def test_a_batch_of_images_is_one_convolution():
    x, w = placeholder("x", (8, 5, 5, 2), "float64"), placeholder("w", (3, 3, 2, 4), "float64")
    many = vmap(lambda x: call("max_pool2d", call("conv2d", x[None], w), 2)[0])(x)
    direct = call("max_pool2d", call("conv2d", x, w), 2)
    f = function([many, direct], inputs=[x, w])
    np.testing.assert_allclose(*f(real(8, 5, 5, 2), real(3, 3, 2, 4)), rtol=1e-12)
    assert [s.op.name for s in f.plan.steps].count("scan") == 0
