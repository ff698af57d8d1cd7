"""Results as text: lines for a terminal, tables for docs/benchmarks.md."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.row import OURS

DOCS = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"
Plain = Mapping[str, Any]  # what Result.to_json gives


def figure(x: float | None) -> str:
    """Three digits, without an exponent."""
    if x is None:
        return "-"
    return f"{x:,.0f}" if abs(x) >= 100 else f"{x:.3g}"


def fastest(sides: Iterable[Plain], clock: str = "median") -> dict[str, Plain]:
    """System -> its side with the better number of threads."""
    found: dict[str, Plain] = {}
    for side in sides:
        system = side["system"]
        if system not in found or side[clock] < found[system][clock]:
            found[system] = side
    return found


def met(ratio: float | None, target: float | None) -> str:
    """A ratio beside its target."""
    if ratio is None or target is None:
        return "-"
    return f"**{ratio:.2f}**" if ratio <= target else f"{ratio:.2f}"


def markdown(results: Iterable[Plain], clock: str = "median") -> str:
    """A table of times with a column a system, and one of memory. The clock is ``median``, or ``processors``."""
    results = list(results)
    systems = list(dict.fromkeys(s["system"] for r in results for s in r["sides"]))
    return "\n".join([*times(results, systems, clock), "", *memory(results, systems)])


def times(results: Iterable[Plain], systems: Sequence[str], clock: str) -> Iterator[str]:
    """Of processors there is one ratio; by the clock on the wall it stands beside that of work."""
    by_work = clock == "processors"
    ratios = ["ratio", "target"] if by_work else ["ratio", "target", "ratio of work"]
    yield row(["workload", "unit", *systems, *ratios, "our first call, ms"])
    yield row(["---", "---", *["---:"] * (len(systems) + len(ratios) + 1)])
    for r in results:
        best, work = fastest(r["sides"], clock), met(r["work_ratio"], r["target"])
        cells = [time_of(best.get(s), clock) for s in systems]
        target = str(r["target"])
        shown = [work, target] if by_work else [met(r["ratio"], r["target"]), target, work]
        yield row([r["title"], r["unit"], *cells, *shown, figure(best[OURS]["first_ms"])])


def memory(results: Iterable[Plain], systems: Sequence[str]) -> Iterator[str]:
    yield row(["peak memory of the process, MB", *systems, "ratio", "target"])
    yield row(["---", *["---:"] * (len(systems) + 2)])
    for r in results:
        best, target = fastest(r["sides"], "memory_mb"), r["memory_target"]
        cells = [figure(best[s]["memory_mb"]) if s in best else "-" for s in systems]
        ratio = "-" if r["memory_ratio"] is None else f"{r['memory_ratio']:.2f}"
        yield row([r["title"], *cells, met(r["memory_ratio"], target) if target else ratio, str(target or "")])


def row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def time_of(side: Plain | None, clock: str) -> str:
    """A time with its number of threads."""
    return "-" if side is None else f"{figure(side[clock])} ({side['threads']})"


def line(r: Plain) -> str:
    """A row in one line, as soon as it is known."""
    best = fastest(r["sides"])
    times = ", ".join(f"{system} {figure(side['median'])} ({side['threads']})" for system, side in best.items())
    ours = [s["median"] for s in r["sides"] if s["system"] == OURS]
    ratio = "" if r["ratio"] is None else f", ratio {r['ratio']:.2f} of {r['target']}"
    return f"{r['name']}: {r['unit']} (threads): {times}{ratio}; equal to {r['apart']:.0e}" if ours else r["name"]


def put(name: str, text: str, path: Path | None = None) -> None:
    """Replace what stands between the markers ``name`` of a document."""
    path = DOCS if path is None else path
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    old = path.read_text("utf-8")
    new, count = re.subn(
        re.escape(begin) + ".*?" + re.escape(end), lambda _: f"{begin}\n{text}\n{end}", old, flags=re.DOTALL
    )
    if count != 1:
        raise ValueError(f"{path}: expected the markers {begin} and {end} once")
    path.write_text(new, "utf-8")
