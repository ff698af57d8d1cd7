"""Files that hold several tables, of which a description has to name one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .errors import DataError

_SHOWN = 20
_WRITE = {"sheet": ("sheet", "{}"), "table": ("query", '"select * from {}"')}


class SeveralError(DataError):
    """A file of several sheets, or several tables, and none of them named, or one that is not there."""

    def __init__(self, path: Path, what: str, names: Sequence[str], wanted: str = "") -> None:
        self.what, self.names, self.wanted = what, tuple(names), wanted
        shown = ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else "")
        if not names:
            text = f"expected a {what}, found none"
        elif wanted:
            text = f'unknown {what} "{wanted}"; known: {shown}'
        else:
            text = f"expected one of {len(names):,} {what}s to be named: {shown}; write {self.line(names[0])}"
        super().__init__(f"{path}: {text}", (("sheet" if what == "sheet" else "query") if wanted else "file",))

    def line(self, name: str) -> str:
        """What names one, in a spec and on the command line."""
        key, text = _WRITE[self.what]
        value = text.format(name if name.isidentifier() or self.what == "sheet" else f"[{name}]")
        shell = value if " " not in value or value.startswith('"') else f'"{value}"'
        return f"`{key}: {value}`, or --{key} {shell}"
