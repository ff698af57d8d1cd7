"""YAML text as plain data in which every value remembers its line and column.

PyYAML is used for its events only: nothing constructs objects, and nothing recurses. Aliases are allowed; what they
would expand to is bounded, so that no text, however short, costs more than a large file.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml.parser import Parser
from yaml.reader import Reader
from yaml.scanner import Scanner

from .errors import Place, Problem, SpecError
from .names import Path, described, path_text, shortened
from .scalars import Scalar, resolve
from .source import Source
from .syntax import syntax_error

MAX_NODES = 10_000
MAX_DEPTH = 64

# YAML takes the braces of `${name}` for those of a mapping within `{...}`; PyYAML gets to see letters of private use.
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}", re.ASCII)
_MASKED = re.compile("\\$\ue000([A-Za-z_][A-Za-z0-9_]*)\ue001", re.ASCII)

_CORE = "tag:yaml.org,2002:"
_CORE_TAGS: dict[str, tuple[type, ...]] = {
    f"{_CORE}str": (str,),
    f"{_CORE}int": (int,),
    f"{_CORE}float": (float, int),
    f"{_CORE}bool": (bool,),
    f"{_CORE}null": (type(None),),
    f"{_CORE}seq": (list,),
    f"{_CORE}map": (dict,),
}
_STR = f"{_CORE}str"


@dataclass(slots=True, eq=False)
class Node:
    """A value of the text: its data, its place, and, in a container, the nodes within it."""

    data: Any
    line: int
    column: int
    width: int = 1
    children: dict[str | int, "Node"] = field(default_factory=dict)
    keys: dict[str, "Node"] = field(default_factory=dict)
    size: int = 1  # nodes, aliases written out
    height: int = 1
    is_flow: bool = False
    is_open: bool = False
    path: Path = ()
    source: Source | None = None  # of a container or a value that may be merged into another document


@dataclass(frozen=True)
class Document:
    """A text as data (None, bool, int, float, str, list, dict with text keys) with the places of all its parts."""

    source: Source
    root: Node
    problems: tuple[Problem, ...]

    @property
    def data(self) -> Any:
        """The content. What the problems speak of is left out or None."""
        return self.root.data

    def place(self, path: Path, *, of_key: bool = False) -> Place:
        """Where the value (or its key) at a path stands; for a path that is not in the text, where it should."""
        node, key, exact = self.root, None, True
        for step in path:
            if isinstance(step, str) and isinstance(node.data, list):
                continue  # a main field that the text does not name: `reshape: [8, 8]`
            child = node.children.get(step)
            if child is None:
                exact = False
                break
            key = node.keys.get(step) if isinstance(step, str) else None
            node = child
        # A block is shown at its key, a missing entry at the key of what lacks it; an empty value has only its key.
        if node is self.root and not exact:
            return Place(self.source.name, node.line, node.column)  # a missing section is nowhere in particular
        is_block = isinstance(node.data, dict | list) and not node.is_flow
        at_key = of_key or is_block or node.width == 0 or (not exact and isinstance(node.data, dict | None))
        spot = key if key is not None and at_key else node
        return (spot.source or self.source).place(spot.line, spot.column, max(1, spot.width))

    def file(self, section: str) -> str:
        """The name of the file that a section stands in."""
        node = self.root.children.get(section)
        return (node.source if node and node.source else self.source).name


def read_document(source: Source) -> Document:
    """The text as a document; an empty one is null.

    Raises SpecError where the text cannot be read on; lesser problems are collected.
    """
    composer = _Composer(source)
    for event in _events(source):
        composer.take(event)
    return Document(source, composer.root or Node(None, 1, 1, 0), tuple(composer.problems))


class _EventReader(Reader, Scanner, Parser):
    """PyYAML's loader without the halves that compose nodes and construct objects."""

    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)


def _events(source: Source) -> Iterator[yaml.Event]:
    reader = _EventReader(_VARIABLE.sub("$\ue000\\1\ue001", source.text))
    try:
        while reader.check_event():
            yield reader.get_event()  # type: ignore[no-untyped-call]
    except yaml.MarkedYAMLError as error:
        raise syntax_error(source, error) from None
    except SpecError:
        raise
    except (ValueError, OverflowError):  # PyYAML on `"\UFFFFFFFF"` and on `%YAML 1.<5,000 digits>`
        mark = reader.get_mark()
        raise source.error("expected YAML, got a number out of range", mark.line + 1, mark.column + 1) from None
    finally:
        reader.dispose()


