"""The class that a plug-in brings for a table of names, looked at before a spec may use it."""

from typing import Any, TypeVar, get_args, get_type_hints

from pydantic import TypeAdapter, ValidationError

from .fields import Fields
from .plugins import Plugin, guarded

Row = TypeVar("Row", bound=Fields)


def class_of(plugin: Plugin, kind: type[Row]) -> type[Row]:
    """The class that an entry point names.

    Raises PluginError for what cannot be imported, is no subclass of ``kind``, lacks a method that every row has
    (``answers()``), says of itself what no row may say, or has fields that pydantic does not know.
    """
    row = plugin.loaded()
    if not isinstance(row, type) or not issubclass(row, kind):
        raise plugin.error(f"expected a class made of agcli.{kind.__name__}, found {described(row)}")
    missing = [f"no method `{name}`" for name in row.answers() if getattr(row, name) is getattr(kind, name)]
    if missing:
        raise plugin.error(f"{row.__name__} has {' and '.join(missing)}")
    for name, hint in said_of(kind).items():
        if not hasattr(row, name):  # what has no usual value, such as the direction of a metric, may be left open
            continue
        try:
            TypeAdapter(hint).validate_python(getattr(row, name), strict=True)
        except ValidationError as error:
            wrong = error.errors(include_url=False)[0]["msg"]
            raise plugin.error(f"{row.__name__}.{name} = {getattr(row, name)!r}: {wrong}") from None
    if row.main and row.main not in row.model_fields:
        raise plugin.error(f"{row.__name__}.main is `{row.main}`, which is none of its fields")
    guarded(plugin, lambda: row.model_rebuild(force=True))
    return row


def said_of(kind: type[Fields]) -> dict[str, Any]:
    """What rows of a kind say of themselves, as class variables, with the types of it."""
    own = kind.__class_vars__ - Fields.__class_vars__
    return {name: get_args(hint)[0] for name, hint in get_type_hints(kind).items() if name in own}


def described(row: Any) -> str:
    """An object in the words of a message."""
    return f"the class {row.__name__}" if isinstance(row, type) else f"an object of the class {type(row).__name__}"
