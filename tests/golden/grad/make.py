"""Write the golden files anew: every formula of formulas.txt in every format, and its derivatives.

Run `python tests/golden/grad/make.py` after a change that is meant, and read the difference before it is committed.
"""

import json
from pathlib import Path

from agcli.expression import ExpressionError
from agcli.expression.api import derivative, parse, to_format, to_text, variables
from agcli.expression.printers import FORMATS

HERE = Path(__file__).parent
FORMULAS = (HERE / "formulas.txt").read_text(encoding="utf-8").splitlines()


def written(text, form):
    """A formula in a format, or why the format has no words for it."""
    try:
        return to_format(parse(text), form)
    except ExpressionError as error:
        return f"error: {error}"


def derived(text):
    f = parse(text)
    return {name: to_text(derivative(f, name)) for name in variables(f)}


def golden(kind):
    """What the golden file of a format, or of `derivatives`, holds."""
    return {text: derived(text) if kind == "derivatives" else written(text, kind) for text in FORMULAS}


if __name__ == "__main__":
    for kind in (*FORMATS, "derivatives"):
        content = json.dumps(golden(kind), ensure_ascii=False, indent=0)
        (HERE / f"{kind}.json").write_text(f"{content}\n", encoding="utf-8")
