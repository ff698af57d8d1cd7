"""`ag report RUN`"""

from __future__ import annotations

from pathlib import Path

import click


@click.command("report")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Where to [report.html in RUN].")
@click.option("--data", metavar="FILE", help="Judge the samples of this file instead; `-` is standard input.")
@click.option("--split", default="", metavar="NAME", help="Judge test, validation or train [test, if there is one].")
@click.option("--worst", "count", type=click.IntRange(0, 1000), default=10, show_default=True, help="How many to show.")
@click.option("--weights", default="", metavar="NAME", help="best, last, or the number of a step [the best].")
@click.option("--anyway", is_flag=True, help="Judge data that has changed since the training, too.")
def command(run: Path, out: Path | None, data: str | None, split: str, count: int, weights: str, anyway: bool) -> None:
    """Write one HTML page about the run in the folder RUN: curves, evaluation, the worst samples, the model.

    The page needs nothing else: no network, no scripts; it may be sent to others as it is.
    """
    if data is not None and split:
        raise click.UsageError(
            "--split names a part of the run's own data, and --data is a file; leave one of them out"
        )
    from agcli.report.page import written

    click.echo(str(written(run, out, data=data, weights=weights, anyway=anyway, split=split, count=count)))
