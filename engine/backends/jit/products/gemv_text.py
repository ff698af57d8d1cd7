"""The text of two products: a few rows times a matrix, and a matrix times a column.

Both read the matrix once, in the order in which it lies. A vector that reaches over an end lies before it instead, and
elements that were done already are done again, or count as zero.
"""

from __future__ import annotations

from ..llvm.loop_nest import SIZES, mask_of, module, read_fields, store, suffix
from ..llvm.values import Code

ROW_FIELDS = ("k", "n", "blocks", "a", "a.row", "a.step", "b", "b.row", "out", "out.row")
COLUMN_FIELDS = ("m", "k", "a", "a.row", "b", "out")
PLACES = ("a", "b", "out")
AHEAD = 8  # rows of the matrix that are on their way
CHUNK = 512  # products that are added up before they are added to the result, as rounding grows with a sum's length


def begin(lanes: int, fields: tuple[str, ...]) -> Code:
    code = Code(lanes)
    read_fields(code, fields, PLACES)
    return code


def add_product(code: Code, kind: str, a: str, b: str, total: str) -> str:
    vector = code.vector(kind)
    return code.call(f"llvm.fmuladd.v{code.lanes}{suffix(kind)}", vector, (vector, a), (vector, b), (vector, total))


def rows_text(kind: str, lanes: int, rows: int, vectors: int, rest: int, few: bool) -> str:
    """out (rows, n) = a (rows, k) b (k, n): ``blocks`` of so many ``vectors`` of columns, then ``rest`` vectors.

    With ``few``, n is less than a vector.
    """
    code = begin(lanes, ROW_FIELDS)
    size = lanes * SIZES[kind]
    mask = mask_of(code, "%n") if few else None
    code.do(f"%end = mul i64 %n, {SIZES[kind]}")
    code.do("%some = icmp sgt i64 %blocks, 0")
    code.do("br i1 %some, label %block, label %rest")
    code.label(
        "block", "%c = phi i64 [0, %entry], [%c.next, %block.end]", "%i = phi i64 [0, %entry], [%i.next, %block.end]"
    )
    columns(code, kind, "block", rows, [code.emit(f"add i64 %c, {v * size}") for v in range(vectors)], None)
    code.do(f"%c.next = add i64 %c, {vectors * size}")
    code.do("%i.next = add i64 %i, 1")
    code.do("%again = icmp slt i64 %i.next, %blocks")
    code.do("br i1 %again, label %block, label %rest")
    code.label("rest", "%start = phi i64 [0, %entry], [%c.next, %block.end]")
    places = [code.emit(f"add i64 %start, {v * size}") for v in range(rest)]
    if rest and not few:
        places[-1] = code.emit(f"sub i64 %end, {size}")
    if rest:
        columns(code, kind, "rest", rows, places, mask)
    return module(code)


