"""Presentation MathML for web pages."""

from __future__ import annotations

from html import escape
from typing import ClassVar

from agcli.engine.graph import Tensor
from agcli.expression.lift import lift
from agcli.expression.printers import special
from agcli.expression.printers.letters import GREEK_LETTERS, split_name
from agcli.expression.syntax import (
    ATOM,
    COMPARISON,
    EQUATION,
    POSTFIX,
    POWER,
    PRODUCT,
    SUM,
    Call,
    Form,
    Literal,
    Number,
)
from agcli.expression.writer import Content, Piece, Rule, Writer, around, infix, listed, minus, product

NAMES = {"log": "ln", "gamma": "Γ", "digamma": "ψ", "sigmoid": "σ", "maximum": "max", "minimum": "min"}
OPEN, CLOSE, COMMA = "<mo>(</mo>", "<mo>)</mo>", "<mo>,</mo>"


def to_mathml(t: Tensor) -> str:
    """The formula as one `math` element."""
    return in_math(MathML(lift(t).nodes).write())


def in_math(content: str) -> str:
    return f'<math xmlns="http://www.w3.org/1998/Math/MathML"><mrow>{content}</mrow></math>'


def sign(character: str) -> str:
    return f"<mo>{escape(character)}</mo>"


def row(*texts: str, inside: int = EQUATION, precedence: int = ATOM) -> Rule:
    """An element whose operands are rows of their own."""
    between = [f"{text}<mrow>" if place == 0 else f"</mrow>{text}<mrow>" for place, text in enumerate(texts[:-1])]
    return around(*between, f"</mrow>{texts[-1]}", inside=inside, precedence=precedence)


def power(writer: Writer, node: Call) -> Content:
    base, exponent = node.args
    inner = writer.nodes[base]
    fraction = isinstance(inner, Call) and inner.function == "divide"
    tight = ATOM + 1 if fraction else POSTFIX + isinstance(inner, Call)
    return ["<msup><mrow>", (base, tight), "</mrow><mrow>", (exponent, EQUATION), "</mrow></msup>"], POWER


def where(writer: Writer, node: Call) -> Content:
    condition, a, b = node.args
    pieces: list[Piece] = ["<mrow><mo>{</mo><mtable><mtr><mtd>", (a, EQUATION), "</mtd><mtd><mtext>if </mtext>"]
    pieces += [(condition, EQUATION), "</mtd></mtr><mtr><mtd>", (b, EQUATION), "</mtd><mtd><mtext>otherwise</mtext>"]
    return [*pieces, "</mtd></mtr></mtable></mrow>"], ATOM


class MathML(Writer):
    """Formulas as browsers draw them."""

    parentheses: ClassVar = (f"<mrow>{OPEN}", f"{CLOSE}</mrow>")
    constants: ClassVar = {"pi": "<mi>π</mi>", "e": "<mi>e</mi>"}
    rules: ClassVar = {
        "equation": infix(sign("="), EQUATION),
        "equal": infix(sign("="), COMPARISON),
        "not_equal": infix(sign("≠"), COMPARISON),
        "less": infix(sign("<"), COMPARISON),
        "less_equal": infix(sign("≤"), COMPARISON),
        "greater": infix(sign(">"), COMPARISON),
        "greater_equal": infix(sign("≥"), COMPARISON),
        "add": infix(sign("+"), SUM),
        "subtract": infix(sign("−"), SUM),
        "multiply": infix(sign("⋅"), PRODUCT),
        "hadamard": product(sign("⊙"), ""),
        "matmul": infix(sign("⋅"), PRODUCT),
        "divide": row("<mfrac>", "", "</mfrac>"),
        "negative": minus(sign("−")),
        "power": power,
        "exp": row("<msup><mi>e</mi>", "</msup>", precedence=POWER),
        "sqrt": row("<msqrt>", "</msqrt>"),
        "cbrt": row("<mroot>", "<mn>3</mn></mroot>"),
        "abs": around("<mrow><mo>|</mo>", "<mo>|</mo></mrow>"),
        "floor": around("<mrow><mo>⌊</mo>", "<mo>⌋</mo></mrow>"),
        "ceil": around("<mrow><mo>⌈</mo>", "<mo>⌉</mo></mrow>"),
        "transpose": row("<msup>", "<mo>⊤</mo></msup>", inside=ATOM, precedence=POSTFIX),
        "where": where,
        **special.rules(special.mathml),
    }

    def number(self, node: Number) -> Content:
        return [f"<mn>{node.text}</mn>"], ATOM

    def name(self, name: str) -> str:
        letter, index = split_name(name)
        element = f"<mi>{escape(GREEK_LETTERS.get(letter, letter))}</mi>"
        return f"<msub>{element}<mi>{escape(index)}</mi></msub>" if index else element

    def literal(self, node: Literal) -> str:
        return f"<mtext>{escape('…' if node.value is ... else str(node.value))}</mtext>"

    def call(self, node: Call) -> Content:
        positional = len(node.args) - len(node.keywords)
        labels = [""] * positional + [f"<mi>{escape(k)}</mi><mo>=</mo>" for k in node.keywords]
        name = escape(NAMES.get(node.function, node.function))
        arguments = listed(node.args, labels, COMMA)
        return [f"<mrow><mi>{name}</mi><mo>&#x2061;</mo>{OPEN}", *arguments, f"{CLOSE}</mrow>"], ATOM

    def form(self, node: Form) -> Content:
        if node.kind == "equation":
            return self.rules["equation"](self, Call(0, 0, "equation", node.args))
        if node.kind == "vector":
            return self.matrix(node)
        if node.kind == "index":
            base, *items = node.args
            return ["<msub><mrow>", (base, ATOM), "</mrow><mrow>", *listed(items, comma=COMMA), "</mrow></msub>"], ATOM
        if node.kind == "slice":
            return listed(node.args[:2], comma="<mo>:</mo>"), ATOM
        return [f"<mrow>{OPEN}", *listed(node.args, comma=COMMA), f"{CLOSE}</mrow>"], ATOM

    def matrix(self, node: Form) -> Content:
        """A column, or the rows of a matrix."""
        pieces: list[Piece] = ["<mrow><mo>[</mo><mtable>"]
        for index in node.args:
            line = self.nodes[index]
            cells = line.args if isinstance(line, Form) and line.kind == "vector" else (index,)
            pieces.append("<mtr>")
            for cell in cells:
                pieces += ["<mtd>", (cell, EQUATION), "</mtd>"]
            pieces.append("</mtr>")
        return [*pieces, "</mtable><mo>]</mo></mrow>"], ATOM
