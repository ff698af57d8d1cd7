"""`ag show SPEC`"""

from __future__ import annotations

from pathlib import Path

import click

# Written out here, since the room that knows them imports NumPy; a test compares.
STAGES = ["spec", "graph", "gradient", "plan"]
FORMATS = ["tree", "mermaid", "dot", "svg"]


@click.command("show")
@click.argument("spec", type=click.Path(path_type=Path))
@click.option("--stage", type=click.Choice(STAGES), default="spec", show_default=True, help="What is drawn.")
@click.option("--format", "form", type=click.Choice(FORMATS), default="tree", show_default=True, help="How.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Change the spec: train.batch_size=5.")
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Write to a file.")
def command(spec: Path, stage: str, form: str, overrides: tuple[str, ...], out: Path | None) -> None:
    """Draw the model of SPEC, a file or a model of the zoo.

    \b
    spec        its layers, with shapes and parameters
    graph       the loss as a graph of ops
    gradient    the derivatives of the loss by the parameters
    plan        the steps that run, and where their results lie in memory
    """
    from agcli.inspection import draw
    from agcli.spec import read_spec

    text = draw(read_spec(spec, overrides), stage, form)
    if out is None:
        click.echo(text)
        return
    from agcli.data.whole_file import whole_file

    with whole_file(out) as file:
        file.write(f"{text}\n".encode())
