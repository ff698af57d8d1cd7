"""LaTeX for amsmath."""

from __future__ import annotations

from typing import ClassVar

from agcli.engine.graph import Tensor
from agcli.expression.lift import lift
from agcli.expression.names import GREEK
from agcli.expression.printers import special
from agcli.expression.printers.letters import GREEK_NAMES, spelt, split_name
from agcli.expression.reading import Text
from agcli.expression.syntax import (
    ATOM,
    COMPARISON,
    EQUATION,
    POSTFIX,
    POWER,
    PRODUCT,
    SIGN,
    SUM,
    Call,
    Form,
    Literal,
    Number,
)
from agcli.expression.writer import Content, Piece, Rule, Writer, around, infix, listed, minus, prefix, product

LETTERS = GREEK - {"omicron"}
FUNCTIONS = [
    "sin", "cos", "tan", "sinh", "cosh", "tanh", "sec", "csc", "cot", "arcsin", "arccos", "arctan", "coth", "det",
]  # fmt: skip
NAMES = {"log": r"\ln", "log2": r"\log_{2}", "log10": r"\log_{10}", "maximum": r"\max", "minimum": r"\min"}
SIGNS = {"gamma": r"\Gamma", "digamma": r"\psi", "sigmoid": r"\sigma"}


def to_latex(t: Tensor) -> str:
    """The formula as LaTeX, without dollar signs."""
    return Latex(lift(t).nodes).write()


def function(name: str) -> Rule:
    """A function with parentheses that grow with their contents."""
    return lambda writer, node: ([rf"{name}\left(", *listed(node.args), r"\right)"], ATOM)


def multiply(writer: Writer, node: Call) -> Content:
    """Factors side by side; a dot where a digit would follow."""
    a, b = node.args
    sign = r" \cdot " if starts_with_number(writer, b) else " "
    signed = isinstance(writer.nodes[b], Call) and writer.nodes[b].function == "negative"  # type: ignore[union-attr]
    return [(a, PRODUCT), sign, (b, POWER if signed else PRODUCT + 1)], PRODUCT


def starts_with_number(writer: Writer, index: int) -> bool:
    """Whether the text of a node starts with a digit, or with a fraction, which reads as a mixed number."""
    node = writer.nodes[index]
    while isinstance(node, Call) and node.function in ("multiply", "power"):
        node = writer.nodes[node.args[0]]
    return isinstance(node, Number) or (isinstance(node, Call) and node.function == "divide")


def power(writer: Writer, node: Call) -> Content:
    """`x^{n}`; of a function, the power stands at its name: `\\sin^{2}(x)`."""
    base, exponent = node.args
    inner = writer.nodes[base]
    if base in writer.bound:
        return [(base, POSTFIX), "^{", (exponent, EQUATION), "}"], POWER
    if isinstance(inner, Call) and inner.function in FUNCTIONS and isinstance(writer.nodes[exponent], Number):
        return [rf"\{inner.function}^{{", (exponent, EQUATION), r"}\left(", *listed(inner.args), r"\right)"], ATOM
    fraction = isinstance(inner, Call) and inner.function == "divide"
    tight = ATOM + 1 if fraction else POSTFIX + isinstance(inner, Call)
    return [(base, tight), "^{", (exponent, EQUATION), "}"], POWER


def where(writer: Writer, node: Call) -> Content:
    condition, a, b = node.args
    pieces: list[Piece] = [r"\begin{cases}", (a, EQUATION), r" & \text{if } ", (condition, EQUATION)]
    return [*pieces, r" \\ ", (b, EQUATION), r" & \text{otherwise}\end{cases}"], ATOM


def identity(writer: Writer, node: Call) -> Content:
    """`I_{3}`"""
    return writer.call(node) if len(node.args) > 1 else (["I_{", (node.args[0], EQUATION), "}"], ATOM)


def outer(writer: Writer, node: Call) -> Content:
    r"""`x y^{\top}`"""
    a, b = node.args
    return [(a, POSTFIX), " ", (b, ATOM), r"^{\top}"], PRODUCT


def filled(symbol: str) -> Rule:
    r"""An array of one number, with its lengths below: `0_{3 \times 3}`."""

    def rule(writer: Writer, node: Call) -> Content:
        shape = writer.nodes[node.args[0]]
        lengths = shape.args if isinstance(shape, Form) else node.args[:1]
        return [symbol, "_{", *listed(lengths, comma=r" \times "), "}"], ATOM

    return rule


