"""The texts of products with a narrow matrix, and of its transpose."""

from __future__ import annotations

from ..llvm.loop_nest import SIZES, mask_of, module, read_fields, store, suffix
from ..llvm.values import Code
from .gemv_text import add_product, added, apart, begin, read

ROWS = 8  # of the result at a time, to hide how long one multiplication takes
FIELDS = ("m", "k", "n", "a", "a.row", "a.step", "b", "b.row", "out", "out.row")
DOTS_FIELDS = ("m", "k", "a", "a.row", "b", "b.row", "out", "out.row")
TURN_FIELDS = ("m", "a", "a.row", "a.step", "out", "out.row", "out.step")


def product_text(kind: str, lanes: int) -> str:
    """A module with the function ``kernel``: out (m, n) = a (m, k) b (k, n), whose rows are contiguous."""
    code = Code(lanes)
    read_fields(code, FIELDS, ("a", "b", "out"))
    mask = mask_of(code, "%n")
    code.do(f"%most = and i64 %m, {-ROWS}")
    rows(code, kind, mask, ROWS, ("0", "%most"), "few")
    rows(code, kind, mask, 1, ("%most", "%m"), "end")
    return module(code)


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


def dots_text(kind: str, lanes: int, n: int, rows: int, whole: bool) -> str:
    """out (m, n) = a (m, k) b (n, k)^T, of contiguous rows, for so many ``rows`` of a at a time, of which m is no less.

    ``whole``: k is a multiple of ``lanes``.
    """
    code = begin(lanes, DOTS_FIELDS)
    vector, size = code.vector(kind), lanes * SIZES[kind]
    mask = mask_of(code, str(n))
    code.do(f"%most = and i64 %k, {-lanes}")
    code.do(f"%full = mul i64 %most, {SIZES[kind]}")
    rest = None if whole else mask_of(code, code.emit("sub i64 %k, %most"))
    code.do(f"%last = sub i64 %m, {rows}")
    narrow = apart(code, "%b", "%b.row", n)
    code.do("br label %rows")
    code.label("rows", "%next = phi i64 [0, %entry], [%i.next, %rows.end]")
    i = code.call("llvm.smin.i64", "i64", ("i64", "%next"), ("i64", "%last"))
    starts = apart(
        code, code.emit(f"getelementptr i8, ptr %a, i64 {code.emit(f'mul i64 {i}, %a.row')}"), "%a.row", rows
    )
    code.do("br label %loop")
    code.label("loop", "%j = phi i64 [0, %rows], [%j.next, %loop]")
    sums = [[f"%sum{r}.{c}" for c in range(n)] for r in range(rows)]
    for r in range(rows):
        for c in range(n):
            code.do(f"{sums[r][c]} = phi {vector} [zeroinitializer, %rows], [%new{r}.{c}, %loop]")
    for r, line in enumerate(dots(code, kind, starts, narrow, "%j", sums)):
        for c, total in enumerate(line):
            code.do(f"%new{r}.{c} = bitcast {vector} {total} to {vector}")
    sums = [[f"%new{r}.{c}" for c in range(n)] for r in range(rows)]
    code.do(f"%j.next = add i64 %j, {size}")
    more = code.emit("icmp slt i64 %j.next, %full")
    code.do(f"br i1 {more}, label %loop, label %rows.end")
    code.label("rows.end")
    if rest is not None:
        sums = dots(code, kind, starts, narrow, "%full", sums, rest)
    out = code.emit(f"getelementptr i8, ptr %out, i64 {code.emit(f'mul i64 {i}, %out.row')}")
    for line, place in zip(sums, apart(code, out, "%out.row", rows), strict=True):
        store(code, kind, added(code, kind, [*line, *["zeroinitializer"] * (lanes - n)]), place, mask)
    code.do(f"%i.next = add i64 %next, {rows}")
    again = code.emit("icmp slt i64 %i.next, %m")
    code.do(f"br i1 {again}, label %rows, label %over")
    code.label("over")
    return module(code)


def dots(
    code: Code, kind: str, a: list[str], b: list[str], j: str, sums: list[list[str]], mask: str | None = None
) -> list[list[str]]:
    """``sums`` with the products of a vector of each row of ``a`` and ``b``, j bytes behind where they begin."""
    lines = [read(code, kind, code.emit(f"getelementptr i8, ptr {x}, i64 {j}"), mask) for x in a]
    found: list[list[str]] = [[] for _ in a]
    for c, y in enumerate(b):
        factor = read(code, kind, code.emit(f"getelementptr i8, ptr {y}, i64 {j}"), mask)
        for r, line in enumerate(lines):
            found[r].append(add_product(code, kind, line, factor, sums[r][c]))
    return found


def turn_text(kind: str, n: int) -> str:
    """out (m, n) = a (m, n), wherever the elements of both lie."""
    code = begin(1, TURN_FIELDS)
    code.do("br label %loop")
    come = "[{}, %entry], [{}, %loop]"
    code.label("loop", f"%i = phi i64 {come.format(0, '%next')}")
    code.do(f"%from = phi ptr {come.format('%a', '%from.next')}")
    code.do(f"%to = phi ptr {come.format('%out', '%to.next')}")
    places = zip(apart(code, "%from", "%a.step", n), apart(code, "%to", "%out.step", n), strict=True)
    for source, target in places:
        x = code.emit(f"load {kind}, ptr {source}, align {SIZES[kind]}")
        code.do(f"store {kind} {x}, ptr {target}, align {SIZES[kind]}")
    code.do("%from.next = getelementptr i8, ptr %from, i64 %a.row")
    code.do("%to.next = getelementptr i8, ptr %to, i64 %out.row")
    code.do("%next = add i64 %i, 1")
    code.do("%more = icmp slt i64 %next, %m")
    code.do("br i1 %more, label %loop, label %over")
    code.label("over")
    return module(code)
