"""Text with the signs that people write by hand: x², 2·π, √(x), |x|."""

from __future__ import annotations

from typing import ClassVar

from agcli.engine.graph import Tensor
from agcli.expression.lift import lift
from agcli.expression.printers import special
from agcli.expression.printers.letters import GREEK_LETTERS, split_name
from agcli.expression.reading import Text
from agcli.expression.syntax import COMPARISON, POSTFIX, POWER, Call
from agcli.expression.writer import Content, Writer, around, infix, named, product, whole

SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def to_unicode(t: Tensor) -> str:
    """The formula in one line of signs."""
    return Unicode(lift(t).nodes).write()


def power(writer: Writer, node: Call) -> Content:
    """A whole exponent is raised, any other stands behind `^`."""
    base, exponent = node.args
    digits = whole(writer, exponent)
    if digits:
        return [(base, POSTFIX), digits.translate(SUPERSCRIPTS)], POWER
    return Text.rules["power"](writer, node)


class Unicode(Text):
    """Text in which operators, powers and Greek names are signs."""

    constants: ClassVar = {"pi": "π", "e": "e"}
    rules: ClassVar = {
        **Text.rules,
        "multiply": product("·", " · "),
        "hadamard": product(" ⊙ ", " ⊙ "),
        "less_equal": infix(" ≤ ", COMPARISON),
        "greater_equal": infix(" ≥ ", COMPARISON),
        "not_equal": infix(" ≠ ", COMPARISON),
        "equal": infix(" = ", COMPARISON),
        "power": power,
        "sqrt": around("√(", ")"),
        "cbrt": around("∛(", ")"),
        "abs": around("|", "|"),
        "log": named("ln"),
        "gamma": named("Γ"),
        "digamma": named("ψ"),
        "sigmoid": named("σ"),
        "transpose": around("", "ᵀ", inside=POSTFIX),
        **special.rules(special.unicode),
    }

    def name(self, name: str) -> str:
        letter, index = split_name(name)
        below = index.translate(SUBSCRIPTS) if index.isdigit() else f"_{index}" if index else ""
        return GREEK_LETTERS.get(letter, letter) + below
