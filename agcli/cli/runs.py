"""`ag runs [compare|rm]`"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from agcli.counts import number_of

PLACE = click.Path(path_type=Path)


@click.group("runs", invoke_without_command=True)
@click.option("--dir", "place", type=PLACE, default=Path("runs"), show_default=True, help="Where the runs lie.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@click.pass_context
def command(ctx: click.Context, place: Path, as_json: bool) -> None:
    """List the runs in a folder, the newest first; compare and remove them.

    \b
    ag runs                         state, epochs and results of all runs
    ag runs compare A B             settings and results that differ, and curves
    ag runs rm A                    remove a run, after a question
    """
    ctx.obj = place
    if ctx.invoked_subcommand is not None:
        return
    from agcli.comparison import listed

    rows = listed(place)
    if as_json:
        for row in rows:
            click.echo(json.dumps(row.to_json()))
        return
    if not rows:
        click.echo(f"{place}: no runs; `ag train SPEC` makes one")
        return
    from agcli.report.runs import print_list
    from agcli.report.screen import console

    print_list(console(), rows, place)


@command.command("compare")
@click.argument("runs", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def compare(place: Path, runs: tuple[str, ...], as_json: bool) -> None:
    """Show the settings in which RUNS differ beside their results, with curves; folders, or names in --dir."""
    from agcli import comparison

    found = comparison.compare(comparison.found(runs, place))
    if as_json:
        click.echo(json.dumps(found.to_json()))
        return
    from agcli.report.runs import print_comparison
    from agcli.report.screen import console

    print_comparison(console(), found)


@command.command("rm")
@click.argument("runs", nargs=-1, required=True)
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.pass_obj
def rm(place: Path, runs: tuple[str, ...], yes: bool) -> None:
    """Remove RUNS, after a question for each. Files in their folders that no training wrote stay."""
    from agcli.comparison import found, row
    from agcli.runs.removal import remove, size

    for run in found(runs, place):
        facts = row(run)
        megabytes = size(run.folder) / 1e6
        epochs = f"{facts.epoch}/{number_of(facts.epochs, 'epoch')}"
        question = f"remove {run.folder} ({facts.state}, {epochs}, {megabytes:.1f} MB)?"
        if not yes and not agreed(question):
            click.echo(f"kept {run.folder}", err=True)
            continue
        rest = remove(run)
        verb = "is" if len(rest) == 1 else "are"
        more = f"; kept {number_of(len(rest), 'file')} that {verb} not of the run, such as {rest[0]}" if rest else ""
        click.echo(f"removed {run.folder}{more}", err=True)


def agreed(question: str) -> bool:
    """Whether the answer is yes. Where nobody can answer, UsageError says what to type."""
    try:
        return click.confirm(question, err=True)
    except click.Abort:
        if sys.stdin.isatty():  # Ctrl-C
            raise
        raise click.UsageError("there is no answer on standard input; --yes removes without a question") from None
