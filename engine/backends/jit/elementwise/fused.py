"""The op that stands for a group of elementwise ops, and what it is made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any, ClassVar, TypeAlias

import numpy as np

from ....frozen import frozen
from ....graph import Op, Tensor
from ....ops.base import Elementwise, Item
from ....ops.program import program as row
from ....types import Array, DType, Shape, TensorType, TupleType
from ..compiled_op import CompiledOp
from ..llvm.values import Code, UnsupportedError, Value, kind_of

Number: TypeAlias = "float | int | bool | None"


@dataclass(frozen=True)
class Line:
    """One op of a program; ``places`` count the arguments first, then the lines before."""

    op: Op | None  # None: a number
    places: tuple[int, ...]
    dtype: DType
    number: Number = field(default=None, compare=False)
    text: str = ""  # of the number: 0.0 and -0.0 are equal, but not the same


@dataclass(frozen=True)
class Program:
    """Formulas for one element: dtypes of the arguments, lines, and which are results.

    Of the last ``sums`` results, the sum of a row of elements is wanted, or what else ``fold`` names.
    """

    arguments: tuple[DType, ...]
    lines: tuple[Line, ...]
    results: tuple[int, ...]
    sums: int = 0
    fold: str = "sum"
    rows: ClassVar[bool] = False

    def __hash__(self) -> int:
        """Computed once, as a loop that is bound again at every call asks for its kernel by it."""
        values = self.__dict__
        if "hash" not in values:
            values["hash"] = hash((self.arguments, self.lines, self.results, self.sums, self.fold))
        return int(values["hash"])

    @property
    def outputs(self) -> list[DType]:
        dtypes = (*self.arguments, *self.inner)
        return [dtypes[i] for i in self.results]

    @property
    def inner(self) -> list[DType]:
        """Dtypes on the way."""
        return [line.dtype for line in self.lines]

    def __call__(self, code: Code, values: list[Value]) -> list[Value]:
        """Append the code for one vector of elements."""
        known = list(values)
        for line in self.lines:
            if line.op is None:
                known.append(code.constant(line.number, kind_of(line.dtype)))
            else:
                known.append(applied(line.op, [known[i] for i in line.places], line.dtype))
        return [known[i] for i in self.results]


def applied(op: Op, values: Sequence[Value], dtype: DType) -> Value:
    """An op's scalar rule, with integers made floats where the op does so."""
    if isinstance(op, Elementwise) and op.rule is not None and dtype.kind == "f":
        values = [v.astype(dtype) for v in values]
    result = op.scalar(*values)
    if not isinstance(result, Value) or result.kind != kind_of(dtype):
        raise UnsupportedError(op.name)
    return result


@lru_cache(maxsize=4096)
def has_code(op: Op, inputs: tuple[DType, ...], numbers: tuple[Number, ...], dtype: DType) -> bool:
    """Whether there is scalar code for an op with these dtypes and numbers (None: not the same everywhere)."""
    code = Code(1)
    try:
        applied(op, [Value(code, "%x", kind_of(d), n) for d, n in zip(inputs, numbers, strict=True)], dtype)
    except UnsupportedError:
        return False
    return True


@frozen
class Fused(Op):
    """Several elementwise ops in one pass over memory; one output, or several of the same shape."""

    program: Program
    shape: Shape
    threads: bool  # whether it may use the threads of this process
    inplace: ClassVar[tuple[int, ...]] = tuple(range(64))
    inplace_each: ClassVar[bool] = True  # each of several outputs may have the place of an input
    strided: ClassVar[bool] = True  # rows of its outputs may lie apart

    @property
    def name(self) -> str:  # type: ignore[override]
        """The ops in their order; what comes more than once is named once."""
        names = dict.fromkeys(line.op.name for line in self.program.lines if line.op is not None)
        return f"fused<{' '.join(names)}>"

    def infer(self, *types: TensorType) -> TensorType | TupleType:
        found = tuple(TensorType(self.shape, dtype) for dtype in self.program.outputs)
        return found[0] if len(found) == 1 else TupleType(found)

    def __call__(self, *inputs: Any) -> Tensor:
        return Tensor(self.infer(), self, inputs)

    def outputs(self, *inputs: Tensor) -> list[Tensor]:
        """The results as tensors."""
        made = self(*inputs)
        count = len(self.program.results)
        return [made] if count == 1 else [Item(i, count)(made) for i in range(count)]

    def bind(self, inputs: Sequence[Array], out: Any) -> Callable[[], Any]:
        from ..code.compiler import CompileError
        from .launch import bound

        outputs = list(out) if len(self.program.results) > 1 else [out]
        try:
            return bound(self.program, list(inputs), outputs, self.threads)
        except (CompileError, UnsupportedError):
            return one_by_one(self.program, inputs, outputs)


def one_by_one(program: Program, inputs: Sequence[Array], outputs: Sequence[Array]) -> Callable[[], Any]:
    """The ops of a program by their own kernels, on a machine where it cannot be compiled."""
    values: list[Any] = list(inputs)
    calls: list[Callable[[], Any]] = []
    for line in program.lines:
        if line.op is None:
            values.append(np.asarray(line.number, line.dtype))
            continue
        values.append(np.empty(outputs[0].shape, line.dtype))
        calls.append(line.op.bind([values[i] for i in line.places], values[-1]))
    calls += [partial(np.copyto, out, values[i]) for i, out in zip(program.results, outputs, strict=True)]
    return row(calls)


@frozen
class Rule:
    """The scalar rule of one op, for views of its arrays."""

    op: Op
    arguments: tuple[DType, ...]
    outputs: tuple[DType, ...]
    rows: bool
    inner: ClassVar[tuple[DType, ...]] = ()
    sums: ClassVar[int] = 0
    fold: ClassVar[str] = "sum"

    def __call__(self, code: Code, values: list[Value]) -> list[Value]:
        results: list[Value] = self.op.scalar(*values)
        if [v.kind for v in results] != [kind_of(d) for d in self.outputs]:
            raise UnsupportedError(self.op.name)
        return results


@frozen
class Looped(CompiledOp):
    """An op that is elementwise on views of its arrays, such as the windows of a pool."""

    @property
    def inplace(self) -> tuple[int, ...]:  # type: ignore[override]
        return ()  # views of one array at several places are no element by element

    def bind(self, inputs: Sequence[Array], out: Any) -> Callable[[], Any]:
        from ..code.compiler import CompileError
        from ..code.native import fixed
        from .launch import bound

        views = self.op.aligned(inputs, out)
        if views is None:
            return self.op.bind(inputs, out)
        rule = Rule(self.op, tuple(x.dtype for x in views.read), tuple(x.dtype for x in views.written), views.rows)
        try:
            call = bound(rule, views.read, views.written, self.threads)
            return row((*views.before, fixed(call)))  # which cannot move, as views are made anew
        except (CompileError, UnsupportedError):
            return self.op.bind(inputs, out)
