"""Values of a compiled loop: LLVM text grows as they are computed with.

A ``Value`` stands for one vector of elements. The scalar rules of ops are formulas over values, so ``a * b + 1`` in a
rule appends a multiplication and an addition to the ``Code``. Arithmetic, roots and comparisons round as NumPy's do;
nothing is reassociated or contracted.
"""

from __future__ import annotations

import struct
from functools import cache
from typing import Any, TypeAlias

import numpy as np

from ....types import DType
from . import elementary, error_functions, gammas

Operand: TypeAlias = "Value | float | int | bool"

KINDS = {"float32": "float", "float64": "double", "int32": "i32", "int64": "i64", "bool": "i1", "uint8": "i8"}
BITS = {"float": "i32", "double": "i64"}
SUFFIX = {"float": "f32", "double": "f64", "i32": "i32", "i64": "i64"}


class UnsupportedError(Exception):
    """There is no scalar code for this op and these dtypes, so it stays with NumPy."""


@cache
def kind_of(dtype: DType) -> str:
    """What LLVM calls a dtype; NumPy puts a dtype's name together anew whenever it is asked."""
    if dtype.name not in KINDS:
        raise UnsupportedError(dtype.name)
    return KINDS[dtype.name]


class Code:
    """Lines of LLVM text, in static single assignment; ``lanes`` is the number of elements of a vector."""

    def __init__(self, lanes: int) -> None:
        self.lanes = lanes
        self.lines: list[str] = []
        self.count = 0
        self.declared: dict[str, str] = {}
        self.block = "entry"
        self.mask: str | None = None  # the lanes that hold elements; None: all
        self.start: str | None = "0"  # place of the first element in its row; None: not known

    def emit(self, text: str) -> str:
        """Append an instruction; returns the name of its result."""
        self.count += 1
        self.lines.append(f"  %v{self.count} = {text}")
        return f"%v{self.count}"

    def do(self, text: str) -> None:
        """Append an instruction without a result."""
        self.lines.append(f"  {text}")

    def label(self, name: str, *lines: str) -> None:
        """Begin a block, with its first instructions."""
        self.block = name
        self.lines.append(f"{name}:")
        for line in lines:
            self.do(line)

    def vector(self, kind: str) -> str:
        return f"<{self.lanes} x {kind}>"

    def call(self, name: str, result: str, *arguments: tuple[str, str]) -> str:
        """Call an intrinsic; ``arguments`` are types and references."""
        self.declared[name] = f"declare {result} @{name}({', '.join(t for t, _ in arguments)})"
        return self.emit(f"call {result} @{name}({', '.join(f'{t} {r}' for t, r in arguments)})")

    def splat(self, kind: str, ref: str) -> str:
        """One number in all lanes."""
        vector = self.vector(kind)
        first = self.emit(f"insertelement {vector} poison, {kind} {ref}, i32 0")
        return self.emit(f"shufflevector {vector} {first}, {vector} poison, {self.vector('i32')} zeroinitializer")

    def constant(self, number: Any, kind: str) -> Value:
        """The same number in every lane."""
        return Value(self, f"splat ({kind} {literal(number, kind)})", kind, number)


def literal(number: Any, kind: str) -> str:
    """A number as LLVM writes it: floats by their bits, so that nothing is rounded on the way."""
    if kind == "i1":
        return "true" if number else "false"
    if kind in ("i32", "i64", "i8"):
        return str(int(number))
    with np.errstate(all="ignore"):
        value = float(np.float32(number)) if kind == "float" else float(number)
    return f"0x{struct.unpack('>Q', struct.pack('>d', value))[0]:016X}"


