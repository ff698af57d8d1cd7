"""`ag eval RUN`"""

from __future__ import annotations

import json
from pathlib import Path

import click

from agcli.cli import within


@click.command("eval")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--data", metavar="FILE", help="Judge the samples of this file instead; `-` is standard input.")
@within.options
@click.option("--split", default="", metavar="NAME", help="test, validation or train [test, if there is one].")
@click.option("--by", metavar="COLUMN", help="Judge the values of this column apart, too.")
@click.option("--worst", "count", type=click.IntRange(0, 1000), default=10, show_default=True, help="How many to show.")
@click.option("--weights", default="", metavar="NAME", help="best, last, or the number of a step [the best].")
@click.option("--anyway", is_flag=True, help="Judge data that has changed since the training, too.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Draws the resamples.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    run: Path, data: str | None, split: str, by: str | None, count: int, weights: str, anyway: bool,
    seed: int, as_json: bool, sheet: str | None, query: str | None,
) -> None:  # fmt: skip
    """Judge the model in the folder RUN on its test data, or on a file.

    Each look at the test data is counted, in result.json.

    Prints figures with bootstrap intervals beside those of a constant answer, classes and their confusions,
    calibration, and the samples on which the model is furthest off.
    """
    if data is not None and split:
        raise click.UsageError(
            "--split names a part of the run's own data, and --data is a file; leave one of them out"
        )
    if data is None and (sheet is not None or query is not None):
        raise click.UsageError("--sheet and --query are of a file; name it with --data")
    from agcli.evaluation import evaluate

    samples = None if data is None else within.chosen(data, sheet, query)
    found = evaluate(run, split, data=samples, by=by, weights=weights, anyway=anyway, count=count, seed=seed)
    if as_json:
        click.echo(json.dumps(found.to_json()))
        return
    from agcli.report.evaluation import print_evaluation
    from agcli.report.screen import console

    print_evaluation(console(), found)
