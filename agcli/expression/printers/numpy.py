"""NumPy: a function of arrays; `scipy.special` where NumPy lacks a function."""

from __future__ import annotations

import inspect
import keyword
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from agcli.engine.graph import Tensor
from agcli.engine.leaves import Placeholder
from agcli.expression.errors import ExpressionError
from agcli.expression.printers.program import Code, Program, helper, module
from agcli.expression.printers.special import SCIPY, in_scipy
from agcli.expression.printers.where_else import EVALUATE
from agcli.expression.reading import Text
from agcli.expression.syntax import ATOM, COMPARISON, POSTFIX, POWER, Call, Form, Literal
from agcli.expression.writer import Content, Piece, Rule, Writer, infix, listed, named, whole

SPECIAL = {
    "lgamma": "gammaln",
    "sigmoid": "expit",
    "log_sigmoid": "log_expit",
    **{
        name: name
        for name in (
            "softmax", "log_softmax", "logsumexp", "gamma", "digamma", "erf", "erfc", "erfinv", "xlogy",
            "exp10",
        )
    },
    **SCIPY,
}  # fmt: skip
HELPERS = {
    "log1mexp": ("def log1mexp(x):\n    return np.where(x < np.log(2), np.log(-np.expm1(-x)), np.log1p(-np.exp(-x)))"),
    "softplus": "def softplus(x):\n    return np.logaddexp(x, 0)",
    "relu": "def relu(x):\n    return np.maximum(x, 0)",
    "rsqrt": "def rsqrt(x):\n    return 1 / np.sqrt(x)",
    "softsign": "def softsign(x):\n    return x / (1 + np.abs(x))",
    "log_cosh": (
        "def log_cosh(x):\n"
        "    small = 0.5 * np.log1p(np.sinh(np.clip(x, -1, 1)) ** 2)\n"
        "    return np.where(np.abs(x) < 1, small, np.logaddexp(x, -x) - np.log(2))"
    ),
}
LINALG = ["inv", "solve", "det", "slogdet", "cholesky", "norm", "eigh", "eigvalsh", "svd", "qr", "pinv", "matrix_power"]
OTHERS = {  # functions of NumPy that mean something else there
    "argsort", "argwhere", "nonzero", "putitem", "setdiff1d", "take_along_axis", "unique", "histogram", "random",
}  # fmt: skip


def to_numpy(t: Tensor, name: str = "f") -> str:
    """A function of NumPy arrays, in alphabetical order of the formula's variables."""
    return to_program([(name, t)])


def to_program(functions: Sequence[tuple[str, Tensor]], parameters: Mapping[str, Placeholder] | None = None) -> str:
    """A module with a function for each formula."""
    return imported(module(functions, NumPy, function, parameters))


def function(parts: Program, name: str) -> str:
    """The text of one function. Python's own numbers raise errors where those of NumPy are infinite, so where it
    takes powers, or divides in a branch, its arguments become NumPy's."""
    lines = [f"    {part} = {text}" for part, text in parts.lines]
    lines.append(f"    return {parts.results[0]}")
    body = "\n".join(lines)
    floats = [p for p in parts.floats if mentions(body, p)]
    if floats and ("**" in body or ("/" in body and "np.where" in body)):
        names = ", ".join(floats)
        one = f"    {names} = np.asarray({names}, dtype=float)"
        several = f"    {names} = (np.asarray(v, dtype=float) for v in ({names}))"
        body = "\n".join([several if len(floats) > 1 else one, body])
    return f"def {name}({', '.join(parts.parameters)}):\n{body}"


def mentions(text: str, word: str) -> bool:
    """Whether an identifier stands in a program text."""
    return word in "".join(c if c.isalnum() or c == "_" else " " for c in text).split()


def imported(text: str) -> str:
    """A program with the imports that it needs."""
    imports = ["import numpy as np"] * ("np." in text) + ["from scipy import special"] * ("special." in text)
    return "\n".join(imports) + "\n\n\n" + text if imports else text


def has(function: str) -> bool:
    """Whether NumPy or SciPy has a function."""
    return function in NumPy.rules or function in LINALG or (hasattr(np, function) and function not in OTHERS)


def spelling(function: str) -> str:
    """How a function is called there."""
    if function in SPECIAL:
        return f"special.{SPECIAL[function]}"
    return f"np.linalg.{function}" if function in LINALG else f"np.{function}"


def along_last_axis(writer: Writer, node: Call) -> Content:
    """SciPy's functions take all axes where none is named."""
    name = f"special.{node.function}"
    if node.keywords:
        return writer.call(Call(0, 0, name, node.args, node.keywords))
    return [name, "(", (node.args[0], COMPARISON), ", axis=-1)"], ATOM


def one_hot(writer: Writer, node: Call) -> Content:
    """Rows of the identity matrix."""
    indices, depth = node.args[:2]
    return ["np.eye(", (depth, COMPARISON), ")[", (indices, COMPARISON), "]"], ATOM


