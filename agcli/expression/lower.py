"""Syntax -> Tensor: names become tensors, calls become ops of the engine's table, exact numbers stay exact."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from fractions import Fraction
from functools import lru_cache
from types import EllipsisType
from typing import Any, NamedTuple

import numpy as np

import agcli.engine.functional
import agcli.engine.ops  # noqa: F401  fill the table of ops
from agcli.engine.errors import EngineError
from agcli.engine.graph import Constant as ConstantTensor
from agcli.engine.graph import Tensor, call, constant
from agcli.engine.ops.base import Elementwise
from agcli.engine.table import OPS
from agcli.engine.types import TensorType
from agcli.expression.composites import COMPOSITES, SYNONYMS, Composite
from agcli.expression.errors import ExpressionError, nearest, shorten
from agcli.expression.exact import compute
from agcli.expression.foreign_names import INSTEAD
from agcli.expression.names import SHY
from agcli.expression.syntax import AnyNode, Call, Constant, Form, Literal, Name, Number, Syntax

MAX_ELEMENTS = 1_000_000  # of one tensor in a formula
MAX_NUMBER = 1_000_000  # of a plain argument
ROUNDED: ContextVar[list[Fraction] | None] = ContextVar("rounded", default=None)  # numbers that plain arguments lose
VALUES = {"pi": math.pi, "e": math.e}
INDICES = {"indices", "index", "labels", "key", "ids"}  # parameters that take whole numbers
COMMANDS = {"solve": "a matrix", "diff": "a vector", "gradient": "a vector"}  # of other systems, that take arrays here
INDEXED = {
    "sum": "write out the terms, `a + b + c`, or `sum([a, b, c])`; of whole numbers `sum(arange(1, 11)^2)`",
    "prod": "write out the factors, `a*b*c`, or `prod([a, b, c])`",
}
FLOAT = TensorType((), np.dtype("float64"), weak=True)

# What a node becomes: a tensor, an exact number, or structure that only an argument or an index can be.
Value = Tensor | int | Fraction | bool | str | slice | EllipsisType | tuple[Any, ...] | None


def functions() -> frozenset[str]:
    """Every name that can be called in a formula."""
    return names_of(len(OPS))


@lru_cache(maxsize=1)
def names_of(count: int) -> frozenset[str]:
    """The functions of a table of so many ops; those that take Python functions are not among them."""
    callable_ones = [name for name, entry in OPS.items() if not takes_functions(entry.function)]
    return frozenset([*callable_ones, *SYNONYMS, *COMPOSITES])


def lower(
    syntax: Syntax, names: Mapping[str, Tensor | int], extra: Mapping[str, Composite] | None = None
) -> tuple[Tensor, ...]:
    """The formula over the tensors, or whole numbers, `names`; both sides of an equation.

    `extra` are functions beside those that every formula knows. Raises ExpressionError at the place.
    """
    return _Lowering(syntax, names, extra or {}).run()


class _Lowering:
    def __init__(self, syntax: Syntax, names: Mapping[str, Tensor | int], extra: Mapping[str, Composite]) -> None:
        self.syntax = syntax
        self.names = names
        self.composites = {**COMPOSITES, **extra}
        self.values: list[Value] = []

    def run(self) -> tuple[Tensor, ...]:
        for node in self.syntax.nodes:
            self.values.append(self.value(node))
        root = self.syntax.root
        if isinstance(root, Form) and root.kind == "equation":
            return tuple(self.tensor(arg) for arg in root.args)
        return (self.tensor(len(self.values) - 1),)

    def value(self, node: AnyNode) -> Value:
        match node:
            case Number():
                return node.value
            case Constant():
                return named_constant(node.name)
            case Name():
                return self.name(node)
            case Literal():
                return node.value
            case Call():
                return self.checked(node, self.call(node))
            case Form():
                return self.checked(node, self.form(node))

    def name(self, node: Name) -> Tensor | int:
        if node.name in self.names:
            return self.names[node.name]
        near = nearest(node.name, self.names)
        known = ", ".join(list(self.names)[:8]) or "none"
        hint = f"did you mean `{near}`?" if near else f"the names that are known here: {known}"
        raise self.error(node, f"there is no `{shorten(node.name)}` here", hint)

    def call(self, node: Call) -> Value:
        args = [self.values[i] for i in node.args]
        n = len(args) - len(node.keywords)
        keywords = dict(zip(node.keywords, args[n:], strict=True))
        exact = None if keywords else compute(node.function, tuple(args))
        if exact is not None:
            return exact
        name = SYNONYMS.get(node.function, node.function)
        if name == "power" and n == 2 and is_e(args[0]):
            name, n, args = "exp", 1, args[1:]
        composite = self.composites.get(name)
        if composite and not keywords:
            most = composite.most
            self.check_count(node, n, composite.least, most)
            tensors = [self.tensor(i) for i in node.args]
            return self.engine(node, lambda: composite.build(*tensors))
        if name not in OPS:
            near = nearest(name, functions())
            raise self.error(node, f"there is no function `{name}`", f"did you mean `{near}`?" if near else "")
        return self.op(node, name, args[:n], keywords)

    def op(self, node: Call, name: str, args: list[Value], keywords: dict[str, Value]) -> Value:
        """An op of the table, called with tensors where it takes tensors and plain values elsewhere."""
        self.check_command(node, name, args)
        signature = signature_of(name)
        if len(args) < signature.least or (signature.most is not None and len(args) > signature.most):
            missing = [p for p in signature.names[len(args) : signature.least] if p not in keywords]
            if len(args) > signature.least or missing:
                self.check_count(node, len(args), signature.least, signature.most)
        for keyword in keywords:
            if keyword not in signature.names:
                near = nearest(keyword, signature.names) or ", ".join(signature.names)
                raise self.error(node, f"`{name}` takes no `{shorten(keyword)}=`", f"did you mean `{near}=`?")

        if "dtype" in signature.names and "dtype" not in keywords and len(args) <= signature.names.index("dtype"):
            keywords = keywords | self.precision(name)

        def build() -> Tensor:
            plain = [self.argument(node, signature, min(i, signature.last), a) for i, a in enumerate(args)]
            named = {k: self.argument(node, signature, signature.names.index(k), a) for k, a in keywords.items()}
            return OPS[name].function(*plain, **named)  # type: ignore[no-any-return]

        made: Any = self.engine(node, build)
        return Results(made) if isinstance(made, tuple) else made

    def check_command(self, node: Call, name: str, args: list[Value]) -> None:
        """Refuse what other systems mean by the name of a function: a sum over an index, the roots of an equation."""
        limits = len(args) == 3 and type(args[2]) is int  # where a function of the table takes `keepdims`
        if name in INDEXED and (limits or len(args) > 3 or any(isinstance(a, Tensor) for a in args[1:])):
            raise self.error(node, f"`{name}` combines the elements of a vector, not terms by an index", INDEXED[name])
        if name in COMMANDS and args and isinstance(args[0], Tensor | int | Fraction) and rank(args[0]) == 0:
            raise self.error(node, f"`{name}` takes {COMMANDS[name]}, found a number", INSTEAD[name])

    def precision(self, name: str) -> dict[str, Value]:
        """The type of what a function makes from nothing: where all variables are float64, `eye(3)/3` is so, too."""
        default = inspect.signature(OPS[name].function).parameters["dtype"].default
        double = all(t.dtype == np.float64 for t in self.names.values() if isinstance(t, Tensor))
        return {"dtype": "float64"} if default == "float32" and double else {}

    def argument(self, node: Call, signature: Signature, index: int, value: Value) -> Any:
        name = signature.names[index]
        if signature.tensors[index]:
            if isinstance(value, Vector | int) and name in INDICES:
                return np.asarray(value, np.int64)
            return None if value is None else self.as_tensor(node, value)
        if isinstance(value, Tensor):
            raise self.error(node, f"`{name}` of `{node.function}` is a plain number or text, not a formula")
        return plain(value)

    def form(self, node: Form) -> Value:
        if node.kind == "tuple":
            return tuple(self.values[i] for i in node.args)
        if node.kind == "slice":
            return slice(*(self.position(i) for i in node.args))
        if node.kind == "vector":
            values = [self.values[i] for i in node.args]
            if all(is_whole(v) for v in values):
                return Vector(values)
            items = [self.tensor(i) for i in node.args]
            return self.engine(node, lambda: stack(items))
        return self.index(node) if node.kind == "index" else None

    def index(self, node: Form) -> Value:
        base = self.values[node.args[0]]
        index = tuple(self.position(i) for i in node.args[1:])
        if isinstance(base, tuple) and not isinstance(base, Vector) and len(index) == 1:
            (at,) = index
            if isinstance(at, int) and -len(base) <= at < len(base):
                return base[at]  # type: ignore[no-any-return]
        x = self.tensor(node.args[0])
        if x.ndim == 0 and any(i is not None for i in index):
            what = f"`{x.name}`" if x.name else "this value"
            hint = f"give its shape: --shape {x.name}=3" if x.name else ""
            raise self.error(node, f"{what} is a single number, which has no index", hint)
        return self.engine(node, lambda: call("getitem", x, index=index if len(index) != 1 else index[0]))

    def position(self, i: int) -> Any:
        """A part of an index or slice."""
        value = self.values[i]
        if isinstance(value, Vector):
            return np.asarray(value, np.int64)
        if isinstance(value, Fraction | str | tuple):
            raise self.error(self.syntax.nodes[i], "an index is a whole number")
        return value

    def tensor(self, i: int) -> Tensor:
        return self.as_tensor(self.syntax.nodes[i], self.values[i])

    def as_tensor(self, node: AnyNode, value: Value) -> Tensor:
        if isinstance(value, Tensor):
            return value
        if isinstance(value, bool):
            return ConstantTensor(value, TensorType((), np.dtype("bool"), weak=True))
        if isinstance(value, int | Fraction):
            return self.number(node, value)
        if isinstance(value, Vector):
            return self.engine(node, lambda: constant(np.asarray(value, np.float64)))
        if isinstance(value, Results):
            raise self.error(
                node, f"expected one value, found the {len(value)} results of a function", "write f(...)[0]"
            )
        if isinstance(value, tuple) and value:
            return self.engine(node, lambda: stack([self.as_tensor(node, v) for v in value]))
        raise self.error(node, f"expected a value that can be calculated with, found `{value}`")

    def number(self, node: AnyNode, value: int | Fraction) -> Tensor:
        try:
            size = abs(float(value))
        except OverflowError:
            size = math.inf
        if math.isinf(size) or (size == 0 and value):
            raise self.error(node, "this number is beyond those that can be calculated with (1e-323 to 1.8e308)")
        return ConstantTensor(value, FLOAT)

    def engine(self, node: AnyNode, build: Callable[[], Tensor]) -> Tensor:
        """What `build` makes; an error of the engine is shown at the place of the node."""
        try:
            return build()
        except ExpressionError:
            raise
        except EngineError as e:
            raise self.error(node, str(e)) from None
        except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as e:
            name = node.function if isinstance(node, Call) else "index"
            raise self.error(node, f"{name}: an argument does not fit: {e}") from None

    def checked(self, node: AnyNode, value: Value) -> Value:
        known = isinstance(value, Tensor) and isinstance(value.type, TensorType) and value.type.known
        if known and value.type.size > MAX_ELEMENTS:  # type: ignore[union-attr]
            message = f"a tensor of shape {value.shape} is too large for a formula"  # type: ignore[union-attr]
            raise self.error(node, message, f"at most {MAX_ELEMENTS:,} elements")
        return value

    def check_count(self, node: Call, found: int, least: int, most: int | None) -> None:
        if found < least or (most is not None and found > most):
            between = f"{least} or {most}" if most == least + 1 else f"{least} to {most}"
            expected = str(least) if most == least else f"at least {least}" if most is None else between
            plural = "" if expected == "1" else "s"
            hint = f"write `{node.function}*(...)` for a product" if node.function in SHY and found == 1 else ""
            raise self.error(node, f"`{node.function}` takes {expected} value{plural}, found {found}", hint)

    def error(self, node: AnyNode, message: str, hint: str = "") -> ExpressionError:
        return ExpressionError(message, self.syntax.text, node.start, node.end, hint)


def rank(value: Tensor | int | Fraction) -> int:
    return value.ndim if isinstance(value, Tensor) else 0


class Results(tuple[Any, ...]):
    """What a function with several results gives, such as `svd`; a formula goes on with one of them."""

    __slots__ = ()


class Signature(NamedTuple):
    """What an op of the table takes: names of parameters, which of them are tensors, how many by position."""

    names: tuple[str, ...]
    tensors: tuple[bool, ...]
    least: int
    most: int | None

    @property
    def last(self) -> int:
        """The parameter that takes what stands behind the others."""
        return (self.most or 1) - 1


@lru_cache(maxsize=1024)
def signature_of(name: str) -> Signature:
    """Read from the function itself, so that every op of the table can be called."""
    function = OPS[name].function
    if isinstance(function, Elementwise):
        n = function.ufunc.nin if function.compute is None else len(OPS[name].samples[0].args)
        return Signature(tuple("abcdef"[:n]), (True,) * n, n, n)
    parameters = list(inspect.signature(function).parameters.values())
    tensors = tuple("Like" in str(p.annotation) or "Tensor" in str(p.annotation) for p in parameters)
    starred = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    positional = [p for p in parameters if p.kind is not p.KEYWORD_ONLY]
    required = [p for p in positional if p.default is p.empty and p.kind is not p.VAR_POSITIONAL]
    least = max(len(required), 1 if starred else 0)
    most = None if starred else len(positional)
    return Signature(tuple(p.name for p in parameters), tensors, least, most)


def takes_functions(function: Any) -> bool:
    """Whether an op of the table takes Python functions."""
    if isinstance(function, Elementwise):
        return False
    return any("Callable" in str(kind) for name, kind in function.__annotations__.items() if name != "return")


def named_constant(name: str) -> Tensor:
    """`pi` or `e`."""
    return ConstantTensor(VALUES[name], FLOAT).named(name)


def is_e(value: Value) -> bool:
    return isinstance(value, ConstantTensor) and value.name == "e"


def plain(value: Any) -> Any:
    """A value for an argument that is no tensor."""
    if isinstance(value, tuple):
        return tuple(map(plain, value))
    if isinstance(value, int) and abs(value) > MAX_NUMBER:
        raise ValueError(f"{value:.3g} is too large for a formula; at most {MAX_NUMBER:,}")
    if not isinstance(value, Fraction):
        return value
    near = float(value)
    if (seen := ROUNDED.get()) is not None and Fraction(near) != value:
        seen.append(value)
    return near


class Vector(tuple[Any, ...]):
    """The whole numbers of `[1, 2]` or of the rows of a matrix: values, or an index."""

    __slots__ = ()


def is_whole(value: Value) -> bool:
    return isinstance(value, Vector) or (type(value) is int and abs(value) <= 2**53)


def stack(items: list[Tensor]) -> Tensor:
    """Tensors of one shape as the elements of a new first axis."""
    if "stack" in OPS:
        return call("stack", *items)
    return call("concatenate", *(call("expand_dims", item, 0) for item in items))
