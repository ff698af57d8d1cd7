"""C99: a function of doubles that needs only math.h."""

from __future__ import annotations

from fractions import Fraction
from typing import ClassVar

from agcli.engine.graph import Tensor
from agcli.expression.printers.program import Code, helper, program
from agcli.expression.reading import Text
from agcli.expression.syntax import ATOM, COMPARISON, EQUATION, SIGN, Call, Form, Literal, Number
from agcli.expression.writer import Content, Writer, infix, named, prefix

SAME = [
    "sin", "cos", "tan", "sinh", "cosh", "tanh", "exp", "exp2", "expm1", "log", "log1p", "log2", "log10", "sqrt",
    "cbrt", "erf", "erfc", "lgamma", "hypot", "floor", "ceil", "trunc",
]  # fmt: skip
RENAMED = {"abs": "fabs", "maximum": "fmax", "minimum": "fmin", "gamma": "tgamma", "power": "pow", "arctan2": "atan2"}
HELPERS = {
    "sign": "static double sign(double x) {\n    return (x > 0) - (x < 0);\n}",
    "sigmoid": (
        "static double sigmoid(double x) {\n"
        "    return x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x));\n}"
    ),
    "softplus": "static double softplus(double x) {\n    return fmax(x, 0) + log1p(exp(-fabs(x)));\n}",
    "relu": "static double relu(double x) {\n    return fmax(x, 0);\n}",
    "mod": "static double mod(double x, double y) {\n    return x - y * floor(x / y);\n}",
}  # fmt: skip
KEYWORDS = [
    "auto", "break", "case", "char", "const", "continue", "default", "do", "double", "else", "enum", "extern", "float",
    "for", "goto", "if", "inline", "int", "long", "main", "out", "register", "restrict", "return", "short", "signed",
    "sizeof", "static", "struct", "switch", "typedef", "union", "unsigned", "void", "volatile", "while",
]  # fmt: skip
LIBRARY = ["gamma", "index", "j0", "j1", "jn", "signgam", "y0", "y1", "yn"]  # names that old headers declare


def to_c(t: Tensor, name: str = "f") -> str:
    """A C function of the formula's variables in alphabetical order; a vector is written to the array `out`."""
    parts = program(t, C, split=True)
    parameters = ", ".join([f"double {p}" for p in parts.parameters] + ["double *out"] * parts.vector) or "void"
    lines = [f"    const double {part} = {text};" for part, text in parts.lines]
    if parts.vector:
        lines += [f"    out[{i}] = {text};" for i, text in enumerate(parts.results)]
    else:
        lines.append(f"    return {parts.results[0]};")
    body = "\n".join(lines)
    function = f"{'void' if parts.vector else 'double'} {name}({parameters}) {{\n{body}\n}}"
    return "\n\n".join(["#include <math.h>", *parts.helpers, function])


def where(writer: Writer, node: Call) -> Content:
    condition, a, b = node.args
    return ["(", (condition, SIGN), " ? ", (a, SIGN), " : ", (b, SIGN), ")"], ATOM


class C(Code):
    """Expressions of doubles."""

    language: ClassVar = "C"
    reserved: ClassVar = {
        *KEYWORDS, *LIBRARY, *SAME, *RENAMED.values(), *HELPERS,
        *(f"a{name}" for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh")),
    }  # fmt: skip
    helpers: ClassVar = HELPERS
    constants: ClassVar = {"pi": "3.141592653589793", "e": "2.718281828459045"}
    rules: ClassVar = {
        **{name: rule for name, rule in Text.rules.items() if name not in ("matmul", "equation")},
        **{name: named(name) for name in SAME},
        **{f"arc{name}": named(f"a{name}") for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh")},
        **{name: named(there) for name, there in RENAMED.items()},
        **{name: helper(name) for name in HELPERS},
        "logical_and": infix(" && ", EQUATION),
        "logical_or": infix(" || ", EQUATION),
        "logical_not": prefix("!", COMPARISON),
        "where": where,
    }

    def number(self, node: Number) -> Content:
        """Every number is a double; `1/2` would be 0."""
        if node.text.isdigit():
            value = float(node.value)
            return [f"{node.text}.0" if value < 2**53 else repr(value)], ATOM
        return [repr(float(Fraction(node.value)))], ATOM

    def literal(self, node: Literal) -> str:
        if isinstance(node.value, bool):
            return str(int(node.value))
        raise self.unknown(str(node.value))

    def call(self, node: Call) -> Content:
        if node.keywords or node.function not in self.reserved:
            raise self.unknown(node.function, "--format numpy has more functions")
        return super().call(node)

    def form(self, node: Form) -> Content:
        raise self.unknown({"index": "x[0]", "vector": "[a, b]"}.get(node.kind, node.kind), "use --format numpy")
