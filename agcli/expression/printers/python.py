"""Python of the standard library: a function that needs only `math`.

What is too large is infinite, as IEEE 754 has it, where Python's own functions raise OverflowError.
"""

from __future__ import annotations

import keyword
from collections.abc import Mapping, Sequence
from typing import ClassVar

from agcli.engine.graph import Tensor
from agcli.engine.leaves import Placeholder
from agcli.expression.printers.program import Code, Program, helper, module
from agcli.expression.reading import Text
from agcli.expression.syntax import ATOM, EQUATION, POWER, PRODUCT, SIGN, Call, Constant, Name, Number
from agcli.expression.writer import Content, Piece, Rule, Writer, infix, named, prefix, whole

SAME = [
    "sin", "cos", "tan", "tanh", "log", "log1p", "log2", "log10", "sqrt", "cbrt", "erf", "erfc", "hypot", "fmod",
    "isnan", "isinf", "isfinite", "copysign",
]  # fmt: skip
INVERSES = ["sin", "cos", "tan", "sinh", "cosh", "tanh"]
BOUNDED = {"sin", "cos", "tanh", "arctan", "arcsin", "arccos", "sigmoid", "erf", "softsign", "sign"}
LARGEST = {"exp": "709.782712893384", "expm1": "709.782712893384", "exp2": "1024"}  # beyond, they are infinite
BELOW = {"exp2": ">="}
HELPERS = {
    **{
        name: f"def {name}(x):\n    return math.inf if x {BELOW.get(name, '>')} {largest} else math.{name}(x)"
        for name, largest in LARGEST.items()
    },
    "exp10": "def exp10(x):\n    return power(10, x)",
    "sinh": "def sinh(x):\n    return math.copysign(math.inf, x) if abs(x) > 710.4758600739439 else math.sinh(x)",
    "cosh": "def cosh(x):\n    return math.inf if abs(x) > 710.4758600739439 else math.cosh(x)",
    "gamma": "def gamma(x):\n    return math.inf if x > 171.6243769563027 else math.gamma(x)",
    "lgamma": "def lgamma(x):\n    return math.inf if x > 2.5e305 else math.lgamma(x)",
    "power": (
        "def power(x, y):\n"
        "    try:\n"
        "        return math.pow(x, y)\n"
        "    except OverflowError:\n"
        "        return -math.inf if x < 0 and y % 2 == 1 else math.inf\n"
        "    except ValueError:\n"
        "        return math.nan if x else math.copysign(math.inf, x if y % 2 == 1 else 1)"
    ),
    "divide": (
        "def divide(x, y):\n"
        "    if y == 0:\n"
        "        return math.nan if x == 0 or x != x else math.copysign(math.inf, x) * math.copysign(1, y)\n"
        "    return x / y"
    ),
    "log": "def log(x):\n    return math.log(x) if x > 0 else -math.inf if x == 0 else math.nan",
    "sqrt": "def sqrt(x):\n    return math.nan if x < 0 else math.sqrt(x)",
    **{
        name: f"def {name}(x):\n    return float(math.{name}(x)) if math.isfinite(x) else x"
        for name in ("floor", "ceil", "trunc")
    },
    "sign": "def sign(x):\n    return float((x > 0) - (x < 0))",
    "sigmoid": "def sigmoid(x):\n    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))",
    "softplus": "def softplus(x):\n    return max(x, 0) + math.log1p(math.exp(-abs(x)))",
    "log_sigmoid": "def log_sigmoid(x):\n    return min(x, 0) - math.log1p(math.exp(-abs(x)))",
    "log_cosh": (
        "def log_cosh(x):\n"
        "    if abs(x) < 1:\n"
        "        return 0.5 * math.log1p(math.sinh(x) ** 2)\n"
        "    return abs(x) + math.log1p(math.exp(-2 * abs(x))) - math.log(2)"
    ),
    "relu": "def relu(x):\n    return max(x, 0)",
    "rsqrt": "def rsqrt(x):\n    return 1 / math.sqrt(x)",
    "softsign": "def softsign(x):\n    return x / (1 + abs(x))",
    "sinc": "def sinc(x):\n    return math.sin(math.pi * (x % 2)) / (math.pi * x) if x else 1.0",
    "clip": "def clip(x, low, high):\n    return min(max(x, low), high)",
    "round_to_even": "def round_to_even(x):\n    return float(round(x)) if math.isfinite(x) else x",
    "floor_divide": "def floor_divide(x, y):\n    return float(x // y)",
    "logaddexp": "def logaddexp(x, y):\n    return max(x, y) + math.log1p(math.exp(-abs(x - y)))",
    "logaddexp2": (
        "def logaddexp2(x, y):\n"
        "    return max(x, y) + (1 if x == y else math.log1p(2.0 ** -abs(x - y)) / math.log(2))"
    ),
    "logit": (
        "def logit(x):\n"
        "    if x in (0, 1):\n"
        "        return math.inf if x else -math.inf\n"
        "    return math.log(x / (1 - x)) if 0 < x < 1 else math.nan"
    ),
    "entr": "def entr(x):\n    return -x * math.log(x) if x > 0 else -math.inf if x < 0 else x",
    "ndtr": "def ndtr(x):\n    return 0.5 * math.erfc(-0.7071067811865476 * x)",
    "log1mexp": (
        "def log1mexp(x):\n"
        "    if x <= 0:\n"
        "        return math.nan if x else -math.inf\n"
        "    return math.log(-math.expm1(-x)) if x < 0.6931471805599453 else math.log1p(-math.exp(-x))"
    ),
    "heaviside": "def heaviside(x):\n    return 1.0 if x > 0 else 0.0 if x < 0 else 0.5 if x == 0 else x",
    "xlog1py": (
        "def xlog1py(x, y):\n"
        "    if x == 0:\n"
        "        return 0.0\n"
        "    return x * (math.log1p(y) if y > -1 else -math.inf if y == -1 else math.nan)"
    ),
    "xlogy": "def xlogy(x, y):\n    return x * math.log(y) if x else 0.0",
}  # fmt: skip


