"""What a field can hold, each kind with the words that follow "expected" in a message."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Le, Len, Lt
from pydantic import (
    AfterValidator,
    AllowInfNan,
    GetCoreSchemaHandler,
    Strict,
    StringConstraints,
    ValidationError,
    ValidatorFunctionWrapHandler,
)
from pydantic_core import CoreSchema, core_schema

from .names import described, listing, nearest, scalar_text, shortened
from .scalars import resolve
from .validation_errors import FAULT, failed, fault, refault

SIZE_LIMIT = 2**31 - 1


class Kind:
    """The words for a type; stands last in its `Annotated`. Whatever pydantic says, the message is made of them.

    `limits` has other words for single error types of pydantic: `less_than_equal="an integer up to 100"`.
    """

    def __init__(self, phrase: str, **limits: str) -> None:
        self.phrase = phrase
        self.limits = limits

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_wrap_validator_function(self._read, handler(source))

    def _read(self, value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        try:
            return handler(value)
        except ValidationError as error:
            errors = error.errors(include_url=False)
            inner = [refault(item) for item in errors if item["type"] == FAULT]
            raise failed(inner or [fault(self._sentence(value, errors[0]["type"]))]) from None

    def _sentence(self, value: Any, error_type: str) -> str:
        hint = _HINTS.get(error_type, lambda value: "")(value)
        return f"expected {self.limits.get(error_type, self.phrase)}, got {described(value)}{hint}"


class Either(Kind):
    """The words for a choice of types; what each of them has to say of a value that is neither helps nobody."""

    def _read(self, value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        try:
            return handler(value)
        except ValidationError:
            raise failed([fault(self._sentence(value, ""))]) from None


class OneOf(Kind):
    """The words for a choice of few words; a misspelt one is answered with the nearest."""

    def __init__(self, *words: str) -> None:
        super().__init__(f"one of {listing(words)}")
        self.words = words

    def _sentence(self, value: Any, error_type: str) -> str:
        near = nearest(value, self.words) if isinstance(value, str) else None
        return super()._sentence(value, error_type) + (f"; did you mean `{near}`?" if near else "")


def _number_hint(value: Any) -> str:
    """How to write text that would be a number without its quotes or its separators."""
    bare = value.strip().replace("_", "").replace(",", "") if isinstance(value, str) else ""
    try:
        is_number = type(resolve(bare)) in (int, float)
    except ValueError:
        return ""
    return f"; write {bare}" if is_number else ""


def _text_hint(value: Any) -> str:
    """How to write text that would be a number or a word such as true."""
    return f'; write "{scalar_text(value)}"' if isinstance(value, int | float) else ""


def _list_hint(value: Any) -> str:
    """How to write a list of one name."""
    return f"; write [{shortened(value)}]" if isinstance(value, str) else ""


# Type of pydantic's error -> what to write instead of a value that nearly fits.
_HINTS: dict[str, Callable[[Any], str]] = {
    "int_type": _number_hint,
    "float_type": _number_hint,
    "string_type": _text_hint,
    "tuple_type": _list_hint,
}


def _at_most_one_unknown(shape: tuple[int, ...]) -> tuple[int, ...]:
    if shape.count(-1) > 1:
        raise ValueError
    return shape


def one_of(*words: str) -> Any:
    """One word of a few."""
    return Annotated[Literal[words], Kind(" or ".join(f"`{word}`" for word in words))]


FLOATS = ("float32", "float64")
Floats = Annotated[Literal["float32", "float64"], OneOf(*FLOATS)]
Flag = Annotated[bool, Kind("true or false")]
Size = Annotated[
    int, Gt(0), Le(SIZE_LIMIT), Kind("a positive integer", less_than_equal=f"an integer up to {SIZE_LIMIT:,}")
]
Seed = Annotated[int, Ge(0), Kind("an integer of 0 or more")]
Count = Annotated[int, Ge(0), Le(SIZE_LIMIT), Kind("an integer of 0 or more")]
Real = Annotated[float, AllowInfNan(False), Kind("a number")]
Positive = Annotated[float, AllowInfNan(False), Gt(0), Kind("a positive number")]
Weight = Annotated[float, AllowInfNan(False), Ge(0), Kind("a number of 0 or more")]
Reals = Annotated[tuple[Real, ...], Strict(False), Len(1, 10_000), Kind("a list of numbers")]
Fraction = Annotated[float, Ge(0), Lt(1), Kind("a number from 0 to below 1")]
Title = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9_]([A-Za-z0-9 ._-]*[A-Za-z0-9_-])?$", max_length=80),
    Kind("a name of letters, digits, `.`, `_` and `-`", string_too_long="a name of at most 80 characters"),
]
Shape = Annotated[
    tuple[Annotated[int, Ge(-1), Le(SIZE_LIMIT), Kind("a positive integer or -1")], ...],
    Strict(False),
    Len(1, 16),
    AfterValidator(_at_most_one_unknown),
    Kind("a list of positive integers, of which one may be -1"),
]
Sides = Annotated[
    Size | Annotated[tuple[Size, ...], Strict(False), Len(1, 2)],
    Either("a positive integer, or a list of one for each axis"),
]
Lengths = Annotated[  # the same of volumes, too
    Size | Annotated[tuple[Size, ...], Strict(False), Len(1, 3)],
    Either("a positive integer, or a list of one for each axis"),
]
Extras = Annotated[
    Count | Annotated[tuple[Count, ...], Strict(False), Len(1, 3)],
    Either("an integer of 0 or more, or a list of one for each axis"),
]
Factors = Annotated[
    Positive | Annotated[tuple[Positive, ...], Strict(False), Len(1, 3)],
    Either("a positive number, or a list of one for each axis"),
]
Padding = Annotated[Literal["valid", "same"] | Count, Either("`valid`, `same`, or an integer of 0 or more")]
Word = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=80),
    Kind("a name of letters, digits and `_`", string_too_long="a name of at most 80 characters"),
]
Words = Annotated[
    Word | Annotated[tuple[Word, ...], Strict(False), Len(1, 1_000)], Either("a name, or a list of names")
]
