"""Compiled calls as data: several as one, several at the same time, and the threads that take them."""

import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

pytest.importorskip("llvmlite")

import agcli as ag
from agcli.datasets import Batches, Split
from agcli.datasets.dataset import Column, Scaling
from agcli.engine.backends.jit import gathering
from agcli.engine.backends.jit.code import machine, native, worker
from agcli.engine.backends.jit.code.compiler import compiled
from agcli.engine.backends.jit.elementwise import launch
from agcli.engine.backends.jit.gather import gather, is_exact
from agcli.engine.ops.program import joined, program

ADD_ONE = """
define void @kernel(ptr %args) {
  %old = load i64, ptr %args
  %new = add i64 %old, 1
  store i64 %new, ptr %args
  ret void
}
"""
needs_workers = pytest.mark.only(sys.platform == "linux")  # for their semaphores
pytestmark = [pytest.mark.numeric, pytest.mark.usefixtures("own_kernels")]


def counters(count, start=0):
    """Calls that each add 1 to a number of their own."""
    return [native.Native(compiled(ADD_ONE), [start + k]) for k in range(count)]


def counts(calls):
    return [call.args[0][0] for call in calls]


def test_neighbours_become_one_call():
    calls = counters(5)
    seen = []
    mixed = [calls[0], calls[1], lambda: seen.append(counts(calls)), calls[2], calls[3], calls[4]]
    assert [n for n, _ in joined(mixed)] == [0, 2, 3]
    program(mixed)()
    assert seen == [[1, 2, 2, 3, 4]]
    assert counts(calls) == [1, 2, 3, 4, 5]


def test_a_sequence_holds_its_calls():
    whole = native.Native.join([native.Native.join(counters(2)), *counters(1)])
    whole()
    assert [counts(part.kept or [part]) for part in whole.kept] == [[1, 2], [1]]


@needs_workers
@pytest.mark.parametrize("count", [1, 2, 3, 200])
def test_every_part_is_done_once(monkeypatch, count):
    monkeypatch.setattr(worker, "workers", lambda: 3)
    calls = counters(count)
    together = native.parallel([*calls, *counters(2)])
    for turn in range(1, 300):
        together()
        assert counts(calls) == [k + turn for k in range(count)]


@needs_workers
def test_parts_from_several_threads(monkeypatch):
    monkeypatch.setattr(worker, "workers", lambda: 3)
    groups = [counters(4, start=100 * n) for n in range(3)]

    def use(group):
        together = native.parallel(group)
        for _ in range(500):
            together()

    threads = [threading.Thread(target=use, args=(g,)) for g in groups]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert [counts(g) for g in groups] == [[100 * n + 500 + k for k in range(4)] for n in range(3)]


@needs_workers
def test_an_idle_worker_sleeps(monkeypatch):
    monkeypatch.setattr(worker, "workers", lambda: 2)
    native.parallel(counters(2))()
    team = worker.team()
    for _ in range(6000):
        if team.memory[team.first + worker.LAYOUT["STATE"]] == worker.STATES["ASLEEP"]:
            return
        time.sleep(0.01)
    raise AssertionError("it still looks for work after a minute")


CHILD = """
import os, sys, threading
sys.path.insert(0, {root!r})
from agcli.engine.backends.jit.code import native, worker
from agcli.engine.backends.jit.code.compiler import compiled
worker.workers = lambda: 2
calls = [native.Native(compiled({text!r}), [0]) for _ in range(8)]
together = native.parallel(calls)
together()
if pid := os.fork():
    together()
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
else:
    assert threading.active_count() == 1 and worker.team().memory[worker.team().first] == worker.STATES["ABSENT"]
    together()
    again = native.parallel(calls)
    again()
    assert threading.active_count() == 2
    assert [c.args[0][0] for c in calls] == [3] * 8
    worker.team().stop()
    os._exit(0)
assert [c.args[0][0] for c in calls] == [2] * 8
"""


@needs_workers
def test_a_fork_makes_workers_of_its_own():
    root = os.path.dirname(os.path.dirname(native.__file__)).rpartition("/agcli/")[0]
    code = CHILD.format(root=root, text=ADD_ONE)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@needs_workers
def test_a_system_without_threads_is_no_error(monkeypatch):
    def refuse(self):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(worker.threading.Thread, "start", refuse)
    monkeypatch.setattr(worker, "workers", lambda: 3)
    team = worker.Workers(worker.team().system)
    assert team.start(2) == 0
    monkeypatch.setattr(worker, "team", lambda: team)
    calls = counters(2)
    assert native.parallel(calls) is None


def test_without_workers_threads_of_python_share(monkeypatch):
    monkeypatch.setattr(worker, "team", lambda: None)
    calls = counters(2)
    launch.together(calls)()
    assert counts(calls) == [1, 2]


