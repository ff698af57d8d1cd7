"""Python of the standard library: a function that needs only `math`."""

from __future__ import annotations

import keyword
from typing import ClassVar

from agcli.engine.graph import Tensor
from agcli.expression.printers.program import Code, Program, helper, program
from agcli.expression.reading import Text
from agcli.expression.syntax import ATOM, EQUATION, POWER, PRODUCT, SIGN, Call, Constant, Number
from agcli.expression.writer import Content, Writer, infix, named, prefix, whole

SAME = ["sin", "cos", "tan", "sinh", "cosh", "tanh", "exp", "expm1", "log", "log1p", "log2", "log10", "sqrt", "cbrt", "exp2", "erf", "erfc", "gamma", "lgamma", "hypot", "floor", "ceil", "trunc"]  # noqa: E501  # fmt: skip
INVERSES = ["sin", "cos", "tan", "sinh", "cosh", "tanh"]
HELPERS = {
    "sign": "def sign(x):\n    return float((x > 0) - (x < 0))",
    "sigmoid": "def sigmoid(x):\n    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))",
    "softplus": "def softplus(x):\n    return max(x, 0) + math.log1p(math.exp(-abs(x)))",
    "relu": "def relu(x):\n    return max(x, 0)",
}


def to_python(t: Tensor, name: str = "f") -> str:
    """A Python function of the formula's variables, in alphabetical order."""
    return function(program(t, Python), name, "import math")


def function(parts: Program, name: str, header: str) -> str:
    """The text of a function, with the import only where it is needed."""
    lines = [f"    {part} = {text}" for part, text in parts.lines]
    body = "\n".join([*lines, f"    return {parts.results[0]}"])
    text = "\n\n\n".join([*parts.helpers, f"def {name}({', '.join(parts.parameters)}):\n{body}"])
    module = header.rsplit(maxsplit=1)[-1]
    return f"{header}\n\n\n{text}" if f"{module}." in text or "special." in text else text


def power(writer: Writer, node: Call) -> Content:
    """A root of a negative number is an error of `math.pow`, where `**` would give a complex number."""
    base, exponent = node.args
    if whole(writer, exponent) or isinstance(writer.nodes[base], Number | Constant):
        return infix("**", POWER, right=True)(writer, node)
    return writer.call(Call(0, 0, "math.pow", (base, exponent)))


def where(writer: Writer, node: Call) -> Content:
    condition, a, b = node.args
    return ["(", (a, SIGN), " if ", (condition, SIGN), " else ", (b, SIGN), ")"], ATOM


class Python(Code):
    """Expressions of floats."""

    language: ClassVar = "python"
    reserved: ClassVar = {*keyword.kwlist, "math", "abs", "max", "min", "float", *HELPERS}
    helpers: ClassVar = HELPERS
    constants: ClassVar = {"pi": "math.pi", "e": "math.e"}
    rules: ClassVar = {
        **{name: rule for name, rule in Text.rules.items() if name not in ("matmul", "transpose")},
        **{name: named(f"math.{name}") for name in SAME},
        **{f"arc{name}": named(f"math.a{name}") for name in INVERSES},
        **{name: helper(name) for name in HELPERS},
        "arctan2": named("math.atan2"),
        "power": power,
        "abs": named("abs"),
        "maximum": named("max"),
        "minimum": named("min"),
        "mod": infix(" % ", PRODUCT),
        "logical_and": infix(" and ", EQUATION),
        "logical_or": infix(" or ", EQUATION),
        "logical_not": prefix("not ", EQUATION),
        "where": where,
    }

    def call(self, node: Call) -> Content:
        pair = node.function in ("max", "min") and len(node.args) == 2 and not node.keywords
        if pair or node.function in self.rules or node.function.startswith("math."):
            return super().call(node)
        raise self.unknown(node.function, "--format numpy has more functions")
