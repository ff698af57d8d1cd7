"""`ag train SPEC`"""

from __future__ import annotations

import logging
import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import click


@click.command("train")
@click.argument("spec", type=click.Path(path_type=Path), required=False)
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="The run's folder [runs/NAME-TIME].")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Change the spec: train.epochs=5.")
@click.option("--resume", metavar="RUN", help="Go on with a run; `auto` takes the newest that has not ended.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@click.option("--quiet", "-q", is_flag=True, help="Print only the result.")
def command(
    spec: Path | None, out: Path | None, overrides: tuple[str, ...], resume: str | None, as_json: bool, quiet: bool
) -> int:
    """Train the model that the file SPEC describes.

    Progress goes to standard error, the result to standard output. The run's folder holds the resolved spec,
    metrics.jsonl and checkpoints; `ag eval FOLDER` reads it. Ctrl-C ends after the step that runs, with a
    checkpoint, and `ag train --resume FOLDER` goes on from there; a second Ctrl-C ends at once.
    """
    from agcli.trainer.starting import trainer_for

    if spec is None and resume is None:
        raise click.UsageError("Missing argument 'SPEC'; or go on with a run: ag train --resume RUN")
    with reporter(as_json, quiet) as report:
        trainer = trainer_for(spec, out, overrides, resume)
        from agcli.trainer.signals import stopping

        with stopping(trainer.stop):
            for event in trainer:
                report(event)
    return ended(event, as_json)


def ended(event: Any, as_json: bool) -> int:
    """Print the result; the exit code."""
    from agcli.events import Interrupted

    if isinstance(event, Interrupted):
        if not as_json:
            click.echo(f"stopped at step {event.step:,}; go on with: ag train --resume {event.run}", err=True)
        return 128 + event.signal
    if not as_json:
        result(event)
    return 0


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
