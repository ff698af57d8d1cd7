"""`ag train SPEC`"""

from __future__ import annotations

import logging
import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import click


@click.command("train")
@click.argument("spec", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="The run's folder [runs/NAME-TIME].")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Change the spec: train.epochs=5.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@click.option("--quiet", "-q", is_flag=True, help="Print only the result.")
def command(spec: Path, out: Path | None, overrides: tuple[str, ...], as_json: bool, quiet: bool) -> None:
    """Train the model that the file SPEC describes.

    Progress goes to standard error, the result to standard output. The run's folder holds the resolved spec,
    metrics.jsonl and checkpoints; `ag eval FOLDER` reads it.
    """
    from agcli.spec import read_spec

    checked = read_spec(spec, overrides)
    from agcli.events import Done
    from agcli.trainer import train

    with reporter(as_json, quiet) as report:
        for event in train(checked, out):
            report(event)
    if isinstance(event, Done) and not as_json:
        result(event)


def reporter(as_json: bool, quiet: bool) -> AbstractContextManager[Any]:
    """What shows the events: JSON lines, a live screen, or plain lines where there is no terminal."""
    if as_json:
        from agcli.report.lines import JsonLines

        return nullcontext(JsonLines(sys.stdout))
    if quiet:
        return nullcontext(lambda event: None)
    announce_downloads()
    if sys.stderr.isatty():
        from agcli.report.screen import Screen, console

        return Screen(console(stderr=True))
    from agcli.report.lines import PlainLines

    return nullcontext(PlainLines(sys.stderr))


def announce_downloads() -> None:
    """Let the readers of data sets say on standard error what they fetch."""
    logger = logging.getLogger("agcli.datasets")
    logger.setLevel(logging.INFO)
    logger.addHandler(logging.StreamHandler())


def result(event: Any) -> None:
    from agcli.report.screen import console, print_result

    print_result(console(), "test data", event.metrics, event.test_loss)
    click.echo(f"run: {event.run}")
