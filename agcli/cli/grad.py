"""`ag grad EXPR`"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from agcli.expression.questions import Answer, Question

FORMATS = ["text", "unicode", "latex", "python", "numpy", "c", "json", "mathml", "dot"]


class FormulaCommand(click.Command):
    """A command whose argument may start with a minus sign: `-x^2` is no option, `--wrt` is."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, [f" {arg}" if starts_with_minus(arg) else arg for arg in args])


def starts_with_minus(arg: str) -> bool:
    return len(arg) > 1 and arg[0] == "-" and arg[1] != "-" and arg != "-h"


@click.command("grad", cls=FormulaCommand)
@click.argument("expression", required=False)
@click.option("--wrt", multiple=True, metavar="x,y", help="Differentiate by these in turn; repeat for more results.")
@click.option("--order", type=int, metavar="N", help="Differentiate N times; with --taylor, its n.")
@click.option("--gradient", is_flag=True, help="All first derivatives as one vector.")
@click.option("--jacobian", is_flag=True, help="The derivatives of each element of a vector formula.")
@click.option("--hessian", is_flag=True, help="The matrix of second derivatives.")
@click.option("--direction", default="", metavar="x=1,y=2", help="The derivative along a direction.")
@click.option("--implicit", default="", metavar="y", help="dy/dx of F(x, y) = 0, or of an equation.")
@click.option("--taylor", default="", metavar="x=0,n=5", help="The Taylor polynomial.")
@click.option("--at", multiple=True, metavar="x=2,y=pi/3", help="Values at a point.")
@click.option("--digits", type=int, metavar="N", help="N digits of the values that are proved; needs --at.")
@click.option("--given", multiple=True, metavar="a=3", help="Put values in before differentiating.")
@click.option("--shape", multiple=True, metavar="x=3", help="A variable is a vector, or a matrix: A=[2,3].")
@click.option("--simplify/--raw", "simplify", default=True, help="Shorten the result, or show it as it was built.")
@click.option("--steps", is_flag=True, help="List the rules that were applied.")
@click.option(
    "--check/--no-check",
    default=None,
    help="Show a proof by numbers; on for JSON. --no-check skips what is checked silently, too.",
)
@click.option("--plot", is_flag=True, help="Draw the formula and its derivative.")
@click.option("--range", "interval", metavar="-pi:pi", help="The interval of the plot.")
@click.option("--save", metavar="FILE", help="Save a plot as .svg or .png.")
@click.option("--format", "form", type=click.Choice(FORMATS), default="text", show_default=True, help="Of the output.")
@click.option("--batch", metavar="FILE", help="One formula a line, one JSON object a line; - is standard input.")
def command(expression: str | None, **options: Any) -> int:
    """Differentiate a formula, by every variable or as the options say; or the loss of a spec.

    \b
    ag grad "2*x^2 + 3*y + 1"                    d/dx = 4*x and d/dy = 3
    ag grad "x^2 + y^2 = 1" --implicit y         dy/dx = -x/y
    ag grad "sin(x)" --taylor x=0,n=5            x - x^3/6 + x^5/120
    ag grad "a*exp(-x^2)" --given a=2 --at x=1   values
    ag grad models/iris.yaml --wrt W1            the gradient of a model as a matrix formula
    """
    if options["batch"] is not None:
        return run_batch(expression, options)
    if expression is None:
        raise click.UsageError('expected a formula: ag grad "x^2", or --batch FILE')
    text = expression.strip()
    if text.endswith((".yaml", ".yml")):
        return run_model(text, options)
    if is_model(text):
        wrt = ",".join(options["wrt"])
        if wrt and text not in wrt.split(","):  # no variable of the formula `digits` but itself is called so
            return run_model(text, options)
        click.echo(
            f"note: {text} is a model, too; --wrt with the name of a parameter differentiates its loss", err=True
        )
    return run_one(text, options)


def is_model(text: str) -> bool:
    """Whether a formula that is but one word is the name of a model of the zoo."""
    if not re.fullmatch(r"[A-Za-z_]\w{2,}", text):
        return False
    from agcli.spec.source import located

    return located(text) != text


def question_of(options: dict[str, Any], check: bool) -> Question:
    """The options that say what is asked."""
    from agcli.expression.questions import Question

    known = set(Question.__match_args__)
    chosen = {name: value for name, value in options.items() if name in known and value is not None}
    if options["taylor"] and options["order"] == 1:  # which Question cannot tell from no order
        chosen["taylor"] += ",n=1"
    silent = options["check"] is not False
    return Question(**chosen | {"raw": not options["simplify"], "check": check, "verify": silent})


