"""`ag eval RUN`"""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.command("eval")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--split", default="test", show_default=True, metavar="NAME", help="Which part of the data.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(run: Path, split: str, as_json: bool) -> None:
    """Print the metrics of the model in the folder RUN on test data."""
    from agcli.trainer import evaluate_run

    result = evaluate_run(run, split)
    if as_json:
        click.echo(json.dumps(result))
        return
    from agcli.report.screen import console, print_result

    title = f"{result['name']}: {result['samples']:,} samples of {result['data']} ({split})"
    print_result(console(), title, result["metrics"], result["loss"])
