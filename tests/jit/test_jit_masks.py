"""Masks from compiled code: the bits of NumPy's generator."""

import numpy as np
import pytest

pytest.importorskip("llvmlite")

import agcli as ag
from agcli.engine.backends.jit import masks, words
from agcli.engine.backends.jit.code.compiler import CompileError
from agcli.engine.backends.jit.masks import CompiledMask
from agcli.engine.ops.dropout import DropoutMask

pytestmark = pytest.mark.numeric

TOP = 2**64 - 1


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 100, 4096, 70_003])
@pytest.mark.parametrize(
    ("seed", "stream", "threshold"), [(0, 1, 16384), (TOP, 7, 1), (12345, 10_000, 65535), (3, 2, 0)]
)
def test_bits_are_those_of_numpy(monkeypatch, seed, stream, threshold, size, threads):
    monkeypatch.setattr(words, "SHARED", 0)
    monkeypatch.setattr(words, "workers", lambda: threads)
    op, key = DropoutMask(threshold, (size,), stream), np.array([seed, 0], "uint64")
    expected, found = np.zeros(size, bool), np.zeros(size, bool)
    plain, fast = op.bind([key], expected), CompiledMask(op, True).bind([key], found)
    for step in (0, 1, TOP):
        key[1] = step
        plain()
        fast()
        np.testing.assert_array_equal(found, expected)


def test_a_plan_draws_large_masks_so_and_follows_its_calls(monkeypatch, policy):
    policy(min_gain=0, apart_elements=-1)
    x = ag.placeholder("x", (50, 100))
    y, small = ag.dropout(x, 0.25), ag.dropout(x[:2], 0.25)
    fast = ag.function([y, small], inputs=[x], seed=5)
    monkeypatch.setenv("AG_BACKEND", "numpy")
    plain = ag.function([y, small], inputs=[x], seed=5)
    array = np.ones((50, 100), "f")
    expected = [plain(array) for _ in range(3)]
    monkeypatch.delenv("AG_BACKEND")
    for pair in expected:
        for a, b in zip(pair, fast(array), strict=True):
            np.testing.assert_array_equal(a, b)
    assert (expected[0][0] != expected[1][0]).any()
    kinds = {type(s.op): s.outputs[0] for s in fast.plan.steps if "mask" in s.op.name}
    assert {kind: fast.plan.slots[i].type.size for kind, i in kinds.items()} == {CompiledMask: 5000, DropoutMask: 200}


def test_numpy_takes_over_where_llvm_fails_or_memory_has_gaps(monkeypatch):
    op, key = DropoutMask(1000, (64,), 1), np.array([1, 2], "uint64")
    expected, whole = np.zeros(64, bool), np.zeros(128, bool)
    op.kernel(key, out=expected)
    CompiledMask(op, False).kernel(key, out=whole[::2])
    np.testing.assert_array_equal(whole[::2], expected)

    def fail():
        raise CompileError("no such instruction")

    monkeypatch.setattr(masks, "kernel", fail)
    found = np.zeros(64, bool)
    CompiledMask(op, False).kernel(key, out=found)
    np.testing.assert_array_equal(found, expected)
