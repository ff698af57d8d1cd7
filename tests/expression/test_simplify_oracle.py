"""Beside SymPy on a sample of the corpus: our derivatives are no longer than its simplified ones.

``python -m benchmarks.simplify`` measures the whole corpus, and the time.
"""

import json
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def rows():
    pytest.importorskip("sympy")
    command = [sys.executable, "-m", "benchmarks.simplify", "--sample", "9", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_no_longer_than_simplify_on_the_median(rows):
    assert len(rows) > 50
    assert statistics.median(r["ours"] - r["simplify"] for r in rows) <= 0
    assert sum(r["ours"] for r in rows) <= sum(r["simplify"] for r in rows)


def test_shorter_than_diff_alone_in_the_sum(rows):
    assert sum(r["ours"] for r in rows) < 0.8 * sum(r["diff"] for r in rows)


def test_none_is_more_than_twice_as_long(rows):
    assert [r["formula"] for r in rows if r["ours"] > max(2 * r["simplify"], 3)] == []
