"""Gradients of a model's loss -> text in every format, and JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agcli.counts import number_of
from agcli.expression.errors import ExpressionError
from agcli.expression.matrix.lengths import LETTERS
from agcli.expression.matrix.parts import Part
from agcli.expression.printers.dot import drawing
from agcli.expression.printers.latex import Latex
from agcli.expression.printers.letters import identifiers, spelt
from agcli.expression.printers.mathml import MathML, in_math, sign
from agcli.expression.printers.numpy import NumPy, imported
from agcli.expression.printers.unicode import Unicode
from agcli.expression.reading import Text
from agcli.expression.writer import Writer
from agcli.model_gradients import ModelGradients, shape_words
from agcli.report.formulas import comment

MARGIN = 2  # between formulas and their shapes


WRITERS: dict[str, type[Writer]] = {
    "text": Text,
    "unicode": Unicode,
    "latex": Latex,
    "mathml": MathML,
}
LABELS = {
    "text": "d loss/d{}",
    "unicode": "∂loss/∂{}",
    "latex": r"\frac{{\partial L}}{{\partial {}}}",
    "mathml": "<mfrac><mrow><mo>∂</mo><mi>L</mi></mrow><mrow><mo>∂</mo>{}</mrow></mfrac>",
}


def model_lines(found: ModelGradients, form: str) -> Iterator[str]:
    """The lines of an answer in any format but JSON."""
    if form in ("python", "c"):
        raise ExpressionError(
            f"--format {form}: the gradient of a model is made of matrices, which {form} lacks",
            hint="--format numpy writes a function of arrays",
        )
    own = {"numpy": functions, "dot": drawings}.get(form)
    yield from equations(found, form) if own is None else own(found)
    yield from (comment(f"note: {note}", form) for note in found.notes)
    for name, check in zip(found.wrt, found.checks, strict=False):
        verdict = "ok" if check.ok else "MISMATCH"
        if check.ok is None:
            yield comment(f"check of {name}: not done, as formulas have no words for all its ops", form)
            continue
        where = f"{verdict} on {number_of(check.points, 'batch')}"
        words = f"check of {name}: {where}, largest relative error {check.max_error:.1e}"
        yield comment(words, form)


def equations(found: ModelGradients, form: str) -> Iterator[str]:
    """The gradients, then their parts and what the names stand for, with shapes at the right."""
    parts = found.parts
    bound: dict[int, str] = {}
    writer = WRITERS[form](parts.nodes, bound)
    bound |= {i: writer.name(name) for i, name in parts.bound.items()}

    def text(part: Part) -> str:
        own = bound.pop(part.node, None)
        written = writer.write(part.node)
        if own is not None:
            bound[part.node] = own
        return written

    labels = [LABELS[form].format(writer.name(found.names[name])) for name in found.wrt]
    rows = [(f"{label} = {text(part)}", part.shape) for label, part in zip(labels, parts.results, strict=True)]
    named = [(f"{writer.name(part.name)} = {text(part)}", part.shape) for part in parts.named]
    if form in ("latex", "mathml"):
        joined = [*rows, *named]
        yield from (line if form == "latex" else in_math(line.replace(" = ", sign("="), 1)) for line, _ in joined)
        yield from (comment(f"{s.name}: {s.meaning} {dims(s.shape)}".rstrip(), form) for s in found.symbols)
        return
    below = [(f"  {line}", shape) for line, shape in named]
    below += [(f"  {writer.name(s.name)}: {s.meaning}", s.shape) for s in found.symbols]
    width = max(len(line) for line, _ in [*rows, *below]) + MARGIN
    yield from (f"{line:<{width}}{dims(shape)}".rstrip() for line, shape in rows)
    yield "where"
    yield from (f"{line:<{width}}{dims(shape)}".rstrip() for line, shape in below)


def dims(shape: tuple[int | str, ...]) -> str:
    return shape_words(shape) if shape else ""


def functions(found: ModelGradients) -> Iterator[str]:
    """A NumPy function of the gradients, which computes a part that they share once."""
    parts = found.parts
    names = identifiers([s.name for s in found.symbols], NumPy.reserved)
    bound: dict[int, str] = {}
    code = NumPy(parts.nodes, bound, names)
    lines = []
    for part in parts.named:
        lines.append(f"{part.name} = {code.write(part.node)}")
        bound[part.node] = part.name
    results = ", ".join(bound.get(part.node) or code.write(part.node) for part in parts.results)
    lengths = [f"{names[s.name]} = {source(s.name, found)}" for s in found.symbols if s.name in LETTERS]
    arrays = [s for s in found.symbols if s.name not in LETTERS]
    body = [*(f"# {names[s.name]}: {s.meaning} {dims(s.shape)}".rstrip() for s in arrays), *lengths, *lines]
    head = f"def dloss_d{'_'.join(spelt(found.names[name]) for name in found.wrt)}"
    text = f"{head}({', '.join(names[s.name] for s in arrays)}):\n    " + "\n    ".join([*body, f"return {results}"])
    yield imported("\n\n\n".join([*code.used.values(), text]))


def source(letter: str, found: ModelGradients) -> str:
    """Where a length is read: `x.shape[0]`."""
    symbol = next(s for s in found.symbols if letter in s.shape)
    return f"{symbol.name}.shape[{symbol.shape.index(letter)}]"


def drawings(found: ModelGradients) -> Iterator[str]:
    """A graph for each gradient."""
    for name, part in zip(found.wrt, found.parts.results, strict=True):
        yield drawing(found.parts.whole(part), f"dloss_d{spelt(found.names[name])}")


def model_json(found: ModelGradients) -> dict[str, Any]:
    """The documented object: as for a formula, with shapes, parts and what the names stand for."""
    results: list[dict[str, Any]] = []
    for i, (name, part) in enumerate(zip(found.wrt, found.parts.results, strict=True)):
        row = {"wrt": [name], "derivative": part.text, "shape": list(part.shape), "value": None}
        results.append(row | ({"check": found.checks[i].to_json()} if found.checks else {}))
    named = [{"name": p.name, "formula": p.text, "shape": list(p.shape)} for p in found.parts.named]
    symbols = [{"name": s.name, "meaning": s.meaning, "shape": list(s.shape)} for s in found.symbols]
    return {"expression": found.path, "results": results, "where": named, "variables": symbols}
