"""Tables of facts on standard output: ruled on a terminal, whole lines in a file or a pipe."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import JustifyMethod
from rich.table import Table
from rich.text import Text

from agcli.events import Folded

from .console import PlainConsole
from .figures import figure

WIDE = 1_000  # columns of a pipe, which nothing has to fit into


def print_table(
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    right: Sequence[str] = (),
    foot: Sequence[str] | None = None,
    title: str = "",
) -> None:
    """Print rows under headings; the columns named in ``right`` hold figures. ``foot`` is a last line of sums."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, show_footer=foot is not None)
    for number, head in enumerate(heads):
        sums = Text(foot[number], style="bold") if foot else ""
        whole = not number or head in right  # names and figures stay in one piece
        justify: JustifyMethod = "right" if head in right else "left"
        table.add_column(head, justify=justify, footer=sums, overflow="fold", no_wrap=whole)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))  # names are no markup
    console = PlainConsole(soft_wrap=False)
    if console.is_terminal:
        if title:
            console.print(Text(title, style="bold"))
        console.print(table)
        return
    plain = PlainConsole(width=WIDE, soft_wrap=False)
    with plain.capture() as captured:
        plain.print(table)
    lines = [title, *captured.get().splitlines()] if title else captured.get().splitlines()
    print("\n".join(line.rstrip() for line in lines if line.strip()))  # noqa: T201


def print_folds(event: Folded) -> None:
    """The figures of a cross-validation."""
    count = len(event.runs)
    rows = [[name, figure(mean), figure(event.deviation[name])] for name, mean in event.mean.items()]
    heads = ["metric", "mean", "deviation"]
    print_table(heads, rows, right=heads[1:], title=f"test data of {count} folds")
    PlainConsole(soft_wrap=True).print(Text(f"runs: {event.run}"))
