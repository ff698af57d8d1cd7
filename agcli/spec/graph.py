"""The free form of a model: variables, formulas by name, layers as a graph; and what a file says of other files."""

from collections.abc import Callable
from typing import Annotated, Any

from annotated_types import Len
from pydantic import AllowInfNan, BeforeValidator, Strict, StringConstraints, ValidationError
from pydantic_core import InitErrorDetails, core_schema

from .faults import failed, fault, refault
from .fields import Field, Fields
from .formula import Formula
from .initializers import INITIALIZERS, Initializer
from .kinds import Flag, Kind, Size, Word
from .layers import LAYERS, MAX_LAYERS, Layers
from .metrics import METRICS
from .names import described, shortened
from .tables import Choice

MAX_NAMES = 1_000
RESERVED = ("output", "model")  # what formulas call the output of the layers, and the layers as a function


def _word(name: Any) -> str:
    """What is wrong with a name, or nothing."""
    if not isinstance(name, str) or not name.isidentifier() or not name.isascii() or len(name) > 80:
        return f"expected a name of letters, digits and `_`, got `{shortened(str(name))}`"
    return ""


class Named:
    """Metadata of a mapping whose keys are names of the user's own."""

    def __init__(self, phrase: str, item: Callable[[], Any], *, reserved: tuple[str, ...] = ()) -> None:
        self.phrase = phrase
        self.item = item  # what reads a value; late, as layers hold layers
        self.reserved = reserved

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(self._read)

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        return {"type": "object", "additionalProperties": self.schema(), "propertyNames": {"pattern": "^[A-Za-z_]\\w*$"}}

    def schema(self) -> dict[str, Any]:
        raise NotImplementedError

    def _read(self, value: Any) -> dict[str, Any]:
        if value is None:
            return {}
        if not isinstance(value, dict) or len(value) > MAX_NAMES:
            raise failed([fault(f"expected {self.phrase}, got {described(value)}")])
        read = self.item()
        faults: list[InitErrorDetails] = []
        found = {}
        for name, item in value.items():
            problem = _word(name) or (f"expected a name of your own, got `{name}`" if name in self.reserved else "")
            if problem:
                faults.append(fault(problem, (str(name),), at_key=True))
                continue
            try:
                found[name] = read(item)
            except ValidationError as error:
                faults += [refault(e, (name,)) for e in error.errors(include_url=False)]
        if faults:
            raise failed(faults)
        return found
