"""Results as text: lines for a terminal, tables for docs/benchmarks.md."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
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


def fastest(sides: Iterable[Plain]) -> dict[str, Plain]:
    """System -> its side with the better number of threads."""
    found: dict[str, Plain] = {}
    for side in sides:
        system = side["system"]
        if system not in found or side["median"] < found[system]["median"]:
            found[system] = side
    return found


def met(ratio: float | None, target: float | None) -> str:
    """A ratio beside its target."""
    if ratio is None or target is None:
        return "-"
    return f"**{ratio:.2f}**" if ratio <= target else f"{ratio:.2f}"


def markdown(results: Iterable[Plain]) -> str:
    """One table with a column a system, and one with the memory."""
    results = list(results)
    systems = list(dict.fromkeys(s["system"] for r in results for s in r["sides"]))
    head = ["workload", "unit", *systems, "ratio", "target", "ratio of work", "our first call, ms"]
    lines = [row(head), row(["---", "---", *["---:"] * (len(systems) + 4)])]
    for r in results:
        best = fastest(r["sides"])
        cells = [time_of(best.get(s)) for s in systems]
        ratios = [met(r["ratio"], r["target"]), str(r["target"]), met(r["work_ratio"], r["target"])]
        lines.append(row([r["title"], r["unit"], *cells, *ratios, figure(best[OURS]["first_ms"])]))
    lines += [
        "",
        row(["peak memory of the process, MB", *systems, "ratio", "target"]),
        row(["---", *["---:"] * (len(systems) + 2)]),
    ]
    for r in results:
        least = {s["system"]: min(t["memory_mb"] for t in r["sides"] if t["system"] == s["system"]) for s in r["sides"]}
        target = r["memory_target"]
        ratio = "-" if r["memory_ratio"] is None else f"{r['memory_ratio']:.2f}"
        cells = [figure(least.get(s)) for s in systems]
        lines.append(row([r["title"], *cells, met(r["memory_ratio"], target) if target else ratio, str(target or "")]))
    return "\n".join(lines)


def row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def time_of(side: Plain | None) -> str:
    """A time with its number of threads."""
    return "-" if side is None else f"{figure(side['median'])} ({side['threads']})"


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
