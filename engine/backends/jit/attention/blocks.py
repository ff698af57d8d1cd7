"""Functions that the kernels of attention call: products of small matrices, copies of rows, transposes.

Matrices lie in scratch memory, whose rows are filled up to whole vectors and their number to whole blocks. So there are
no masks but where the arrays of the op are read and written.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..code.machine import register_width
from ..llvm.across import transposed
from ..llvm.counted_loop import counted, shifted, times
from ..llvm.loop_nest import SIZES, mask_of, store, suffix
from ..llvm.values import Code

VECTORS = 2  # of a panel of scores


def block_rows() -> int:
    """Rows of a product whose sums stay in registers, for panels of two vectors."""
    return 8 if register_width() == 64 else 4


@dataclass
class Module:
    """Functions that are put together; each has its own code."""

    kind: str
    lanes: int

    def __post_init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.declared: dict[str, str] = {}

    @property
    def size(self) -> int:
        return SIZES[self.kind]

    @property
    def bytes(self) -> int:
        """Of a vector."""
        return self.lanes * self.size

    def code(self) -> Code:
        return Code(self.lanes)

    def add(self, name: str, arguments: str, code: Code, internal: bool = True) -> None:
        code.do("ret void")
        self.declared |= code.declared
        head = f"define {'internal ' * internal}void @{name}({arguments}) {{"
        self.texts[name] = "\n".join([head, "entry:", *code.lines, "}"])

    def text(self) -> str:
        return "\n".join([*self.declared.values(), *self.texts.values(), ""])


def call(code: Code, name: str, *arguments: tuple[str, str | int]) -> None:
    code.do(f"call void @{name}({', '.join(f'{t} {x}' for t, x in arguments)})")


def fma(code: Code, kind: str, a: str, b: str, c: str) -> str:
    vector = code.vector(kind)
    return code.call(f"llvm.fmuladd.v{code.lanes}{suffix(kind)}", vector, (vector, a), (vector, b), (vector, c))


def product(module: Module, vectors: int, more: bool) -> str:
    """The name of a function: c = a b, or c + a b, in blocks of rows and panels of so many vectors.

    It takes a with the bytes from row to row and from column to column, b and c with those from row to row, blocks of
    rows, the common length, and panels.
    """
    name = f"product{vectors}{'.more' * more}"
    if name in module.texts:
        return name
    code, kind, rows = module.code(), module.kind, block_rows()
    vector, size = code.vector(kind), vectors * module.bytes
    grid = [(r, v) for r in range(rows) for v in range(vectors)]

    def panel(p: str, _: list[str]) -> list[str]:
        offset = times(code, p, size)
        b, c = (code.emit(f"getelementptr i8, ptr {x}, i64 {offset}") for x in ("%b", "%c"))
        counted(code, "%blocks", [], lambda i, _: block(b, c, i))
        return []

    def block(b: str, c: str, i: str) -> list[str]:
        first = times(code, i, rows)
        starts, places = (rows_at(code, x, step, first, rows) for x, step in (("%a", "%a.row"), (c, "%c.row")))
        spots = [shifted(code, places[r], v * module.bytes) for r, v in grid]
        begin = [
            code.emit(f"load {vector}, ptr {x}, align {module.size}") if more else "zeroinitializer" for x in spots
        ]

        def turn(_: str, carried: list[str]) -> list[str]:
            line, step, *sums = carried
            right = [
                code.emit(f"load {vector}, ptr {shifted(code, line, v * module.bytes)}, align {module.size}")
                for v in range(vectors)
            ]
            new = []
            for r, start in enumerate(starts):
                x = code.emit(f"load {kind}, ptr {code.emit(f'getelementptr i8, ptr {start}, i64 {step}')}")
                left = code.splat(kind, x)
                new += [fma(code, kind, left, right[v], sums[r * vectors + v]) for v in range(vectors)]
            line = code.emit(f"getelementptr i8, ptr {line}, i64 %b.row")
            return [line, code.emit(f"add i64 {step}, %a.step"), *new]

        _, _, *sums = counted(code, "%k", [("ptr", b), ("i64", "0"), *((vector, x) for x in begin)], turn)
        for x, spot in zip(sums, spots, strict=True):
            code.do(f"store {vector} {x}, ptr {spot}, align {module.size}")
        return []

    counted(code, "%panels", [], panel)
    names = "ptr %a, i64 %a.row, i64 %a.step, ptr %b, i64 %b.row, ptr %c, i64 %c.row, i64 %blocks, i64 %k, i64 %panels"
    module.add(name, names, code)
    return name


def rows_at(code: Code, base: str, step: str, first: str, count: int) -> list[str]:
    """Addresses of rows behind each other."""
    found = [code.emit(f"getelementptr i8, ptr {base}, i64 {code.emit(f'mul i64 {first}, {step}')}")]
    for _ in range(count - 1):
        found.append(code.emit(f"getelementptr i8, ptr {found[-1]}, i64 {step}"))
    return found


def rest_mask(code: Code, width: int) -> str | None:
    """The lanes of the last vector of a row, where it is not filled."""
    return mask_of(code, str(width % code.lanes)) if width % code.lanes else None


def masked_load(code: Code, kind: str, place: str, mask: str | None) -> str:
    vector = code.vector(kind)
    if mask is None:
        return code.emit(f"load {vector}, ptr {place}, align {SIZES[kind]}")
    arguments = [("ptr", place), ("i32", str(SIZES[kind])), (code.vector("i1"), mask), (vector, "zeroinitializer")]
    return code.call(f"llvm.masked.load.v{code.lanes}{suffix(kind)}.p0", vector, *arguments)


def masked_store(code: Code, kind: str, ref: str, place: str, mask: str | None) -> None:
    if mask is None:
        code.do(f"store {code.vector(kind)} {ref}, ptr {place}, align {SIZES[kind]}")
    else:
        store(code, kind, ref, place, mask)


def copies(module: Module, width: int, inward: bool) -> str:
    """The name of a function that copies rows of ``width`` elements, times factors, to or from scratch memory.

    It takes where rows, their copies and the factors lie, each with the bytes from row to row, and how many there are.
    """
    name = f"{'fetch' if inward else 'put'}{width}"
    if name in module.texts:
        return name
    code, kind = module.code(), module.kind
    vector, last, count = code.vector(kind), rest_mask(code, width), -(-width // module.lanes)

    def row(_: str, carried: list[str]) -> list[str]:
        source, target, place = carried
        factor = code.splat(kind, code.emit(f"load {kind}, ptr {place}"))
        for v in range(count):
            mask = last if v == count - 1 else None
            x = masked_load(code, kind, shifted(code, source, v * module.bytes), mask if inward else None)
            x = code.emit(f"fmul {vector} {x}, {factor}")
            masked_store(code, kind, x, shifted(code, target, v * module.bytes), None if inward else mask)
        return [code.emit(f"getelementptr i8, ptr {x}, i64 %{s}.row") for x, s in zip(carried, names, strict=True)]

    names = ("from", "to", "factor")
    counted(code, "%rows", [("ptr", f"%{name}") for name in names], row)
    module.add(name, f"{', '.join(f'ptr %{n}, i64 %{n}.row' for n in names)}, i64 %rows", code)
    return name


def clearing(module: Module) -> str:
    """The name of a function that fills so many vectors with zeros."""
    if "clear" not in module.texts:
        code = module.code()

        def one(i: str, _: list[str]) -> list[str]:
            place = code.emit(f"getelementptr i8, ptr %to, i64 {times(code, i, module.bytes)}")
            code.do(f"store {code.vector(module.kind)} zeroinitializer, ptr {place}, align {module.size}")
            return []

        counted(code, "%count", [], one)
        module.add("clear", "ptr %to, i64 %count", code)
    return "clear"


def turning(module: Module) -> str:
    """The name of a function that transposes: it takes source and target with the bytes from row to row, and how many
    vectors of rows and of columns the source has.
    """
    if "turn" in module.texts:
        return "turn"
    code, kind = module.code(), module.kind
    vector = code.vector(kind)

    def square(i: str, j: str) -> list[str]:
        start = code.emit(f"getelementptr i8, ptr %from, i64 {times(code, j, module.bytes)}")
        sources = rows_at(code, start, "%from.row", times(code, i, module.lanes), module.lanes)
        lines = transposed(code, [code.emit(f"load {vector}, ptr {x}, align {module.size}") for x in sources], kind)
        end = code.emit(f"getelementptr i8, ptr %to, i64 {times(code, i, module.bytes)}")
        targets = rows_at(code, end, "%to.row", times(code, j, module.lanes), module.lanes)
        for line, target in zip(lines, targets, strict=True):
            code.do(f"store {vector} {line}, ptr {target}, align {module.size}")
        return []

    def row(i: str, _: list[str]) -> list[str]:
        counted(code, "%columns", [], lambda j, _: square(i, j))
        return []

    counted(code, "%rows", [], row)
    module.add("turn", "ptr %from, i64 %from.row, ptr %to, i64 %to.row, i64 %rows, i64 %columns", code)
    return "turn"


def panels_of(width: int, lanes: int) -> tuple[int, int]:
    """Vectors of a panel, and panels, of a row of ``width`` elements that is filled up."""
    count = -(-width // lanes)
    vectors = 2 if count % 2 == 0 else 1
    return vectors, count // vectors


def padded(length: int, unit: int) -> int:
    return -(-length // unit) * unit
