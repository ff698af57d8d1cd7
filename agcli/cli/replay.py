"""`ag replay BUNDLE`"""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.command("replay")
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(bundle: Path, as_json: bool) -> int:
    """Repeat the step with which a training failed.

    BUNDLE is the folder that `ag train` names when the loss or a parameter becomes NaN or infinite. Says which op
    made the first one, and whether the step came out the same, bit for bit.
    """
    from agcli.training.failure import replay

    result = replay(bundle)
    if as_json:
        click.echo(json.dumps(result.to_json()))
    else:
        same = "the same, bit for bit" if result.same else "DIFFERENT; another machine or other versions may round so"
        click.echo("\n".join([f"step {result.step:,} again: {same}", *result.lines]))
    return 0 if result.same else 1
