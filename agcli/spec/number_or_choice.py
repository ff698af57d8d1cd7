"""A field that holds a number, or one of the named choices of a table in its place: `lr: 0.1`, `lr: {cosine: 0.1}`."""

from collections.abc import Callable
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, TypeAdapter
from pydantic_core import CoreSchema, core_schema

from .field_types import Positive
from .names import described
from .tables import Choice, Table
from .validation_errors import failed, fault


class NumberOr:
    """As metadata of an `Annotated[float | Choice, ...]`: a positive number, or a choice of a table.

    The table is given as a function, so that its own rows may have such fields.
    """

    def __init__(self, noun: str, table: Callable[[], Table[Any]]) -> None:
        self.noun = noun
        self.table = table
        self.phrase = f"a positive number or a {noun}"

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.read)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"anyOf": [_NUMBER.json_schema(), {"x-table": self.noun}]}

    def read(self, value: Any) -> float | Choice[Any]:
        """The number or the choice. Raises pydantic's ValidationError, made of faults."""
        if isinstance(value, dict | Choice) or (isinstance(value, str) and value in self.table().spellings()):
            return self.table().read(value)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return _NUMBER.validate_python(value)
        raise failed([fault(f"expected {self.phrase}, got {described(value)}")])


_NUMBER: TypeAdapter[float] = TypeAdapter(Positive)
