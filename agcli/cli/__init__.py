"""The command line. A command is a file here, imported when it is called: `ag --help` loads none of them."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from contextlib import suppress
from importlib import import_module
from io import StringIO
from itertools import pairwise
from typing import Any

import click

from agcli.printable import printable_lines

from . import streams, terminal

WRONG_PATHS = (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError)  # a person can mend these
MEANT = {"--checkpoint": "--weights"}  # options by what people call them -> what they are called here
COMMANDS = {
    "train": "Train the model that a spec describes.",
    "eval": "Judge a trained model on test data or a file.",
    "predict": "Predict the samples of a file with a trained model.",
    "report": "Write an HTML page about a run.",
    "runs": "List, compare and remove runs.",
    "verify-resume": "Show that a killed training resumes to the same weights.",
    "replay": "Repeat the step with which a training failed.",
    "grad": "Differentiate a formula.",
    "minimize": "Find the minima of a formula.",
    "solve": "Find the roots of formulas and equations.",
    "data": "List, describe and fetch data sets, and look at files.",
    "init": "Write a spec that trains on a file.",
    "check": "Check a spec without training: layers, gradient, memory, time.",
    "show": "Draw a model: its layers, graph, gradient or plan.",
    "models": "List the models that ship with ag.",
    "schema": "Print the JSON Schema of a spec, for editors.",
}


class Commands(click.Group):
    """Commands by the name of their file."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        return import_module(f"agcli.cli.{cmd_name.replace('-', '_')}").command  # type: ignore[no-any-return]

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(args[0], COMMANDS, 1)
            hint = f"; did you mean `ag {near[0]}`?" if near else f"; there are {', '.join(COMMANDS)}"
            raise click.UsageError(f"no command is called `{args[0]}`{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.version_option(package_name="agcli", prog_name="ag")
@click.pass_context
def ag(ctx: click.Context, debug: bool) -> None:
    """Train models described in YAML, and differentiate formulas.

    \b
    ag train models/digits.yaml      train a model from its spec
    ag grad "2*x^2 + 3*y + 1"        symbolic derivatives: 4*x and 3
    ag eval runs/digits              metrics on test data
    """
    ctx.obj = debug


def main() -> None:
    """Run the command line; whatever a person can cause ends in one message and a defined exit code."""
    gc.set_threshold(200_000)  # what is loaded stays: to look through it again and again takes a tenth of a start,
    atexit.register(gc.freeze)  # and to look through it at the end, when all of it goes, as much once more
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # there is no use for any, and the search takes 20 ms
    streams.ready()
    terminal.settle()
    code = called()
    streams.settle()
    sys.exit(code)


def called() -> int:
    """Call the command; the exit code."""
    try:
        code = ag.main(standalone_mode=False)
        streams.flush_output()
        return code if isinstance(code, int) else 0
    except BrokenPipeError:  # the reader of our output has gone
        streams.abandon(sys.stdout)
        return 1
    except (KeyboardInterrupt, click.Abort):
        return told("interrupted", 130, lead="")
    except click.ClickException as e:
        if isinstance(e, click.NoSuchOption) and e.option_name in MEANT:
            meant = f"No such option '{e.option_name}'. Did you mean '{MEANT[e.option_name]}'?"
            e = click.NoSuchOption(e.option_name, meant, ctx=e.ctx)
        if not wants_json():
            e.show(shown := StringIO())
            said(printable_lines(shown.getvalue()).removesuffix("\n"))
            return e.exit_code
        return told(e.format_message(), e.exit_code)
    except Exception as e:
        if "--debug" in sys.argv:
            raise
        return explained(e)


def explained(error: Exception) -> int:
    """Say what went wrong and give the exit code; errors made on purpose carry theirs."""
    code = getattr(error, "exit_code", None)
    if code is not None:
        return told(str(error), int(code), getattr(error, "to_json", dict)())
    if isinstance(error, OSError):
        is_output = error.errno in streams.FULL + streams.GONE  # whoever writes a file says which
        message = f"{error.filename or (streams.OUTPUT if is_output else 'system')}: {error.strerror or error}"
        return told(message, 2 if isinstance(error, WRONG_PATHS) else 1)
    if isinstance(error, MemoryError):
        return told(f"there is not enough memory: {error or 'none is left'}; make the model or its batches smaller", 1)
    kind = type(error).__name__
    return told(f"{kind}: {error}\nThis is a bug; `ag --debug ...` shows where.", 1, lead="internal error: ")


def told(message: str, code: int, more: dict[str, Any] | None = None, *, lead: str = "error: ") -> int:
    """Print what ended a command on standard error, as JSON where JSON was asked for; the exit code."""
    if wants_json():
        import json

        said(json.dumps({"error": {"code": code, "message": message, **(more or {})}}))
    else:
        said(lead + printable_lines(message))
    return code


def said(text: str) -> None:
    """Print a line on standard error, if anybody reads it."""
    with suppress(OSError, ValueError):
        click.echo(text, err=True)


def wants_json() -> bool:
    """Whether the output is for a program. It is read off the words, as wrong options are an error like others."""
    return "--json" in sys.argv or "--format=json" in sys.argv or ("--format", "json") in pairwise(sys.argv)
