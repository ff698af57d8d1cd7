"""What a spec says of other texts: `include` brings in files, and `${name}` stands for a value of `vars`.

Both are settled on the nodes of the documents, before validation, so that every value keeps the place where it was
written. The environment is never looked at.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path as FilePath
from typing import Any

from pydantic import TypeAdapter, ValidationError

from .document import MAX_NODES, Document, Node, read_document
from .errors import Problem, SpecError
from .graph import Includes, Vars
from .names import Path, described, path_text, shortened, suggestion
from .overrides import Override
from .source import MAX_BYTES, Source, read_source
from .validation_errors import said

MAX_FILES = 16
MERGED = ("vars", "variables", "let", "outputs", "metrics", "train", "model")  # key by key; others are replaced

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}", re.ASCII)
_INCLUDES: TypeAdapter[tuple[str, ...]] = TypeAdapter(Includes)
_VARS: TypeAdapter[dict[str, Any]] = TypeAdapter(Vars)


def composed(source: Source, overrides: Sequence[Override] = (), *, is_alone: bool = False) -> Document:
    """The text with all that it includes, and values in place of its variables; ``overrides`` are of `vars`.

    A text that ``is_alone`` may not include others.
    """
    document = _Including(0 if is_alone else MAX_FILES).document(source, ())
    if not isinstance(document.root.data, dict):
        return document
    filling = _Filling(document, overrides)
    document.root.data = {
        k: filling.filled(v, (k,)) for k, v in document.root.data.items() if k not in ("vars", "include")
    }
    return replace(document, problems=(*document.problems, *filling.problems))


class _Including:
    """The files of one spec; few, and none inside of itself."""

    def __init__(self, limit: int) -> None:
        self.count, self.limit = 0, limit

    def document(self, source: Source, within: tuple[str, ...]) -> Document:
        document = read_document(source)
        self.count += 1
        root, problems = document.root, [*document.problems]
        if not isinstance(root.data, dict) or "include" not in root.data:
            return document
        base: Node | None = None
        names = _checked(_INCLUDES, root.data["include"], document, ("include",), problems) or ()
        for i, name in enumerate(names):
            path: Path = ("include", i) if isinstance(root.data["include"], list) else ("include",)
            found = self.included(name, document, path, (*within, _identity(source.name)), problems)
            base = _merged(base, found) if base and found else found or base
        if len(problems) > len(document.problems):
            raise SpecError(problems)  # what else may be wrong would only follow from that
        return Document(source, _merged(base, root) if base else root, tuple(problems))

    def included(
        self, name: str, document: Document, path: Path, within: tuple[str, ...], problems: list[Problem]
    ) -> Node | None:
        """The root of an included file, if it can be read; what is wrong is told where it is named."""
        file = str(FilePath(document.source.name).parent / name)
        place = document.place(path)
        if _identity(file) in within:
            problems.append(
                Problem(
                    place, path_text(path), f"expected another file, got `{shortened(name)}`, which includes this one"
                )
            )
            return None
        if not self.limit:
            problems.append(Problem(place, path_text(path), "expected nothing, as the spec of a run holds all of it"))
            return None
        if self.count >= self.limit:
            problems.append(Problem(place, path_text(path), f"expected at most {self.limit} files in a spec, got more"))
            return None
        try:
            inner = self.document(read_source(file, is_included=True), within)
        except SpecError as error:
            for problem in error.problems:
                inside = problem.place.line > 0
                problems.append(problem if inside else Problem(place, path_text(path), problem.message))
            return None
        problems += inner.problems
        if isinstance(inner.root.data, dict):
            return inner.root
        problems.append(
            Problem(place, path_text(path), f"expected a mapping in the file, got {described(inner.root.data)}")
        )
        return None


def _identity(name: str) -> str:
    return str(FilePath(name).absolute().resolve())


def _merged(base: Node, over: Node, depth: int = 0) -> Node:
    """The node of a mapping with what another one changes: sections whole, or by their keys."""
    made = replace(over, data=dict(base.data), children=dict(base.children), keys=dict(base.keys))
    for key, node in over.children.items():
        known = base.children.get(key)
        is_section = depth == 0 and key in MERGED and isinstance(node.data, dict) and bool(node.children)
        new = _merged(known, node, 1) if is_section and known and isinstance(known.data, dict) else node
        made.data[key], made.children[key] = new.data, new
        made.keys[str(key)] = over.keys[str(key)]
    return made


class _Filling:
    """Values in place of `${name}`, and what is wrong on the way."""

    def __init__(self, document: Document, overrides: Sequence[Override]) -> None:
        self.document = document
        self.problems: list[Problem] = []
        given = document.root.data.get("vars")
        self.values = dict(_checked(_VARS, given, document, ("vars",), self.problems) or {})
        for override in overrides:
            self.override(override)
        self.left = MAX_NODES
        self.room = MAX_BYTES

    def override(self, override: Override) -> None:
        name = str(override.path[-1])
        if len(override.path) != 2 or name not in self.values:
            hint = suggestion(name, self.values) or "; the spec has no `vars`"
            raise override.error(
                f"expected `vars.NAME` with a name of `vars`, got `{path_text(override.path)}`{hint}", override.path
            )
        self.values[name] = override.document.data

    def filled(self, value: Any, path: Path) -> Any:
        """A value of the document with its variables in place."""
        if isinstance(value, dict):
            return {key: self.filled(item, (*path, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [self.filled(item, (*path, i)) for i, item in enumerate(value)]
        if not isinstance(value, str) or "${" not in value:
            return value
        for name in self.unknown(value):
            hint = suggestion(name, self.values) or "; write it under `vars`"
            self.problems += self.error(path, f"expected a name of `vars`, got `{shortened(name)}`{hint}").problems
            return None
        whole = _VARIABLE.fullmatch(value)
        if whole:
            return self.counted(self.values[whole[1]], path)
        text = _VARIABLE.sub(lambda found: _written(self.values[found[1]], found.string[found.end() :]), value)
        self.room -= len(text)
        if self.room < 0:
            raise self.error(path, f"expected at most {MAX_BYTES:,} characters, variables written out, got more")
        return text

    def unknown(self, text: str) -> Iterator[str]:
        return (name for name in _VARIABLE.findall(text) if name not in self.values)

    def counted(self, value: Any, path: Path) -> Any:
        """The value, unless the spec gets too large by it."""
        self.left -= _size(value)
        if self.left < 0:
            raise self.error(path, f"expected at most {MAX_NODES:,} values in a spec, variables written out, got more")
        return value

    def error(self, path: Path, message: str) -> SpecError:
        return SpecError([Problem(self.document.place(path), path_text(path), message)])


def _written(value: Any, after: str) -> str:
    """A value as a part of a text. A negative base of a power needs parentheses: -1^2 is -(1^2)."""
    text = value if isinstance(value, str) else described(value)
    return f"({text})" if text.startswith("-") and after.lstrip().startswith(("^", "**")) else text


def _size(value: Any) -> int:
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return 1 + sum(map(_size, inner))


def _checked(adapter: TypeAdapter[Any], value: Any, document: Document, path: Path, problems: list[Problem]) -> Any:
    """The value validated; None, with its problems in the list, if it is wrong."""
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        for item in error.errors(include_url=False):
            message, at_key, _ = said(item)
            where: Path = (*path, *item["loc"])
            problems.append(Problem(document.place(where, of_key=at_key), path_text(where), message))
        return None
