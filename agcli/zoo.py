"""The models that ship with the package, each with one sentence and what was measured of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from agcli.spec import read_spec
from agcli.spec.source import ZOO

NOTES = ZOO / "README.md"


@dataclass(frozen=True)
class Entry:
    """A model of the zoo. ``about`` is the first line of its file.

    ``measured`` is its line in the table of models/README.md, by the headings there.
    """

    name: str
    path: Path
    about: str
    data: str
    measured: Mapping[str, str]

    def to_json(self) -> dict[str, str]:
        """Plain data."""
        return {"name": self.name, "about": self.about, "data": self.data, **self.measured, "path": str(self.path)}


def entries() -> list[Entry]:
    """All models of the zoo, by name."""
    lines = dict(measured(NOTES.read_text("utf-8"))) if NOTES.is_file() else {}
    return [_entry(path, lines.get(path.stem, {})) for path in sorted(ZOO.glob("*.yaml"))]


def measured(markdown: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The lines of a Markdown table: the model that the first cell names, and the other cells by their headings."""
    heads: list[str] = []
    for line in markdown.splitlines():
        cells = [_bare(cell) for cell in line.strip().strip("|").split("|")] if line.startswith("|") else []
        if not cells:
            heads = []
        elif not heads:
            heads = cells
        elif not set(line) <= set("|-: "):
            yield cells[0], dict(zip(heads[1:], cells[1:], strict=False))


def _bare(cell: str) -> str:
    """The text of a cell without links, quotes and emphasis."""
    return re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", cell).replace("`", "").replace("**", "").strip()


def _entry(path: Path, line: dict[str, str]) -> Entry:
    comment = re.match(r"#(.*)", path.read_text("utf-8"))
    data = read_spec(path).data
    said = comment[1].strip() if comment else ""
    return Entry(path.stem, path, said, str(getattr(data.fields, "file", data.name)), line)
