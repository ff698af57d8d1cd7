"""`ag verify-resume SPEC`"""

from __future__ import annotations

from pathlib import Path

import click

from agcli.counts import number_of


@click.command("verify-resume")
@click.argument("spec", type=click.Path(path_type=Path))
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Change the spec: train.epochs=2.")
@click.option("--kills", type=click.IntRange(1, 1000), default=5, show_default=True, help="How many kills.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Which moments.")
def command(spec: Path, overrides: tuple[str, ...], kills: int, seed: int) -> int:
    """Show on this machine that a killed training resumes to the same weights.

    Trains SPEC once undisturbed, then again while it is killed (SIGKILL) at random moments and resumed, and
    compares the last checkpoints bit by bit.
    """
    from agcli.training.verify_resume import verify_resume

    total, failed = 0, 0
    for trial in verify_resume(spec, overrides, kills, seed):
        total += trial.kills
        failed += not trial.ok
        said = "the same" if trial.ok else f"DIFFERENT from {trial.expected[:16]}"
        click.echo(
            f"{number_of(trial.kills, 'kill')}, {number_of(trial.steps, 'step')}: weights {trial.found[:16]}, {said}"
        )
    click.echo(f"{number_of(total, 'kill')} survived" if not failed else f"{failed} trainings came out different")
    return 1 if failed else 0
