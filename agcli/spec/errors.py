"""What a reader of a broken spec sees: a place, a sentence, the line of the file and a caret."""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace

from agcli.printable import printable

EXCERPT_COLUMNS = 100
PROBLEMS_SHOWN = 20


@dataclass(frozen=True)
class Place:
    """A spot in a text: its file as the user named it, line and column (both from 1), and the line itself.

    `line` is 0 where only the file is known, or where `file` is itself the whole text (`--set epochs=ten`).
    """

    file: str
    line: int = 0
    column: int = 0
    text: str = ""
    width: int = 1

    def __str__(self) -> str:
        file = printable(self.file)
        return f"{file}:{self.line}:{self.column}" if self.line else file

    def part(self, text: str, start: int, end: int) -> "Place":
        """The place of `text[start:end]`, if the line shows the text as it is, else that of the whole."""
        found = self.text.find(text, self.column - 1)
        if found < 0:
            return self
        return replace(self, column=found + start + 1, width=max(1, end - start))

    def excerpt(self) -> str:
        """The line of the text with carets under the spot, cut to a window if the line is long."""
        if not self.text:
            return ""
        at = self.column - 1
        start = max(0, min(at - EXCERPT_COLUMNS // 2, len(self.text) - EXCERPT_COLUMNS))
        line = printable(self.text[start : start + EXCERPT_COLUMNS].rstrip())
        head, marked = line[: at - start], line[at - start : at - start + self.width]
        return f"    {line}\n    {' ' * _cells(head)}{'^' * max(1, _cells(marked))}"


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: where it stands in the text, where in the spec, and what was expected."""

    place: Place
    path: str
    message: str

    def __str__(self) -> str:
        head = ": ".join(part for part in (str(self.place), self.path, self.message) if part)
        excerpt = self.place.excerpt()
        return f"{head}\n{excerpt}" if excerpt else head

    def to_json(self) -> dict[str, str | int | None]:
        """The problem as plain data; `line` and `column` are null where the place has none."""
        line, column = (self.place.line, self.place.column) if self.place.line else (None, None)
        return {"file": self.place.file, "line": line, "column": column, "path": self.path, "message": self.message}


class SpecError(ValueError):
    """A spec that cannot be used. `problems` holds everything that is wrong with it; `str()` is the text to show."""

    exit_code = 2

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(*self.problems)

    def __str__(self) -> str:
        shown = [str(problem) for problem in self.problems[:PROBLEMS_SHOWN]]
        hidden = len(self.problems) - len(shown)
        return "\n".join([*shown, f"... and {hidden} more problems"] if hidden else shown)

    def to_json(self) -> dict[str, list[dict[str, str | int | None]]]:
        """`{"problems": [{"file", "line", "column", "path", "message"}, ...]}`."""
        return {"problems": [problem.to_json() for problem in self.problems]}


def _cells(text: str) -> int:
    """How many terminal columns the text takes: wide letters two, combining marks none."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
