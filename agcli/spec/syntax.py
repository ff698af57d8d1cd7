"""PyYAML's complaints about broken YAML, said in one sentence each."""

import re
from collections.abc import Callable

import yaml

from .errors import SpecError
from .source import Source

Sentence = Callable[[re.Match[str], yaml.MarkedYAMLError], str]


def _opened_at(error: yaml.MarkedYAMLError) -> str:
    mark = error.context_mark
    return f" opened at {mark.line + 1}:{mark.column + 1}" if mark else ""


def _unclosed(found: re.Match[str], error: yaml.MarkedYAMLError) -> str:
    return f"expected `,` or `{found[1]}` for the bracket{_opened_at(error)}, got {_token(found[2])}"


def _outdented(found: re.Match[str], error: yaml.MarkedYAMLError) -> str:
    kind = "list" if error.context and "collection" in error.context else "mapping"
    return f"expected the next entry of the {kind}{_opened_at(error)} or a new line, got {_token(found[1])}"


def _foreign(found: re.Match[str], error: yaml.MarkedYAMLError) -> str:
    if found[1] == r"\t":
        return "expected spaces, got a tab"
    return f"expected a value, got the reserved character `{found[1]}`; put quotes around text that starts with it"


# Pattern of PyYAML's `problem` -> sentence. The first that matches counts.
_SENTENCES: tuple[tuple[str, Sentence], ...] = (
    (r"found character '(.+)' that cannot start any token", _foreign),
    (
        r"mapping values are not allowed here",
        lambda found, error: (
            "expected no `:` here; indent alike, give each key its own line, and put quotes around text that has a `: `"
        ),
    ),
    (
        r"found unexpected (end of stream|document separator)",
        lambda found, error: f"expected a closing quote for the text{_opened_at(error)}, got the end of the document",
    ),
    (r"could not find expected ':'", lambda found, error: f"expected `:` after the key{_opened_at(error)}"),
    (r"expected ',' or '(.)', but got '(.+)'", _unclosed),
    (r"expected <block end>, but found '(.+)'", _outdented),
    (r"expected the node content, but found '(.+)'", lambda found, error: f"expected a value, got {_token(found[1])}"),
    (
        r"expected '<document start>', but found '(.+)'",
        lambda found, error: f"expected the end of the spec, got {_token(found[1])}; check the indentation",
    ),
    (
        r"found unknown escape character '(.+)'",
        lambda found, error: (
            f"expected an escape such as `\\n` or `\\\\` in double quotes, got `\\{found[1]}`; use single quotes"
        ),
    ),
    (r"expected alphabetic or numeric character, .*", lambda found, error: "expected a name after `&` or `*`"),
)

_TOKENS = {
    "<stream end>": "the end of the file",
    "<document end>": "the end of the document",
    "<document start>": "a second document",
    "<block end>": "the end of the block",
    "<block mapping start>": "a mapping",
    "<block sequence start>": "a list",
    "<scalar>": "text",
    "<alias>": "an alias",
    "<anchor>": "an anchor",
    "<tag>": "a tag",
    "-": "a list entry",
    "?": "a key",
}


def _token(name: str) -> str:
    return _TOKENS.get(name, f"`{name}`")


def syntax_error(source: Source, error: yaml.MarkedYAMLError) -> SpecError:
    """The designed error for a text that is not YAML."""
    problem = error.problem or "something else"
    mark = error.problem_mark or error.context_mark
    if mark and error.context_mark and mark.line >= len(source.lines):  # the end of the file shows nothing
        mark = error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    for pattern, sentence in _SENTENCES:
        found = re.fullmatch(pattern, problem)
        if found:
            return source.error(sentence(found, error), line, column)
    return source.error(f"expected YAML, got something else: {problem}", line, column)
