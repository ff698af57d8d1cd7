"""Named choices: a table of rows, one for each name that a spec may write, and the three ways to write one.

relu                       the bare name
dropout: 0.2               the name and its main field
dense: {units: 10}         the name and its fields

A table may know keys that stand beside the name of any of its rows: `{dense: 10, name: scores}`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Generic, TypeVar, cast

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationError
from pydantic_core import CoreSchema, InitErrorDetails, core_schema

from .fields import Bare, Field, Fields
from .names import described, listing, nearest, shortened, suggestion
from .plugin_rows import class_of
from .plugins import Plugin, PluginError, guarded, plugins
from .validation_errors import failed, fault, refault

F_co = TypeVar("F_co", bound=Fields, covariant=True)
R = TypeVar("R", bound=Fields)


@dataclass(frozen=True)
class Choice(Generic[F_co]):
    """A row that a spec chose: its name in the table, and its fields."""

    name: str
    fields: F_co
    tag: str = field(default="", repr=False)
    beside: Any = field(default=None, repr=False)  # fields of the keys that stand beside the name
    plugin: Plugin | None = field(default=None, repr=False, compare=False)  # that brought the row


@dataclass(frozen=True)
class Row:
    """A name of a table: its fields, one sentence about it, and other names for it."""

    fields: type[Fields] = Bare
    doc: str = ""
    aliases: tuple[str, ...] = ()
    plugin: Plugin | None = None

    @property
    def sentence(self) -> str:
        """What the name means."""
        return self.doc or (self.fields.__doc__ or "").strip().partition("\n")[0]


class Table(Generic[F_co]):
    """All names of one noun ("layer"). As metadata of an `Annotated[Choice, table]` it reads a field of that noun.

    A table with a `tag` writes a choice and its fields as one mapping: `{name: mnist, flatten: true}`. Rows of a
    ``kind`` of their own stand in ``modules``, which are loaded in their order until a name is found; those of other
    distributions in a ``group`` of entry points, each loaded when a spec names it.
    """

    def __init__(
        self,
        noun: str,
        rows: Mapping[str, Row | type[Fields]] | None = None,
        *,
        kind: type[F_co] = Fields,  # type: ignore[assignment]
        modules: tuple[str, ...] = (),
        group: str = "",
        tag: str = "",
        beside: type[Fields] | None = None,
        example: str = "",
    ) -> None:
        self.noun = noun
        self.kind = kind
        self.modules = list(modules)  # that are not loaded yet
        self.group = group
        self.example = example
        self.tag = tag
        self.beside = beside
        self._rows: dict[str, Row] = {}
        self._spellings: dict[str, str] = {}
        for name, row in (rows or {}).items():
            self.add(name, row if isinstance(row, Row) else Row(row))

    def add(self, name: str, row: Row) -> None:
        """Put a row into the table."""
        self._rows[name] = row
        self._spellings |= dict.fromkeys((name, *row.aliases), name)

    def row(self, name: str, *aliases: str) -> Callable[[type[R]], type[R]]:
        """A decorator that puts a class into the table, under its name and other spellings of it."""

        def put(cls: type[R]) -> type[R]:
            self.add(name, Row(cls, aliases=aliases))
            return cls

        return put

    @property
    def rows(self) -> dict[str, Row]:
        """The rows by name, those of plug-ins that were used among them."""
        self._load()
        return self._rows

    def _load(self, name: str | None = None) -> None:
        """Load what is not loaded yet: as far as the row of a name, or all of it."""
        while self.modules and name not in self._spellings:
            import_module(self.modules.pop(0))

    def named(self, name: str) -> str | None:
        """The name of the row that a spelling means; None if it is none of our own."""
        self._load(name)
        return self._spellings.get(name)

    def plugins(self) -> dict[str, Plugin]:
        """The plug-ins that are no rows yet, by name; none of them is loaded."""
        if not self.group:
            return {}
        return {name: p for name, p in plugins(self.group).items() if name not in self.spellings()}

    def knows(self, name: str) -> bool:
        """Whether a spec may write the name; a plug-in's is looked up in metadata alone."""
        return self.named(name) is not None or (name.isidentifier() and name in self.plugins())

    def bring(self, name: str) -> bool:
        """Make a row of the plug-in of this name, if there is one. Raises PluginError for one that is broken."""
        plugin = self.plugins().get(name)
        if plugin is None:
            return False
        self.add(name, Row(class_of(plugin, self.kind), plugin=plugin))
        return True

    def bring_all(self) -> list[PluginError]:
        """Make rows of all plug-ins. What is wrong with those that are left out."""
        errors = []
        for name, plugin in self.plugins().items():
            try:
                row = Row(class_of(plugin, self.kind), plugin=plugin)
                guarded(plugin, row.fields.model_json_schema)
                self.add(name, row)
            except PluginError as error:
                errors.append(error)
        return errors

    @property
    def phrase(self) -> str:
        """What belongs into a field of this table, in the words that follow "expected"."""
        return f"{'an' if self.noun[0] in 'aeiou' else 'a'} {self.noun}"

    def spellings(self) -> dict[str, str]:
        """Every name that a spec may write -> the name of its row."""
        return dict(self._spellings) if self.rows else {}

    def default(self, name: str, description: str) -> Any:
        """The declaration of a field whose default is one of the table's bare names."""
        return Field(default=name, validate_default=True, description=description)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.read)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"x-table": self.noun}  # schema.py puts the reference to the table's definition here

    def read(self, value: Any) -> Choice[F_co]:
        """The choice that a value of the spec names. Raises pydantic's ValidationError, made of faults."""
        if isinstance(value, Choice):
            return value
        value, keys = self._apart(value)
        name, content, loc = self._tagged(value) if self.tag else self._written(value)
        try:
            row = self.named(name) or (name if self.bring(name) else None)
            faults = [] if row else [self._unknown(value, name)]
            fields = _tried(lambda: self._fields(self._rows[row], content), faults, loc) if row else None
        except PluginError as error:
            raise failed([self._at_name(value, name, str(error))]) from error
        read = self.beside.model_validate if self.beside else Bare.model_validate
        beside = _tried(lambda: read(keys), faults) if self.beside and keys else None
        if faults or row is None or fields is None:
            raise failed(faults)
        return Choice(row, cast(F_co, fields), self.tag, beside, self._rows[row].plugin)

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
        read = row.fields.model_validate
        return read(content) if row.plugin is None else guarded(row.plugin, lambda: read(content))

    def _unknown(self, value: Any, name: str) -> InitErrorDetails:
        hint = suggestion(name, [*self.spellings(), *self.plugins()])
        return self._at_name(value, name, f"expected {self.phrase}, got `{shortened(name)}`{hint}")

    def _at_name(self, value: Any, name: str, sentence: str) -> InitErrorDetails:
        """A sentence about the name that a value begins with."""
        if isinstance(value, str):
            return fault(sentence)
        return fault(sentence, (self.tag,)) if self.tag else fault(sentence, (name,), at_key=True)

    def _several(self, value: dict[str, Any]) -> str:
        """The sentence for a mapping of several keys, which is most often one whose fields lack their indentation."""
        name, *others = value
        row = self.rows.get(self.named(name) or "")
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