def run_one(expression: str, options: dict[str, Any]) -> int:
    from agcli.expression.answers import answer
    from agcli.expression.errors import ExpressionError
    from agcli.report.formulas import doubts, lines, to_json

    form, drawing = options["form"], None
    question = question_of(options, form == "json" if options["check"] is None else options["check"])
    try:
        found = answer(expression, question)
    except ExpressionError as error:
        if form != "json":  # there they are a part of the error
            tell(error.notes)
        raise
    if options["plot"] or options["save"]:
        from agcli.report.curves import plot

        drawing = plot(found, options["interval"], options["save"])  # what is wrong with it is said before the answer
    tell([*found.notes, *doubts(found)])
    if form == "json":
        import json

        click.echo(json.dumps(to_json(found)))
    else:
        for line in lines(found, form):
            click.echo(line)
    if drawing is not None:
        click.echo(drawing, err=form == "json")
    return verdict(found)


def tell(notes: Iterable[str]) -> None:
    """Notes beside an answer or before an error."""
    from agcli.expression.errors import printable

    for note in notes:
        click.echo(f"note: {printable(note)}", err=True)


def run_model(path: str, options: dict[str, Any]) -> int:
    """The gradient of the loss of a spec, by what --wrt names; checked before it is printed, but with --no-check."""
    import json
    from dataclasses import replace

    from agcli.model_gradients import model_gradients
    from agcli.report.models import model_json, model_lines

    allowed = ("wrt", "check", "format", "form", "simplify", "order")
    others = [name for name, value in options.items() if value and name not in allowed]
    others += ["order"] * (options["order"] not in (None, 1)) + ["raw"] * (not options["simplify"])
    others += ["digits"] * (options["digits"] is not None)
    if others:
        name = {"interval": "range"}.get(others[0], others[0])
        raise click.UsageError(f"--{name} is for formulas; a model takes --wrt, --check and --format")
    form = options["form"]
    found = model_gradients(path, options["wrt"], options["check"] is not False)
    shown = found if options["check"] or form == "json" else replace(found, checks=())
    for line in [json.dumps(model_json(found))] if form == "json" else model_lines(shown, form):
        click.echo(line)
    for name, check in zip(found.wrt, found.checks, strict=False):
        if check.ok is None and shown is not found:
            click.echo(f"note: the gradient by {name} could not be checked: formulas lack some of its ops", err=True)
    if all(check.ok is not False for check in found.checks):
        return 0
    click.echo(f"error: a gradient of `{path}` failed its check; please report this model", err=True)
    return 1


def verdict(found: Answer) -> int:
    """1, with a message, if a result was found to be wrong; 1 where digits could not be proved."""
    from agcli.expression.errors import shorten
    from agcli.report.proved_digits import open_questions

    if all(r.check is None or r.check.ok is not False for r in found.results):
        return int(any(open_questions(found)))
    formula = shorten(found.text, 200)
    click.echo(f"error: a derivative of `{formula}` failed its check; please report this formula", err=True)
    return 1


def run_batch(expression: str | None, options: dict[str, Any]) -> int:
    """One JSON line for each line of a file, as soon as it is known; 2 at the end if one was wrong."""
    import json

    from agcli.expression.batch import answers, error_json, formulas
    from agcli.expression.errors import ExpressionError
    from agcli.report.formulas import doubts, to_json
    from agcli.spec.source import waiting

    if expression is not None:
        raise click.UsageError("give a formula or --batch FILE, not both")
    name, code = options["batch"], 0
    question = question_of(options, options["check"] is not False)
    if kind := waiting(name):
        raise click.UsageError(f"--batch: expected a file, found {kind}: `{name}`")
    try:
        source = click.open_file(name, "r", encoding="utf-8-sig")
    except OSError as e:
        raise click.UsageError(f"--batch: cannot read `{name}`: {e.strerror}") from None
    try:
        with source as file:
            for found, text in answers(formulas(file), question):
                if isinstance(found, ExpressionError):
                    click.echo(error_json(found, text))
                    code = 2
                else:
                    click.echo(json.dumps(to_json(found)))
                    tell(f"`{text[:200]}`: {message}" for message in doubts(found))
                    code = max(code, verdict(found))
    except UnicodeDecodeError as e:
        byte = f"the byte 0x{e.object[e.start]:02x}"
        raise click.UsageError(f"--batch: `{name}`: expected UTF-8 text, found {byte}") from None
    return code
