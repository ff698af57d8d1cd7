"""Named choices: a table of rows, one for each name that a spec may write, and the three ways to write one.

relu                       the bare name
dropout: 0.2               the name and its main field
dense: {units: 10}         the name and its fields

A table may know keys that stand beside the name of any of its rows: `{dense: 10, name: scores}`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationError
from pydantic_core import CoreSchema, InitErrorDetails, core_schema

from .fields import Bare, Field, Fields
from .names import described, listing, nearest, shortened, suggestion
from .validation_errors import failed, fault, refault


@dataclass(frozen=True)
class Choice:
    """A row that a spec chose: its name in the table, and its fields."""

    name: str
    fields: Fields
    tag: str = field(default="", repr=False)
    beside: Any = field(default=None, repr=False)  # fields of the keys that stand beside the name


@dataclass(frozen=True)
class Row:
    """A name of a table: its fields, one sentence about it, and other names for it."""

    fields: type[Fields] = Bare
    doc: str = ""
    aliases: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """What the name means."""
        return self.doc or (self.fields.__doc__ or "").splitlines()[0]


class Table:
    """All names of one noun ("layer"). As metadata of an `Annotated[Choice, table]` it reads a field of that noun.

    A table with a `tag` writes a choice and its fields as one mapping: `{name: mnist, flatten: true}`.
    """

    def __init__(
        self,
        noun: str,
        rows: Mapping[str, Row | type[Fields]],
        *,
        tag: str = "",
        beside: type[Fields] | None = None,
        example: str = "",
    ) -> None:
        self.noun = noun
        self.example = example
        self.tag = tag
        self.beside = beside
        self.rows: dict[str, Row] = {}
        self._spellings: dict[str, str] = {}
        self.add(rows)

    def add(self, rows: Mapping[str, Row | type[Fields]]) -> None:
        """Put more rows into the table: those whose fields hold choices of the table itself."""
        self.rows |= {name: row if isinstance(row, Row) else Row(row) for name, row in rows.items()}
        self._spellings = {alias: name for name, row in self.rows.items() for alias in (name, *row.aliases)}

    @property
    def phrase(self) -> str:
        """What belongs into a field of this table, in the words that follow "expected"."""
        return f"{'an' if self.noun[0] in 'aeiou' else 'a'} {self.noun}"

    def spellings(self) -> dict[str, str]:
        """Every name that a spec may write -> the name of its row."""
        return dict(self._spellings)

    def default(self, name: str, description: str) -> Any:
        """The declaration of a field whose default is one of the table's bare names."""
        return Field(default=name, validate_default=True, description=description)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.read)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"x-table": self.noun}  # schema.py puts the reference to the table's definition here

    def read(self, value: Any) -> Choice:
        """The choice that a value of the spec names. Raises pydantic's ValidationError, made of faults."""
        if isinstance(value, Choice):
            return value
        value, keys = self._apart(value)
        name, content, loc = self._tagged(value) if self.tag else self._written(value)
        row = self._spellings.get(name)
        faults = [] if row else [self._unknown(value, name)]
        fields = _tried(lambda: self._fields(self.rows[row], content), faults, loc) if row else None
        read = self.beside.model_validate if self.beside else Bare.model_validate
        beside = _tried(lambda: read(keys), faults) if self.beside and keys else None
        if faults or row is None or fields is None:
            raise failed(faults)
        return Choice(row, fields, self.tag, beside)

    def _apart(self, value: Any) -> tuple[Any, dict[str, Any]]:
        """A mapping without the keys that stand beside the name, and those."""
        if self.beside is None or not isinstance(value, dict):
            return value, {}
        known = self.beside.model_fields
        rest = {key: item for key, item in value.items() if key not in known}
        return (rest, {key: item for key, item in value.items() if key in known}) if rest else (value, {})

    def _written(self, value: Any) -> tuple[str, Any, tuple[str, ...]]:
        """The name, what stands behind it, and the path to that, of a bare name or a mapping with one key."""
        if isinstance(value, str):
            return value, None, (value,)
        if not isinstance(value, dict) or not value:
            example = f" such as {self.example}" if self.example else ""
            raise failed([fault(f"expected {self.phrase}{example}, got {described(value)}")])
        name, *others = value
        if not others:
            return name, value[name], (name,)
        raise failed([fault(self._several(value))])

    def _tagged(self, value: Any) -> tuple[str, Any, tuple[str, ...]]:
        """The same of a mapping that holds the name under the tag, among the fields."""
        if isinstance(value, str):
            return value, None, ()
        if isinstance(value, dict) and isinstance(value.get(self.tag), str):
            return value[self.tag], {key: item for key, item in value.items() if key != self.tag}, ()
        if not isinstance(value, dict):
            raise failed([fault(f"expected {self.phrase}, got {described(value)}")])
        raise failed([fault(f"expected the name of {self.phrase}, got {described(value.get(self.tag))}", (self.tag,))])

    def _fields(self, row: Row, content: Any) -> Fields:
        """The fields of a row from what stands behind its name: nothing, a mapping, or the main field's value."""
        main = row.fields.main
        if main and content is not None and not isinstance(content, dict | Fields):
            content = {main: content}
        known = self.beside.model_fields.keys() - row.fields.model_fields.keys() if self.beside else set()
        misplaced = [key for key in content if key in known] if isinstance(content, dict) else []
        if misplaced:
            name = next(name for name, each in self.rows.items() if each is row)
            raise failed(
                fault(f"expected `{key}` beside `{name}`, as in {{{name}: ..., {key}: ...}}", (key,), at_key=True)
                for key in misplaced
            )
        return row.fields.model_validate(content)

    def _unknown(self, value: Any, name: str) -> InitErrorDetails:
        sentence = f"expected {self.phrase}, got `{shortened(name)}`{suggestion(name, self._spellings)}"
        if isinstance(value, str):
            return fault(sentence)
        return fault(sentence, (self.tag,)) if self.tag else fault(sentence, (name,), at_key=True)

    def _several(self, value: dict[str, Any]) -> str:
        """The sentence for a mapping of several keys, which is most often one whose fields lack their indentation."""
        name, *others = value
        row = self.rows.get(self._spellings.get(name, ""))
        keys = listing(value)
        if row and value[name] is None and all(nearest(key, row.fields.model_fields) for key in others):
            return f"expected one {self.noun}, got the keys {keys}; indent the fields of `{name}` below it"
        return f"expected one {self.noun}, got the keys {keys}"


def _tried(read: Callable[[], Fields], faults: list[InitErrorDetails], loc: tuple[str, ...] = ()) -> Fields | None:
    """What `read` gives; None, with its faults in the list, if it fails."""
    try:
        return read()
    except ValidationError as error:
        faults += [refault(item, loc) for item in error.errors(include_url=False)]
        return None
