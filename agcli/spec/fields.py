"""`Fields`: a mapping of known keys, the ground of every section and of every row of a table."""

from typing import Any, ClassVar, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, ModelWrapValidatorHandler, ValidationError, model_validator
from pydantic_core import InitErrorDetails

from .faults import failed, fault, refault
from .names import described, listing, shortened, suggestion

UNKNOWN_KEYS_NAMED = 20


class Fields(BaseModel):
    """A mapping of known keys. Subclasses declare fields of a kind, and may name the one that a shorthand sets."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)
    main: ClassVar[str] = ""

    @model_validator(mode="wrap")
    @classmethod
    def _read(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        if isinstance(value, cls):
            return value
        content = {} if value is None else value
        if not isinstance(content, dict):
            keys = f"a mapping with keys of {listing(cls.model_fields)}" if cls.model_fields else "no fields"
            raise failed([fault(f"expected {keys}, got {described(value)}")])
        faults = cls._unknown(content)
        try:
            result = handler({key: item for key, item in content.items() if key in cls.model_fields})
        except ValidationError as error:
            faults += [cls._designed(item) for item in error.errors(include_url=False)]
        if faults:
            raise failed(faults)
        return result

    @classmethod
    def _unknown(cls, content: dict[Any, Any]) -> list[InitErrorDetails]:
        """A fault for each unknown key; of a mapping full of them, the first few are enough."""
        unknown = [str(key) for key in content if key not in cls.model_fields]
        expected = "a known key" if cls.model_fields else "no fields"
        return [
            fault(
                f"expected {expected}, got `{shortened(key)}`{suggestion(key, cls.model_fields)}", (key,), at_key=True
            )
            for key in unknown[:UNKNOWN_KEYS_NAMED]
        ]

    @classmethod
    def _designed(cls, error: Any) -> InitErrorDetails:
        if error["type"] != "missing":
            return refault(error)
        name = error["loc"][0]
        return fault(f"expected {phrase_of(cls, name)}, got nothing", (name,))


class Bare(Fields):
    """No fields."""


def phrase_of(model: type[Fields], name: str) -> str:
    """What belongs into a field, in the words of its kind or of its table of choices."""
    field = model.model_fields[name]
    inner = [item for option in get_args(field.annotation) for item in getattr(option, "__metadata__", ())]
    phrases = [str(item.phrase) for item in (*inner, *field.metadata) if hasattr(item, "phrase")]
    return phrases[-1] if phrases else "a mapping"  # only sections have no kind; `X | None` has that of X


__all__ = ["Bare", "Field", "Fields", "phrase_of"]
