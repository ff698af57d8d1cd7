"""`ag minimize EXPR`"""

from __future__ import annotations

import json
from collections.abc import Callable

import click

from .grad import FormulaCommand, tell

SEARCH = [
    click.option("--bounds", multiple=True, metavar="x=0..1", help="Between which numbers; x=0.. and x=..1 for one."),
    click.option("--start", multiple=True, metavar="x=1,y=2", help="Where the first search starts."),
    click.option("--at", multiple=True, metavar="a=3", help="Put values in before anything else."),
    click.option("--starts", type=int, default=64, show_default=True, metavar="N", help="How many searches."),
    click.option("--seed", type=int, default=0, show_default=True, metavar="N", help="Of the points where they start."),
    click.option("--json", "as_json", is_flag=True, help="Print one JSON object."),
]


def search_options(function: Callable[..., int]) -> Callable[..., int]:
    """The options that `minimize` and `solve` share."""
    for option in reversed(SEARCH):
        function = option(function)
    return function


@click.command("minimize", cls=FormulaCommand)
@click.argument("expression")
@click.option("--all", "everything", is_flag=True, help="Maxima, saddles and other critical points, too.")
@search_options
def command(
    expression: str,
    everything: bool,
    bounds: tuple[str, ...],
    start: tuple[str, ...],
    at: tuple[str, ...],
    starts: int,
    seed: int,
    as_json: bool,
) -> int:
    """Find the minima of a formula, and say what each of them is.

    \b
    ag minimize "(1 - x)^2 + 100*(y - x^2)^2"         the minimum at x = 1, y = 1
    ag minimize "x*sin(x)" --bounds x=0..10           minima inside and at the bounds
    ag minimize "x^4 - a*x^2" --at a=2 --all          maxima and saddles, too

    Many searches are started; each point is checked by its gradient and its curvature. The exit code is 1 if none is
    found.
    """
    from agcli.expression.errors import ExpressionError
    from agcli.report.solutions import minima_json, print_minima
    from agcli.solving.minima import minimize
    from agcli.solving.problem import problem

    try:
        asked = problem([expression.strip()], bounds=bounds, start=start, at=at, starts=starts, seed=seed)
        found = minimize(asked, everything)
    except ExpressionError as error:
        if not as_json:
            tell(error.notes)
        raise
    tell(asked.notes)
    if as_json:
        click.echo(json.dumps(minima_json(found)))
    else:
        print_minima(found)
    return 0 if found.points else 1
