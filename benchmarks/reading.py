"""Reading files: `Table.read` beside polars' `read_csv`, `ag data info` of a wide table, JSON lines of many keys.

    python -m benchmarks.reading [--turns N] [--small]

Each reading runs in a process of its own, the sides in turn; the least of all turns counts. Time is that of the
processor, memory the rise of the peak of what is resident, both from when all modules are loaded. The numbers are
drawn from a normal distribution: with all digits of a float64 (16 columns), and with those of a float32 (41 columns),
some 155 MB each. A wide table has 3,000 columns of 60 rows. JSON lines are read with two keys of its own in each line,
n lines and 4 n, as far as that is allowed, and with keys that lines share. `--small` takes tables of a hundredth.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

FLOATS = {"float64": (500_000, 16), "float32": (360_000, 41)}  # rows and columns
WIDE = (60, 3_000)
LINES = 20_000


def make(folder: Path, share: int) -> None:
    """Write the files."""
    import numpy as np
    import polars as pl

    for dtype, (rows, columns) in {**FLOATS, "wide": WIDE}.items():
        count = rows if dtype == "wide" else rows // share
        values = np.random.default_rng(0).normal(size=(count, columns))
        values = values.round(4) if dtype == "wide" else values.astype(dtype)
        pl.DataFrame({f"c{n}": values[:, n] for n in range(columns)}).write_csv(folder / f"{dtype}.csv")
    for times in (1, 4):
        count = LINES // share * times
        own = [json.dumps({f"a{i}": 1.0, f"b{i}": 2.0, "y": i}) for i in range(count)]
        shared = [json.dumps({"a": i / 7, f"b{i % 50}": 2.0, "y": i}) for i in range(count)]
        for name, lines in (("own", own), ("shared", shared)):
            (folder / f"{name}{times}.jsonl").write_text("\n".join(lines), "utf-8")


def readings(path: Path) -> dict[str, Callable[[], object]]:
    """The ways to read a file."""
    import polars as pl

    from agcli.data.dataset_info import about
    from agcli.datasets import DataError, Table, TableFile

    def lines() -> object:
        try:
            return TableFile(path).read()
        except DataError as error:  # too many keys
            return error

    return {
        "polars": lambda: pl.read_csv(path),
        "table": lambda: Table(source=TableFile(path)).read(),
        "info": lambda: about(str(path)),
        "lines": lines,
    }


def measure(how: str, path: Path) -> None:
    """Read a file in one way; print processor seconds and the rise of the peak of memory in MB."""
    read = readings(path)[how]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    read()
    seconds = time.process_time() - start
    print(seconds, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)


def apart(*arguments: str) -> str:
    """What this program prints in a process of its own, whose peak of memory is not that of this one."""
    return subprocess.check_output([sys.executable, "-m", "benchmarks.reading", *arguments], text=True)


def least(path: Path, turns: int, *ways: str) -> list[tuple[float, float]]:
    """Seconds and MB of each way to read a file."""
    found: dict[str, list[tuple[float, float]]] = {how: [] for how in ways}
    for _ in range(turns):
        for how in ways:
            seconds, memory = apart("--measure", how, str(path)).split()
            found[how].append((float(seconds), float(memory)))
    return [(min(s for s, _ in each), min(m for _, m in each)) for each in found.values()]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reading", description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=3, help="of each side [3]")
    parser.add_argument("--small", action="store_true", help="tables of a hundredth: whether all works")
    parser.add_argument("--make", nargs=2, metavar=("FOLDER", "SHARE"), help=argparse.SUPPRESS)
    parser.add_argument("--measure", nargs=2, metavar=("HOW", "FILE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(options.measure[0], Path(options.measure[1]))
        return
    if options.make:
        make(Path(options.make[0]), int(options.make[1]))
        return
    with tempfile.TemporaryDirectory() as folder:
        apart("--make", folder, "100" if options.small else "1")
        files = Path(folder)
        print(f"{'':24}{'seconds':>9}{'MB':>7}{'time ratio':>12}{'memory ratio':>14}")
        for dtype in FLOATS:
            theirs, ours = least(files / f"{dtype}.csv", options.turns, "polars", "table")
            print(f"{'read_csv, ' + dtype:24}{theirs[0]:9.2f}{theirs[1]:7.0f}")
            ratios = f"{ours[0] / theirs[0]:12.2f}{ours[1] / max(theirs[1], 1):14.2f}"
            print(f"{'Table.read, ' + dtype:24}{ours[0]:9.2f}{ours[1]:7.0f}{ratios}")
        ((seconds, memory),) = least(files / "wide.csv", options.turns, "info")
        print(f"{'data info, 3,000 columns':24}{seconds:9.2f}{memory:7.0f}")
        for name in ("own", "shared"):
            once, more = (least(files / f"{name}{times}.jsonl", options.turns, "lines")[0] for times in (1, 4))
            print(f"{f'JSON lines, {name} keys':24}{once[0]:9.2f}{once[1]:7.0f}")
            print(f"{'  4 times as many':24}{more[0]:9.2f}{more[1]:7.0f}{more[0] / once[0]:12.2f}")


if __name__ == "__main__":
    main()
