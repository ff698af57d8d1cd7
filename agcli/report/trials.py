"""What dry runs, overfitted batches and profiles come to, in lines and a table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from .figures import amount, duration, figure, figures

SHOWN = 20  # ops of a profile; the rest is one row


def tried(result: Any) -> str:
    """The lines of a dry run."""
    return (
        f"{result.name}: {result.parameters:,} parameters, {result.samples:,} samples of {result.data}\n"
        f"two steps, an evaluation, a checkpoint and a resumption work; nothing is left behind\n"
        f"loss {figure(result.loss)}, test loss {figure(result.test_loss)}; a checkpoint takes "
        f"{amount(result.checkpoint_bytes)}\n{result.steps:,} steps of {duration(result.seconds_per_step)} "
        f"take about {duration(result.seconds)}"
    )


def overfitted(result: Any, advice: str) -> str:
    """The line of an overfitted batch."""
    way = f"{figure(result.first_loss)} -> {figure(result.loss)} in {result.steps:,} steps"
    batch = f"one batch of {result.samples:,} samples: loss {way}  {figures(result.metrics)}".rstrip()
    return f"learnt {batch}" if result.learnt else f"could not learn {batch}\n{advice}"


def print_profile(console: Console, profile: Any, trace: Path) -> None:
    """A table by op: calls, time, bytes, speed."""
    rows = profile.rows()
    if not rows:
        console.print(f"profile: no step was measured; the training had {profile.first} or fewer", highlight=False)
        return
    total = sum(row.seconds for row in rows)
    steps, wall = profile.steps, profile.wall
    title = f"one of {steps} steps: {duration(wall / steps)}, {total / wall:.0%} of it in these ops"
    console.print(title, highlight=False)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for name in ("op", "calls", "time", "share", "bytes", "GB/s", "GFLOP/s"):
        table.add_column(name, justify="left" if name == "op" else "right", no_wrap=name != "op", overflow="fold")
    for row in rows[:SHOWN]:
        speed = f"{row.bytes / row.seconds / 1e9:.1f}" if row.seconds else ""
        known = f"{row.gflops:.1f}" if row.gflops else "-"
        share = f"{row.seconds / total:.1%}"
        calls, time, size = f"{row.calls / steps:.4g}", duration(row.seconds / steps), amount(row.bytes / steps)
        table.add_row(row.op, calls, time, share, size, speed, known)
    rest = rows[SHOWN:]
    if rest:
        seconds = sum(row.seconds for row in rest)
        calls = f"{sum(row.calls for row in rest) / steps:g}"
        table.add_row(f"{len(rest)} more", calls, duration(seconds / steps), f"{seconds / total:.1%}", "", "", "")
    console.print(table)
    console.print(f"trace: {trace} (open it in ui.perfetto.dev or chrome://tracing)", highlight=False, soft_wrap=True)
