"""Digits that are proved, for Python."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from types import MappingProxyType
from typing import Any

import numpy as np

from agcli.expression.answers import answer
from agcli.expression.questions import Question

NOWHERE: Mapping[str, Any] = MappingProxyType({})


def proved_digits(
    formula: str, *wrt: str, at: Mapping[str, str | int | float | Fraction] = NOWHERE, digits: int = 30
) -> Any:
    """The value at a point of a formula, or of its derivative by each of ``wrt`` in turn, to ``digits`` proved digits.

    Values of ``at`` are texts, in which 0.1 is 1/10 and pi is pi, or numbers, of which a float is what it is in binary.
    The answer has a ``text``, rounded to the nearest, and says whether it is ``exact``; where nothing is proved it has
    a ``message`` instead. A vector gives an array of answers. Raises ExpressionError, without python-flint, too.

    >>> print(ag.proved_digits("gamma(1/3)", digits=40).text)
    2.678938534707747633655692940974677644129
    >>> print(ag.proved_digits("x^2*sin(y)", "y", at={"x": "0.1", "y": "pi/3"}).text)
    0.005
    """
    point = ",".join(f"{name}={written(value)}" for name, value in at.items())
    asked = Question(wrt=(",".join(wrt),) if wrt else (), at=(point,) if point else (), digits=digits, verify=False)
    found = answer(formula, asked)
    proof: Any = found.results[0].proof if wrt else found.proof
    each: Any = np.frompyfunc(lambda one: one.found, 1, 1)
    return each(proof) if isinstance(proof, np.ndarray) else proof.found


def written(value: str | float | Fraction) -> str:
    """A number as a formula."""
    if isinstance(value, str):
        return value
    exact = Fraction(value)
    return f"{exact.numerator}/{exact.denominator}"
