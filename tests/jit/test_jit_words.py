"""Random words and their quantiles from compiled code: the bits of NumPy, whoever computes them, in any parts."""

import numpy as np
import pytest

pytest.importorskip("llvmlite")

import agcli as ag
from agcli.engine.backends.jit import words
from agcli.engine.backends.jit.code.compiler import CompileError
from agcli.engine.backends.jit.elementwise.fused import Fused
from agcli.engine.backends.jit.words import CompiledWords
from agcli.engine.ops.keys import streams
from agcli.engine.ops.quantiles import QUANTILES, SIGN, Quantile, fill
from agcli.engine.ops.words import Words

pytestmark = pytest.mark.numeric

TOP = 2**64 - 1
KINDS = {"int32": "float32", "int64": "float64"}


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("size", [0, 1, 3, 4, 5, 8, 15, 4096, 70_003])
@pytest.mark.parametrize("dtype", KINDS)
def test_words_are_those_of_numpy(monkeypatch, dtype, size, threads):
    monkeypatch.setattr(words, "SHARED", 0)
    monkeypatch.setattr(words, "workers", lambda: threads)
    for seed, stream in ((0, 1), (TOP, 7), (12345, 10_000)):
        op, key = Words(np.dtype(dtype), (size,), stream), np.array([seed, 0], "uint64")
        expected, found = np.zeros(size, dtype), np.zeros(size, dtype)
        plain, fast = op.bind([key], expected), CompiledWords(op, True).bind([key], found)
        for step in (0, 1, TOP):
            key[1] = step
            plain()
            fast()
            np.testing.assert_array_equal(found, expected)


def hard_words(dtype):
    """Words of every magnitude, from the middle and from both ends."""
    count = 8 * np.dtype(dtype).itemsize
    top = 2 ** (count - 1)
    sizes = {(1 << k) + d for k in range(count - 1) for d in range(-3, 4)} | {int(top * s) for s in (0.5, 0.7072, 0.58)}
    found = {w for n in sizes for w in (n, -n, top - 1 - n, n - top) if -top <= w < top}
    return np.array(sorted(found), dtype)


@pytest.mark.parametrize("dtype", KINDS)
@pytest.mark.parametrize("name", QUANTILES)
def test_compiled_quantiles_have_the_bits_of_numpy(name, dtype, monkeypatch, compiled):
    t = ag.placeholder("words", (None,), dtype)
    f = ag.function(Quantile(name)(t) * 1.5)
    random = np.random.default_rng(0).integers(SIGN, -SIGN - 1, 5003, np.int64, endpoint=True).astype(dtype)
    for x in (hard_words(dtype), random, random[:1], random[:0]):
        found, expected = f(x), np.empty(len(x), KINDS[dtype])
        fill(name, x, expected)
        np.testing.assert_array_equal(found, expected * expected.dtype.type(1.5))
    assert [type(s.op) for s in f.plan.steps] == [Fused]


@pytest.mark.parametrize("dtype", KINDS.values())
@pytest.mark.parametrize("threads", [1, 2])
def test_a_plan_fuses_what_is_made_of_them(monkeypatch, dtype, threads, policy):
    """And its calls follow their key, with and without threads and kernels."""
    policy(min_gain=0, apart_elements=-1)
    monkeypatch.setattr(words, "workers", lambda: threads)
    mean = ag.placeholder("mean", (300,), dtype)

    def made():
        with streams():
            z, e = ag.normal(mean, 2.0, (500, 300)), ag.exponential(3.0, (500, 300), dtype=dtype)
            few = ag.standard_normal((5, 20), dtype=dtype)
            return ag.function([z, z + e, ag.truncated_normal(mean, 1.0, (500, 300)), few], inputs=[mean], seed=5)

    fast, plain, at = made(), made(), np.linspace(-1, 1, 300).astype(dtype)
    found = [fast(at) for _ in range(3)]
    monkeypatch.setenv("AG_BACKEND", "numpy")
    for outputs in found:
        for a, b in zip(outputs, plain(at), strict=True):
            np.testing.assert_allclose(a, b, rtol=2 * np.finfo(dtype).eps, atol=4 * np.finfo(dtype).eps)
    ops = [s.op for s in fast.plan.steps]
    assert sum(isinstance(op, CompiledWords) for op in ops) == 3
    assert any("normal_quantile" in op.name and "multiply" in op.name for op in ops)
    assert [op.shape for op in ops if isinstance(op, Words)] == [(5, 20)]


def test_numpy_takes_over_where_llvm_fails_or_memory_has_gaps(monkeypatch):
    op, key = Words(np.dtype("int32"), (64,), 1), np.array([1, 2], "uint64")
    expected, whole = np.zeros(64, "i4"), np.zeros(128, "i4")
    op.kernel(key, out=expected)
    CompiledWords(op, False).kernel(key, out=whole[::2])
    np.testing.assert_array_equal(whole[::2], expected)

    def fail():
        raise CompileError("no such instruction")

    monkeypatch.setattr(words, "kernel", fail)
    found = np.zeros(64, "i4")
    CompiledWords(op, False).kernel(key, out=found)
    np.testing.assert_array_equal(found, expected)