def heaviside(writer: Writer, node: Call) -> Content:
    """NumPy wants the value at 0."""
    return ["np.heaviside(", *listed(node.args), ", 0.5)" if len(node.args) == 1 else ")"], ATOM


def power(writer: Writer, node: Call) -> Content:
    """A negative exponent is a float: arrays of whole numbers have no negative powers."""
    base, exponent = node.args
    digits = whole(writer, exponent)
    if digits.startswith("-"):
        return [(base, POWER + 1), f"**{digits}.0"], POWER
    return infix("**", POWER, right=True)(writer, node)


def concatenate(writer: Writer, node: Call) -> Content:
    positional = len(node.args) - len(node.keywords)
    labels = [f", {keyword}=" for keyword in node.keywords]
    rest: list[Piece] = []
    for label, index in zip(labels, node.args[positional:], strict=True):
        rest += [label, (index, COMPARISON)]
    return ["np.concatenate((", *listed(node.args[:positional]), ")", *rest, ")"], ATOM


def pad(writer: Writer, node: Call) -> Content:
    if node.keywords not in (("widths",), ("widths", "value")):
        return writer.call(node)
    pieces: list[Piece] = ["np.pad(", (node.args[0], COMPARISON), ", ", (node.args[1], COMPARISON)]
    value: list[Piece] = [", constant_values=", (node.args[2], COMPARISON)] if len(node.args) > 2 else []
    return [*pieces, *value, ")"], ATOM


def scan(name: str, keyword: str) -> Rule:
    """A function along an axis, which NumPy has in one direction alone."""

    def rule(writer: Writer, node: Call) -> Content:
        found = dict(zip(node.keywords, node.args[len(node.args) - len(node.keywords) :], strict=True))
        turned = writer.nodes[found.pop(keyword)] if keyword in found else Literal(0, 0, False)
        plain = Call(0, 0, f"np.{name}", (node.args[0], *found.values()), tuple(found))
        content, precedence = writer.call(plain)
        if turned == Literal(0, 0, False):
            return content, precedence
        axis = found.get("axis")
        behind: list[Piece] = [] if axis is None else [", ", (axis, COMPARISON)]
        if name != "sort":
            at = content.index((node.args[0], COMPARISON))
            content[at : at + 1] = ["np.flip(", content[at], *behind, ")"]
        return ["np.flip(", *content, *behind, ")"], ATOM

    return rule


class NumPy(Code):
    """Expressions of arrays."""

    language: ClassVar = "NumPy"
    arrays: ClassVar = True
    reserved: ClassVar = {*keyword.kwlist, "np", "special", "float", *HELPERS}
    helpers: ClassVar = HELPERS
    constants: ClassVar = {"pi": "np.pi", "e": "np.e"}
    rules: ClassVar = {
        **Text.rules,
        **{name: named(f"special.{there}") for name, there in SPECIAL.items()},
        **{name: helper(name) for name in HELPERS},
        "power": power,
        "softmax": along_last_axis,
        "log_softmax": along_last_axis,
        **dict.fromkeys(SCIPY, in_scipy),
        "heaviside": heaviside,
        "one_hot": one_hot,
        "concatenate": concatenate,
        "pad": pad,
        "cumsum": scan("cumsum", "reverse"),
        "cumprod": scan("cumprod", "reverse"),
        "sort": scan("sort", "descending"),
        "eye": lambda writer, node: writer.call(
            Call(0, 0, "eye", node.args, tuple({"m": "M"}.get(k, k) for k in node.keywords))
        ),
    }

    def elsewhere(self, function: str) -> str:
        return EVALUATE

    def call(self, node: Call) -> Content:
        name = node.function
        if "." not in name and name not in HELPERS:
            if name in OTHERS:
                message = f"`{name}` of NumPy is another function than that of formulas"
                raise ExpressionError(message, hint=EVALUATE)
            if not has(name):
                raise self.unknown(name)
            prefix = "np.linalg." if name in LINALG else "np."
            there = getattr(np.linalg if name in LINALG else np, name, None)
            if not takes(there, node.keywords):
                raise self.unknown(f"{name}({', '.join(f'{k}=' for k in node.keywords)})")
            node = Call(0, 0, prefix + name, node.args, node.keywords)
        return super().call(node)

    def form(self, node: Form) -> Content:
        content, precedence = super().form(node)
        if node.kind == "vector":
            return ["np.stack(", *content, ")"], ATOM
        return content, POSTFIX if node.kind == "index" else precedence


def takes(function: object, keywords: Sequence[str]) -> bool:
    """Whether a function of NumPy takes these keywords."""
    if not keywords or not callable(function):
        return not keywords
    try:
        known = inspect.signature(function).parameters
    except (TypeError, ValueError):  # one that does not say what it takes
        return False
    return all(word in known for word in keywords)
