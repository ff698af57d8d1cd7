"""What all ops have in common that stand for another one and compute it by compiled code."""

from __future__ import annotations

from ...frozen import frozen
from ...graph import Op
from ...types import TensorType, TupleType


@frozen
class CompiledOp(Op):
    """``op`` by compiled code, shared among threads if it pays."""

    op: Op
    threads: bool

    @property
    def name(self) -> str:  # type: ignore[override]
        return f"compiled<{self.op.name}>"

    def infer(self, *types: TensorType) -> TensorType | TupleType:
        return self.op.infer(*types)
