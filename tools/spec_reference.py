"""The generated part of docs/spec.md: a table of names and fields for each noun.

python -m tools.spec_reference docs/spec.md        write the tables anew
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from agcli.model.optimizers import Shared
from agcli.spec.fields import Fields, phrase_of
from agcli.spec.graph import Parameter
from agcli.spec.names import scalar_text
from agcli.spec.nouns import Beside
from agcli.spec.odeint import Odeint
from agcli.spec.schema import TABLES
from agcli.spec.spec import Spec
from agcli.spec.tables import Table
from agcli.spec.training import Train

HEAD = "| name | field | holds | default | meaning |\n|---|---|---|---|---|"
Named = tuple[str, str, type[Fields]]  # spellings, meaning, fields

_GENERATED = re.compile(r"(<!-- generated: (?P<what>[a-z ]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def refreshed(text: str) -> str:
    """The text of the page with every block between `<!-- generated: layer -->` and `<!-- end -->` written anew."""
    blocks = reference()
    return _GENERATED.sub(lambda found: f"{found[1]}{blocks[found['what']]}\n{found[3]}", text)


def reference() -> dict[str, str]:
    """The name of each block -> its Markdown table."""
    rows: dict[str, list[Named]] = {
        "sections": [("", "", Spec)],
        "train": [("", "", Train)],
        "every layer": [("", "", Beside)],
        "variable": [("", "", Parameter)],
        "odeint": [("", "", Odeint)],
        "every optimizer": [("", "", Shared)],
    }
    rows |= {table.noun: _rows(table) for table in TABLES}
    return {what: "\n".join([HEAD, *_lines(named)]) for what, named in rows.items()}


def _rows(table: Table[Any]) -> list[Named]:
    return [(", ".join([name, *row.aliases]), row.sentence, row.fields) for name, row in table.rows.items()]


def _lines(rows: list[Named]) -> Iterator[str]:
    """A line for each name, then one for each of its fields; the main field is bold."""
    for names, meaning, fields in rows:
        if names:
            yield _line(", ".join(f"`{name}`" for name in names.split(", ")), "", "", "", meaning)
        for name, field in fields.model_fields.items():
            if names and _is_shared(fields, name):
                continue
            shown = f"**`{name}`**" if name == fields.main else f"`{name}`"
            yield _line("", shown, phrase_of(fields, name), _default(fields, name), field.description or "")


def _is_shared(fields: type[Fields], name: str) -> bool:
    """Whether a field is one that every optimizer takes, with the same default; a table of its own explains those."""
    if not issubclass(fields, Shared) or name == fields.main or name not in Shared.model_fields:
        return False
    return bool(fields.model_fields[name].default == Shared.model_fields[name].default)


def _default(fields: type[Fields], name: str) -> str:
    """A field's default as a spec would write it."""
    field = fields.model_fields[name]
    if field.is_required():
        return "required"
    if isinstance(field.default, Fields | tuple) or field.default is None:
        return ""
    return f"`{field.default if isinstance(field.default, str) else scalar_text(field.default)}`"


def _line(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


if __name__ == "__main__":
    page = Path(sys.argv[1])
    page.write_text(refreshed(page.read_text(encoding="utf-8")), encoding="utf-8")
