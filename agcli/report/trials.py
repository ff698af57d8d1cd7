"""What dry runs, overfitted batches and profiles come to, in lines and a table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from agcli.counts import number_of
from agcli.printable import printable

from .console import PlainConsole
from .figures import amount, duration, figure, figures
from .tables import print_table

SHOWN = 20  # ops of a profile; the rest is one row


def tried(result: Any) -> str:
    """The lines of a dry run."""
    known = result.validation_loss
    validation = "no validation data" if known is None else f"validation loss {figure(known)}"
    return (
        f"{result.name}: {number_of(result.parameters, 'parameter')}, "
        f"{number_of(result.samples, 'sample')} of {result.data}\n"
        f"two steps, an evaluation, a checkpoint and a resumption work; nothing is left behind\n"
        f"loss {figure(result.loss)}, {validation}; a checkpoint takes "
        f"{amount(result.checkpoint_bytes)}\n{number_of(result.steps, 'step')} of {duration(result.seconds_per_step)} "
        f"take about {duration(result.seconds)}" + "".join(f"\nnote: {printable(text)}" for text in result.notes)
    )


def overfitted(result: Any, advice: str) -> str:
    """The line of an overfitted batch."""
    way = f"{figure(result.first_loss)} -> {figure(result.loss)} in {number_of(result.steps, 'step')}"
    batch = f"one batch of {number_of(result.samples, 'sample')}: loss {way}  {figures(result.metrics)}".rstrip()
    return f"learnt {batch}" if result.learnt else f"could not learn {batch}\n{advice}"


def print_profile(profile: Any, trace: Path) -> None:
    """A table by op for one step: calls, time, bytes, speed."""
    rows, steps, wall = profile.rows(), profile.steps, profile.wall
    out = PlainConsole(soft_wrap=True, highlight=False)
    if not rows:
        out.print(f"profile: no step was measured; the training had {profile.first} or fewer")
        return
    total = sum(row.seconds for row in rows)
    heads = ["op", "calls", "time", "share", "bytes", "GB/s", "GFLOP/s"]
    table = [cells(row, steps, total) for row in rows[:SHOWN]]
    rest = rows[SHOWN:]
    if rest:
        calls, seconds = sum(row.calls for row in rest), sum(row.seconds for row in rest)
        table.append([f"{len(rest)} more", f"{calls / steps:.4g}", duration(seconds / steps), f"{seconds / total:.1%}"])
        table[-1] += [""] * (len(heads) - len(table[-1]))
    title = f"one of {number_of(steps, 'step')}: {duration(wall / steps)}, {total / wall:.0%} of it in these ops"
    print_table(heads, table, right=heads[1:], title=title)
    out.print(f"trace: {trace} (open it in ui.perfetto.dev or chrome://tracing)", markup=False)


def cells(row: Any, steps: int, total: float) -> list[str]:
    """An op in one step."""
    speed = f"{row.bytes / row.seconds / 1e9:.1f}" if row.seconds else ""
    return [
        row.op,
        f"{row.calls / steps:.4g}",
        duration(row.seconds / steps),
        f"{row.seconds / total:.1%}",
        amount(row.bytes / steps),
        speed,
        f"{row.gflops:.1f}" if row.gflops else "-",
    ]
