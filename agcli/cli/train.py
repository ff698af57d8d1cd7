"""`ag train SPEC`"""

from __future__ import annotations

import json
import logging
import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import click

from .streams import Both, lasting


@click.command("train")
@click.argument("spec", type=click.Path(path_type=Path), required=False)
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="The run's folder [runs/NAME-TIME].")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Change the spec: train.epochs=5.")
@click.option("--resume", metavar="RUN", help="Go on with a run; `auto` takes the newest that has not ended.")
@click.option("--dry-run", is_flag=True, help="Try two steps of everything, and leave nothing behind.")
@click.option("--overfit", is_flag=True, help="Train on one batch until it is learnt, and leave nothing behind.")
@click.option("--profile", is_flag=True, help="Measure 50 steps: a table by op, and a trace in the run's folder.")
@click.option("--folds", type=click.IntRange(2, 1000), metavar="K", help="Cross-validate: train K times, test on all.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@click.option("--quiet", "-q", is_flag=True, help="Print only the result.")
def command(
    spec: Path | None,
    out: Path | None,
    overrides: tuple[str, ...],
    resume: str | None,
    dry_run: bool,
    overfit: bool,
    profile: bool,
    folds: int | None,
    as_json: bool,
    quiet: bool,
) -> int:
    """Train the model that the file SPEC describes.

    Progress goes to standard error, the result to standard output. The run's folder holds the resolved spec,
    metrics.jsonl and checkpoints; `ag eval FOLDER` reads it. Ctrl-C ends after the step that runs, with a
    checkpoint, and `ag train --resume FOLDER` goes on from there; a second Ctrl-C ends at once.
    """
    if folds is not None and (resume or dry_run or overfit or profile):
        raise click.UsageError("--folds trains anew; a fold is a run, to be resumed by itself: --resume RUN/fold-1")
    if spec is None and resume is None:
        raise click.UsageError("Missing argument 'SPEC'; or go on with a run: ag train --resume RUN")
    if dry_run or overfit:
        if spec is None or resume or out or profile or (dry_run and overfit):
            raise click.UsageError("--dry-run and --overfit take a SPEC, --set and --json, and exclude each other")
        return attempt(spec, overrides, overfit, as_json)
    with lasting() as streams:
        with reporter(as_json, quiet) as report:
            trainer = opened(spec, out, overrides, resume, folds)
            from agcli.training import Trainer
            from agcli.training.signals import stopping

            if profile and isinstance(trainer, Trainer):
                from agcli.training.profile import Profile

                trainer.profile = Profile()
            with stopping(trainer.stop):
                for event in trainer:
                    report(event)
                    lost(streams, trainer)
        if profile:
            measured(trainer, as_json)
        code = ended(event, as_json)
        sys.stdout.flush()
        lost(streams, trainer)
    return code or int(streams.failed)


def opened(
    path: Path | None, out: Path | None, overrides: tuple[str, ...], resume: str | None, folds: int | None
) -> Any:
    """The trainer for what was asked for. A large set is read on a thread while the modules of training are loaded."""
    from agcli.spec import read_spec

    spec = None if path is None else read_spec(path, overrides)
    if spec is not None and resume is None:
        from agcli.data.section import begin

        begin(spec)
    from agcli.training.open_trainer import trainer_for

    return trainer_for(spec, out, overrides, resume, folds)


def lost(streams: Both, trainer: Any) -> None:
    """Write into the log of the run that nobody sees any more what is printed."""
    for text in streams.losses():
        trainer.log(text)
        click.echo(f"note: {text}", err=True)


def attempt(path: Path, overrides: tuple[str, ...], overfit: bool, as_json: bool) -> int:
    """A training that leaves nothing behind; the exit code."""
    from agcli.report import trials as text
    from agcli.spec import read_spec
    from agcli.training import dry_run as trials
    from agcli.training.advice import other_rate

    spec = read_spec(path, overrides)
    result: Any = trials.overfit(spec) if overfit else trials.dry_run(spec)
    if as_json:
        click.echo(json.dumps(result.to_json()))
    elif overfit:
        advice = f"look at the targets and the loss, and try {other_rate(spec, 10)}, or {other_rate(spec, 0.1)}"
        click.echo(text.overfitted(result, advice))
    else:
        click.echo(text.tried(result))
    return 1 if overfit and not result.learnt else 0


def measured(trainer: Any, as_json: bool) -> None:
    """Write the trace of a profile, and print its table."""
    profile, path = trainer.profile, trainer.run.folder / "profile.json"
    trainer.run.write(path.name, profile.trace(), indent=None)
    if as_json:
        click.echo(json.dumps({"event": "profile", "trace": str(path), "ops": [r.to_json() for r in profile.rows()]}))
        return
    from agcli.report.trials import print_profile

    print_profile(profile, path)


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
    """Let the readers of data sets say on standard error what they fetch, until the command ends."""
    logger, handler = logging.getLogger("agcli.datasets"), logging.StreamHandler()
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    click.get_current_context().call_on_close(lambda: logger.removeHandler(handler))


def result(event: Any) -> None:
    from agcli.events import Folded
    from agcli.report.screen import print_result

    if isinstance(event, Folded):
        from agcli.report.tables import print_folds

        print_folds(event)
        return
    print_result(event)
