"""What `ag grad` is asked and what it answers, as data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from types import MappingProxyType
from typing import Any

from agcli.engine.frozen import frozen
from agcli.engine.graph import Tensor
from agcli.engine.leaves import Placeholder
from agcli.expression.api import Formula
from agcli.expression.check import Check, Claim
from agcli.expression.simplify import Step


@frozen
class Question:
    """The options of `ag grad`, as they were given; Python callers fill in what they need."""

    wrt: tuple[str, ...] = ()
    order: int = 1
    gradient: bool = False
    jacobian: bool = False
    hessian: bool = False
    direction: str = ""
    implicit: str = ""
    taylor: str = ""
    at: tuple[str, ...] = ()
    given: tuple[str, ...] = ()
    shape: tuple[str, ...] = ()
    raw: bool = False
    plot: bool = False
    check: bool = False
    verify: bool = True  # compare shorter forms with what they were made of
    steps: bool = False
    digits: int | None = None  # that are to be proved of the values


@frozen
class Result:
    """One derivative. `kind` is derivative, gradient, jacobian, hessian, direction, implicit or taylor; `wrt` the
    variables in turn, and `about` what else the name of the result needs."""

    kind: str
    wrt: tuple[str, ...]
    formula: Tensor
    claims: tuple[Claim, ...] = ()
    about: str = ""
    value: Any = None  # as float64, NaN where there is none
    found: Any = None  # what is known of the value: a Finding, or an array of them
    proof: Any = None  # what is proved of it: a Proof, or an array of them
    check: Check | None = None
    steps: tuple[Step, ...] = ()
    step: Tensor | None = None  # of a Taylor polynomial: the first power that it leaves out
    proven: bool | None = True  # False: a shorter form was wrong and is not shown; None: it could not be checked


@frozen
class Answer:
    """A formula and its results. `at` holds the point at which `value` and the results' values were taken; for a plot
    over the one variable that it leaves out, there are no values."""

    text: str
    formula: Formula
    function: Tensor
    results: tuple[Result, ...]
    at: Mapping[str, Any] = MappingProxyType({})
    value: Any = None
    found: Any = None
    proof: Any = None
    given: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()  # how the formula was read where it could be read in two ways

    @property
    def valued(self) -> bool:
        return self.found is not None

    @property
    def variables(self) -> list[str]:
        return sorted(self.formula.names)

    @property
    def parameters(self) -> dict[str, Placeholder]:
        """The variables that have no value from --given: those of generated functions."""
        return {name: self.formula.names[name] for name in self.variables if name not in self.given}


def orders(names: Sequence[str]) -> list[tuple[str, int]]:
    """Names in turn with how often each stands: x, x, y gives x 2, y 1."""
    return [(name, len(list(same))) for name, same in groupby(names)]
