"""Options that say which table of a file is meant: a sheet of a workbook, a query of a database."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from agcli.datasets import TableFile


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """A decorator that adds `--sheet` and `--query`."""
    query = click.option("--query", metavar="SELECT", help="What to ask a SQLite database.")
    return click.option("--sheet", metavar="NAME", help="The sheet of a workbook.")(query(command))


def chosen(file: str, sheet: str | None, query: str | None) -> str | TableFile:
    """The file's name; with an option, the table in it."""
    if sheet is None and query is None:
        return file
    from agcli.data.formats import kind_of, table_file

    path = Path(file)
    return table_file(path, database=query is not None and not kind_of(path), sheet=sheet, query=query)