class Latex(Writer):
    """Formulas as mathematicians set them."""

    parentheses: ClassVar = (r"\left(", r"\right)")
    constants: ClassVar = {"pi": r"\pi", "e": "e"}
    rules: ClassVar = {
        **{f: function(rf"\{f}") for f in FUNCTIONS},
        **{f: function(name) for f, name in (NAMES | SIGNS).items()},
        "equation": infix(" = ", EQUATION),
        "equal": infix(" = ", COMPARISON),
        "not_equal": infix(r" \ne ", COMPARISON),
        "less": infix(" < ", COMPARISON),
        "less_equal": infix(r" \le ", COMPARISON),
        "greater": infix(" > ", COMPARISON),
        "greater_equal": infix(r" \ge ", COMPARISON),
        "logical_and": infix(r" \wedge ", COMPARISON),
        "logical_or": infix(r" \vee ", COMPARISON),
        "logical_not": prefix(r"\neg ", SIGN),
        "add": infix(" + ", SUM),
        "subtract": infix(" - ", SUM),
        "multiply": multiply,
        "hadamard": product(r" \odot ", ""),
        "matmul": product(" ", ""),
        "divide": around(r"\frac{", "}{", "}"),
        "negative": minus("-"),
        "power": power,
        "sqrt": around(r"\sqrt{", "}"),
        "cbrt": around(r"\sqrt[3]{", "}"),
        "exp": around("e^{", "}", precedence=POWER),
        "exp2": around("2^{", "}", precedence=POWER),
        "abs": around(r"\left|", r"\right|"),
        "norm": around(r"\left\|", r"\right\|"),
        "floor": around(r"\left\lfloor ", r"\right\rfloor"),
        "ceil": around(r"\left\lceil ", r"\right\rceil"),
        "transpose": around("", r"^{\top}", precedence=POSTFIX, inside=ATOM),
        "inv": around("", "^{-1}", precedence=POSTFIX, inside=ATOM),
        "where": where,
        "eye": identity,
        "outer": outer,
        "zeros": filled("0"),
        "ones": filled(r"\mathbf{1}"),
        "diag": function(r"\operatorname{diag}"),
        "sum": function(r"\operatorname{sum}"),
        **special.rules(special.latex),
    }

    def number(self, node: Number) -> Content:
        mantissa, _, exponent = node.text.partition("e")
        if exponent:
            return [rf"{mantissa} \cdot 10^{{{int(exponent)}}}"], PRODUCT
        return [node.text], ATOM

    def name(self, name: str) -> str:
        letter, index = split_name(name)
        return set_name(letter) + (f"_{{{set_name(index) if index[0].isalpha() else spelt(index)}}}" if index else "")

    def literal(self, node: Literal) -> str:
        return rf"\mathrm{{{spelt(str(node.value))}}}" if node.value is not ... else r"\ldots"

    def call(self, node: Call) -> Content:
        content, precedence = super().call(node)
        return [rf"\operatorname{{{spaced(node.function)}}}\left(", *content[2:-1], r"\right)"], precedence

    def form(self, node: Form) -> Content:
        if node.kind == "equation":
            return self.rules["equation"](self, Call(0, 0, "equation", node.args))
        if node.kind == "vector":
            return self.matrix(node)
        if node.kind == "index":
            base, *items = node.args
            return [(base, ATOM), "_{", *listed(items), "}"], POSTFIX
        if node.kind == "slice":
            return Text.slice(self, node.args)  # type: ignore[arg-type]
        return [r"\left(", *listed(node.args), r"\right)"], ATOM

    def matrix(self, node: Form) -> Content:
        """A column, or the rows of a matrix."""
        rows = [self.nodes[i] for i in node.args]
        pieces: list[Piece] = [r"\begin{bmatrix}"]
        for place, (index, row) in enumerate(zip(node.args, rows, strict=True)):
            is_row = isinstance(row, Form) and row.kind == "vector"
            cells = row.args if isinstance(row, Form) and is_row else (index,)
            pieces += [r" \\ " if place else "", *listed(cells, comma=" & ")]
        return [*pieces, r"\end{bmatrix}"], ATOM


def set_name(word: str) -> str:
    """A letter as it is, the name of a Greek one as its letter, a word upright."""
    if len(word) == 1 and word.isascii():
        return word
    greek = GREEK_NAMES.get(word, word)
    return rf"\{greek}" if greek in LETTERS else rf"\mathrm{{{spaced(spelt(word))}}}"


def spaced(word: str) -> str:
    return word.replace("_", r"\_")