def columns(code: Code, kind: str, tag: str, rows: int, offsets: list[str], mask: str | None) -> None:
    """The columns at these offsets, in bytes, of all rows: from the block ``tag`` to its end."""
    vector = code.vector(kind)
    starts = apart(code, "%a", "%a.row", rows)
    soon = [code.emit(f"add i64 {offset}, {code.emit(f'mul i64 %b.row, {AHEAD}')}") for offset in offsets]
    code.do(f"br label %{tag}.chunk")
    come = f"[{{}}, %{tag}], [{{}}, %{tag}.add]"
    code.label(f"{tag}.chunk", f"%{tag}.done = phi i64 {come.format(0, f'%{tag}.k.next')}")
    code.do(f"%{tag}.step0 = phi i64 {come.format(0, f'%{tag}.step.next')}")
    code.do(f"%{tag}.b0 = phi ptr {come.format('%b', f'%{tag}.b.next')}")
    limit = code.call("llvm.smin.i64", "i64", ("i64", "%k"), ("i64", code.emit(f"add i64 %{tag}.done, {CHUNK}")))
    code.do(f"br label %{tag}.loop")
    come = f"[{{}}, %{tag}.chunk], [{{}}, %{tag}.loop]"
    code.label(f"{tag}.loop", f"%{tag}.k = phi i64 {come.format(f'%{tag}.done', f'%{tag}.k.next')}")
    code.do(f"%{tag}.step = phi i64 {come.format(f'%{tag}.step0', f'%{tag}.step.next')}")
    code.do(f"%{tag}.b = phi ptr {come.format(f'%{tag}.b0', f'%{tag}.b.next')}")
    for r in range(rows):
        for v in range(len(offsets)):
            code.do(f"%{tag}.sum{r}.{v} = phi {vector} {come.format('zeroinitializer', f'%{tag}.new{r}.{v}')}")
    factors = []
    for start in starts:
        place = code.emit(f"getelementptr i8, ptr {start}, i64 %{tag}.step")
        factors.append(code.splat(kind, code.emit(f"load {kind}, ptr {place}")))
    for v, offset in enumerate(offsets):
        fetch(code, code.emit(f"getelementptr i8, ptr %{tag}.b, i64 {soon[v]}"))
        place = code.emit(f"getelementptr i8, ptr %{tag}.b, i64 {offset}")
        line = read(code, kind, place, mask)
        for r, factor in enumerate(factors):
            new = add_product(code, kind, factor, line, f"%{tag}.sum{r}.{v}")
            code.lines[-1] = code.lines[-1].replace(new, f"%{tag}.new{r}.{v}", 1)
    code.do(f"%{tag}.k.next = add i64 %{tag}.k, 1")
    code.do(f"%{tag}.step.next = add i64 %{tag}.step, %a.step")
    code.do(f"%{tag}.b.next = getelementptr i8, ptr %{tag}.b, i64 %b.row")
    more = code.emit(f"icmp slt i64 %{tag}.k.next, {limit}")
    code.do(f"br i1 {more}, label %{tag}.loop, label %{tag}.add")
    code.label(f"{tag}.add")
    first = code.emit(f"icmp eq i64 %{tag}.done, 0")
    for r, start in enumerate(apart(code, "%out", "%out.row", rows)):
        places = [code.emit(f"getelementptr i8, ptr {start}, i64 {offset}") for offset in offsets]
        old = [read(code, kind, place, mask) for place in places]  # all before a write, as the last two may overlap
        for v, place in enumerate(places):
            both = code.emit(f"fadd {vector} {old[v]}, %{tag}.new{r}.{v}")
            total = code.emit(f"select i1 {first}, {vector} %{tag}.new{r}.{v}, {vector} {both}")
            if mask is None:
                code.do(f"store {vector} {total}, ptr {place}, align {SIZES[kind]}")
            else:
                store(code, kind, total, place, mask)
    again = code.emit(f"icmp slt i64 %{tag}.k.next, %k")
    code.do(f"br i1 {again}, label %{tag}.chunk, label %{tag}.end")
    code.label(f"{tag}.end")


def apart(code: Code, base: str, stride: str, count: int) -> list[str]:
    """Addresses that lie a stride apart."""
    found = [base]
    for _ in range(count - 1):
        found.append(code.emit(f"getelementptr i8, ptr {found[-1]}, i64 {stride}"))
    return found


def read(code: Code, kind: str, place: str, mask: str | None = None) -> str:
    vector = code.vector(kind)
    if mask is None:
        return code.emit(f"load {vector}, ptr {place}, align {SIZES[kind]}")
    arguments = [("ptr", place), ("i32", str(SIZES[kind])), (code.vector("i1"), mask), (vector, "zeroinitializer")]
    return code.call(f"llvm.masked.load.v{code.lanes}{suffix(kind)}.p0", vector, *arguments)


def fetch(code: Code, place: str) -> None:
    """Ask for a line of the cache that will be read soon, if it is there at all."""
    code.declared["llvm.prefetch.p0"] = "declare void @llvm.prefetch.p0(ptr, i32, i32, i32)"
    code.do(f"call void @llvm.prefetch.p0(ptr {place}, i32 0, i32 3, i32 1)")


