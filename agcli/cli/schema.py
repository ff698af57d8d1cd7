"""`ag schema`"""

from __future__ import annotations

import json

import click


@click.command("schema")
def command() -> None:
    """Print the JSON Schema (draft 2020-12) of a spec, for editors that check and complete while one types."""
    from agcli.printable import printable
    from agcli.spec import bring_plugins, json_schema

    for error in bring_plugins():
        click.echo(printable(f"left out: {error}"), err=True)
    click.echo(json.dumps(json_schema(), indent=2))
