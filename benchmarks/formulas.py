"""The corpus of formulas, read for both sides, and one count of operators for the texts of both."""

import re
from pathlib import Path

CORPUS = Path(__file__).resolve().parent.parent / "tests" / "corpus"
OPERATOR = re.compile(r"\*\*|[-+*/^]|[A-Za-z_]\w*(?=\()")


def corpus():
    """(file, formula) of every line that is neither empty nor a comment."""
    for path in sorted(CORPUS.glob("*.txt")):
        for line in path.read_text("utf-8").splitlines():
            if line and not line.startswith("#"):
                yield path.stem, line


def operators(text):
    """How many operators, signs and functions a reader of a formula meets."""
    return len(OPERATOR.findall(text))


def sympy_reader():
    """A function text -> SymPy expression over real symbols."""
    import sympy as sp
    from sympy.parsing import sympy_parser as parsing

    names = {name: sp.Symbol(name, real=True) for name in "abcdfghkmnpqrstuvwxyz"}
    inverses = {f"arc{f}": getattr(sp, f"a{f}") for f in ("sin", "cos", "tan", "sinh", "cosh", "tanh")}
    others = {
        "abs": sp.Abs,
        "digamma": sp.digamma,
        "e": sp.E,
        "lgamma": sp.loggamma,
        "log10": lambda u: sp.log(u) / sp.log(10),
        "log2": lambda u: sp.log(u) / sp.log(2),
        "max": sp.Max,
        "maximum": sp.Max,
        "sigmoid": lambda u: 1 / (1 + sp.exp(-u)),
    }
    rules = (*parsing.standard_transformations, parsing.factorial_notation, parsing.convert_xor)
    return lambda text: parsing.parse_expr(text, local_dict=names | inverses | others, transformations=rules)
