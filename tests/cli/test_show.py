"""Graphs to look at, and values that should not be there."""

import re

import numpy as np
import pytest

from agcli.engine import functional, ops
from agcli.engine.errors import EngineError, ExecutionError
from agcli.engine.function import function
from agcli.engine.gradient import grad
from agcli.engine.graph import call
from agcli.engine.leaves import placeholder, variable
from agcli.engine.loops.scan import scan
from agcli.engine.origin import origin
from agcli.engine.show import show

assert functional
assert ops


def model():
    x, w = placeholder("x", (None, 3)), variable(np.zeros((3, 2), "float32"), "w")
    h = call("tanh", x @ w)
    return (h * h).sum() + 1


def test_tree():
    assert show(model()) == (
        "add: float32()\n"
        "├─ sum: float32()\n"
        "│  └─ multiply: float32(None, 2)\n"
        "│     ├─ tanh: float32(None, 2)  #1\n"
        "│     │  └─ matmul: float32(None, 2)\n"
        "│     │     ├─ x = placeholder: float32(None, 3)\n"
        "│     │     └─ w = variable: float32(3, 2)\n"
        "│     └─ #1\n"
        "└─ constant 1: float32()"
    )


def test_tree_of_several_tensors_and_of_a_loop():
    x = placeholder("x", (3,), "float64")
    last, ys = scan(lambda c, x: (call("sin", c) + x, c), 0.0, x)
    text = show([last, ys])
    assert text.count("= placeholder") == 1
    assert re.search(r"^item: float64\(\)\n└─ scan: \(float64\(\), .*\)  #1\n", text)


def test_a_long_chain_is_cut_and_drawn():
    x = placeholder("x", (3,))
    y = x
    for _ in range(50_000):
        y = y * 2.0
    text = show(y)
    assert len(text.splitlines()) == 1001
    assert text.endswith("... 100,001 nodes in all; show(..., limit=) draws more")
    assert show(y, limit=200_000).count("multiply") == 50_000
    assert max(map(len, text.splitlines())) < 150


def test_dot():
    y = model()
    lines = show(y, "dot").splitlines()
    assert (lines[0], lines[-1]) == ("digraph {", "}")
    nodes = {m[1] for line in lines if (m := re.fullmatch(r'  (n\d+) \[label="[^"]*", shape=(?:box|ellipse)\];', line))}
    edges = [m.groups() for line in lines if (m := re.fullmatch(r"  (n\d+) -> (n\d+);", line))]
    assert len(lines) == 3 + len(nodes) + len(edges)
    assert {n for e in edges for n in e} == nodes
    assert (len(nodes), len(edges)) == (8, 7)


def test_mermaid():
    lines = show(model(), "mermaid").splitlines()
    assert lines[0] == "graph BT"
    node, edge = r'  n\d+(\["[^"\[\]]*"\]|\(\["[^"\[\]]*"\]\))', r"  n\d+ --> n\d+"
    assert all(re.fullmatch(f"{node}|{edge}", line) for line in lines[1:]), lines
    assert len(lines) == 1 + 8 + 7


@pytest.mark.parametrize("name", ['a"b', "a\\", "a\nb", "a]b[c", "<script>", "a;b", "-->", "ü"])
def test_labels_are_escaped(name):
    y = placeholder(name) * 2
    assert len(show(y, "dot").splitlines()) == 8
    label = re.search(r'label="((?:[^"\\]|\\.)*)", shape=box', show(y, "dot"))
    assert label
    line = show(y, "mermaid").splitlines()[1]
    assert re.fullmatch(r'  n\d+\["[^"<>\[\]\\]*"\]', line), line


def test_large_graphs_are_cut_in_every_format():
    y = placeholder("x")
    for _ in range(50):
        y = call("sin", y)
    for format in ("dot", "mermaid"):
        assert "41 nodes more" in show(y, format, limit=10)


def test_errors():
    with pytest.raises(EngineError, match="format is one of tree, dot, mermaid, got 'png'"):
        show(placeholder("x"), "png")
    with pytest.raises(EngineError, match="limit is a positive integer"):
        show(placeholder("x"), limit=0)


# NaN and infinity -------------------------------------------------------------------------------------------------
def test_the_first_nan_is_named_with_its_line():
    x = placeholder("x", (3,), "float64")
    y = call("log", x - 1)
    f = function((y * 2).sum(), debug_nans=True)
    assert f([2.0, 3.0, 4.0]) > 0
    pattern = (
        r"log made the first NaN, in float64\(3,\); inputs: .* in \[-1, 2\] \(in log\(.*built at .*test_show.py:\d+\)"
    )
    with pytest.raises(ExecutionError, match=pattern):
        f([0.0, 2.0, 3.0])


def test_a_nan_of_a_gradient_is_named_with_the_line_of_the_spec():
    x = placeholder("x", (2,), "float64")
    with origin("models/bad.yaml:14"):
        y = call("sqrt", x)
    f = function(grad(y.sum(), x), debug_nans=True)
    with pytest.raises(ExecutionError, match=r"first infinity, .*built at models/bad.yaml:14"):
        f([0.0, 1.0])


def test_updates_are_not_committed_when_a_nan_is_trapped():
    v = variable(np.float64(1.0), "v")
    f = function([], updates={v: call("log", v) - 1}, debug_nans=True)
    f()
    with pytest.raises(ExecutionError, match="log made the first NaN"):
        f()
    assert v.value == -1


def test_a_nan_inside_of_a_loop_is_named():
    x = placeholder("x", (3,), "float64")
    last, _ = scan(lambda c, x: (call("log", c) + x, None), 1.0, x)
    with pytest.raises(
        ExecutionError, match=r"scan made the first NaN, .*inside: log in turn 1, built at .*test_show.py"
    ):
        function(last, debug_nans=True)([-1.0, 2.0, 3.0])
