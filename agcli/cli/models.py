"""`ag models`"""

from __future__ import annotations

import json

import click


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

    heads = list(dict.fromkeys(head for entry in found for head in entry.measured if head not in ("data", "dataset")))
    rows = [[entry.name, entry.about, entry.data, *(entry.measured.get(h, "") for h in heads)] for entry in found]
    print_table(["name", "what it is", "data", *heads], rows)