def column_text(kind: str, lanes: int, whole: bool) -> str:
    """out (m) = a (m, k) b (k): as many rows at a time as a vector has lanes; m and k are at least that.

    ``whole``: k is a multiple of it.
    """
    code = begin(lanes, COLUMN_FIELDS)
    vector, size = code.vector(kind), lanes * SIZES[kind]
    code.do(f"%most = and i64 %k, {-lanes}")
    code.do(f"%full = mul i64 %most, {SIZES[kind]}")
    code.do(f"%last = sub i64 %m, {lanes}")
    if not whole:
        bytes_of = code.emit(f"mul i64 %k, {SIZES[kind]}")
        tail = code.emit(f"sub i64 {bytes_of}, {size}")
        done = code.emit(f"sub i64 {lanes}, {code.emit('sub i64 %k, %most')}")
        numbers = ", ".join(f"i64 {i}" for i in range(lanes))
        new = code.emit(f"icmp sge {code.vector('i64')} <{numbers}>, {code.splat('i64', done)}")
        b_tail = only(code, kind, new, read(code, kind, code.emit(f"getelementptr i8, ptr %b, i64 {tail}")))
    code.do("br label %rows")
    code.label("rows", "%next = phi i64 [0, %entry], [%i.next, %rows.end]")
    i = code.call("llvm.smin.i64", "i64", ("i64", "%next"), ("i64", "%last"))
    first = code.emit(f"getelementptr i8, ptr %a, i64 {code.emit(f'mul i64 {i}, %a.row')}")
    starts = apart(code, first, "%a.row", lanes)
    code.do("br label %loop")
    come = "[{}, %rows], [{}, %loop]"
    code.label("loop", f"%j = phi i64 {come.format(0, '%j.next')}")
    for r in range(lanes):
        code.do(f"%sum{r} = phi {vector} {come.format('zeroinitializer', f'%new{r}')}")
    factor = read(code, kind, code.emit("getelementptr i8, ptr %b, i64 %j"))
    for r, start in enumerate(starts):
        line = read(code, kind, code.emit(f"getelementptr i8, ptr {start}, i64 %j"))
        new_sum = add_product(code, kind, line, factor, f"%sum{r}")
        code.lines[-1] = code.lines[-1].replace(new_sum, f"%new{r}", 1)
    code.do(f"%j.next = add i64 %j, {size}")
    more = code.emit("icmp slt i64 %j.next, %full")
    code.do(f"br i1 {more}, label %loop, label %rows.end")
    code.label("rows.end")
    sums = [f"%new{r}" for r in range(lanes)]
    if not whole:
        lines = [
            only(code, kind, new, read(code, kind, code.emit(f"getelementptr i8, ptr {s}, i64 {tail}"))) for s in starts
        ]
        sums = [add_product(code, kind, line, b_tail, total) for line, total in zip(lines, sums, strict=True)]
    place = code.emit(f"getelementptr {kind}, ptr %out, i64 {i}")
    code.do(f"store {vector} {added(code, kind, sums)}, ptr {place}, align {SIZES[kind]}")
    code.do(f"%i.next = add i64 %next, {lanes}")
    again = code.emit("icmp slt i64 %i.next, %m")
    code.do(f"br i1 {again}, label %rows, label %over")
    code.label("over")
    return module(code)


def only(code: Code, kind: str, mask: str, ref: str) -> str:
    """Zero in the other lanes."""
    vector = code.vector(kind)
    return code.emit(f"select {code.vector('i1')} {mask}, {vector} {ref}, {vector} zeroinitializer")


def added(code: Code, kind: str, vectors: list[str]) -> str:
    """One vector whose lanes are the sums of all lanes of each of ``vectors``, of which there is one a lane."""
    vector, lanes, bit = code.vector(kind), range(code.lanes), 1
    while len(vectors) > 1:
        low = ", ".join(f"i32 {i if not i & bit else code.lanes + (i ^ bit)}" for i in lanes)
        high = ", ".join(f"i32 {i ^ bit if not i & bit else code.lanes + i}" for i in lanes)
        found = []
        for u, v in zip(vectors[::2], vectors[1::2], strict=True):
            halves = [
                code.emit(f"shufflevector {vector} {u}, {vector} {v}, {code.vector('i32')} <{p}>") for p in (low, high)
            ]
            found.append(code.emit(f"fadd {vector} {halves[0]}, {halves[1]}"))
        vectors, bit = found, 2 * bit
    return vectors[0]
