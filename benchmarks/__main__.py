"""The benchmarks: `ag` beside torch, JAX, HIPS autograd, and NumPy by hand.

    python -m benchmarks run [NAMES] [--peers torch,jax,hips] [--threads 1,2] [--json] [--quick] [--docs]
    python -m benchmarks run [NAMES] --level x86-64-v3 [...]
    python -m benchmarks profile [softmax cnn] [--docs]
    python -m benchmarks docs FILE... [--work]

Names are rows or workloads; all without one. A peer that is not installed is an error; the floor, NumPy by hand,
always runs. `--docs` writes the tables into docs/benchmarks.md; `docs` does it from what runs with `--json` have
printed, of which a later row replaces an earlier one.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from agcli.datasets import DataError
from benchmarks import profile, table
from benchmarks.level import PEERS, narrowed
from benchmarks.machine import machine
from benchmarks.row import COMPILED, FLOOR, PLAIN, WITHOUT, WORKLOADS, rows
from benchmarks.runner import Settings, StoppedError, UnequalError, run
from benchmarks.without import PARTS

PACKAGES = {
    "torch": ("torch",),
    "jax": ("jax", "optax"),
    "hips": ("autograd",),
    COMPILED: ("torch",),
    PLAIN: ("agcli",),
}
LESS = {f"{WITHOUT}{name}": ("agcli",) for name in PARTS}


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    r = commands.add_parser("run", help="time workloads side by side")
    r.add_argument("names", nargs="*", metavar="NAME", help=f"rows or workloads ({', '.join(WORKLOADS)}) [all]")
    r.add_argument("--peers", default="", help="with commas between them: torch, jax, hips, torch_compile; ag-numpy: "
                   f"us uncompiled; {WITHOUT}PART: us without {', '.join(PARTS)}")  # fmt: skip
    r.add_argument("--threads", default="1,2", help="numbers of threads; the best counts [1,2]")
    r.add_argument("--level", choices=list(PEERS), help="kernels of a narrower processor for all sides")
    r.add_argument("--rounds", type=int, default=7, help="turns of each side [7]")
    r.add_argument("--seconds", type=float, default=0.25, help="length of a turn [0.25]")
    r.add_argument("--json", action="store_true", help="print one JSON object a row")
    r.add_argument("--quick", action="store_true", help="small problems, one turn: whether all works and agrees")
    r.add_argument("--docs", action="store_true", help="write the tables into docs/benchmarks.md")
    p = commands.add_parser("profile", help="a step by op, beside what the machine can do")
    p.add_argument("names", nargs="*", metavar="NAME", default=[], help="softmax, mlp, cnn, lstm [softmax cnn]")
    p.add_argument("--docs", action="store_true", help="write the tables into docs/benchmarks.md")
    d = commands.add_parser("docs", help="tables in docs/benchmarks.md from the output of earlier runs")
    d.add_argument("files", nargs="+", metavar="FILE", type=Path, help="what a run with --json printed")
    for command in (r, d):
        command.add_argument("--work", action="store_const", dest="clock", const="processors", default="median",
                             help="tables of processor time, for a machine that is busy")  # fmt: skip
    chosen = parser.parse_args(argv)
    check(parser, chosen)
    return chosen


def check(parser: argparse.ArgumentParser, chosen: argparse.Namespace) -> None:
    """Refuse names that do not exist, and peers that are not there."""
    if chosen.command == "docs":
        return
    if chosen.command == "profile":
        known = set(profile.STEPS)
    else:
        known = {*rows(), *WORKLOADS}
        chosen.peers = [s for s in chosen.peers.split(",") if s and s != FLOOR]
        for peer in chosen.peers:
            if peer not in PACKAGES | LESS:
                parser.error(f"--peers: expected some of {', '.join(PACKAGES)}, got {peer}")
            missing = [p for p in (PACKAGES | LESS)[peer] if find_spec(p) is None]
            if missing:
                parser.error(f"--peers {peer}: not installed: {', '.join(missing)}; try pip install -e '.[bench]'")
        try:
            chosen.threads = [max(1, int(n)) for n in chosen.threads.split(",")]
        except ValueError:
            parser.error(f"--threads: expected numbers with commas between them, got {chosen.threads}")
        try:
            os.environ.update(narrowed(chosen.level) if chosen.level else {})
        except ValueError as error:
            parser.error(f"--level: {error}")
    unknown = set(chosen.names) - known
    if unknown:
        parser.error(f"expected names among {', '.join(sorted(known))}, got {', '.join(sorted(unknown))}")


def timed(chosen: argparse.Namespace) -> int:
    """The command `run`."""
    settings = Settings((*chosen.peers, FLOOR), chosen.threads, chosen.rounds, chosen.seconds, chosen.quick)
    narrower = f", kernels of {chosen.level}" if chosen.level else ""
    where, results = f"{machine()}{narrower}", []
    print(json.dumps({"machine": where}) if chosen.json else where, flush=True)
    try:
        for result in run(chosen.names, settings):
            results.append(result.to_json())
            print(json.dumps(results[-1]) if chosen.json else table.line(results[-1]), flush=True)
    except (UnequalError, StoppedError, DataError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if chosen.docs:
        table.put("results", f"{where}\n\n{table.markdown(results, chosen.clock)}")
    return 0


def documented(chosen: argparse.Namespace) -> int:
    """The command `docs`."""
    known = [json.loads(line) for path in chosen.files for line in path.read_text("utf-8").splitlines()]
    where = [line["machine"] for line in known if "machine" in line]
    results = {line["name"]: line for line in known if "name" in line}
    ordered = [results[name] for name in rows() if name in results]
    table.put("results", "\n\n".join([*where, table.markdown(ordered, chosen.clock)]))
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    chosen = arguments(sys.argv[1:] if argv is None else argv)
    if chosen.command == "run":
        return timed(chosen)
    if chosen.command == "docs":
        return documented(chosen)
    text = profile.report(chosen.names or ["softmax", "cnn"])
    print(text)
    if chosen.docs:
        table.put("profile", f"{machine()}\n\n{text}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
