"""A text and a question -> the answer: results with their values and proofs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from agcli.engine.errors import EngineError
from agcli.engine.frozen import changed
from agcli.engine.graph import Tensor, toposort
from agcli.engine.leaves import Placeholder
from agcli.expression.api import Formula, read, variable_named
from agcli.expression.assignments import assignments, constant
from agcli.expression.check import Claim, check
from agcli.expression.derivation import Derivation
from agcli.expression.errors import ExpressionError, shorten
from agcli.expression.foreign_names import defined, derivative_written
from agcli.expression.lift_shapes import vector_parts
from agcli.expression.lower import ROUNDED, lower
from agcli.expression.questions import Answer, Question
from agcli.expression.simplify import Step, gradient_steps, steps
from agcli.expression.substitution import substitute
from agcli.expression.syntax import Syntax
from agcli.expression.values import values

NO_VARIABLE = re.compile("the formula has no variable `(.+)`")
ONE_VARIABLE = re.compile("`(.+)` is read as one variable; write `(.+)` for the product")
MAX_DIGITS = 10_000  # that are proved
MAX_NODES = 4_000  # of a formula: what is answered within a second


def answer(text: str, question: Question) -> Answer:
    """The answer to a question about a formula. Raises ExpressionError, with notes how the formula was read."""
    notes: list[str] = []
    rounded = ROUNDED.set(None if question.digits is None else [])
    try:
        return answered(text, question, notes)
    except (ExpressionError, EngineError) as e:
        error = e if isinstance(e, ExpressionError) else ExpressionError(str(e), text)
        error.notes = tuple(notes)
        error.hint = named_in(notes, error) or error.hint
        raise error from None
    finally:
        ROUNDED.reset(rounded)


def answered(text: str, question: Question, notes: list[str]) -> Answer:
    """The answer; `notes` is filled as the texts are read."""
    check_digits(question)
    point = {name: constant(value, "--at") for name, value in assignments(question.at, "--at").items()}
    formula = read(formula_alone(text, question, notes), shapes_of(question.shape, point))
    notes += (doubt.message for doubt in formula.syntax.doubts)
    check_size(formula.syntax)
    given = assignments(question.given, "--given")
    notes += (doubt.message for syntax in given.values() for doubt in syntax.doubts)
    if question.implicit:
        given_names = [*given, question.implicit]
        for name in given_names:
            variable_named(name, formula.names, "--implicit" if name == question.implicit else "--given")
    elif len(formula.sides) > 1:
        equals = text.find("=")
        hint = "write `--implicit y` for dy/dx of an equation, or `left - right` for a formula"
        raise ExpressionError("expected a formula, found an equation", text, equals, equals + 1, hint)
    function = with_given(formula, given)
    only_value = question.digits is not None and not formula.names
    results = [] if only_value else Derivation(formula, function, question, tuple(given), {}).results()
    if question.check:
        results = [changed(r, check=check(r.claims)) for r in results]
    if question.steps:
        results = [changed(r, steps=tuple(steps_of(r.claims, question.raw or r.proven is False))) for r in results]
    found = Answer(text, formula, function, tuple(results), given=tuple(given), notes=tuple(notes))
    if question.at or only_value:
        found = at_point(found, point, given, question.plot)
    return found if question.digits is None else with_digits(found, point, question.digits)


def check_digits(question: Question) -> None:
    """Refuse digits that cannot be proved. Raises ExpressionError."""
    if question.digits is None:
        return
    for name in ("taylor", "plot"):
        if getattr(question, name):
            raise ExpressionError(f"--digits and --{name} cannot be combined", hint="ask one after the other")
    if not 1 <= question.digits <= MAX_DIGITS:
        raise ExpressionError(f"--digits: expected a number from 1 to {MAX_DIGITS:,}, found {question.digits:,}")
    try:
        from flint import arb  # noqa: F401
    except ImportError:
        raise ExpressionError("--digits needs python-flint", hint='run `pip install "agcli[certified]"`') from None


def with_digits(found: Answer, point: Mapping[str, Tensor], count: int) -> Answer:
    """The answer with what is proved of its values."""
    if not found.valued:
        example = ",".join(f"{name}=1" for name in found.parameters)
        raise ExpressionError("--digits: digits are those of values", hint=f"write --at {example}")
    if lost := ROUNDED.get():
        message = f"--digits: a function takes {float(lost[0])!r} as a rounded number"
        raise ExpressionError(message, hint="write the formula with `where` and products")
    from agcli.expression.proved.answers import proved

    return proved(found, point, count)


def formula_alone(text: str, question: Question, notes: list[str]) -> str:
    """The right side of `y = x^2` and of `f(x) = x^2`, with blanks before it so that places stay as they are.

    Raises ExpressionError for `d/dx x^2`, with the line that works.
    """
    line = derivative_written(text)
    if line:
        raise ExpressionError("the formula is typed alone; `ag grad` differentiates", text, hint=f"write {line}")
    left, start = ("", 0) if question.implicit else defined(text)
    asked = {word.strip() for option in question.wrt for word in option.split(",")}
    if not left or left in asked:
        return text
    notes.append(f"`{shorten(left)} =` is read as the name of the formula behind it")
    return " " * start + text[start:]


def named_in(notes: Sequence[str], error: ExpressionError) -> str:
    """The note that explains why a variable is not there: `ωt` is one name; empty where none does."""
    missing = NO_VARIABLE.search(error.message)
    if missing is None:
        return ""
    for note in notes:
        found = ONE_VARIABLE.fullmatch(note)
        if found and missing[1] in found[2].split("*"):
            return f"`{found[1]}` is one variable; write `{found[2]}`"
    return ""


def steps_of(claims: Sequence[Claim], raw: bool) -> Iterator[Step]:
    """How each claim came about; an array by an array is told in one step."""
    told = set()
    for claim in claims:
        key = (claim.formula.id, 0 if claim.x is None else claim.x.id)
        if key in told:
            continue
        told.add(key)
        if claim.x is None:
            yield Step("simplify", claim.formula, claim.result, "rewrite")
        elif claim.x.shape == ():
            for part in vector_parts(claim.formula) or [claim.formula]:
                yield from (s for s in steps(part, claim.x) if not raw or s.kind == "derivative")
        elif claim.formula.shape == ():
            yield from (s for s in gradient_steps(claim.formula, claim.x) if not raw or s.kind == "gradient")
        else:
            yield Step(f"derivative by {claim.x.name}", claim.formula, claim.result, "derivative")


def check_size(syntax: Syntax) -> None:
    if len(syntax.nodes) > MAX_NODES:
        message = f"the formula has {len(syntax.nodes):,} parts; at most {MAX_NODES:,} are differentiated here"
        raise ExpressionError(message, hint="ag.grad(ag.parse(text), x) in Python has no such bound")


def shapes_of(texts: Sequence[str], point: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    """Shapes of variables: those that are given, and those of the values at which they are taken."""
    shapes: dict[str, tuple[int, ...]] = {name: t.type.shape for name, t in point.items() if t.shape}
    for name, syntax in assignments(texts, "--shape").items():
        value = values([constant(syntax, "--shape")], {})[0]
        lengths = [float(v) for v in value.reshape(-1)]
        if value.ndim > 1 or any(v < 1 or v != int(v) or v > 1e6 for v in lengths):
            message = "--shape: expected whole numbers from 1 to 1,000,000, as in x=3 or x=[2, 3]"
            raise ExpressionError(message, syntax.text, 0, len(syntax.text))
        shapes[name] = tuple(int(v) for v in lengths)
    return shapes


def with_given(formula: Formula, given: Mapping[str, Syntax]) -> Tensor:
    """The formula with values in the places of some variables; an equation as left minus right."""
    new: dict[Tensor, Tensor] = {}
    for name, syntax in given.items():
        x = variable_named(name, formula.names, "--given")
        for other in syntax.variables:
            variable_named(other, formula.names, "--given")
        new[x] = lower(syntax, formula.names)[0]
    return substitute(formula.tensor, new) if new else formula.tensor


def at_point(answer: Answer, point: Mapping[str, Tensor], given: Mapping[str, Syntax], plot: bool) -> Answer:
    """The values of the formula and of the results at a point; a plot may leave out the variable that moves."""
    for name in point:
        variable_named(name, answer.formula.names, "--at")
    roots = [answer.function, *(r.formula for r in answer.results)]
    needed = {t.name for t in toposort(roots) if isinstance(t, Placeholder)}
    missing = [name for name in answer.variables if name in needed and name not in point and name not in given]
    at = dict(zip(point, values(list(point.values()), {}), strict=True))
    for name, v in at.items():
        if not np.isfinite(v).all():
            raise ExpressionError(f"--at: the value of `{shorten(name)}` is not a finite number")
    if plot and len(missing) == 1:
        return changed(answer, at=at)
    if missing:
        example = ",".join([*(f"{name}=..." for name in point), *(f"{name}=1" for name in missing)])
        message = f"--at gives no value for {', '.join(f'`{shorten(name)}`' for name in missing)}"
        raise ExpressionError(message, hint=f"write --at {example}")
    from agcli.expression.at_point import Point, numbers

    place = Point(answer.function, answer.formula.names, at)
    whole, found = place.value(), [place.result(r) for r in answer.results]
    results = tuple(changed(r, value=numbers(v), found=v) for r, v in zip(answer.results, found, strict=True))
    return changed(answer, results=results, at=at, value=numbers(whole), found=whole)
