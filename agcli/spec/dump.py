"""A spec as YAML: every default written out, one line for what fits in one."""

import re
from collections.abc import Iterator
from typing import Any

from .fields import Fields
from .names import scalar_text
from .scalars import is_plain_text
from .tables import Choice

COLUMNS = 100
INDENT = "  "

_OLD_BOOLEANS = ("y", "n", "yes", "no", "on", "off")  # of YAML 1.1
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_ESCAPED = re.compile(r'["\\]|[^ -~\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]|[\u2028\u2029]')


def dumped(spec: Fields) -> str:
    """The YAML text of a spec."""
    return "\n".join(_block(plain(spec))) + "\n"


def plain(value: Any, *, only_set: bool = False) -> Any:
    """Validated values as plain data. With `only_set`, without defaults, and each choice as a mapping."""
    match value:
        case Fields():
            names = value.model_fields_set if only_set else _dumped_fields(value)
            ordered = [name for name in type(value).model_fields if name in names]
            return {name: plain(getattr(value, name), only_set=only_set) for name in ordered}
        case Choice():
            fields = plain(value.fields, only_set=only_set)
            beside = plain(value.beside, only_set=True) if value.beside is not None else {}
            if not fields and not beside and not only_set:
                return value.name
            return {value.tag: value.name, **fields} if value.tag else {value.name: fields, **beside}
        case dict():
            return {name: plain(item, only_set=only_set) for name, item in value.items()}
        case tuple():
            return [plain(item, only_set=only_set) for item in value]
        case _:
            return value


def _dumped_fields(fields: Fields) -> set[str]:
    """The fields that a resolved spec has: all but those that only say how the file is read, and what is empty."""
    known = type(fields).model_fields
    empty = {name for name in known if getattr(fields, name) == {}}
    empty |= {name for name in fields.absent if getattr(fields, name) is None}
    return {name for name, field in known.items() if not field.exclude} - empty


def _block(mapping: dict[str, Any]) -> Iterator[str]:
    """The lines of a mapping: lists of mappings as an item a line, all else in flow form if it fits."""
    for key, value in mapping.items():
        name = quoted(key)
        line = f"{name}: {_flow(value)}"
        if isinstance(value, list) and any(isinstance(item, dict) for item in value):
            yield f"{name}:"
            yield from (f"{INDENT}- {_item(item)}" for item in value)
        elif isinstance(value, dict) and value and len(line) > COLUMNS:
            yield f"{name}:"
            yield from (f"{INDENT}{inner}" for inner in _block(value))
        else:
            yield line


def _item(value: Any) -> str:
    """An item behind its dash, where a mapping of one key needs no braces: `- dense: {units: 10}`."""
    return _pairs(value) if isinstance(value, dict) and len(value) == 1 else _flow(value)


def _flow(value: Any) -> str:
    """A value on one line."""
    match value:
        case dict():
            return "{" + _pairs(value) + "}"
        case list():
            return "[" + ", ".join(_flow(item) for item in value) + "]"
        case str():
            return quoted(value)
        case float():
            return re.sub(r"^(-?\d+)e", r"\1.0e", repr(value))  # readers of YAML 1.1 want the point
        case _:
            return scalar_text(value)


def _pairs(mapping: dict[str, Any]) -> str:
    return ", ".join(f"{quoted(key)}: {_flow(value)}" for key, value in mapping.items())


def quoted(text: str) -> str:
    """Text without quotes where it stays text, else in double quotes."""
    if _NAME.fullmatch(text) and is_plain_text(text) and text.lower() not in _OLD_BOOLEANS:
        return text
    return '"' + _ESCAPED.sub(lambda found: _escape(found.group()), text) + '"'


def _escape(character: str) -> str:
    return f"\\{character}" if character in '"\\' else f"\\U{ord(character):08x}"
