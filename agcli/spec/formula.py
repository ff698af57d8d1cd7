"""Formulas in a spec: text of the expression language, checked for its syntax as soon as it is read."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, StringConstraints

from .field_types import Kind
from .names import scalar_text
from .validation_errors import failed, fault

MAX_CHARACTERS = 10_000
EXTRA = ("grad", "hessian", "jacobian", "model")  # functions that formulas of a spec know beside the engine's

_names: ContextVar[frozenset[str]] = ContextVar("names", default=frozenset())


@contextmanager
def known_names(names: frozenset[str]) -> Iterator[None]:
    """While a spec is read: its own names, which may look like constants or functions (`e`, `beta`)."""
    token = _names.set(names)
    try:
        yield
    finally:
        _names.reset(token)


def _checked(text: str) -> str:
    from agcli.expression.errors import ExpressionError
    from agcli.expression.lower import functions
    from agcli.expression.parser import parse_syntax

    names = _names.get()
    try:
        parse_syntax(text, functions() | set(EXTRA) - names, names)
    except ExpressionError as error:
        raise failed([fault(sentence(error), part=(text, error.start, error.end))]) from None
    return text


def _written(value: Any) -> Any:
    """A number is a formula too."""
    return scalar_text(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def sentence(error: Any) -> str:
    """An error of the expression language as one sentence, for a place that shows the text itself."""
    return f"{error.message}; {error.hint}" if error.hint else str(error.message)


Formula = Annotated[
    str,
    StringConstraints(min_length=1, max_length=MAX_CHARACTERS),
    AfterValidator(_checked),
    BeforeValidator(_written),
    Kind("a formula", string_too_long=f"a formula of at most {MAX_CHARACTERS:,} characters"),
]
