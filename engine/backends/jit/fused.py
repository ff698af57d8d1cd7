"""The op that stands for a group of elementwise ops, and what it is made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar, TypeAlias

from ...graph import Op, Tensor
from ...ops.base import Elementwise, Item
from ...types import Array, DType, Shape, TensorType, TupleType
from .values import Code, UnsupportedError, Value, kind_of

Number: TypeAlias = "float | int | bool | None"


@dataclass(frozen=True)
class Line:
    """One op of a program; ``places`` count the arguments first, then the lines before."""

    op: Op | None  # None: a number
    places: tuple[int, ...]
    dtype: DType
    number: Number = None


@dataclass(frozen=True)
class Program:
    """Formulas for one element: dtypes of the arguments, lines, and which lines are results."""

    arguments: tuple[DType, ...]
    lines: tuple[Line, ...]
    results: tuple[int, ...]

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


@dataclass(frozen=True)
class Fused(Op):
    """Several elementwise ops in one pass over memory; one output, or several of the same shape."""

    program: Program
    shape: Shape
    threads: int
    inplace: ClassVar[tuple[int, ...]] = tuple(range(64))

    @property
    def name(self) -> str:  # type: ignore[override]
        """The ops in their order; what comes more than once is named once."""
        names = dict.fromkeys(line.op.name for line in self.program.lines if line.op is not None)
        return f"fused<{' '.join(names)}>"

    def infer(self, *types: TensorType) -> TensorType | TupleType:
        found = tuple(TensorType(self.shape, self.program.lines[i].dtype) for i in self.lines_of_results())
        return found[0] if len(found) == 1 else TupleType(found)

    def lines_of_results(self) -> list[int]:
        return [i - len(self.program.arguments) for i in self.program.results]

    def __call__(self, *inputs: Any) -> Tensor:
        return Tensor(self.infer(), self, inputs)

    def outputs(self, *inputs: Tensor) -> list[Tensor]:
        """The results as tensors."""
        made = self(*inputs)
        count = len(self.program.results)
        return [made] if count == 1 else [Item(i, count)(made) for i in range(count)]

    def kernel(self, *arrays: Array, out: Any) -> None:
        self.bind(arrays, out)()

    def bind(self, inputs: Sequence[Array], out: Any) -> Callable[[], Any]:
        from .launch import bound

        outputs = list(out) if len(self.program.results) > 1 else [out]
        return bound(self.program, list(inputs), outputs, self.threads)
