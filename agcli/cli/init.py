"""`ag init FILE`"""

from __future__ import annotations

from pathlib import Path

import click

from agcli.cli import within
from agcli.data.formats import KINDS, names

HELP = f"Look at FILE ({names(*KINDS)}) and write a commented spec that trains on it."


@click.command("init", help=HELP)
@click.argument("file")
@within.options
@click.option("--target", metavar="COLUMN", help="The column to predict; guessed if not given.")
@click.option("--out", type=click.Path(path_type=Path), metavar="SPEC", help="Where to write; - prints [FILE.yaml].")
@click.option("--force", is_flag=True, help="Replace the spec if it exists.")
def command(file: str, target: str | None, out: Path | None, force: bool, sheet: str | None, query: str | None) -> None:
    from agcli.data.first_spec import draft, write

    to_screen = out == Path("-")
    made = draft(within.chosen(file, sheet, query), target, None if to_screen else out)
    for warning in made.warnings:
        click.echo(f"warning: {warning}", err=True)
    if to_screen:
        click.echo(made.text, nl=False)
        return
    write(made, force=force)
    click.echo(f"wrote {made.path}; train with: ag train {made.path}")
