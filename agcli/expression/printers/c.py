"""C99: a function of doubles that needs only math.h."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import ClassVar

from agcli.engine.graph import Tensor
from agcli.engine.leaves import Placeholder
from agcli.expression.printers.program import Code, Program, helper, module
from agcli.expression.reading import Text
from agcli.expression.syntax import ATOM, COMPARISON, EQUATION, SIGN, Call, Literal, Number
from agcli.expression.writer import Content, Writer, infix, named, prefix

SAME = [
    "sin", "cos", "tan", "sinh", "cosh", "tanh", "exp", "exp2", "expm1", "log", "log1p", "log2", "log10", "sqrt",
    "cbrt", "erf", "erfc", "lgamma", "hypot", "floor", "ceil", "trunc",
    "fmod", "isnan", "isinf", "isfinite", "copysign", "signbit",
]  # fmt: skip
RENAMED = {
    "abs": "fabs",
    "maximum": "fmax",
    "minimum": "fmin",
    "gamma": "tgamma",
    "power": "pow",
    "arctan2": "atan2",
    "round": "rint",
}
HELPERS = {
    "sign": "static double sign(double x) {\n    return (x > 0) - (x < 0);\n}",
    "sigmoid": (
        "static double sigmoid(double x) {\n"
        "    return x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x));\n}"
    ),
    "softplus": "static double softplus(double x) {\n    return fmax(x, 0) + log1p(exp(-fabs(x)));\n}",
    "log_sigmoid": "static double log_sigmoid(double x) {\n    return fmin(x, 0) - log1p(exp(-fabs(x)));\n}",
    "log_cosh": (
        "static double log_cosh(double x) {\n"
        "    if (fabs(x) < 1) return 0.5 * log1p(pow(sinh(x), 2));\n"
        "    return fabs(x) + log1p(exp(-2 * fabs(x))) - 0.6931471805599453;\n}"
    ),
    "relu": "static double relu(double x) {\n    return fmax(x, 0);\n}",
    "rsqrt": "static double rsqrt(double x) {\n    return 1 / sqrt(x);\n}",
    "power_of_10": "static double power_of_10(double x) {\n    return pow(10, x);\n}",
    "softsign": "static double softsign(double x) {\n    return x / (1 + fabs(x));\n}",
    "sinc": (
        "static double sinc(double x) {\n"
        "    return x == 0 ? 1 : sin(3.141592653589793 * fmod(x, 2)) / (3.141592653589793 * x);\n}"
    ),
    "clip": "static double clip(double x, double low, double high) {\n    return fmin(fmax(x, low), high);\n}",
    "floor_divide": "static double floor_divide(double x, double y) {\n    return floor(x / y);\n}",
    "logaddexp": (
        "static double logaddexp(double x, double y) {\n"
        "    return x == y ? x + 0.6931471805599453 : fmax(x, y) + log1p(exp(-fabs(x - y)));\n}"
    ),
    "logaddexp2": (
        "static double logaddexp2(double x, double y) {\n"
        "    return x == y ? x + 1 : fmax(x, y) + log1p(exp2(-fabs(x - y))) / 0.6931471805599453;\n}"
    ),
    "logit": "static double logit(double x) {\n    return log(x / (1 - x));\n}",
    "entr": (
        "static double entr(double x) {\n"
        "    return x > 0 ? -x * log(x) : x == 0 ? 0 : x < 0 ? -INFINITY : x;\n}"
    ),
    "ndtr": "static double ndtr(double x) {\n    return 0.5 * erfc(-0.7071067811865476 * x);\n}",
    "log1mexp": (
        "static double log1mexp(double x) {\n"
        "    return x < 0.6931471805599453 ? log(-expm1(-x)) : log1p(-exp(-x));\n}"
    ),
    "heaviside": "static double heaviside(double x) {\n    return x > 0 ? 1 : x < 0 ? 0 : x == 0 ? 0.5 : x;\n}",
    "xlog1py": "static double xlog1py(double x, double y) {\n    return x == 0 ? 0 : x * log1p(y);\n}",
    "xlogy": "static double xlogy(double x, double y) {\n    return x == 0 ? 0 : x * log(y);\n}",
    "mod": (
        "static double mod(double x, double y) {\n"
        "    double rest = fmod(x, y);\n"
        "    return rest != 0 && (rest < 0) != (y < 0) ? rest + y : rest;\n}"
    ),
}  # fmt: skip
TWO_LINES = "\n\n"
KEYWORDS = [
    "auto", "break", "case", "char", "const", "continue", "default", "do", "double", "else", "enum", "extern", "float",
    "for", "goto", "if", "inline", "int", "long", "main", "out", "register", "restrict", "return", "short", "signed",
    "sizeof", "static", "struct", "switch", "typedef", "union", "unsigned", "void", "volatile", "while",
    "alignas", "alignof", "asm", "bool", "constexpr", "false", "nullptr", "static_assert", "thread_local", "true",
    "typeof", "typeof_unqual",
]  # fmt: skip
LIBRARY = ["gamma", "index", "j0", "j1", "jn", "signgam", "y0", "y1", "yn"]  # names that old headers declare
MACROS = ["INFINITY", "NAN", "HUGE_VAL", "HUGE_VALF", "HUGE_VALL", "unix", "linux", "I"]  # that compilers define


def to_c(t: Tensor, name: str = "f") -> str:
    """A C function of the formula's variables in alphabetical order; a vector is written to the array `out`."""
    return to_program([(name, t)])


def to_program(functions: Sequence[tuple[str, Tensor]], parameters: Mapping[str, Placeholder] | None = None) -> str:
    """A translation unit with a function for each formula."""
    return f"#include <math.h>\n\n{module(functions, C, function, parameters, TWO_LINES)}"


def function(parts: Program, name: str) -> str:
    """The text of one function; the elements of an array are written to `out`, row by row."""
    vector = bool(parts.shape)
    parameters = ", ".join([f"double {p}" for p in parts.parameters] + ["double *out"] * vector) or "void"
    lines = [f"    const double {part} = {text};" for part, text in parts.lines]
    if vector:
        lines += [f"    out[{i}] = {text};" for i, text in enumerate(parts.results)]
    else:
        lines.append(f"    return {parts.results[0]};")
    body = "\n".join(lines)
    return f"{'void' if vector else 'double'} {name}({parameters}) {{\n{body}\n}}"


def where(writer: Writer, node: Call) -> Content:
    condition, a, b = node.args
    return ["(", (condition, SIGN), " ? ", (a, SIGN), " : ", (b, SIGN), ")"], ATOM


class C(Code):
    """Expressions of doubles."""

    language: ClassVar = "C"
    reserved: ClassVar = {
        *KEYWORDS, *LIBRARY, *MACROS, *SAME, *RENAMED.values(), *HELPERS,
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
        "exp10": helper("power_of_10"),
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
        known = node.function in self.reserved and node.function not in (*MACROS, *LIBRARY)
        if node.keywords or not known:
            raise self.unknown(node.function)
        return super().call(node)
