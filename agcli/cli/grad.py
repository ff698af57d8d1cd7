"""`ag grad EXPR`"""

from __future__ import annotations

import click


@click.command("grad")
@click.argument("expression")
@click.option("--wrt", multiple=True, metavar="x,y", help="Differentiate by these variables, in turn [each one].")
@click.option("--format", "form", default="text", metavar="NAME", help="text or json.")
def command(expression: str, wrt: tuple[str, ...], form: str) -> None:
    """Differentiate a formula."""
    import json

    from agcli.expression.api import derivative, read
    from agcli.expression.printers.text import to_text

    formula = read(expression)
    for doubt in formula.doubts:
        click.echo(doubt.message, err=True)
    groups = [w.split(",") for w in wrt] or [[name] for name in sorted(formula.names)]
    results = [(g, to_text(derivative(formula.tensor, *g))) for g in groups]
    if form == "json":
        rows = [{"wrt": g, "derivative": d, "value": None} for g, d in results]
        click.echo(json.dumps({"expression": expression, "results": rows, "variables": sorted(formula.names)}))
        return
    for g, d in results:
        click.echo(f"d/d{' d'.join(g)} = {d}")
