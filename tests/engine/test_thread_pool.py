"""Calls side by side: all are done, whatever they raise, and an interrupt leaves the threads in order."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from agcli.engine.backends.thread_pool import beside

INTERRUPTED = """
import signal

import numpy as np

import agcli as ag

x = ag.placeholder("x", (None, 30))
f = ag.function([ag.softmax(ag.tanh(x) * 3), ag.sum(x * x, 1)], inputs=[x], shards=3)
feeds = np.random.default_rng(0).random((2, 300, 30), dtype=np.float32)
expected = [f(a) for a in feeds]
signal.signal(signal.SIGALRM, signal.default_int_handler)
hits = 0
for k in range(300):
    try:
        signal.setitimer(signal.ITIMER_REAL, 1e-5 * (1 + 17 * k % 101))
        while True:
            f(feeds[k % 2])
    except KeyboardInterrupt:
        hits += 1
    for values, a in zip(expected, feeds):
        assert all(np.array_equal(p, q) for p, q in zip(values, f(a)))
assert hits == 300
"""


@pytest.mark.only(sys.platform != "win32")  # where no timers interrupt
def test_interrupts_at_any_moment():
    root = str(Path(__file__).parents[2])
    done = subprocess.run([sys.executable, "-c", INTERRUPTED], cwd=root, timeout=300, check=False)
    assert done.returncode == 0


@pytest.mark.parametrize("failing", [0, 3])
def test_all_are_done_before_one_of_them_raises(failing):
    found = []

    def call(n):
        time.sleep(0.01)
        found.append(n)
        if n == failing:
            raise ValueError(n)

    with pytest.raises(ValueError, match=str(failing)):
        beside([lambda n=n: call(n) for n in range(6)])
    assert sorted(found) == list(range(6))


def test_jobs_may_wait_for_jobs():
    found = []

    def parts(depth, name):
        if depth:
            beside([lambda n=n: parts(depth - 1, f"{name}{n}") for n in range(3)])
        else:
            found.append(name)

    parts(4, "")
    assert len(set(found)) == len(found) == 81
