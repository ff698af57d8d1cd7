"""What families of ops share: elementwise ops from NumPy ufuncs, and ops that are linear in their first input."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cached_property, lru_cache, partial
from typing import Any, ClassVar

import numpy as np

from ..errors import DTypeError, GradientError, Refused, ShapeError
from ..frozen import changed, frozen
from ..graph import Constant, Cotangents, Like, Op, Tensor, call, constant, unify
from ..table import Sample, real, register, sample
from ..types import Array, DType, TensorType, TupleType, broadcast_shapes, holds

Rule = Callable[..., Cotangents]
KEYWORD_ONLY = (np.maximum, np.minimum)  # NumPy wants their ``out`` by name
EXAMPLE = re.compile(r": (\w+\(.*\)) = (\S+)\.$")  # "Natural logarithm: log(10.0) = 2.302585."


COMPARISONS = frozenset((np.less, np.less_equal, np.greater, np.greater_equal, np.equal, np.not_equal))
CONNECTIVES = frozenset((np.logical_and, np.logical_or, np.logical_xor))


def infinity(number: Any) -> Tensor:
    """The infinity beyond a number."""
    return constant(np.inf if number > 0 else -np.inf)


@lru_cache(maxsize=8192)
def result_dtype(ufunc: Any, dtypes: tuple[DType, ...]) -> DType:
    """The dtype that ``ufunc`` gives for inputs of ``dtypes``; NumPy's float16 for small integers becomes float32."""
    found = ufunc.resolve_dtypes((*dtypes, *(None,) * ufunc.nout))[len(dtypes)]
    return np.dtype("float32") if found == np.float16 and np.float16 not in dtypes else found


@lru_cache(maxsize=8192)
def result_type(ufunc: Any, inputs: tuple[TensorType, ...]) -> TensorType:
    """The type that ``ufunc`` makes of broadcast inputs; one object for equal inputs, which is quick to compare."""
    shape = broadcast_shapes(*(t.shape for t in inputs))
    return TensorType(shape, result_dtype(ufunc, tuple(t.dtype for t in inputs)))


class SciPy:
    """A ufunc of ``scipy.special``, imported when it is first used: that import takes longer than NumPy's own."""

    nout = 1

    def __init__(self, name: str, nin: int = 1) -> None:
        self.name = name
        self.nin = nin

    @cached_property
    def ufunc(self) -> Any:
        from scipy import special

        return getattr(special, self.name)

    def resolve_dtypes(self, dtypes: tuple[DType | None, ...]) -> Any:
        """As NumPy's own, which keep float16; SciPy's loops make float32 of it, or float64, by their order."""
        given = [d for d in dtypes if d is not None]
        found = self.ufunc.resolve_dtypes(dtypes)
        return (np.dtype("float16"),) * len(dtypes) if np.result_type(*given) == np.float16 else found

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.ufunc(*args, **kwargs)


class Pointwise(Op):
    """An op that treats every element alike, after broadcasting; ``ufunc`` gives the dtype of the result.

    As the Jacobian is diagonal, ``vjp`` serves both modes.
    """

    ufunc: ClassVar[Any]
    inplace: ClassVar[tuple[int, ...]] = (0, 1, 2)

    def infer(self, *inputs: TensorType) -> TensorType:
        n = self.ufunc.nin
        if len(inputs) != n:
            raise ShapeError(f"{self.name}: takes {n} argument{'s' * (n > 1)}, got {len(inputs)}")
        try:
            return result_type(self.ufunc, inputs)
        except TypeError:
            kinds = ", ".join(str(t.dtype) for t in inputs)
            raise DTypeError(f"{self.name}: does not compute with {kinds}") from None

    def jvp(self, tangents: Sequence[Tensor | None], y: Tensor, *inputs: Tensor) -> Tensor | None:
        total: Tensor | None = None
        for i, t in enumerate(tangents):
            if t is None:
                continue
            part = self.vjp(t if t.type == y.type else call("expand_like", t, y), y, *inputs)[i]
            if isinstance(part, Refused):
                raise part.error()
            if part is not None:
                total = part if total is None else total + part
        return total


class Computed(Pointwise):
    """A pointwise op with attributes, whose elements its ``ufunc`` computes as they are."""

    def kernel(self, *inputs: Array, out: Array) -> None:
        self.ufunc(*inputs, out=out)


