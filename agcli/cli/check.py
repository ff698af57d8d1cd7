"""`ag check SPEC`"""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.command("check")
@click.argument("spec", type=click.Path(path_type=Path))
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Change the spec: train.batch_size=5.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(spec: Path, overrides: tuple[str, ...], as_json: bool) -> int:
    """Check SPEC, a file or a model of the zoo, without training it.

    Reads and builds it, runs a batch, holds its gradient against differences of the loss, names parameters without
    a gradient, and predicts memory and time. The exit code is 1 if the model cannot learn as it is.
    """
    from agcli.inspection import check
    from agcli.spec import read_spec

    found = check(read_spec(spec, overrides))
    if as_json:
        click.echo(json.dumps(found.to_json(), default=str))
    else:
        from agcli.report.checks import print_check

        print_check(found)
    return 1 if found.problems else 0
