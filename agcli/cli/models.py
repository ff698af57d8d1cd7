"""`ag models`"""

from __future__ import annotations

import json
import re
import shutil
import sys

import click

WIDE = 110  # columns of a terminal; narrower ones show less


@click.command("models")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def command(as_json: bool) -> None:
    """List the models that ship with ag; each trains by its name, as in `ag train digits`."""
    from agcli.zoo import entries

    found = entries()
    if as_json:
        for entry in found:
            click.echo(json.dumps(entry.to_json()))
        return
    from agcli.report.tables import print_table

    rows = [{"name": entry.name, "data": entry.data, "what": entry.about} | dict(entry.measured) for entry in found]
    heads = list(dict.fromkeys(head for row in rows for head in row))
    if sys.stdout.isatty() and shutil.get_terminal_size().columns < WIDE:
        heads = [head for head in heads if head in ("name", "what", "test result")]
    cells = [[row.get(head, "") for head in heads] for row in rows]
    figures = [head for head in heads if all(re.fullmatch(r"[\d,.]*", row.get(head, "")) for row in rows)]
    print_table(heads, cells, right=figures)