class _Composer:
    """Events -> nodes, with an explicit stack of open containers."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.root: Node | None = None
        self.problems: list[Problem] = []
        self._open: list[Node] = []
        self._keys: list[Node | None] = []  # the key that waits for its value, one for each open container
        self._anchors: dict[str, Node] = {}
        self._size = 0

    def take(self, event: yaml.Event) -> None:
        """Add what one event says."""
        match event:
            case yaml.ScalarEvent():
                self._begin(event, *self._scalar(event))
            case yaml.SequenceStartEvent() | yaml.MappingStartEvent():
                node = self._begin(event, [] if isinstance(event, yaml.SequenceStartEvent) else {})
                node.is_flow, node.is_open = bool(event.flow_style), True
                self._open.append(node)
                self._keys.append(None)
            case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                self._end(event)
            case yaml.AliasEvent():
                self._alias(event)
            case yaml.DocumentStartEvent() if self.root is not None:
                raise self._fatal(event, "expected one document, got a second one")

    def _begin(self, event: Any, data: Any, complaint: str = "") -> Node:
        """The node that starts with this event, attached to the container that is open."""
        start = event.start_mark
        node = Node(data, start.line + 1, start.column + 1, self._width(start.line, start.column, event.end_mark))
        node.source = self.source
        self._check_bounds(event, 1, 1)
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        self._attach(node, node)
        complaint = complaint or _tag_complaint(event.tag, data)
        if complaint:
            self._report(node, complaint)
        return node

    def _attach(self, node: Node, spot: Node) -> None:
        """Put the node into the open container: as its next item, its next key, or the value of the key that waits."""
        if not self._open:
            self.root = node
            return
        parent, key = self._open[-1], self._keys[-1]
        if isinstance(parent.data, list):
            node.path = (*parent.path, len(parent.data))
            parent.children[len(parent.data)] = node
            parent.data.append(node.data)
        elif key is None:
            self._keys[-1] = spot
            spot.path = parent.path
        else:
            self._keys[-1] = None
            self._enter(parent, key, node)

    def _enter(self, parent: Node, key: Node, node: Node) -> None:
        """Put a key and its value into a mapping, unless the key is none that a spec can have."""
        if not isinstance(key.data, str):
            self._report(key, "expected text as a key, got a list or a mapping")
        elif key.data in parent.keys:
            first = parent.keys[key.data]
            self._report(key, f"expected each key once, got `{key.data}` again (first at {first.line}:{first.column})")
        elif key.data == "<<":
            self._report(key, "expected a key, got `<<`; YAML 1.2 has no merge keys, write the fields out")
        else:
            node.path = (*parent.path, key.data)
            parent.keys[key.data] = key
            parent.children[key.data] = node
            parent.data[key.data] = node.data

    def _end(self, event: Any) -> None:
        """Close the open container; its size and height are those of what it holds."""
        node = self._open.pop()
        self._keys.pop()
        node.is_open = False
        inner = list(node.children.values())
        node.size += len(node.keys) + sum(child.size for child in inner)
        node.height += max((child.height for child in inner), default=0)
        if node.is_flow:
            node.width = self._width(node.line - 1, node.column - 1, event.end_mark)
        elif node.keys:
            node.width = next(iter(node.keys.values())).width

    def _alias(self, event: Any) -> None:
        node = self._anchors.get(event.anchor)
        name = f"`*{event.anchor}`"
        if node is None:
            raise self._fatal(event, f"expected an alias of an anchor above, got {name}")
        if node.is_open:
            raise self._fatal(event, f"expected an alias of a finished value, got {name} inside of itself")
        self._check_bounds(event, node.size, node.height)
        start = event.start_mark
        spot = Node(node.data, start.line + 1, start.column + 1, len(event.anchor) + 1)
        spot.source = self.source
        self._attach(node, spot)

    def _scalar(self, event: yaml.ScalarEvent) -> tuple[Scalar, str]:
        """The value of a scalar, and what is wrong with it; a key is always text."""
        if any("\ud800" <= c <= "\udfff" for c in event.value):  # from an escape such as "\ud800"
            return None, "expected whole characters, got half of a surrogate pair"
        is_key = bool(self._open) and isinstance(self._open[-1].data, dict) and self._keys[-1] is None
        is_plain = event.style is None and event.tag not in ("!", _STR)
        text = _MASKED.sub(r"${\1}", event.value)
        if is_key or not is_plain:
            return text, ""
        try:
            return resolve(text), ""
        except ValueError as error:
            return None, str(error)

    def _check_bounds(self, event: Any, size: int, height: int) -> None:
        self._size += size
        if self._size > MAX_NODES:
            raise self._fatal(event, f"expected at most {MAX_NODES:,} values in a spec, aliases written out, got more")
        if len(self._open) + height > MAX_DEPTH:
            raise self._fatal(event, f"expected at most {MAX_DEPTH} levels of lists and mappings, got more")

    def _width(self, line: int, column: int, end: Any) -> int:
        """Columns from a spot to the end mark, or to the end of the spot's own line."""
        if end.line == line:
            return int(end.column) - column
        return len(self.source.lines[line].rstrip()) - column

    def _report(self, node: Node, message: str) -> None:
        place = self.source.place(node.line, node.column, max(1, node.width))
        self.problems.append(Problem(place, path_text(node.path), message))

    def _fatal(self, event: Any, message: str) -> SpecError:
        mark = event.start_mark
        return self.source.error(message, mark.line + 1, mark.column + 1)


def _tag_complaint(tag: str | None, data: Any) -> str:
    if tag in (None, "!") or type(data) in _CORE_TAGS.get(tag or "", ()):
        return ""
    if tag in _CORE_TAGS:
        return f"expected what the tag `!!{(tag or '').removeprefix(_CORE)}` says, got {described(data)}"
    return f"expected plain data, got the tag `{shortened((tag or '').replace(_CORE, '!!'))}`; remove it"
