"""JSON Schema (draft 2020-12) of a spec, for editors: it knows all shorthands and explains each name."""

from typing import Any

from .columns import COLUMNS, SPLITS
from .data import DATA
from .nouns import ACTIVATIONS, CLIPPING, INITIALIZERS, LAYERS, LOSSES, METRICS, OPTIMIZERS, SCHEDULES
from .plugins import PluginError
from .spec import Spec
from .tables import Row, Table

DIALECT = "https://json-schema.org/draft/2020-12/schema"
TABLES = (DATA, COLUMNS, SPLITS, LAYERS, ACTIVATIONS, INITIALIZERS, LOSSES, METRICS, OPTIMIZERS, SCHEDULES, CLIPPING)

Schema = dict[str, Any]


def bring_plugins() -> list[PluginError]:
    """Make rows of all plug-ins that are installed. What is wrong with those that are left out."""
    return [error for table in TABLES for error in table.bring_all()]


def json_schema() -> Schema:
    """The schema of a whole spec file. Each table is one definition, under its noun."""
    root = Spec.model_json_schema()
    definitions = root.pop("$defs", {})
    for table in TABLES:
        definitions[table.noun] = {"anyOf": [*_bare_names(table), *_with_fields(table, definitions)]}
    optional = {f"#/$defs/{name}" for name, schema in definitions.items() if _can_be_empty(schema)}
    definitions["variable"] = {"type": "string", "pattern": "^\\$\\{\\w+\\}$", "description": "a value of `vars`"}
    linked: Schema = _linked({**root, "$defs": definitions}, optional)
    return {"$schema": DIALECT, "title": "ag spec", **_with_formulas(linked)}


def _with_formulas(schema: Schema) -> Schema:
    """The loss may be a formula; where there is a `let`, also the name of one."""
    properties = schema["properties"]
    named = {"$ref": "#/$defs/loss"}
    properties["loss"] = {**properties["loss"], "anyOf": [named, {"type": "string"}]}
    properties["loss"].pop("$ref", None)
    formula = {"type": "string", "pattern": "[^A-Za-z0-9_]"}
    without_let = {"properties": {"loss": {"anyOf": [named, formula]}}}
    return {**schema, "if": {"not": {"required": ["let"]}}, "then": without_let}


def _bare_names(table: Table[Any]) -> list[Schema]:
    """The names that may stand alone, if there are any: those whose fields all have defaults, and every data set."""
    names = [
        {"const": name, "description": table.rows[row].sentence}
        for name, row in table.spellings().items()
        if not any(field.is_required() for field in table.rows[row].fields.model_fields.values())
    ]
    return [{"anyOf": names}] if names else []


def _with_fields(table: Table[Any], definitions: Schema) -> list[Schema]:
    """A mapping from one name to what may stand behind it; with a tag, a mapping for each name."""
    contents = {name: _fields(table.rows[row], definitions) for name, row in table.spellings().items()}
    if table.tag:
        return [_tagged(table.tag, name, content) for name, content in contents.items()]
    properties = {name: _content(table.rows[row], contents[name]) for name, row in table.spellings().items()}
    if not table.beside:
        one = {"minProperties": 1, "maxProperties": 1, "additionalProperties": False}
        return [{"type": "object", "properties": properties, **one}]
    beside = table.beside.model_json_schema()["properties"]
    each_alone = {"oneOf": [{"required": [name]} for name in properties], "additionalProperties": False}
    return [{"type": "object", "properties": {**properties, **beside}, **each_alone}]


def _fields(row: Row, definitions: Schema) -> Schema:
    """The mapping of a row's fields; definitions within it move to the root."""
    schema = row.fields.model_json_schema()
    definitions.update(schema.pop("$defs", {}))
    return {**schema, "description": row.sentence}


def _content(row: Row, fields: Schema) -> Schema:
    """What may stand behind a row's name: its fields, its main field's value, nothing."""
    ways = [fields]
    if row.fields.main:
        ways.append(fields["properties"][row.fields.main])
    if _can_be_empty(fields):
        ways.append({"type": "null"})
    return {"anyOf": ways, "description": row.sentence}


def _tagged(tag: str, name: str, fields: Schema) -> Schema:
    properties = {tag: {"const": name}, **fields.get("properties", {})}
    named = [] if "file" in properties else [tag]  # a file's ending says which row it is
    return {**fields, "properties": properties, "required": [*named, *fields.get("required", [])]}


def _can_be_empty(schema: Schema) -> bool:
    return schema.get("type") == "object" and not schema.get("required") and "minProperties" not in schema


def _linked(schema: Any, optional: set[str]) -> Any:
    """The schema with a reference in place of each mark of a table, and null allowed for sections of defaults."""
    if isinstance(schema, list):
        return [_linked(item, optional) for item in schema]
    if not isinstance(schema, dict):
        return schema
    linked = {key: _linked(item, optional) for key, item in schema.items() if not _is_noise(key, item)}
    if "x-table" in schema:
        return {**linked, "$ref": f"#/$defs/{schema['x-table']}"}
    if isinstance(schema.get("type"), str) and schema["type"] in ("integer", "number", "boolean", "array"):
        outer = {key: linked.pop(key) for key in ("description", "default") if key in linked}
        return {**outer, "anyOf": [linked, {"$ref": "#/$defs/variable"}]}
    if schema.get("$ref") in optional:
        reference = linked.pop("$ref")
        return {**linked, "anyOf": [{"$ref": reference}, {"type": "null"}]}
    return linked


def _is_noise(key: str, item: Any) -> bool:
    """The mark itself, and pydantic's titles, which repeat the names."""
    return key == "x-table" or (key == "title" and isinstance(item, str))


__all__ = ["TABLES", "bring_plugins", "json_schema"]
