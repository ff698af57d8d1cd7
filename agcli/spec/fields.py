"""`Fields`: a mapping of known keys, the ground of every section and of every row of a table."""

from typing import Any, ClassVar, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, ModelWrapValidatorHandler, ValidationError, model_validator
from pydantic_core import InitErrorDetails

from .names import described, listing, nearest, shortened, suggestion
from .validation_errors import FAULT, failed, fault, refault

PLAIN: dict[object, str] = {float: "a number", int: "an integer", bool: "true or false", str: "text"}
UNKNOWN_KEYS_NAMED = 20  # of one mapping; a mapping full of them says nothing more


class Fields(BaseModel):
    """A mapping of known keys. Subclasses declare fields of a kind, and may name the one that a shorthand sets."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)
    main: ClassVar[str] = ""
    absent: ClassVar[tuple[str, ...]] = ()  # sections that are not written out where there are none

    @model_validator(mode="wrap")
    @classmethod
    def _read(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        if isinstance(value, cls):
            return value
        content = {} if value is None else value
        if not isinstance(content, dict):
            keys = f"a mapping with some of the keys {listing(cls.model_fields)}" if cls.model_fields else "no fields"
            raise failed([fault(f"expected {keys}, got {described(value)}")])
        unknown = [str(key) for key in content if key not in cls.model_fields][:UNKNOWN_KEYS_NAMED]
        faults = [cls._unknown(key) for key in unknown]
        meant = {nearest(key, cls.model_fields) for key in unknown}
        try:
            result = handler({key: item for key, item in content.items() if key in cls.model_fields})
        except ValidationError as error:
            errors = error.errors(include_url=False)
            # A key that is missing because it is misspelt is one problem, not two.
            faults += [cls._designed(e) for e in errors if e["type"] != "missing" or e["loc"][0] not in meant]
        faults += [
            cls._designed({"type": "missing", "loc": (name,)}) for name in cls.lacking(content) if name not in meant
        ]
        if faults:
            raise failed(faults)
        return result

    @classmethod
    def answers(cls) -> tuple[str, ...]:
        """Of a noun: the methods that each of its rows has."""
        return ()

    @classmethod
    def lacking(cls, content: dict[str, Any]) -> tuple[str, ...]:
        """Names of fields that have a default and yet must be given beside this content."""
        return ()

    @classmethod
    def _unknown(cls, key: str) -> InitErrorDetails:
        expected = "a known key" if cls.model_fields else "no fields"
        hint = suggestion(key, cls.model_fields)
        return fault(f"expected {expected}, got `{shortened(key)}`{hint}", (key,), at_key=True)

    @classmethod
    def _designed(cls, error: Any) -> InitErrorDetails:
        name, *inner = error["loc"] or ("",)
        if error["type"] == "missing":
            return fault(f"expected {phrase_of(cls, name)}, got nothing", (name,))
        if error["type"] == FAULT or inner or name not in cls.model_fields:
            return refault(error)
        why = "" if error["type"].endswith("_type") else f": {error['msg']}"  # of a type that says no words of its own
        return fault(f"expected {phrase_of(cls, name)}, got {described(error['input'])}{why}", (name,))


class Bare(Fields):
    """No fields."""


def phrase_of(model: type[Fields], name: str) -> str:
    """What belongs into a field, in the words of its kind or of its table of choices."""
    field = model.model_fields[name]
    inner = [item for option in get_args(field.annotation) for item in getattr(option, "__metadata__", ())]
    phrases = [str(item.phrase) for item in (*inner, *field.metadata) if hasattr(item, "phrase")]
    if phrases:
        return phrases[-1]  # `X | None` has that of X
    plain = [PLAIN[t] for t in (field.annotation, *get_args(field.annotation)) if t in PLAIN]
    return " or ".join(plain) or "a mapping"  # of ours, only sections have no kind


__all__ = ["Bare", "Field", "Fields", "phrase_of"]
