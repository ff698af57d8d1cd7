"""Many formulas, one a line, each answered by one line of JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import IO

from agcli.expression.answers import answer
from agcli.expression.errors import ExpressionError
from agcli.expression.questions import Answer, Question
from agcli.expression.syntax import MAX_LENGTH


def formulas(file: IO[str]) -> Iterator[str]:
    """The lines that hold a formula; of a line that is too long, only as much as makes it an error."""
    while line := file.readline(MAX_LENGTH + 2):
        whole = line
        while whole and not whole.endswith("\n"):
            whole = file.readline(MAX_LENGTH)
        text = line.strip()
        if text and not text.startswith("#"):
            yield text


def answers(texts: Iterable[str], question: Question) -> Iterator[tuple[Answer | ExpressionError, str]]:
    """The answer to each formula, or its error, with the formula."""
    for text in texts:
        try:
            yield answer(text, question), text
        except ExpressionError as error:
            yield error, text


def error_json(error: ExpressionError, text: str) -> str:
    """The error of one line: message, place and hint, and how the formula was read."""
    fields = error.to_json()
    return json.dumps({"expression": text[:1000], "error": fields, "notes": fields.pop("notes", [])})
