"""Overrides: `optimizer.adam.lr=3e-4` from the command line, put into the spec as if it were written there."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from .document import Document, read_document
from .errors import Place, Problem, SpecError
from .names import Path, described, path_text, shortened
from .source import Source, checked

MAX_CHARACTERS = 10_000

_PATH = re.compile(r"[A-Za-z_][\w-]*(\[[0-9]{1,6}\]|\.[A-Za-z_][\w-]*)*", re.ASCII)
_STEP = re.compile(r"[A-Za-z_][\w-]*|[0-9]+", re.ASCII)


@dataclass(frozen=True)
class Override:
    """A value for one path of the spec, with the text that gave it."""

    path: Path
    document: Document

    def place(self, path: Path, *, of_key: bool = False) -> Place:
        """The place, within the text of the override, of a path of the spec at or below its own."""
        if path[: len(self.path)] == self.path and not (of_key and path == self.path):
            return self.document.place(path[len(self.path) :], of_key=of_key)
        source = self.document.source
        return Place(source.name, 0, len("--set ") + 1, source.lead + source.text, len(path_text(self.path)))

    def error(self, message: str, path: Path) -> SpecError:
        """An error of the override's path."""
        return SpecError([Problem(self.place(path, of_key=True), path_text(path), message)])


def read_override(text: str) -> Override:
    """An override `PATH=VALUE`: the path as messages print it (`model[0].dense.units`), the value as YAML."""
    whole = checked(Source(f"--set {shortened(text)}", text[: MAX_CHARACTERS + 1], "--set "))
    path, equals, value = text.partition("=")
    if len(text) > MAX_CHARACTERS:
        raise whole.error(f"expected at most {MAX_CHARACTERS:,} characters, got more")
    if not equals:
        raise whole.error("expected `path=value`, such as `optimizer.adam.lr=3e-4`, got no `=`", width=len(text))
    if not _PATH.fullmatch(path):
        message = f"expected a path such as `model[0].dense.units`, got {described(path)}"
        raise whole.error(message, width=len(path))
    steps = tuple(int(step) if step[0].isdigit() else step for step in _STEP.findall(path))
    document = read_document(Source(whole.name, value, f"--set {path}="))
    if document.problems:
        raise SpecError(document.problems)
    return Override(steps, document)


def put(data: dict[str, Any], override: Override) -> None:
    """Put the override's value into the data of a spec, which holds each choice as a mapping.

    A mapping on the way is made if it is not there; of a list, the item must be there.
    """
    at: Any = data
    *way, last = override.path
    for depth, step in enumerate(way):
        _check_step(at, step, override, depth)
        if isinstance(at, dict) and at.get(step) is None:
            at[step] = {}
        at = at[step]
    _check_step(at, last, override, len(way))
    at[last] = override.document.data


def _check_step(at: Any, step: str | int, override: Override, depth: int) -> None:
    path = override.path[: depth + 1]
    if isinstance(at, list):
        if not isinstance(step, int) or step >= len(at):
            raise override.error(f"expected an index from 0 to {len(at) - 1}, got `{step}`", path)
    elif not isinstance(at, dict) or not isinstance(step, str):
        raise override.error(f"expected a path that the spec has, got a step into {described(at)}", path)


def place_of(overrides: Sequence[Override], path: Path, *, of_key: bool = False) -> Place:
    """The place of a problem that overrides brought into a valid spec: in the one whose path is nearest."""

    def shared(override: Override) -> int:
        steps = zip(override.path, path, strict=False)
        return len(list(takewhile(lambda pair: pair[0] == pair[1], steps)))

    return max(reversed(overrides), key=shared).place(path, of_key=of_key)
