"""From a file to a `Spec`: text, document, overrides, validation, and all the problems in the order of the file."""

import os
import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any, TypeVar

from pydantic import ValidationError

from .compose import composed
from .document import Document
from .dump import plain
from .errors import Place, Problem, SpecError
from .names import Path, described, path_text
from .overrides import Override, place_of, put, read_override
from .source import Source, checked, decoded, read_source
from .spec import Spec
from .validation_errors import said

_VARS = re.compile(r"vars\b")

T = TypeVar("T")
R = TypeVar("R")


def read_spec(
    path: str | os.PathLike[str], overrides: Sequence[str] = (), reading: Callable[[Any], Any] | None = None
) -> Spec:
    """Read and validate a spec file, then put overrides (`optimizer.adam.lr=3e-4`) into it.

    ``reading`` changes the plain content of the file before it is validated. Raises SpecError with every problem of the
    file, or else of the overrides.
    """
    return _read(read_source(path), FilePath(path).stem, overrides, reading)


def spec_in(
    content: bytes,
    path: str | os.PathLike[str],
    overrides: Sequence[str] = (),
    reading: Callable[[Any], Any] | None = None,
) -> Spec:
    """The same for the content of a file that was opened already; it includes no others."""
    return _read(decoded(os.fspath(path), content), FilePath(path).stem, overrides, reading, is_alone=True)


def parse_spec(text: str, name: str = "spec", overrides: Sequence[str] = ()) -> Spec:
    """The same for a text; messages call it `<name>`."""
    return _read(checked(Source(f"<{name}>", text)), name, overrides)


@dataclass(frozen=True)
class _Written:
    """The origin of a spec: an override where one gave the value, else the document."""

    document: Document
    overrides: tuple[Override, ...]

    def place(self, path: Path, *, of_key: bool = False) -> Place:
        for override in reversed(self.overrides):
            if path[: len(override.path)] == override.path:
                return override.place(path, of_key=of_key)
        return self.document.place(path, of_key=of_key)

    def file(self, section: str) -> str:
        """The file that a section stands in, as far as it stands in one."""
        return self.document.file(section)


def _read(
    source: Source,
    stem: str,
    texts: Sequence[str],
    reading: Callable[[Any], Any] | None = None,
    *,
    is_alone: bool = False,
) -> Spec:
    of_vars = _each(read_override, [text for text in texts if _VARS.match(text)])
    document = composed(source, of_vars, is_alone=is_alone)
    if not isinstance(document.data, dict):
        message = f"expected a mapping with the keys `data`, `model` and `loss`, got {described(document.data)}"
        raise SpecError([*document.problems, Problem(document.place(()), "", message)])
    content = document.data if reading is None else reading(document.data)
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", stem).strip("-")[:80] or "model"
    spec = _validated({"name": name, **content}, document.place, document.problems)
    overrides = _each(read_override, [text for text in texts if not _VARS.match(text)])
    if not overrides:
        return spec.located(_Written(document, ()))
    data = _overridden(plain(spec, only_set=True), overrides)
    changed = _validated(data, lambda path, of_key: place_of(overrides, path, of_key=of_key))
    return changed.located(_Written(document, tuple(overrides)))


def _overridden(data: Any, overrides: Iterable[Override]) -> Any:
    """The data with all overrides, brought to full form between them: one may step into what another wrote short."""

    def apply(override: Override) -> None:
        nonlocal data
        if override.path[0] == "include":
            raise override.error(
                "expected a path into the spec, got `include`; a file has to say what it includes", ("include",)
            )
        with suppress(ValidationError):  # what is wrong is told at the end, for all of them
            data = plain(Spec.model_validate(data), only_set=True)
        put(data, override)

    _each(apply, overrides)
    return data


def _validated(data: Any, place: Callable[..., Place], known: Iterable[Problem] = ()) -> Spec:
    """The spec in the data. Raises SpecError with the known problems and all that validation finds."""
    problems = list(known)
    places = {problem.place for problem in problems}
    try:
        spec = Spec.model_validate(data)
    except ValidationError as error:
        found = [_problem(item, place) for item in error.errors(include_url=False)]
        problems += [problem for problem in found if problem.place not in places]  # the others only follow
    else:
        if not problems:
            return spec
    raise SpecError(sorted(problems, key=_order))


def _order(problem: Problem) -> tuple[str, int, int]:
    """By files, and in the order of each."""
    place = problem.place
    return place.file if place.line else "", place.line, place.column


def _problem(error: Any, place: Callable[..., Place]) -> Problem:
    """One of pydantic's errors at its place in the text."""
    path: Path = error["loc"]
    message, at_key, part = said(error)
    where = place(path, of_key=at_key)
    return Problem(where.part(*part) if part else where, path_text(path), message)


def _each(function: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """The function of each item; the problems of all that fail are raised together."""
    results: list[R] = []
    problems: list[Problem] = []
    for item in items:
        try:
            results.append(function(item))
        except SpecError as error:
            problems += error.problems
    if problems:
        raise SpecError(problems)
    return results
