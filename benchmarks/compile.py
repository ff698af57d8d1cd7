"""How long large graphs take to compile: the same graphs of 10,000 and 100,000 nodes, on few numbers and on many.

    python -m benchmarks.compile [--sizes 10000,100000] [--rounds 3]

Microseconds of processor time for each node of the graph as it was built, the best of so many rounds: to build it, to
differentiate it, and to compile it with its gradient, the first call included. The last row is how many times as long
the largest graph takes as the smallest; what is linear takes as many times as long as it has nodes.
"""

from __future__ import annotations

import argparse
import gc
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TypeAlias

import numpy as np

import agcli as ag

Make: TypeAlias = "Callable[[ag.Tensor, int], ag.Tensor]"
PHASES = ("build", "grad", "compile")
FEW, MANY = 4, 300  # numbers of each array: computed op by op, or in compiled loops


def chain(x: ag.Tensor, n: int) -> ag.Tensor:
    """n ops, each on the one before."""
    for i in range(n):
        x = ag.sin(x) if i % 2 else 1.0001 * x
    return x


def wide(x: ag.Tensor, n: int) -> ag.Tensor:
    """About n ops, each on two earlier ones that are drawn, until all are summed."""
    draw = np.random.default_rng(0)
    made = [x]
    for i in range(1, n // 2):
        a, b = (made[int(k)] for k in draw.integers(0, i, 2))
        made.append(a * b if i % 3 == 0 else a + b if i % 3 == 1 else ag.tanh(a - b))
    while len(made) > 1:
        made = [a + b for a, b in zip(made[::2], made[1::2], strict=False)] + made[len(made) & ~1 :]
    return made[0]


GRAPHS: dict[str, Make] = {"chain": chain, "wide": wide}


def seconds(make: Make, n: int, length: int) -> list[float]:
    """Processor time of each phase for one graph."""
    gc.collect()
    marks = [time.process_time()]
    x = ag.placeholder("x", (length,))
    y = make(x, n)
    marks.append(time.process_time())
    g = ag.grad(y.sum(), x)
    marks.append(time.process_time())
    ag.function([y, g], inputs=[x])(np.linspace(0.1, 0.4, length, dtype=np.float32))
    marks.append(time.process_time())
    return [b - a for a, b in pairwise(marks)]


def row(name: str, make: Make, length: int, sizes: Sequence[int], rounds: int) -> None:
    best = [np.min([seconds(make, n, length) for _ in range(rounds)], axis=0) for n in sizes]
    for n, times in zip(sizes, best, strict=True):
        print(f"{name:>6}{length:>6}{n:>10,}" + "".join(f"{t / n * 1e6:>10.1f}" for t in times), flush=True)
    print(f"{'':12}{'ratio':>10}" + "".join(f"{a / b:>10.1f}" for a, b in zip(best[-1], best[0], strict=True)))


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure how long large graphs take to compile.")
    parser.add_argument("--sizes", default="10000,100000", help="numbers of nodes, with commas between them")
    parser.add_argument("--rounds", type=int, default=3, help="of which the best counts [3]")
    chosen = parser.parse_args()
    sizes = [int(n) for n in chosen.sizes.split(",")]
    print(f"{'graph':>6}{'array':>6}{'nodes':>10}" + "".join(f"{p:>10}" for p in PHASES))
    for name, make in GRAPHS.items():
        for length in (FEW, MANY):
            seconds(make, 3000, length)  # first calls load modules
            row(name, make, length, sizes, chosen.rounds)


if __name__ == "__main__":
    main()