@frozen(eq=False)  # each is one object
class Elementwise(Pointwise):
    """A pointwise op without attributes: its kernel is the ufunc or ``fill(*inputs, out=)``.

    ``rule(g, y, *inputs)`` gives the cotangents; an op without a rule has no derivative. With ``scratch``, ``fill``
    gets one more array of the type of ``out`` behind its inputs, which is allocated once. ``scalar_rule(*values)``, or
    a method of values, is the op for one element, from which loops are compiled.
    """

    name: str
    ufunc: Any  # type: ignore[misc]
    rule: Rule | None
    doc: str
    domain: tuple[float, float] = (-2.0, 2.0)
    fill: Callable[..., Any] | None = None
    commutative: bool = False  # type: ignore[misc]
    scratch: bool = False
    scalar_rule: Callable[..., Any] | str | None = None

    def unify(self, inputs: list[Tensor]) -> list[Tensor]:
        if self.ufunc in COMPARISONS or self.ufunc in CONNECTIVES:
            strong = next((x.dtype for x in inputs if not x.type.weak), None)
            weak = [x for x in inputs if isinstance(x, Constant) and x.type.weak]
            far = {x.id: x.value for x in weak if strong and not holds(strong, x.value)}
            if far and self.ufunc in CONNECTIVES:
                inputs = [constant(bool(far[x.id])) if x.id in far else x for x in inputs]
            elif far:  # beyond all that the tensor may hold, so any larger number compares alike
                inputs = [infinity(far[x.id]) if x.id in far else call("astype", x, dtype="float64") for x in inputs]
        return unify(inputs)

    def scalar(self, *values: Any) -> Any:
        if isinstance(self.scalar_rule, str):
            return getattr(values[0], self.scalar_rule)(*values[1:])
        return None if self.scalar_rule is None else self.scalar_rule(*values)

    def bind(self, inputs: Sequence[Array], out: Array) -> Callable[[], Any]:
        dtype = out.dtype
        alike = self.rule is None or dtype.kind != "f" or [dtype] * len(inputs) == [x.dtype for x in inputs]
        if alike and self.fill is None and isinstance(self.ufunc, np.ufunc) and self.ufunc not in KEYWORD_ONLY:
            return partial(self.ufunc, *inputs, out)  # a keyword costs as much as the call itself
        run = partial(self.fill or self.ufunc, out=out)
        extra = (np.empty_like(out),) if self.scratch else ()
        if alike:
            return partial(run, *inputs, *extra)
        return lambda: run(*(x.astype(out.dtype, copy=False) for x in inputs), *extra)  # integers become floats first

    def vjp(self, g: Tensor, y: Tensor, *inputs: Tensor) -> Cotangents:
        if self.rule is None:
            raise GradientError(f"{self.name} has no derivative")
        return self.rule(g, y, *inputs)


def public(op: Elementwise, example: re.Match[str] | None, shapes: str) -> Callable[..., Tensor]:
    """``op`` as a function with a signature; the example in its row becomes a doctest."""

    def one(x: Like) -> Tensor:
        return op(x)

    def two(a: Like, b: Like) -> Tensor:
        return op(a, b)

    function = one if op.ufunc.nin == 1 else two
    function.__name__ = function.__qualname__ = op.name
    lines = [op.doc, "", shapes]
    if example:
        call, value = example.groups()
        lines += ["", f">>> print(ag.{call}.eval(){'.round(6)' * ('.' in value)})", value]
    function.__doc__ = "\n".join(lines)
    return function


def add_row(op: Elementwise, family: str, shapes: str, samples: tuple[Sample, ...]) -> Elementwise:
    """Register an elementwise op; ``shapes`` says what becomes of the shapes of its inputs."""
    example = EXAMPLE.search(op.doc)
    plain = changed(op, doc=EXAMPLE.sub(".", op.doc))
    function = public(plain, example, shapes)
    function.__module__ = f"{__package__}.{family}"
    register(plain, op.name, plain.doc, family, samples, op.rule is not None, function)
    return plain


def unary(
    name: str,
    ufunc: Any,
    rule: Rule | None,
    doc: str,
    domain: tuple[float, float] = (-2.0, 2.0),
    *,
    fill: Callable[..., Any] | None = None,
    scratch: bool = False,
    scalar_rule: Callable[..., Any] | str | None = None,
    family: str = "elementwise",
) -> Elementwise:
    """Define and register an elementwise op of one input; ``doc`` is a sentence that ends with an example."""
    op = Elementwise(name, ufunc, rule, doc, domain, fill, scratch=scratch, scalar_rule=scalar_rule)
    low, high = domain
    rows = tuple(sample(real(*s, low=low, high=high)) for s in ((3,), (2, 3), (), (0, 2)))
    return add_row(op, family, "Element by element: the result has the shape of ``x``.", rows)


def binary(
    name: str,
    ufunc: Any,
    rule: Rule | None,
    doc: str,
    domain: tuple[float, float] = (-2.0, 2.0),
    *,
    fill: Callable[..., Any] | None = None,
    commutative: bool = False,
    samples: tuple[Sample, ...] | None = None,
    scalar_rule: Callable[..., Any] | str | None = None,
    family: str = "elementwise",
) -> Elementwise:
    """Define and register an elementwise op of two inputs, which broadcast; ``doc`` as for ``unary``."""
    op = Elementwise(name, ufunc, rule, doc, domain, fill, commutative, scalar_rule=scalar_rule)
    low, high = domain
    shapes = (((3,), (3,)), ((2, 1), (1, 3)), ((), (2, 3)), ((4, 2, 3), (3,)), ((0, 3), (1, 3)))
    rows = tuple(sample(real(*a, low=low, high=high), real(*b, low=low, high=high)) for a, b in shapes)
    return add_row(op, family, "Element by element; the two shapes broadcast.", rows if samples is None else samples)


class Linear(Op):
    """An op that is linear in its first input, the only one with a tangent: it is its own derivative."""

    def jvp(self, tangents: Sequence[Tensor | None], y: Tensor, *inputs: Tensor) -> Tensor | None:
        return None if tangents[0] is None else self(tangents[0], *inputs[1:])

    def unify(self, inputs: list[Tensor]) -> list[Tensor]:
        return inputs


@frozen
class Item(Op):
    """One output of an op that has several."""

    index: int
    count: int
    name = "item"

    def infer(self, x: TupleType) -> TensorType:
        return x.items[self.index]

    def vjp(self, g: Tensor, y: Tensor, x: Tensor) -> Any:
        return ([g if i == self.index else None for i in range(self.count)],)

    def jvp(self, tangents: Sequence[Any], y: Tensor, x: Tensor) -> Tensor | None:
        return None if tangents[0] is None else tangents[0][self.index]


def items(x: Tensor) -> tuple[Tensor, ...]:
    """The outputs of an op that has several."""
    n = len(x.type.items)
    return tuple(Item(i, n)(x) for i in range(n))
