"""What is searched together: groups lose nothing, and what meets stays in one."""

import random

import pytest

from agcli.expression.api import parse, to_text
from agcli.expression.simplify import simplify
from agcli.expression.simplify.arithmetic import add, mul
from agcli.expression.simplify.convert import Reader
from agcli.expression.simplify.divisors import common_divisor, quotient
from agcli.expression.simplify.groups import REST, factor_groups, term_groups, without_rest
from agcli.expression.simplify.nodes import Add, Mul
from agcli.expression.simplify.polynomials import multiplied
from agcli.expression.simplify.simplifier import BUDGET, workspace

PRODUCTS = [
    "3*x*(x + 1)*sin(x)*cos(x)*log(y)/(y^2 + 1)",
    "-2*exp(x)*(exp(-x) + 1)*tan(y)*(a + b*x)^(3/2)/sqrt(x - 1)",
    "gamma(x)*gamma(x + 1)*x^n*(1/x + 1)*y/7",
    "sqrt(2)*sqrt(3)*log(x)^2*(x^2 - 1)/(x + 1)",
]
SUMS = [
    "x*sin(x) + cos(x)*y + log(x) + 1/(x + 1) + x^2 + 3",
    "exp(x)*a + exp(-x)*b + log(y) - 2*log(x) + x + 1/y - 5",
    "sin(x)^2*a + a*cos(x)^2 + cosh(y) + sinh(y)*b + x/(x - 1) + 1/2",
]


def read(text):
    t = parse(text)
    return Reader(t.dtype).read(t)


@pytest.mark.parametrize("text", PRODUCTS)
def test_the_groups_of_a_product_are_the_product(text):
    with workspace(BUDGET):
        e = read(text)
        groups = factor_groups(e)
        assert len(groups) > 2
        assert mul(*[without_rest(g, g) for g in groups]) is e


@pytest.mark.parametrize("text", SUMS)
def test_the_groups_of_a_sum_are_the_sum(text):
    with workspace(BUDGET):
        e = read(text)
        assert type(e) is Add
        groups = term_groups(e)
        assert len(groups) > 2
        assert add(*groups) is e


@pytest.mark.parametrize(
    ("text", "together"),
    [
        ("x*sin(y)*cos(y)*log(z)", ("sin", "cos")),
        ("x*sin(2*y)*cos(y)*exp(z)", ("sin", "cos")),
        ("z*sinh(x + y)*cosh(x)*tan(x)", ("sinh", "cosh")),
    ],
)
def test_functions_of_what_has_a_part_in_common_meet(text, together):
    with workspace(BUDGET):
        groups = factor_groups(read(text))
        heads = [{getattr(b, "head", "") for b, _ in g.factors} for g in groups if type(g) is Mul]
        assert any(set(together) <= found for found in heads)


def test_a_choice_meets_all():
    with workspace(BUDGET):
        e = read("abs(x)*sin(y)*log(z)")
        assert factor_groups(e) == [e]


def test_what_becomes_a_sum_is_taken_without_the_rest_of_the_product():
    with workspace(BUDGET):
        x, y = read("x"), read("y")
        group = mul(REST, x, y)
        assert without_rest(group, add(mul(REST, x), mul(3, REST))) is add(x, 3)
        assert without_rest(group, REST) == 1
        assert without_rest(group, 0) == 0
        assert without_rest(group, add(mul(REST, x), y)) is None


def test_a_sum_within_a_product_that_is_0_makes_it_0():
    text = "log(y)*exp(z)*(cos(x)*sin(y) + sin(x - y)/2 - sin(x + y)/2)"
    assert to_text(simplify(parse(text))) == "0"


@pytest.mark.parametrize("seed", range(40))
def test_a_common_divisor_is_never_overlooked(seed):
    """Polynomials of three generators with a factor in common, from a seed."""
    rng = random.Random(seed)

    def polynomial():
        terms = {tuple(rng.randint(0, 3) for _ in range(3)): rng.choice((-7, -2, -1, 1, 3, 5)) for _ in range(3)}
        return terms | {(0, 0, 0): rng.choice((-3, 1, 2))}

    shared, f, g = polynomial(), polynomial(), polynomial()
    if not any(map(any, shared)):
        return
    f, g = multiplied(f, shared), multiplied(g, shared)
    f, g = ({m: c for m, c in p.items() if c} for p in (f, g))
    with workspace(BUDGET):
        found = common_divisor(f, g)
        assert found is not None
        assert quotient(found, shared) is not None
