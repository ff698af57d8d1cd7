"""Rows added at their places, such as the gradients of an embedding: in their order, so to the bits of ``add.at``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from math import prod
from typing import Any

import numpy as np

from ...frozen import frozen
from ...graph import Op, Tensor
from ...ops.indexing import Place, flat_indices, meets_often
from ...types import Array, TensorType
from ..policy import current
from .code.compiler import CompileError, compiled
from .code.machine import register_width
from .code.native import address, movable
from .kernel import Kernel, among
from .llvm.loop_nest import SIZES, mask_of, module, read_fields, store, suffix
from .llvm.values import KINDS, Code

FIELDS = ("n", "m", "width", "g", "g.n", "g.m", "at", "out", "out.row")
POINTERS = ("g", "at", "out")


@frozen
class Scatter(Op):
    """``place`` along the first axes."""

    place: Place
    name = "compiled<place>"
    shape_only = (1,)

    def infer(self, *types: TensorType) -> TensorType:
        return self.place.infer(*types)

    def bind(self, inputs: Sequence[Array], out: Array) -> Callable[[], Any]:
        g, _, *indices = inputs
        count, width = len(indices), prod(out.shape[len(indices) :])
        lead = g.ndim - (out.ndim - count)
        rows = g if lead == 2 and g.ndim == 3 else g.reshape(1, -1, width) if g.flags.c_contiguous and g.size else None
        try:
            run = kernel(out.dtype.name)
        except CompileError:
            rows = None
        many = meets_often(out.dtype, prod(out.shape[:count]), g.size // max(width, 1))
        if rows is None or many or not g.size or rows.strides[2] != rows.itemsize or not out.flags.c_contiguous:
            return self.place.bind(inputs, out)
        numbers = [*rows.shape, address(g), *rows.strides[:2], 0, address(out), width * out.itemsize]
        call = movable(run, numbers, [g, out], [FIELDS.index("g"), FIELDS.index("out")])
        argument, at = call.args[0], FIELDS.index("at")
        lengths, name = out.shape[:count], self.place.name

        def scatter() -> None:
            places = np.ascontiguousarray(flat_indices(indices, lengths, name), np.int64)
            argument[at] = address(places)
            out.fill(0)
            call()

        return scatter


def is_scatter(t: Tensor) -> bool:
    """Whether enough floats of one dtype are added along the first axes."""
    if not isinstance(t.op, Place) or t.op.axis != 0 or not all(x.type.known for x in t.inputs):
        return False
    return t.dtype.name in ("float32", "float64") and bool(t.inputs[0].type.size >= current().scattered_elements)


@cache
def kernel(dtype: str) -> Any:
    kind = KINDS[dtype]
    return compiled(text(kind, register_width() // SIZES[kind]))


def text(kind: str, lanes: int) -> str:
    """A module with the function ``kernel``: each of n times m rows of ``g`` is added to the row that ``at`` says."""
    code, size = Code(lanes), SIZES[kind]
    vector = code.vector(kind)
    read_fields(code, FIELDS, POINTERS)
    code.do("br label %outer")
    code.label("outer", "%i = phi i64 [0, %entry], [%i.next, %outer.end]")
    code.do("br label %inner")
    code.label("inner", "%j = phi i64 [0, %outer], [%j.next, %inner.end]")
    number = code.emit(f"add i64 {code.emit('mul i64 %i, %m')}, %j")
    place = code.emit(f"load i64, ptr {code.emit(f'getelementptr i64, ptr %at, i64 {number}')}")
    offset = code.emit(f"add i64 {code.emit('mul i64 %i, %g.n')}, {code.emit('mul i64 %j, %g.m')}")
    code.do(f"%source = getelementptr i8, ptr %g, i64 {offset}")
    code.do(f"%target = getelementptr i8, ptr %out, i64 {code.emit(f'mul i64 {place}, %out.row')}")
    code.do("br label %row")
    code.label("row", "%x = phi i64 [0, %inner], [%x.next, %row]")
    mask = mask_of(code, code.emit("sub i64 %width, %x"))
    name = f"llvm.masked.load.v{lanes}{suffix(kind)}.p0"
    tail = [("i32", str(size)), (code.vector("i1"), mask), (vector, "zeroinitializer")]
    spots = [code.emit(f"getelementptr {kind}, ptr {start}, i64 %x") for start in ("%target", "%source")]
    old, new = (code.call(name, vector, ("ptr", spot), *tail) for spot in spots)
    store(code, kind, code.emit(f"fadd {vector} {old}, {new}"), spots[0], mask)
    code.do(f"%x.next = add i64 %x, {lanes}")
    code.do(f"br i1 {code.emit('icmp slt i64 %x.next, %width')}, label %row, label %inner.end")
    code.label("inner.end", "%j.next = add i64 %j, 1")
    code.do(f"br i1 {code.emit('icmp slt i64 %j.next, %m')}, label %inner, label %outer.end")
    code.label("outer.end", "%i.next = add i64 %i, 1")
    code.do(f"br i1 {code.emit('icmp slt i64 %i.next, %n')}, label %outer, label %end")
    code.label("end")
    return module(code)


KERNEL = Kernel(among(Place), is_scatter, lambda op, t, shards: Scatter(op), lambda t: t.inputs[0].type.size)
