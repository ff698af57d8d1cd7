"""A sample of the check of rules, which ``rules.py`` makes at length; and forms that stay."""

import itertools
import random

import matrix_rules
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rule_formulas import corpus, row_text, texts_for
from rule_report import WHOLE, WIDER
from rule_rows import CANONICAL, DOMAIN, ROWS
from rules import Sweep

from agcli.engine.errors import EngineError
from agcli.expression.api import derivative, parse, to_text, variables
from agcli.expression.calculus import differentiate, simplified
from agcli.expression.simplify import arithmetic, observe, search, trigonometry
from agcli.expression.simplify.functions import RULES as FUNCTIONS
from agcli.expression.simplify.functions import VALUES
from agcli.expression.simplify.nodes import Add, Mul, Node
from agcli.expression.simplify.observe import names, observed
from agcli.expression.simplify.rules import LAST, RULES

SEED = 1
CORPUS_ROWS = [("corpus", text) for text in corpus()]


def sample():
    """The rows of all rules over other variables, functions, and derivatives of the corpus."""
    luck = random.Random(SEED)
    yield from ((row[1], 0) for row in ROWS)
    yield from ((row_text(row[1], luck), luck.choice([0, 1])) for row in ROWS)
    yield from ((row[0], 0) for row in (*CANONICAL, *DOMAIN))
    yield from ((text, order) for order in (1, 2) for text in corpus()[order::6])
    for name in sorted(VALUES.keys() | FUNCTIONS.keys()):
        yield from ((f"x*{name}({value})", 0) for value in (0, 1, 2, "1/2") if name != "where")
    for name in names():
        for _ in range(4):
            yield from ((text, 0) for text in texts_for(name, luck))


def test_a_sample_of_all_rules():
    sweep = Sweep(SEED)
    for text, order in itertools.islice(sample(), 2_000):
        sweep.examine(text, order)
    for number in range(40):
        sweep.matrices(number)
    report = sweep.report
    assert [str(w) for w in report.wrong] == []
    assert [name for name in [*names(), *matrix_rules.names(), WHOLE] if not report.applied[name]] == []
    assert {name: report.widened[name] for name in report.wider if name not in WIDER} == {}
    assert report.missed.total() < 0.02 * report.forms.total()
    assert not report.unknown
    assert report.forms.total() > 10_000


@pytest.mark.parametrize("text", ["((log(x))^(y/2))^(2*y)", "sin(arccos(exp(-(-3*x*y)^2)/3))", "((x - 1)^(y/2))^(2*y)"])
def test_forms_that_were_wrong_at_a_point(text):
    """Sums of powers of what may be 0, and of exponents beyond those that the check computes."""
    sweep = Sweep(7)
    for order in range(3):
        sweep.examine(text, order)
    assert [str(w) for w in sweep.report.wrong] == []


def test_the_check_finds_a_wrong_sign(monkeypatch):
    """That of the half-angle rule: cos(2u) = 2*cos(u)^2 + 1."""
    monkeypatch.setattr(
        trigonometry, "add", lambda *args: arithmetic.add(*(1 if type(a) is int and a == -1 else a for a in args))
    )
    sweep = Sweep(SEED)
    sweep.examine("x*cos(2*x) - 2*x*cos(x)^2", 0)
    assert {w.rule.partition(" #")[0] for w in sweep.report.wrong} == {"Add: double argument"}


def test_a_rule_that_is_not_at_work_fails_the_run():
    sweep = Sweep(SEED)
    sweep.examine("x + x", 0)
    faults = sweep.report.faults(least=1)
    assert len(faults) > len(names()) - 5
    assert "Add: digamma(u + 1) = digamma(u) + 1/u: fired 0 times, expected 1" in faults


def test_every_row_of_every_table_has_a_name():
    rules = sum(len(rows) for table in (RULES, LAST) for rows in table.values())
    assert len(names()) == len(set(names()))
    assert sum(not name.startswith(("function", "power")) for name in names()) == rules


def test_nobody_pays_for_what_is_not_observed():
    before = {kind: rows for table in (RULES, LAST) for kind, rows in table.items()}, dict(observe.functions.MAKERS)
    with observed(lambda *_: None):
        assert RULES[arithmetic.Add] != before[0][arithmetic.Add]
    assert ({kind: rows for table in (RULES, LAST) for kind, rows in table.items()}, observe.functions.MAKERS) == before
    assert search.applicable.cache_info().currsize == 0


# Simplifying twice changes nothing


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[1])
def test_rows_stay_when_they_are_read_again(row):
    once = to_text(simplified(parse(row[1])))
    assert to_text(simplified(parse(once))) == once


@pytest.mark.parametrize(
    "text", ["(1 - tanh(x - y)^2)*(x - y) + 2*x^(2/3)", "exp(exp(x))/(exp(exp(x)) + exp(cosh(x)))"]
)
def test_second_derivatives_stay_whatever_was_looked_at_before_them(text):
    t = parse(text)
    for _ in range(2):
        t = differentiate(t, variables(t)["x"])
    once = simplified(t)
    assert to_text(simplified(once)) == to_text(once)


@given(st.sampled_from([row[1] for row in (*ROWS, *CORPUS_ROWS)]), st.integers(0, 10**6), st.sampled_from([0, 0, 1]))
@settings(max_examples=150, deadline=None, derandomize=True)
def test_simplifying_twice_is_simplifying_once(row, seed, order):
    try:
        t = parse(row_text(row, random.Random(seed)))
        for _ in range(order if "x" in variables(t) else 0):
            t = differentiate(t, variables(t)["x"])
    except (KeyError, ValueError, EngineError):  # constant by now, no value, or no derivative
        return
    once = simplified(t)
    assert to_text(simplified(once)) == to_text(once)


def halves(e, seen):
    """Exponents of a form that are whole and no int, for which a power would be a root."""
    if not isinstance(e, Node) or e in seen:
        return
    seen.add(e)
    if type(e) is Mul:
        yield from (x for _, x in e.factors if not isinstance(x, Node) and type(x) is not int and x.denominator == 1)
    parts = {Mul: lambda: [p for pair in e.factors for p in pair], Add: lambda: [t for t, _ in e.terms]}
    for part in parts.get(type(e), lambda: getattr(e, "args", ()))():
        yield from halves(part, seen)


@pytest.mark.parametrize(
    "text",
    ["-cosh(x/2) - sqrt(cos(x^2))", "sqrt(x)*sqrt(x + 1)", "(cos(x)*x^(1/3))^(3/2)", "x^y/(sqrt(x - 1)*sqrt(x + 1))"],
)
def test_whole_exponents_are_ints(text):
    """A power of 1/2 less one of 3/2 is one of -1, which negative numbers have."""
    forms = []
    with observed(lambda name, e, form: forms.append(form)):
        derivative(derivative(parse(text), "x"), "x")
    assert len(forms) > 50
    seen = set()
    assert [x for form in forms for x in halves(form, seen)] == []
