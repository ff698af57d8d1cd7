"""Functions that formulas know beside the engine's ops: other spellings, and short compositions of ops."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from agcli.engine.graph import Tensor, call

SYNONYMS = {
    "ln": "log",
    "lg": "log10",
    "sgn": "sign",
    "pow": "power",
    "logistic": "sigmoid",
    "expit": "sigmoid",
    "swish": "silu",
    "gammaln": "lgamma",
    "loggamma": "lgamma",
    "psi": "digamma",
    "atan2": "arctan2",
    "absolute": "abs",
    "asec": "arcsec",
    "acsc": "arccsc",
    "acot": "arccot",
    "asech": "arcsech",
    "acsch": "arccsch",
    "acoth": "arccoth",
    **{f"a{name}": f"arc{name}" for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh")},
    **{f"ar{name}": f"arc{name}" for name in ("sinh", "cosh", "tanh")},
}


class Composite(NamedTuple):
    """A function of so many tensors, made of ops."""

    least: int
    most: int | None
    build: Callable[..., Tensor]


def log(x: Tensor, base: Tensor | None = None) -> Tensor:
    """The natural logarithm, or that to a base."""
    return call("log", x) if base is None else call("log", x) / call("log", base)


def extremum(binary: str, reduction: str) -> Callable[..., Tensor]:
    """`max(x)` reduces; `max(x, y, ...)` compares element by element."""

    def build(first: Tensor, *others: Tensor) -> Tensor:
        if not others:
            return call(reduction, first)
        for other in others:
            first = call(binary, first, other)
        return first

    return build


def inverse_of_reciprocal(name: str) -> Composite:
    return Composite(1, 1, lambda x: call(name, 1 / x))


def reciprocal_of(name: str) -> Composite:
    return Composite(1, 1, lambda x: 1 / call(name, x))


COMPOSITES = {
    "log": Composite(1, 2, log),
    "max": Composite(1, None, extremum("maximum", "max")),
    "min": Composite(1, None, extremum("minimum", "min")),
    "factorial": Composite(1, 1, lambda n: call("gamma", n + 1)),
    "sec": reciprocal_of("cos"),
    "csc": reciprocal_of("sin"),
    "cot": Composite(1, 1, lambda x: call("cos", x) / call("sin", x)),
    "sech": reciprocal_of("cosh"),
    "csch": reciprocal_of("sinh"),
    "coth": Composite(1, 1, lambda x: call("cosh", x) / call("sinh", x)),
    "arcsec": inverse_of_reciprocal("arccos"),
    "arccsc": inverse_of_reciprocal("arcsin"),
    "arccot": inverse_of_reciprocal("arctan"),
    "arcsech": inverse_of_reciprocal("arccosh"),
    "arccsch": inverse_of_reciprocal("arcsinh"),
    "arccoth": inverse_of_reciprocal("arctanh"),
}
