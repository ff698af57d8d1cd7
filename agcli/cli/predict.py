"""`ag predict RUN FILE`"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from agcli.cli import within
from agcli.counts import number_of
from agcli.data.formats import ARRAYS, TABLE, names, written

HELP = f"""Predict the samples in FILE with the model in the folder RUN; `-` reads standard input.

FILE is a table ({names(TABLE)}) with the columns that were trained on, in any order, or arrays ({names(ARRAYS)}). A row
of the result belongs to a row of FILE: the class and its probability, or the number in units of the target. For a
least-squares fit, --bands adds where the curve may lie (confidence_low, _high) and where a new sample may lie
(prediction_low, _high).

A cell that cannot be read is an error; with --skip-bad its row has an empty answer, and a note counts such rows. So it
is with rows that have too many cells or too few, and with broken lines of JSON.
"""


@click.command("predict", help=HELP)
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("file")
@within.options
@click.option("--out", "-o", type=click.Path(path_type=Path), metavar="FILE", help="Where to [standard output].")
@click.option("--format", type=click.Choice(list(written())), help="How to write [as --out is called, or csv].")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@click.option("--keep", is_flag=True, help="Write the columns of FILE before the predictions.")
@click.option("--skip-bad", is_flag=True, help="Leave the answer empty where a row cannot be read.")
@click.option(
    "--escape-formulae", "escape", is_flag=True, help="In CSV, put ' before text that a spreadsheet would run."
)
@click.option(
    "--bands", is_flag=True, help="Write the ends of confidence and prediction bands, of a least-squares fit."
)
@click.option("--level", metavar="P", help="With bands of this level [0.95].")
@click.option("--weights", default="", metavar="NAME", help="best, last, or the number of a step [the best].")
def command(
    run: Path, file: str, out: Path | None, format: str | None, as_json: bool, keep: bool, skip_bad: bool,
    escape: bool, bands: bool, level: str | None, weights: str, sheet: str | None, query: str | None,
) -> None:  # fmt: skip
    if as_json and format not in (None, "jsonl"):
        raise click.UsageError(f"--json writes JSON lines, and --format says {format}; leave one of them out")
    format = "jsonl" if as_json else format
    if out is None and format == "parquet" and sys.stdout.isatty():
        raise click.UsageError("--format parquet writes bytes, which a terminal cannot show; give --out FILE")
    from agcli.prediction.bands import LEVEL, level_of
    from agcli.prediction.files import predict_file

    chosen = level_of(level) if level is not None else LEVEL if bands else None
    summary = predict_file(
        run,
        within.chosen(file, sheet, query),
        out,
        format=format,
        keep=keep,
        weights=weights,
        level=chosen,
        skip_bad=skip_bad,
        escape=escape,
    )
    for note in summary.notes:
        click.echo(json.dumps({"note": note}) if as_json else f"note: {note}", err=True)
    if out is not None and not as_json:
        click.echo(f"{out}: {number_of(summary.samples, 'prediction')}", err=True)
