"""Derivatives of the corpus beside SymPy's: how long the answers are, and how long they take.

    python -m benchmarks.simplify [--sample N] [--json]

Both sides differentiate by x and simplify, in one process and one run: first ours all formulas, then both in turn,
where SymPy takes the caches of the processor from us. Our time includes reading and printing, but not the comparison
of the answer with the derivative as it was built, which `ag grad` makes before it prints: its cost stands apart.
Lengths are counted in the texts of both by one counter: operators, signs, functions. At the end, whole processes:
`ag grad "x^2"` against Python importing SymPy, in turn.
"""

import argparse
import gc
import json
import os
import statistics
import subprocess
import sys
import time
import warnings

from benchmarks.formulas import corpus, operators, sympy_reader

WARM_UP = ("x^2*sin(x)", "exp(x)/x", "log(sqrt(x) + 1)", "gamma(x)*arctan(x)")  # first calls load modules


def ours():
    """A function text -> our part of a row."""
    from agcli.expression.api import derivative, parse, to_text

    def run(text):
        start = time.perf_counter()
        result = to_text(derivative(parse(text), "x", check=False))
        seconds = time.perf_counter() - start
        return {"result": result, "ours": operators(result), "seconds": seconds}

    return run


def theirs():
    """A function text -> SymPy's part of a row; reading and printing are not in its time."""
    import sympy as sp

    read = sympy_reader()
    x = sp.Symbol("x", real=True)

    def run(text):
        f = read(text)
        start = time.perf_counter()
        raw = sp.diff(f, x)
        short = sp.simplify(raw)
        seconds = time.perf_counter() - start
        lengths = {"diff": operators(str(raw)), "simplify": operators(str(short))}
        return {"sympy": str(short), **lengths, "sympy_seconds": seconds}

    return run


def measure(sample):
    """One row for each formula."""
    a, b = ours(), theirs()
    for text in WARM_UP:
        a(text)
        b(text)
    chosen = [row for i, row in enumerate(corpus()) if i % sample == 0]
    gc.collect()
    gc.disable()  # else the collector's pauses fall on either side at random
    rows = [{"file": file, "formula": text, **a(text)} for file, text in chosen]
    rows = [row | {"in_turn": a(row["formula"])["seconds"]} | b(row["formula"]) for row in rows]
    gc.enable()
    return rows


def report(rows):
    """The tables, as text."""
    print(f"{'corpus':<12}{'formulas':>9}{'ours':>8}{'simplify':>10}{'diff':>8}{'shorter':>9}{'longer':>8}{'speed':>8}")
    for name in [*dict.fromkeys(r["file"] for r in rows), "all"]:
        part = [r for r in rows if name in (r["file"], "all")]
        total = {k: sum(r[k] for r in part) for k in ("ours", "simplify", "diff", "seconds", "sympy_seconds")}
        shorter = sum(r["ours"] < r["simplify"] for r in part)
        longer = sum(r["ours"] > r["simplify"] for r in part)
        speed = total["sympy_seconds"] / total["seconds"]
        print(
            f"{name:<12}{len(part):>9}{total['ours']:>8}{total['simplify']:>10}{total['diff']:>8}"
            f"{shorter:>9}{longer:>8}{speed:>7.0f}x"
        )
    print(f"\nmedian length: ours {median(rows, 'ours')}, simplify(diff) {median(rows, 'simplify')}, "
          f"diff {median(rows, 'diff')}")  # fmt: skip
    print(f"median of the ratios of time: {statistics.median(r['sympy_seconds'] / r['seconds'] for r in rows):.0f}x")
    in_turn = sum(r["sympy_seconds"] for r in rows) / sum(r["in_turn"] for r in rows)
    print(f"speed where both take turns: {in_turn:.1f}x")
    print("\nlonger than SymPy's by more than half (ours, simplify):")
    for r in rows:
        if r["ours"] > 1.5 * r["simplify"]:
            twice = "  more than twice" if r["ours"] > 2 * r["simplify"] else ""
            print(f"  {r['ours']:>3}{r['simplify']:>4}  {r['formula']}:  {r['result']}  |  {r['sympy']}{twice}")


def check_cost(sample):
    """Median and largest milliseconds of processor time of an answer without and with its check, in turn."""
    from agcli.expression.api import derivative, parse, to_text

    times = {False: [], True: []}
    for i, (_, text) in enumerate(corpus()):
        for check in times if i % sample == 0 else ():
            start = time.process_time()
            to_text(derivative(parse(text), "x", check=check))
            times[check].append(1000 * (time.process_time() - start))
    return {check: (statistics.median(found), max(found)) for check, found in times.items()}


def cold_starts(rounds=20):
    """The least seconds and processor time of whole processes, which take turns; bytecode is there after the first."""
    commands = {
        'ag grad "x^2"': [sys.executable, "-c", "from agcli.cli import main; main()", "grad", "x^2"],
        'python -c "import sympy"': [sys.executable, "-c", "import sympy"],
        'python -c "import numpy, click"': [sys.executable, "-c", "import numpy, click"],
    }
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    found = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            start, work = time.perf_counter(), children()
            subprocess.run(command, check=True, capture_output=True, env=environment)
            found[name].append((time.perf_counter() - start, children() - work))
    return {name: [min(column) for column in zip(*rows, strict=True)] for name, rows in found.items()}


def children():
    """Processor time of all processes that this one has started and seen end."""
    times = os.times()
    return times.children_user + times.children_system


def median(rows, key):
    return f"{statistics.median(r[key] for r in rows):g}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sample", type=int, default=1, metavar="N", help="only every N-th formula")
    parser.add_argument("--json", action="store_true", help="one JSON list of all rows")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    rows = measure(options.sample)
    if options.json:
        print(json.dumps(rows))
        return
    report(rows)
    print("\nmilliseconds of processor time of an answer, median and largest:")
    for check, (middle, most) in check_cost(options.sample).items():
        print(f"  {middle:6.2f}{most:8.1f}  {'with' if check else 'without'} the check before it is printed")
    print("\nwhole processes, least seconds and least processor time:")
    for name, (seconds, work) in cold_starts().items():
        print(f"  {seconds:.3f} {work:.3f}  {name}")


if __name__ == "__main__":
    main()
