"""`ag solve EQUATION...`"""

from __future__ import annotations

import json

import click

from .grad import FormulaCommand, tell
from .minimize import search_options


@click.command("solve", cls=FormulaCommand)
@click.argument("equations", nargs=-1, required=True)
@search_options
def command(
    equations: tuple[str, ...],
    bounds: tuple[str, ...],
    start: tuple[str, ...],
    at: tuple[str, ...],
    starts: int,
    seed: int,
    as_json: bool,
) -> int:
    """Find where formulas are 0, or equations hold: as many as there are unknowns.

    \b
    ag solve "x^3 - 2*x - 5"                          x = 2.09455148154
    ag solve "cos(x) = x" --bounds x=0..1             a root, and a proof that there is no other
    ag solve "x^2 + y^2 = 4" "x*y = 1"                a system

    Many searches are started; each root is checked by what is left of the formulas. The exit code is 1 if none is
    found, 0 if it is proved that there is none.
    """
    from agcli.expression.errors import ExpressionError
    from agcli.report.solutions import print_roots, roots_json
    from agcli.solving.problem import problem
    from agcli.solving.roots import solve

    texts = [text.strip() for text in equations]
    try:
        asked = problem(texts, bounds=bounds, start=start, at=at, starts=starts, seed=seed, equations=True)
        found = solve(asked)
    except ExpressionError as error:
        if not as_json:
            tell(error.notes)
        raise
    tell(asked.notes)
    if as_json:
        click.echo(json.dumps(roots_json(found)))
    else:
        print_roots(found)
    return 0 if found.points or found.proof is not None else 1
