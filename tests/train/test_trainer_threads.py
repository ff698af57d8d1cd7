"""BLAS has one thread where a model's products are too small for more."""

import pytest

import agcli as ag
from agcli.data.section import load_data
from agcli.engine.backends.threads import blas
from agcli.model.build import build
from agcli.spec import parse_spec
from agcli.training.threads import SHARED, multiplications, suited


def threads():
    return {library["num_threads"] for library in blas().info()}


pytestmark = [pytest.mark.numeric, pytest.mark.skipif(not threads(), reason="the threads of this BLAS cannot be set")]


def model(layers, batch):
    text = f"data: digits\nmodel: {layers}\nloss: softmax_cross_entropy\ntrain: {{batch_size: {batch}}}\n"
    spec = parse_spec(text)
    return build(spec, load_data(spec))


@pytest.mark.parametrize(
    ("layers", "batch", "is_small"),
    [
        ("[dense: 10]", 32, True),
        ("[dense: 1024, dense: 10]", 64, True),  # 64 * 64 * 1024 = 2^22
        ("[dense: 1025, dense: 10]", 64, False),
        ("[reshape: [8, 8, 1], conv2d: 8, flatten, dense: 10]", 32, True),
        ("[reshape: [8, 8, 1], conv2d: 64, conv2d: 64, flatten, dense: 10]", 64, False),
        ("[reshape: [8, 8], lstm: 16, dense: 10]", 32, True),
        ("[reshape: [8, 8], lstm: 256, dense: 10]", 32, False),  # 32 * 256 * 1024
    ],
)
def test_the_largest_product_decides(layers, batch, is_small):
    before = threads()
    with blas().limit(limits=2):
        many = threads()
        with suited(model(layers, batch)):
            assert threads() == ({1} if is_small else many)
        assert threads() == many
    assert threads() == before


def test_products_are_counted():
    x, w = ag.placeholder("x", (None, 7)), ag.variable([[1.0] * 5] * 7)
    assert multiplications(x @ w, 3) == 3 * 7 * 5
    assert multiplications(x + 1, 3) == 0
    assert SHARED == 64 * 64 * 1024


def test_a_training_gives_the_threads_back(tmp_path):
    before = threads()
    seen = [threads() for event in ag.Trainer("iris", tmp_path / "run", epochs=2) if "Epoch" in type(event).__name__]
    assert seen == [{1}, {1}]
    assert threads() == before
