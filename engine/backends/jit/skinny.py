"""Products with a narrow matrix, such as the one that makes ten classes; a BLAS takes half as long again for them.

A row of the narrow matrix fits into one vector register. Eight rows of the result are kept in registers while the
common axis runs, and each element of the other matrix is multiplied with a whole row. Where the columns of the other
matrix are contiguous, as in the gradient of weights, vectors run along these instead, so that no lane is idle, and the
result is turned at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from ...frozen import frozen
from ...graph import Op, Tensor
from ...ops.matmul import MatMul
from ...types import Array, TensorType, static
from .compiler import CompileError, compiled
from .machine import register_width
from .native import Native, address, movable
from .nest import SIZES, element, mask_of, store, suffix
from .sums import chain
from .thin import row_kernel
from .thin_text import ROW_FIELDS
from .values import KINDS, Code

ROWS = 8  # of the result at a time, to hide how long one multiplication takes
COLUMN = 128  # elements of a column, along which vectors run
LEAST = 32  # rows and common length
WIDEST = 64  # bytes of a vector register
FIELDS = ("m", "k", "n", "a", "a.row", "a.step", "b", "b.row", "out", "out.row")
REGISTERS = {64: 32, 32: 16, 16: 16}  # bytes of a register -> how many there are
TURNED = tuple(ROW_FIELDS.index(name) for name in ("b", "a", "out"))
ADDRESSES = tuple(FIELDS.index(name) for name in ("a", "b", "out"))


@frozen
class Skinny(Op):
    """A matrix product whose right side has few columns."""

    name = "compiled<matmul>"

    def infer(self, a: TensorType, b: TensorType) -> TensorType:
        return MatMul().infer(a, b)

    def kernel(self, *arrays: Array, out: Array) -> None:
        self.bind(arrays, out)()

    def bind(self, inputs: Sequence[Array], out: Array) -> Callable[[], Any]:
        a, b = inputs
        try:
            run = kernel(out.dtype.name)
        except CompileError:
            run = None
        if run is None or b.strides[1] != b.itemsize or out.strides[1] != b.itemsize:
            return MatMul().bind(inputs, out)
        if a.strides[0] == a.itemsize and len(a) >= COLUMN:
            return along_columns(a, b, out)
        numbers = [*a.shape, b.shape[1], address(a), *a.strides, address(b), b.strides[0]]
        return movable(run, [*numbers, address(out), out.strides[0]], (a, b, out), ADDRESSES)


def along_columns(a: Array, b: Array, out: Array) -> Callable[[], Any]:
    """``out = a b`` with contiguous columns of ``a``: first its transpose, the few rows of ``b.T`` times ``a.T``."""
    (m, k), n, kind = a.shape, b.shape[1], KINDS[out.dtype.name]
    lanes = register_width() // out.itemsize
    vectors = max(1, (REGISTERS[register_width()] - n - 2) // n)
    turned = np.empty((n, m), out.dtype)
    blocks, rest = divmod(m, vectors * lanes)
    run = row_kernel(kind, lanes, n, vectors, -(-rest // lanes), False)
    numbers = [k, m, blocks, address(b), b.strides[1], b.strides[0], address(a), a.strides[1]]
    first = movable(run, [*numbers, address(turned), turned.strides[0]], (a, b, turned), TURNED)
    numbers = [m, address(turned), turned.strides[0], address(out), out.strides[0]]
    return chain([first], [Native(turn_kernel(kind, n), numbers, (turned, out))])


@cache
def turn_kernel(kind: str, n: int) -> Any:
    return compiled(turn_text(kind, n))


def turn_text(kind: str, n: int) -> str:
    """A module with the function ``kernel``: each column of n elements becomes a row."""
    code = Code(1)
    for i, name in enumerate(("m", "a", "a.row", "out", "out.row")):
        code.do(f"%{name} = load {'ptr' if name in ('a', 'out') else 'i64'}, ptr {element(code, i)}")
    code.do("br label %loop")
    code.label("loop", "%i = phi i64 [0, %entry], [%next, %loop]", "%row = phi ptr [%out, %entry], [%row.next, %loop]")
    at = code.emit(f"getelementptr {kind}, ptr %a, i64 %i")
    for j in range(n):
        x = code.emit(f"load {kind}, ptr {at}, align {SIZES[kind]}")
        code.do(f"store {kind} {x}, ptr {code.emit(f'getelementptr {kind}, ptr %row, i64 {j}')}, align {SIZES[kind]}")
        at = code.emit(f"getelementptr i8, ptr {at}, i64 %a.row")
    code.do("%row.next = getelementptr i8, ptr %row, i64 %out.row")
    code.do("%next = add i64 %i, 1")
    code.do("%more = icmp slt i64 %next, %m")
    code.do("br i1 %more, label %loop, label %end")
    code.label("end")
    code.do("ret void")
    return "\n".join(["define void @kernel(ptr noalias readonly %args) {", "entry:", *code.lines, "}", ""])


def is_skinny(t: Tensor) -> bool:
    """Whether ``t`` is such a product, of floats of one dtype."""
    if not isinstance(t.op, MatMul) or t.ndim != 2 or any(x.dtype != t.dtype for x in t.inputs) or not t.type.known:
        return False
    m, k, n = (*(static(d) for d in t.inputs[0].shape), static(t.shape[1]))
    if t.dtype.name not in ("float32", "float64") or min(m, k) < LEAST or n > WIDEST // t.dtype.itemsize:
        return False  # before anybody asks what the registers are
    lanes = register_width() // t.dtype.itemsize
    return lanes < 2 * n <= 2 * lanes


@cache
def kernel(dtype: str) -> Any:
    kind = KINDS[dtype]
    return compiled(product_text(kind, register_width() // SIZES[kind]))


def product_text(kind: str, lanes: int) -> str:
    """A module with the function ``kernel``: out (m, n) = a (m, k) b (k, n), whose rows are contiguous."""
    code = Code(lanes)
    for i, name in enumerate(FIELDS):
        code.do(f"%{name} = load {'ptr' if name in ('a', 'b', 'out') else 'i64'}, ptr {element(code, i)}")
    mask = mask_of(code, "%n")
    code.do(f"%most = and i64 %m, {-ROWS}")
    rows(code, kind, mask, ROWS, ("0", "%most"), "few")
    rows(code, kind, mask, 1, ("%most", "%m"), "end")
    code.do("ret void")
    head = [*code.declared.values(), "define void @kernel(ptr noalias readonly %args) {", "entry:"]
    return "\n".join([*head, *code.lines, "}", ""])


def rows(code: Code, kind: str, mask: str, count: int, span: tuple[str, str], after: str) -> None:
    """Rows from the first to before the second of ``span``, ``count`` at a time; then on to the block ``after``."""
    vector, tag = code.vector(kind), f"rows{count}"
    some = code.emit(f"icmp slt i64 {span[0]}, {span[1]}")
    before = code.block
    code.do(f"br i1 {some}, label %{tag}, label %{after}")
    code.label(tag, f"%i{count} = phi i64 [{span[0]}, %{before}], [%i{count}.next, %{tag}.end]")
    starts = places(code, "%a", "%a.row", f"%i{count}", count)
    code.do(f"br label %{tag}.loop")
    come = f"[{{}}, %{tag}], [{{}}, %{tag}.loop]"
    code.label(f"{tag}.loop", f"%k{count} = phi i64 {come.format(0, f'%k{count}.next')}")
    code.do(f"%step{count} = phi i64 {come.format(0, f'%step{count}.next')}")
    code.do(f"%b{count} = phi ptr {come.format('%b', f'%b{count}.next')}")
    for r in range(count):
        code.do(f"%sum{count}.{r} = phi {vector} {come.format('zeroinitializer', f'%new{count}.{r}')}")
    line = code.call(
        f"llvm.masked.load.v{code.lanes}{suffix(kind)}.p0", vector,
        ("ptr", f"%b{count}"), ("i32", str(SIZES[kind])), (code.vector("i1"), mask), (vector, "zeroinitializer"),
    )  # fmt: skip
    for r, start in enumerate(starts):
        place = code.emit(f"getelementptr i8, ptr {start}, i64 %step{count}")
        x = code.splat(kind, code.emit(f"load {kind}, ptr {place}"))
        name = f"llvm.fmuladd.v{code.lanes}{suffix(kind)}"
        code.declared[name] = f"declare {vector} @{name}({vector}, {vector}, {vector})"
        code.do(f"%new{count}.{r} = call {vector} @{name}({vector} {x}, {vector} {line}, {vector} %sum{count}.{r})")
    code.do(f"%k{count}.next = add i64 %k{count}, 1")
    code.do(f"%step{count}.next = add i64 %step{count}, %a.step")
    code.do(f"%b{count}.next = getelementptr i8, ptr %b{count}, i64 %b.row")
    more = code.emit(f"icmp slt i64 %k{count}.next, %k")
    code.do(f"br i1 {more}, label %{tag}.loop, label %{tag}.end")
    code.label(f"{tag}.end")
    for r, place in enumerate(places(code, "%out", "%out.row", f"%i{count}", count)):
        store(code, kind, f"%new{count}.{r}", place, mask)
    code.do(f"%i{count}.next = add i64 %i{count}, {count}")
    again = code.emit(f"icmp slt i64 %i{count}.next, {span[1]}")
    code.do(f"br i1 {again}, label %{tag}, label %{after}")
    code.label(after)


def places(code: Code, base: str, stride: str, first: str, count: int) -> list[str]:
    """Addresses of rows."""
    found = [code.emit(f"getelementptr i8, ptr {base}, i64 {code.emit(f'mul i64 {first}, {stride}')}")]
    for _ in range(count - 1):
        found.append(code.emit(f"getelementptr i8, ptr {found[-1]}, i64 {stride}"))
    return found