def test_joined_calls_follow_feeds_that_move(monkeypatch, policy):
    policy(min_gain=0, apart_elements=-1)
    monkeypatch.setattr(launch, "SHARED", 1 << 12)
    monkeypatch.setattr(launch, "workers", lambda: 2)
    x, y = (ag.placeholder(name, (None,)) for name in "xy")
    f = ag.function([ag.tanh(x * 2 + x), ag.exp(-y) * y, ag.cumsum(x)])
    rng = np.random.default_rng(0)
    for _ in range(4):
        a, b = (rng.normal(size=n).astype(np.float32) for n in (10_000, 20_000))
        got = f(x=a, y=b)
        for value, expected in zip(got, (np.tanh(a * 2 + a), np.exp(-b) * b, np.cumsum(a)), strict=True):
            np.testing.assert_allclose(value, expected, rtol=1e-4, atol=1e-4)
    (executor,) = f.executors.values()
    assert [len(executor.calls), len(executor.sequence)] == [3, 2]


@pytest.mark.parametrize("divisor", [255.0, 128.0, 3.0, 0.1])
@pytest.mark.parametrize("count", [1, 7, 200])
def test_gathered_bytes_are_those_of_a_division(divisor, count):
    """To the last bit, or NumPy divides: a product in two parts needs a processor that rounds a * b + c once."""
    rng = np.random.default_rng(count)
    stored = rng.integers(0, 256, (4000, 299), dtype=np.uint8)
    fill = gather(stored, np.float32(divisor))
    assert (fill is not None) == is_exact(np.float32(divisor))
    if fill is None:
        assert machine.register_width() == 16
        return
    rows, out = rng.integers(0, len(stored), count), np.empty((count, 299), np.float32)
    fill(rows, out)
    np.testing.assert_array_equal(out, stored[rows] / np.float32(divisor))


@pytest.mark.parametrize("dtype", ["uint8", "float32", "int64", "float64"])
@pytest.mark.parametrize("shape", [(64,), (1, 67), (5, 5, 13), (2500,)])
def test_gathered_rows(dtype, shape):
    rng = np.random.default_rng(0)
    stored = rng.integers(0, 256, (1 << 15, 64)).astype(dtype).reshape(-1)
    stored = np.resize(stored, (len(stored) // int(np.prod(shape)), *shape))
    fill = gather(stored)
    for count in (3, 0, 33, 3):
        rows, out = rng.integers(0, len(stored), count), np.empty((count, *shape), dtype)
        fill(rows, out)
        np.testing.assert_array_equal(out, stored[rows])


def test_rows_that_are_not_there_are_the_last():
    stored = np.arange(1 << 18, dtype=np.float32).reshape(-1, 64)
    out = np.empty((3, 64), np.float32)
    gather(stored)(np.array([-1, len(stored), 1 << 62]), out)
    np.testing.assert_array_equal(out, stored[[-1, -1, -1]])


@pytest.mark.parametrize("rows", [np.arange(7, dtype=np.int32), np.arange(14)[::2], np.arange(7, dtype=np.uint8)])
def test_rows_may_be_counted_by_other_integers(rows):
    stored = np.arange(1 << 18, dtype=np.float32).reshape(-1, 64)
    fill, out = gather(stored), np.empty((7, 64), np.float32)
    for each in (rows, np.arange(7), rows):
        fill(each, out)
        np.testing.assert_array_equal(out, stored[each])


@pytest.mark.parametrize("out", [np.empty((6, 64), np.float32), np.empty((7, 128), np.float32)[:, ::2]])
def test_rows_need_room(out):
    with pytest.raises(ValueError, match="expected contiguous memory for 7 rows"):
        gather(np.zeros((1 << 14, 64), np.float32))(np.arange(7), out)


@pytest.mark.parametrize(
    ("stored", "divisor"),
    [
        (np.zeros((10, 64), np.float32), None),
        (np.zeros((1 << 20, 2), np.uint8), None),
        (np.zeros((9000, 99)), 2.0),
        (np.zeros((9000, 198))[:, ::2], None),
        (np.zeros((9000, 99))[::-1], None),
        (np.broadcast_to(np.zeros(99), (9000, 99)), None),
        (np.full((9000, 99), None), None),
    ],
)
def test_what_numpy_gathers_as_well(stored, divisor):
    assert gather(stored, None if divisor is None else np.float32(divisor)) is None


def test_batches_are_the_same_however_they_are_gathered():
    rng = np.random.default_rng(1)
    columns = {
        "x": Column(rng.integers(0, 256, (3000, 28, 28), dtype=np.uint8), Scaling.by(255)),
        "z": Column(rng.normal(size=(3000, 100)).astype(np.float32), Scaling.standard(rng.normal(size=(9, 100)))),
        "u": Column(rng.normal(size=(3000, 100)).astype(np.float32)),
        "y": Column(rng.integers(0, 10, 3000)),
    }
    ways = [(None, 0), (gathering(), 0), (gathering(), 2)]
    plain, fast, ahead = (Batches(Split(columns), 128, seed=3, gather=g, prefetch=n) for g, n in ways)
    for one, two, three in zip(plain.epoch(2, 5), fast.epoch(2, 5), ahead.epoch(2, 5), strict=True):
        for name in columns:
            np.testing.assert_array_equal(one[name], two[name])
            np.testing.assert_array_equal(one[name], three[name])
