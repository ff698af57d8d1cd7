"""einsum: values and gradients with and without known lengths, what it becomes, and its errors."""

import numpy as np
import pytest

from agcli.engine import ops
from agcli.engine.errors import ShapeError
from agcli.engine.function import Function
from agcli.engine.gradient import grad
from agcli.engine.leaves import placeholder
from agcli.engine.ops.einsum import einsum, multi_dot

pytestmark = pytest.mark.numeric

assert ops
rng = np.random.default_rng(7)


def leaves(arrays, known):
    return [placeholder(f"x{i}", a.shape if known else (None,) * a.ndim, "float64") for i, a in enumerate(arrays)]


EINSUMS = {
    "ij,jk->ik": [(2, 3), (3, 4)],
    "ij,jk": [(2, 3), (3, 4)],
    "ba": [(2, 3)],
    "ij,ij": [(2, 3), (2, 3)],
    "bij,jbk->kib": [(5, 2, 3), (3, 5, 4)],
    "ijk,kji->": [(2, 3, 4), (4, 3, 2)],
    "ii": [(3, 3)],
    "iii->i": [(3, 3, 3)],
    "abba->ba": [(2, 3, 3, 2)],
    "ii,j->ij": [(3, 3), (3,)],
    "ii,i->i": [(3, 3), (3,)],
    "i,j,k->kij": [(2,), (3,), (4,)],
    ",ij->ji": [(), (2, 3)],
    "...ij,jk,...kl->...il": [(4, 2, 3), (3, 2), (1, 2, 2)],
    "...i,...i": [(2, 1, 2), (3, 2)],
    "i...j,...->...j": [(2, 3, 1, 4), (5,)],
    "i...->...": [(3, 4)],
    "ab,bc,cd,de,ef,fa->": [(2, 3), (3, 4), (4, 2), (2, 3), (3, 5), (5, 2)],
    "a,a,a,ab->b": [(3,), (3,), (3,), (3, 4)],
    "ij,jk->i": [(0, 3), (3, 2)],
    "ij,kj->": [(2, 0), (3, 0)],
    "ijkl,klmn->mijn": [(2, 3, 2, 3), (2, 3, 4, 2)],
}


@pytest.mark.parametrize("unknown", [False, True])
@pytest.mark.parametrize("subscripts", EINSUMS)
def test_einsum(subscripts, unknown):
    arrays = [rng.normal(size=s) for s in EINSUMS[subscripts]]
    xs = leaves(arrays, not unknown)
    found = Function(einsum(subscripts, *xs), inputs=xs)(*arrays)
    expected = np.einsum(subscripts, *arrays)
    assert np.shape(found) == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("subscripts", EINSUMS)
def test_einsum_gradient_of_unknown_lengths(subscripts):
    """Built before any length is known, by einsum's own rule; compared with the rules of the products it becomes."""
    arrays = [rng.normal(size=s) for s in EINSUMS[subscripts]]
    g = rng.normal(size=np.einsum(subscripts, *arrays).shape)
    results = []
    for known in (True, False):
        xs = leaves(arrays, known)
        results.append(Function(grad(einsum(subscripts, *xs), xs, g), inputs=xs)(*arrays))
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("subscripts", "shapes", "steps"),
    [
        ("ij,jk->ik", [(2, 3), (3, 4)], ["matmul"]),
        ("ji,jk->ki", [(3, 2), (3, 4)], ["matmul"]),
        ("bijk,bkjl->bil", [(2, 3, 4, 5), (2, 5, 4, 3)], ["reshape", "matmul"]),
        ("ijk,jkl->li", [(2, 3, 4), (3, 4, 5)], ["matmul"]),
        ("ij->ji", [(2, 3)], []),
        ("ii->i", [(3, 3)], []),
        ("i,j->ij", [(2,), (3,)], ["multiply"]),
    ],
)
def test_einsum_becomes_matrix_products_and_views(subscripts, shapes, steps):
    xs = [placeholder(f"x{i}", s, "float64") for i, s in enumerate(shapes)]
    f = Function(einsum(subscripts, *xs), inputs=xs)
    f(*(np.ones(s) for s in shapes))
    assert [s.op.name for s in f.plan.steps] == steps


def test_the_cheapest_order_is_chosen():
    xs = [placeholder(f"x{i}", s, "float64") for i, s in enumerate([(100, 2), (2, 100), (100, 3)])]
    assert {t.shape for t in multi_dot(*xs).inputs} == {(100, 2), (2, 3)}


@pytest.mark.parametrize(
    ("subscripts", "shapes", "message"),
    [
        ("ij,jk", [(2, 3)], "einsum: 'ij,jk' names 2 operands, got 1"),
        ("ij,jk", [(2, 3), (4, 5)], "einsum: index 'j' has lengths 3 and 4 in (2, 3) and (4, 5)"),
        ("ij", [(2, 3, 4)], "einsum: 'ij' names 2 axes, its operand has 3: (2, 3, 4)"),
        ("i1", [(2, 3)], "einsum: 'i1' is not made of letters and one '...'"),
        ("ij->k", [(2, 3)], "einsum: index 'k' of 'ij->k' is in no operand"),
        ("ij->ii", [(2, 3)], "einsum: index 'i' of 'ij->ii' occurs twice in the output"),
        ("...i->i", [(2, 3)], "einsum: the output of '...i->i' lacks the '...' of its operands"),
        ("...i,...i", [(2, 3), (4, 3)], "einsum: an axis of '...' has lengths 2 and 4 in (2, 3) and (4, 3)"),
    ],
)
def test_einsum_errors(subscripts, shapes, message):
    with pytest.raises(ShapeError) as e:
        einsum(subscripts, *(placeholder(f"x{i}", s) for i, s in enumerate(shapes)))
    assert str(e.value).startswith(message)


def test_einsum_wants_subscripts_and_tensors():
    for wrong in [(), ("ij",), (np.ones(2), "i")]:
        with pytest.raises(ShapeError, match="takes subscripts and at least one tensor"):
            einsum(*wrong)