class Value:
    """One vector of elements of one kind; ``number`` is known for a constant."""

    __slots__ = ("code", "kind", "number", "ref")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, code: Code, ref: str, kind: str, number: Any = None) -> None:
        self.code = code
        self.ref = ref
        self.kind = kind
        self.number = number

    @property
    def floating(self) -> bool:
        return self.kind in BITS

    def like(self, other: Operand) -> Value:
        """``other`` as a value of this kind; numbers become constants."""
        if isinstance(other, Value):
            if other.kind != self.kind:
                raise UnsupportedError(f"{self.kind} with {other.kind}")
            return other
        return self.code.constant(other, self.kind)

    def constant(self, number: float | int | bool, dtype: DType) -> Value:
        """A number of any dtype, in every lane."""
        return self.code.constant(number, kind_of(dtype))

    def instruction(self, name: str, *others: Value, kind: str | None = None) -> Value:
        """``name`` applied to this value and others of its kind."""
        refs = ", ".join(v.ref for v in (self, *others))
        return Value(self.code, self.code.emit(f"{name} {self.code.vector(self.kind)} {refs}"), kind or self.kind)

    def intrinsic(self, name: str, *others: Value) -> Value:
        vector = self.code.vector(self.kind)
        full = f"llvm.{name}.v{self.code.lanes}{SUFFIX[self.kind]}"
        return Value(self.code, self.code.call(full, vector, *((vector, v.ref) for v in (self, *others))), self.kind)

    def numeric(self, floating: str, integer: str | None, other: Operand) -> Value:
        if self.floating:
            return self.instruction(floating, self.like(other))
        if integer is None or self.kind == "i1":
            raise UnsupportedError(f"{floating} of {self.kind}")
        return self.instruction(integer, self.like(other))

    # Arithmetic
    def __add__(self, other: Operand) -> Value:
        return self.numeric("fadd", "add", other)

    def __radd__(self, other: Operand) -> Value:
        return self.like(other) + self

    def __sub__(self, other: Operand) -> Value:
        return self.numeric("fsub", "sub", other)

    def __rsub__(self, other: Operand) -> Value:
        return self.like(other) - self

    def __mul__(self, other: Operand) -> Value:
        return self.numeric("fmul", "mul", other)

    def __rmul__(self, other: Operand) -> Value:
        return self.like(other) * self

    def __truediv__(self, other: Operand) -> Value:
        return self.numeric("fdiv", None, other)

    def __rtruediv__(self, other: Operand) -> Value:
        return self.like(other) / self

    def __neg__(self) -> Value:
        return self.instruction("fneg") if self.floating else 0 - self

    def fma(self, b: Operand, c: Operand) -> Value:
        """self * b + c, rounded once where the machine can."""
        return self.intrinsic("fmuladd", self.like(b), self.like(c))

    # Comparisons; anything beside NaN is false, except for `differs`
    def compare(self, floating: str, integer: str, other: Operand) -> Value:
        if self.kind in ("i1", "i8") and integer not in ("eq", "ne"):
            raise UnsupportedError(f"order of {self.kind}")
        name = f"fcmp {floating}" if self.floating else f"icmp {integer}"
        return self.instruction(name, self.like(other), kind="i1")

    def __lt__(self, other: Operand) -> Value:
        return self.compare("olt", "slt", other)

    def __le__(self, other: Operand) -> Value:
        return self.compare("ole", "sle", other)

    def __gt__(self, other: Operand) -> Value:
        return self.compare("ogt", "sgt", other)

    def __ge__(self, other: Operand) -> Value:
        return self.compare("oge", "sge", other)

    def equals(self, other: Operand) -> Value:
        return self.compare("oeq", "eq", other)

    def differs(self, other: Operand) -> Value:
        return self.compare("une", "ne", other)

    def isnan(self) -> Value:
        return self.only_float().compare("uno", "ne", self)

    # Logic
    def logic(self, name: str, other: Operand) -> Value:
        if self.kind != "i1":
            raise UnsupportedError(f"logical {name} of {self.kind}")
        return self.instruction(name, self.like(other))

    def __and__(self, other: Operand) -> Value:
        return self.logic("and", other)

    def __or__(self, other: Operand) -> Value:
        return self.logic("or", other)

    def __xor__(self, other: Operand) -> Value:
        return self.logic("xor", other)

    def __invert__(self) -> Value:
        return self.logic("xor", True)

    def choose(self, a: Value, b: Operand) -> Value:
        """``a`` where this condition is true, else ``b``."""
        if self.kind != "i1":
            raise UnsupportedError(f"a choice by {self.kind}")
        other, vector = a.like(b), a.code.vector(a.kind)
        condition = f"{self.code.vector('i1')} {self.ref}"
        ref = self.code.emit(f"select {condition}, {vector} {a.ref}, {vector} {other.ref}")
        return Value(self.code, ref, a.kind)

    # Pieces
    def only_float(self) -> Value:
        if not self.floating:
            raise UnsupportedError(f"a float function of {self.kind}")
        return self

    def maximum(self, other: Operand) -> Value:
        """The larger one, or NaN beside NaN."""
        b = self.like(other)
        chosen = (self > b).choose(self, b)  # one instruction, which gives b beside NaN
        return self.isnan().choose(self, chosen) if self.floating else chosen

    def minimum(self, other: Operand) -> Value:
        b = self.like(other)
        chosen = (self < b).choose(self, b)  # one instruction, which gives b beside NaN
        return self.isnan().choose(self, chosen) if self.floating else chosen

    def abs(self) -> Value:
        return self.only_float().intrinsic("fabs") if self.floating else (self < 0).choose(-self, self)

    def power(self, other: Value) -> Value:
        """self ** other for exponents that are a few products, and for bases that are known; NumPy does others."""
        n = other.number
        self.only_float()
        if n is None and self.number is not None and self.number != 1 and 0 < self.number < float("inf"):
            return elementary.power_of(float(self.number), other)
        if n not in (-2, -1, 1, 2, 3, 4):
            raise UnsupportedError(f"power {n}")
        square = self * self
        found = {1: self, 2: square, 3: square * self, 4: square * square}[int(abs(n))]
        return found if n > 0 else 1.0 / found

    def sqrt(self) -> Value:
        return self.only_float().intrinsic("sqrt")

    def copysign(self, other: Value) -> Value:
        return self.only_float().intrinsic("copysign", other)

    # Functions, for which the machine has no instruction
    def exp(self) -> Value:
        return elementary.exp(self)

    def expm1(self) -> Value:
        return elementary.expm1(self)

    def log(self) -> Value:
        return elementary.log(self)

    def log1p(self) -> Value:
        return elementary.log1p(self)

    def tanh(self) -> Value:
        return elementary.tanh(self)

    def sin(self) -> Value:
        return elementary.sine(self, "sin")

    def cos(self) -> Value:
        return elementary.sine(self, "cos")

    def erf(self) -> Value:
        return error_functions.erf(self)

    def erfc(self) -> Value:
        return error_functions.erfc(self)

    def erfinv(self) -> Value:
        return error_functions.erfinv(self)

    def lgamma(self) -> Value:
        return gammas.lgamma(self)

    def digamma(self) -> Value:
        return gammas.digamma(self)

    def sigmoid(self) -> Value:
        return 1.0 / ((-self).exp() + 1.0)

    # Rows, which fit into one vector
    def row_max(self) -> Value:
        """The largest element, in every lane; NaN does not count."""
        return self.reduced("fmax", float("-inf"))

    def row_sum(self) -> Value:
        """The sum, in every lane: the lanes of one half added to those of the other, until one is left."""
        code, kind, width = self.only_float().code, self.kind, self.code.lanes
        ref = (self if code.mask is None else Value(code, code.mask, "i1").choose(self, 0.0)).ref
        while width > 1:
            halves = []
            for start in (0, width // 2):
                lanes = ", ".join(f"i32 {k}" for k in range(start, start + width // 2))
                both = f"<{width} x {kind}> {ref}, <{width} x {kind}> poison"
                halves.append(code.emit(f"shufflevector {both}, <{width // 2} x i32> <{lanes}>"))
            width //= 2
            ref = code.emit(f"fadd <{width} x {kind}> {', '.join(halves)}")
        return Value(code, code.splat(kind, code.emit(f"extractelement <1 x {kind}> {ref}, i32 0")), kind)

    def larger(self, other: Operand) -> Value:
        """The larger one, or the other one beside NaN."""
        return self.only_float().intrinsic("maxnum", self.like(other))

    def reduced(self, name: str, neutral: float) -> Value:
        code, kind = self.only_float().code, self.kind
        x = self if code.mask is None else Value(code, code.mask, "i1").choose(self, neutral)
        full, vector = f"llvm.vector.reduce.{name}.v{code.lanes}{SUFFIX[kind]}", code.vector(kind)
        total = code.call(full, kind, (vector, x.ref))
        return Value(code, code.splat(kind, total), kind)

    def is_position(self) -> Value:
        """Whether this number is that of the lane."""
        numbers = ", ".join(f"{self.kind} {i}" for i in range(self.code.lanes))
        return self.equals(Value(self.code, f"<{numbers}>", self.kind))

    def place(self) -> Value:
        """Of each element in its row, as numbers of this kind."""
        code = self.code
        if code.start is None or self.kind != "i32":
            raise UnsupportedError("places in a row")
        numbers = ", ".join(f"i32 {i}" for i in range(code.lanes))
        start = code.splat("i32", code.emit(f"trunc i64 {code.start} to i32"))
        return Value(code, code.emit(f"add {code.vector('i32')} {start}, <{numbers}>"), "i32")

    # Conversions
    def astype(self, dtype: DType) -> Value:
        return self.to(kind_of(dtype))

    def to(self, kind: str) -> Value:
        """Another kind, where every value of this one has a place in it."""
        if kind == self.kind:
            return self
        if self.number is not None:
            return self.code.constant(self.number, kind)
        source, target = self.kind, kind
        steps = {
            ("float", "double"): "fpext", ("double", "float"): "fptrunc",
            ("i1", "float"): "uitofp", ("i1", "double"): "uitofp", ("i1", "i32"): "zext", ("i1", "i64"): "zext",
            ("i32", "i64"): "sext", ("i32", "float"): "sitofp", ("i32", "double"): "sitofp",
            ("i64", "float"): "sitofp", ("i64", "double"): "sitofp",
        }  # fmt: skip
        if (source, target) not in steps:
            raise UnsupportedError(f"{source} to {target}")
        ref = self.code.emit(
            f"{steps[source, target]} {self.code.vector(source)} {self.ref} to {self.code.vector(target)}"
        )
        return Value(self.code, ref, target)

    def bitcast(self, kind: str) -> Value:
        """The same bits read as another kind of the same size."""
        ref = self.code.emit(f"bitcast {self.code.vector(self.kind)} {self.ref} to {self.code.vector(kind)}")
        return Value(self.code, ref, kind)