def to_python(t: Tensor, name: str = "f") -> str:
    """A Python function of the formula's variables, in alphabetical order."""
    return to_program([(name, t)])


def to_program(functions: Sequence[tuple[str, Tensor]], parameters: Mapping[str, Placeholder] | None = None) -> str:
    """A module with a function for each formula."""
    text = module(functions, Python, function, parameters)
    return f"import math\n\n\n{text}" if "math." in text else text


def function(parts: Program, name: str) -> str:
    """The text of one function."""
    lines = [f"    {part} = {text}" for part, text in parts.lines]
    body = "\n".join([*lines, f"    return {nested(parts.results, parts.shape)}"])
    return f"def {name}({', '.join(parts.parameters)}):\n{body}"


def nested(results: Sequence[str], shape: Sequence[int]) -> str:
    """One value, or all elements in lists of lists."""
    if not shape:
        return results[0]
    step = len(results) // shape[0]
    rows = [nested(results[i : i + step], shape[1:]) for i in range(0, len(results), step)]
    return f"[{', '.join(rows)}]"


def power(writer: Writer, node: Call) -> Content:
    """x*x of a name; constants and what is never large as they are; all else by a helper, as `**` raises an error for
    what is too large and makes complex numbers of negative ones."""
    base, exponent = node.args
    digits, inner = whole(writer, exponent), writer.nodes[base]
    if digits in ("2", "3") and (isinstance(inner, Name) or base in writer.bound):
        again: list[Piece] = ["*", (base, ATOM)]
        return [(base, ATOM), *again * (int(digits) - 1)], PRODUCT
    bounded = isinstance(inner, Call) and inner.function in BOUNDED and digits.isdigit()
    if bounded or (isinstance(inner, Number | Constant) and digits):
        return infix("**", POWER, right=True)(writer, node)
    return helper("power")(writer, node)


def total(name: str, plain: Rule) -> Rule:
    """A function that raises errors outside of its domain, by a helper where a branch not taken may come to it."""

    def rule(writer: Writer, node: Call) -> Content:
        constant = all(isinstance(writer.nodes[i], Number) for i in node.args)
        eager = isinstance(writer, Code) and writer.eager and not constant
        return (helper(name) if eager else plain)(writer, node)

    return rule


def where(writer: Writer, node: Call) -> Content:
    condition, a, b = node.args
    return ["(", (a, SIGN), " if ", (condition, SIGN), " else ", (b, SIGN), ")"], ATOM


class Python(Code):
    """Expressions of floats."""

    language: ClassVar = "Python"
    reserved: ClassVar = {*keyword.kwlist, "math", "abs", "max", "min", "float", "round", *HELPERS}
    helpers: ClassVar = HELPERS
    needs: ClassVar = {"exp10": ["power"]}
    constants: ClassVar = {"pi": "math.pi", "e": "math.e"}
    rules: ClassVar = {
        **{name: rule for name, rule in Text.rules.items() if name not in ("matmul", "transpose")},
        **{name: named(f"math.{name}") for name in SAME},
        **{f"arc{name}": named(f"math.a{name}") for name in INVERSES},
        **{name: helper(name) for name in HELPERS if name not in ("divide", "log", "sqrt")},
        "divide": total("divide", Text.rules["divide"]),
        "log": total("log", named("math.log")),
        "sqrt": total("sqrt", named("math.sqrt")),
        "round": helper("round_to_even"),
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
        known = node.function in self.rules or node.function in ("max", "min") or node.function.startswith("math.")
        reduction = node.function in ("max", "min") and len(node.args) < 2
        if known and not node.keywords and not reduction:
            return super().call(node)
        raise self.unknown(node.function)
