"""`ag schema`"""

from __future__ import annotations

import json

import click


@click.command("schema")
def command() -> None:
    """Print the JSON Schema (draft 2020-12) of a spec, for editors that check and complete while one types."""
    from agcli.spec import json_schema

    click.echo(json.dumps(json_schema(), indent=2))
