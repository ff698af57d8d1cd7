"""Answers of `ag grad` -> text in every format, and JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from html import escape
from typing import Any

from agcli.counts import number_of
from agcli.expression.api import to_text
from agcli.expression.calculus import WRONG
from agcli.expression.kinks import kinks
from agcli.expression.printers import printer, programs
from agcli.expression.questions import Answer, Result
from agcli.report import labels
from agcli.report.point_values import is_value, json_fields, order_of, words
from agcli.report.proved_digits import json_proof, remark
from agcli.report.proved_digits import value_words as proved_words

PROGRAMS = ("python", "numpy", "c")
LABELS: dict[str, Callable[[Result, bool], str]] = {
    "text": labels.text,
    "unicode": labels.unicode,
    "latex": labels.latex,
}
STEPS = {"derivative": "({})′", "gradient": "d/d({})", "rewrite": "{}"}
UNSEEN = "could not be checked: no point was found at which it has a value"
COMMENTS = {"python": "#", "numpy": "#", "c": "//", "dot": "//", "mathml": "<!--", "latex": "%"}


def lines(answer: Answer, form: str) -> Iterator[str]:
    """The lines of an answer in any format but JSON."""
    if form in PROGRAMS:
        yield from program_lines(answer, form)
        return
    write = one_line if form in LABELS else block
    if answer.valued:
        yield from write_value(answer, form)
    for result in answer.results:
        yield from write(answer, result, form)
        yield from remarks(answer, result, form)


def remarks(answer: Answer, result: Result, form: str) -> Iterator[str]:
    """What was proved and what was checked, and the steps."""
    if result.proof is not None:
        yield comment(remark(result.proof, result.found, answer.at, order_of(result.kind, result.wrt)), form)
    if result.check:
        yield comment(f"check: {check_words(answer, result)}", form)
    yield from (comment(words, form) for words in step_words(result))


def one_line(answer: Answer, result: Result, form: str) -> Iterator[str]:
    """`d/dx = 4*x`, and its value behind; a Taylor polynomial with the order of what it leaves out."""
    formula = printer(form)(result.formula)
    if result.kind == "taylor" and form == "latex":
        formula += remainder(result)
    value = value_words(answer, result) if answer.valued else ""
    label = LABELS[form](result, len(answer.variables) == 1)
    yield f"{label} = {formula}{value if value != f' = {formula}' else ''}"


def remainder(result: Result) -> str:
    r"""As in ` + O\left(x^{6}\right)`."""
    step = printer("latex")(result.step) if result.step is not None else ""
    return rf" + O\left({step}\right)" if step else ""


def block(answer: Answer, result: Result, form: str) -> Iterator[str]:
    """A drawing or an element, and the value in a comment."""
    to_block: Any = printer(form)
    if form == "mathml":
        formula = to_block(result.formula)
        label = f"<mtext>{escape(labels.text(result))}</mtext><mo>=</mo>"
        yield formula.replace("<mrow>", f"<mrow>{label}", 1)
    else:
        yield to_block(result.formula, labels.identifier(result))
    if answer.valued:
        yield comment(f"{labels.text(result)}{value_words(answer, result)}", form)


def program_lines(answer: Answer, form: str) -> Iterator[str]:
    """One program with a function for each result, of all variables in alphabetical order; values in comments."""
    names = identifiers([labels.identifier(result) for result in answer.results])
    functions = [(name, result.formula) for name, result in zip(names, answer.results, strict=True)]
    yield programs(form)(functions, answer.parameters)
    if answer.valued:
        yield from write_value(answer, form)
    for result in answer.results:
        if answer.valued:
            yield comment(f"{labels.text(result)}{value_words(answer, result)}", form)
        yield from remarks(answer, result, form)


def identifiers(names: Iterable[str]) -> list[str]:
    """Names of functions, each once: a second `d_dx` is `d_dx_2`."""
    counts: Counter[str] = Counter()
    found = []
    for name in names:
        counts[name] += 1
        found.append(name if counts[name] == 1 else f"{name}_{counts[name]}")
    return found


def write_value(answer: Answer, form: str) -> Iterator[str]:
    plain = f" = {words(answer.found, answer.at, 0)}"
    value = f"f{plain if answer.proof is None else proved_words(answer.proof)}"
    yield value if form in LABELS else comment(value, form)
    if answer.proof is not None:
        yield comment(remark(answer.proof, answer.found, answer.at, 0), form)


def comment(text: str, form: str) -> str:
    """A line that a compiler of the format skips; indented in text."""
    sign = COMMENTS.get(form)
    return f"  {text}" if sign is None else f"{sign} {text}{' -->' if form == 'mathml' else ''}"


def value_words(answer: Answer, result: Result) -> str:
    """` = 4` behind a formula, or `: undefined` and why."""
    if result.proof is not None:
        return proved_words(result.proof)
    sign = " = " if is_value(result.found) else ": "
    return sign + words(result.found, answer.at, order_of(result.kind, result.wrt))


def doubts(answer: Answer) -> Iterator[str]:
    """What the check of every answer has to say, which is nothing where all is well."""
    for result in answer.results:
        if result.proven is not True:
            yield doubt(result)


def doubt(result: Result) -> str:
    words = WRONG if result.proven is False else UNSEEN
    return f"{labels.text(result)}: the shorter form {words}"


def check_words(answer: Answer, result: Result) -> str:
    check = result.check
    if check is None:
        return ""
    if check.ok is None:
        return "no point was found at which the formula and its derivative have a value"
    found = "ok" if check.ok else "MISMATCH"
    words = f"{found} at {number_of(check.points, 'point')}, largest relative error {check.max_error:.1e}"
    places = kinks(answer.function)
    return f"{words}; not smooth where {', or '.join(places)}" if places else words


def step_words(result: Result) -> Iterator[str]:
    """One line a rule: `product rule: (x*sin(x))' = x*cos(x) + sin(x)`."""
    for number, (rule, before, after, kind) in enumerate(shown_steps(result), 1):
        yield f"{number}. {rule}: {step_label(before, kind)} = {after}"


def step_label(before: str, kind: str) -> str:
    """The left side of a step; a name needs no parentheses."""
    if kind == "gradient" and before.isidentifier():
        return f"d/d{before}"
    return STEPS[kind].format(before)


def shown_steps(result: Result) -> list[tuple[str, str, str, str]]:
    """Steps as texts, each once, without those that change nothing that is seen."""
    texts = dict.fromkeys((s.rule, to_text(s.before), to_text(s.after), s.kind) for s in result.steps)
    return [step for step in texts if step[3] != "rewrite" or step[1] != step[2]]


def to_json(answer: Answer) -> dict[str, Any]:
    """The documented object; a value is null where it was not asked for and where there is none."""
    results = [result_json(result, answer.valued) for result in answer.results]
    row: dict[str, Any] = {"expression": answer.text, "results": results, "variables": answer.variables}
    row["notes"] = list(answer.notes)
    if answer.valued:
        row["f"] = json_fields(answer.found, 0)
    if answer.proof is not None:
        row["f"]["proved"] = json_proof(answer.proof)
    return row


def result_json(result: Result, valued: bool) -> dict[str, Any]:
    row: dict[str, Any] = {"wrt": list(result.wrt), "derivative": to_text(result.formula)}
    known = json_fields(result.found, order_of(result.kind, result.wrt)) if valued else {}
    row["value"] = known.pop("value", None)
    if result.proof is not None:
        row["proved"] = json_proof(result.proof)
    if result.check:
        row["check"] = result.check.to_json()
    if result.proven is not True:
        row |= {"simplified": result.proven is None, "note": doubt(result)}
    if result.steps:
        names = ("rule", "before", "after", "kind")
        row["steps"] = [dict(zip(names, step, strict=True)) for step in shown_steps(result)]
    return row | known
