"""How the engine scales: chains and shared graphs of n nodes, and derivatives of high order.

    python -m benchmarks.scale [--sizes 10000,30000,100000]

For each n the seconds of processor time to build, differentiate, compile and run; the exponent is that of the power of
n that fits them best (1 is linear). Then the number of nodes of the derivatives of sin(x*exp(x)), before and after the
rewriter has computed equal things once.
"""

import argparse
import gc
import time

import numpy as np

import agcli as ag
from agcli.engine.graph import toposort
from agcli.engine.rewrite.rewriter import specialise

PHASES = ("build", "grad", "compile", "run")


def chain(x, n):
    """n ops, each on the one before."""
    for i in range(n):
        x = ag.sin(x) if i % 2 else 1.0001 * x
    return x


def shared(x, n):
    """n ops; every one uses the last and one from further back."""
    made = [x, ag.tanh(x)]
    for i in range(2, n):
        made.append(ag.tanh(made[-1] * 0.5) if i % 2 else made[-1] + made[i // 2])
    return made[-1]


def seconds(make, n):
    """The time of each phase for one graph."""
    marks = [time.process_time()]
    x = ag.placeholder("x", (4,), "float64")
    y = make(x, n)
    marks.append(time.process_time())
    g = ag.grad(y.sum(), x)
    marks.append(time.process_time())
    f = ag.function([y, g])
    value = np.linspace(0.1, 0.4, 4)
    f(value)
    marks.append(time.process_time())
    f(value)
    marks.append(time.process_time())
    gc.collect()
    return dict(zip(PHASES, np.diff(marks), strict=True))


def counts(order):
    """Nodes of each derivative of sin(x*exp(x)): as differentiated, rewritten at the end, rewritten at each order."""
    x = ag.placeholder("x", (), "float64")
    y = small = ag.sin(x * ag.exp(x))
    rows = []
    for _ in range(order):
        y = ag.grad(y, x)
        (end,) = specialise([y], {})
        (small,) = specialise([ag.grad(small, x)], {})
        rows.append([len(toposort([t])) for t in (y, end, small)])
    return rows


def main():
    parser = argparse.ArgumentParser(description="Measure how the engine scales.")
    parser.add_argument("--sizes", default="10000,30000,100000", help="numbers of nodes, with commas between them")
    sizes = [int(n) for n in parser.parse_args().sizes.split(",")]
    seconds(chain, 100)  # first calls load modules
    for make in (chain, shared):
        print(f"{make.__name__:>8}{'n':>10}" + "".join(f"{p:>10}" for p in PHASES))
        rows = [seconds(make, n) for n in sizes]
        for n, row in zip(sizes, rows, strict=True):
            print(f"{'':8}{n:>10,}" + "".join(f"{row[p]:>9.3f}s" for p in PHASES))
        slopes = [np.polyfit(np.log(sizes), np.log([row[p] for row in rows]), 1)[0] for p in PHASES]
        print(f"{'':8}{'exponent':>10}" + "".join(f"{s:>10.2f}" for s in slopes))
    print(f"order{'nodes':>10}{'rewritten':>12}{'rewritten at each order':>26}")
    for i, (before, end, small) in enumerate(counts(10), 1):
        print(f"{i:5}{before:10,}{end:12,}{small:26,}")


if __name__ == "__main__":
    main()
