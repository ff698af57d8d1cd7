"""`ag data list|info|fetch|head`"""

from __future__ import annotations

import json
from typing import Any

import click

from agcli.cli import within


@click.group("data")
def command() -> None:
    """List, describe and fetch data sets, and look at files.

    \b
    ag data list                    the sets that a spec can name
    ag data info housing.csv        columns, guessed roles, warnings
    ag data head housing.csv        the first samples
    ag data fetch mnist             download a set once
    """


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def list_(as_json: bool) -> None:
    """List the data sets that a spec can name, and the endings of files."""
    from shutil import get_terminal_size

    from agcli.data import formats
    from agcli.data.dataset_info import overview

    rows = overview()
    if as_json:
        for row in rows:
            click.echo(json.dumps(row))
        return
    click.echo(aligned([[row["name"], row["where"], row["description"]] for row in rows]))
    click.echo()
    click.echo(click.wrap_text(f"or {formats.phrase()}", get_terminal_size().columns))


@command.command("info")
@click.argument("name")
@click.option("--target", multiple=True, metavar="COLUMN", help="The column to predict; guessed if not given.")
@within.options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def info(name: str, target: tuple[str, ...], sheet: str | None, query: str | None, as_json: bool) -> None:
    """Describe the data set NAME, or the file of that name."""
    from agcli.data.dataset_info import about

    chosen = within.chosen(name, sheet, query)
    facts = about(name, target, None if isinstance(chosen, str) else chosen)
    if as_json:
        click.echo(json.dumps(facts, default=str))
        return
    columns, warnings = facts.pop("columns", []), facts.pop("warnings", [])
    click.echo(aligned([[key, _shown(value)] for key, value in facts.items() if value not in ("", [], {})]))
    if columns:
        rows = [[column[key] or "" for key in ("name", "role", "missing", "content")] for column in columns]
        click.echo("\n" + aligned([["column", "role", "missing", "holds"], *rows]))
    for warning in warnings:
        click.echo(f"\nwarning: {warning}")


@command.command("fetch")
@click.argument("name")
def fetch(name: str) -> None:
    """Download the data set NAME, unless it is there, and check it."""
    from agcli.cli.train import announce_downloads
    from agcli.datasets import load

    announce_downloads()
    data = load(name)
    sizes = ", ".join(f"{len(split):,} {part}" for part, split in data.splits.items())
    click.echo(f"{name}: {sizes}")


@command.command("head")
@click.argument("name")
@click.option("-n", "count", type=click.IntRange(1, 1000), default=5, show_default=True, help="How many samples.")
@within.options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def head(name: str, count: int, sheet: str | None, query: str | None, as_json: bool) -> None:
    """Print the first samples of the data set NAME, or of the file of that name, as they are stored."""
    from agcli.data import dataset_info as survey

    chosen = within.chosen(name, sheet, query)
    names, rows = survey.head(name, count, None if isinstance(chosen, str) else chosen)
    if as_json:
        for row in rows:
            click.echo(json.dumps(dict(zip(names, row, strict=True))))
        return
    click.echo(aligned([names, *rows]))


def aligned(rows: list[list[Any]]) -> str:
    """Rows as columns of equal width; what could steer a terminal is replaced."""
    from agcli.printable import printable

    cells = [[printable(str(cell)) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in cells)


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {json.dumps(item)}" for key, item in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{value:,}" if isinstance(value, int) else str(value)
