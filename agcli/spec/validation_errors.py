"""Errors inside of validators: pydantic carries them outwards and puts the path before them; the sentence is ours."""

from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from .names import Path

FAULT = "fault"  # the type of every error that has its sentence


def fault(
    message: str, loc: Path = (), *, at_key: bool = False, part: tuple[str, int, int] | None = None
) -> InitErrorDetails:
    """One error with its sentence, at a path below the validator.

    `at_key`: the key is wrong, not the value. `part`: a text, and what of it is wrong.
    """
    error = PydanticCustomError(FAULT, "{message}", {"message": message, "at_key": at_key, "part": part})
    return InitErrorDetails(type=error, loc=loc, input=None)


def failed(faults: Iterable[InitErrorDetails]) -> ValidationError:
    """The error for a validator to raise."""
    return ValidationError.from_exception_data("spec", list(faults))


def refault(error: Any, prefix: Path = ()) -> InitErrorDetails:
    """An item of `ValidationError.errors()` as a fault again, below a prefix."""
    message, at_key, part = said(error)
    return fault(message, (*prefix, *error["loc"]), at_key=at_key, part=part)


def said(error: Any) -> tuple[str, bool, tuple[str, int, int] | None]:
    """The sentence of an item of `ValidationError.errors()`, whether it is about the key, and the part of the text."""
    if error["type"] != FAULT:
        return f"expected something else: {error['msg']}", False, None
    return error["ctx"]["message"], error["ctx"]["at_key"], error["ctx"]["part"]
