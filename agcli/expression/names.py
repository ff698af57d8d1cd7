"""What a name means: constant, variable or function; which names are doubtful, and what an unknown one should be."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from agcli.expression.errors import nearest, shorten
from agcli.expression.foreign_names import INSTEAD

CONSTANTS = {"pi": "pi", "π": "pi", "e": "e"}
LITERALS = {"True": True, "False": False, "None": None}
_FIRST_LETTERS = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu"]
_LAST_LETTERS = ["nu", "xi", "omicron", "pi", "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega"]
GREEK = frozenset([*_FIRST_LETTERS, *_LAST_LETTERS])
RESERVED = {
    "and": "write `logical_and(a, b)`",
    "or": "write `logical_or(a, b)`",
    "not": "write `logical_not(a)`",
    "if": "write `where(condition, a, b)`",
    "else": "write `where(condition, a, b)`",
    "for": "a formula has no loops; write `sum(x)` or `prod(x)`",
    "in": "a formula has no loops; write `sum(x)` or `prod(x)`",
    "import": "a formula needs no imports; the functions are there",
}
# functions whose names are as often those of quantities: without parentheses, they are variables, with a note
NOUNS = GREEK | {"cross", "diff", "exp1", "expi", "fold", "glu", "gradient", "logit", "partition"}
# functions that are variables in most formulas: calls alone are read as functions, where nothing says otherwise
SHY = frozenset(["beta", "zeta", "jv", "yv", "iv", "kv", "ive", "kve", *(f"{c}{n}" for c in "jyik" for n in "01")])
NEAR = 0.8  # of a name of a function, as difflib measures it
_INVERSES = {"sin", "cos", "tan", "sec", "csc", "cot", "sinh", "cosh", "tanh", "sech", "csch", "coth"}


def is_letter(name: str) -> bool:
    """Whether a name is one letter, perhaps with an index (`x`, `θ`, `theta`, `x1`, `x_max`): nobody's function."""
    letter = name.partition("_")[0].rstrip("0123456789")
    return len(letter) == 1 or letter in GREEK


def is_word(name: str) -> bool:
    """Whether a name is a word, which may have been meant as anything but a factor: `tan`, `derive`, no `x`, `pi`,
    `theta` or `x_max`."""
    return len(name) > 1 and name.isalpha() and name not in GREEK and name not in CONSTANTS


def inverse_hint(function: str, power: str) -> str:
    """What to type instead of `sin^-1(x)`, where `power` is 1, or of `sin^-2(x)`."""
    if power != "1":
        return f"write `{function}(x)^-{power}`"
    reciprocal = f"`1/{function}(x)` for the reciprocal"
    return f"write `a{function}(x)` for the inverse or {reciprocal}" if function in _INVERSES else f"write {reciprocal}"


def other_reading(name: str, functions: AbstractSet[str]) -> str:
    """What to type if a short name such as `xy`, `pir` or `sinx` was not meant as one variable; empty if it was."""
    if not name.isalpha() or name in GREEK:
        return ""
    for cut in (len(name) - 1, len(name) - 2):
        if name[:cut] in functions:
            return f"`{name[:cut]}({'*'.join(name[cut:])})` for the function"
    if not 2 <= len(name) <= 3:
        return ""
    product = "pi*" + name[2:] if name.startswith("pi") else "*".join(name)
    return f"`{product}` for the product"


def unknown_function(name: str, functions: AbstractSet[str]) -> str:
    """What to type instead of an unknown function: what does the same, the nearest one, or a product."""
    if name in INSTEAD:
        return INSTEAD[name]
    if name[1:] in functions and len(name) > 3:
        return f"write `{name[0]}*{name[1:]}(...)` for a product"
    near = nearest(name, functions, NEAR)
    product = f"write `{shorten(name)}*(...)` if it is a variable"
    return f"did you mean `{near}`? Or {product}" if near else product
