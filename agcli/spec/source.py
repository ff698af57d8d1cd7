"""A spec's bytes: find the file, bound its size, decode it, and refuse what no text file holds."""

import errno
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from .errors import Place, Problem, SpecError
from .names import nearest

MAX_BYTES = 1_000_000
SUFFIXES = (".yaml", ".yml")
ZOO = Path(__file__).resolve().parent.parent.joinpath("models").resolve()  # a link in a checkout

_KINDS = ((stat.S_ISFIFO, "named pipe"), (stat.S_ISSOCK, "socket"), (stat.S_ISCHR, "device"), (stat.S_ISBLK, "device"))
_OPEN = re.compile(r"/dev/stdin|(?:/dev|/proc/self)/fd/\d{1,6}")  # what this process has open already

# YAML 1.2.2, production 1, c-printable.
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_FOREIGN_MARKS = ((b"\xff\xfe", "UTF-16"), (b"\xfe\xff", "UTF-16"), (b"\x00\x00\xfe\xff", "UTF-32"))


@dataclass(frozen=True)
class Source:
    """A text and the name under which messages speak of it.

    An override (`--set train.epochs=5`) is its own file name: then `lead` is what stands left of the value.
    """

    name: str
    text: str
    lead: str = ""

    @cached_property
    def lines(self) -> list[str]:
        """The text in lines. In printable text, `splitlines` breaks where YAML does."""
        return self.text.splitlines()

    def place(self, line: int, column: int, width: int = 1) -> Place:
        """The place of a line and a column, both counted from 1."""
        text = self.lines[line - 1] if line <= len(self.lines) else ""
        if self.lead:
            return Place(self.name, 0, len(self.lead) + column, self.lead + text, width)
        return Place(self.name, line, column, text, width)

    def error(self, message: str, line: int = 1, column: int = 1, width: int = 1) -> SpecError:
        """The error for one problem of the text as a whole."""
        return SpecError([Problem(self.place(line, column, width), "", message)])


def read_source(path: str | os.PathLike[str], *, is_included: bool = False) -> Source:
    """The text of a spec file, or of the zoo's model of that name. Raises SpecError if there is none to be read.

    A person may name the pipe of a shell's `<(...)`, which is waited for; a spec that includes another may not.
    """
    name = located(os.fspath(path))
    if kind := waiting(name, is_included=is_included):
        raise SpecError([Problem(Place(name), "", f"expected a spec file, found {kind}")])
    may_wait = _OPEN.fullmatch(name) is not None  # files of the system may wait, too: /proc/kmsg
    try:
        with open(name, "rb", opener=None if may_wait else at_once) as file:
            content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL character in the path
        raise SpecError([Problem(Place(name), "", _cannot_open(name, error))]) from None
    if len(content) > MAX_BYTES:
        message = f"expected a spec of at most {MAX_BYTES:,} bytes, got more"
        raise SpecError([Problem(Place(name), "", message)])
    return decoded(name, content)


def at_once(name: str, flags: int) -> int:
    """Open a file, for `open`, that never waits for anybody: what somebody else made may be a pipe."""
    return os.open(name, flags | getattr(os, "O_NONBLOCK", 0))


def waiting(name: str, *, is_included: bool = False) -> str:
    """What a path is if reading it may wait forever: a pipe (but that of a shell's `<(...)`), a socket, a device."""
    try:
        mode = os.stat(name).st_mode
    except (OSError, ValueError):
        return ""
    is_open = stat.S_ISFIFO(mode) and not is_included and _OPEN.fullmatch(name) is not None
    return "" if is_open else next((f"a {kind}" for is_kind, kind in _KINDS if is_kind(mode)), "")


def located(name: str) -> str:
    """The file that a name means: a model of the zoo, if it is a bare word and no file here is called so."""
    if re.fullmatch(r"[A-Za-z0-9_-]{1,80}", name) and not os.path.isfile(name):
        known = ZOO / f"{name}{SUFFIXES[0]}"
        return str(known) if known.is_file() else name
    return name


def decoded(name: str, content: bytes) -> Source:
    """The bytes as text. A UTF-8 byte order mark is dropped, as YAML allows it; other encodings are errors."""
    for mark, encoding in _FOREIGN_MARKS:
        if content.startswith(mark):
            message = f"expected UTF-8 text, got {encoding}; save the file as UTF-8"
            raise SpecError([Problem(Place(name, 1, 1), "", message)])
    try:
        return checked(Source(name, content.decode("utf-8-sig")))
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8-sig")
        line, column = _line_and_column(before, len(before))
        message = f"expected UTF-8 text, got the byte 0x{content[error.start]:02x}; save the file as UTF-8"
        rest = content[error.start :].splitlines()[0].decode("utf-8", "replace")
        lines = Source(name, before + rest)
        raise lines.error(message, line, column) from None


def checked(source: Source) -> Source:
    """The source, if all of its characters are ones that YAML allows."""
    found = _UNPRINTABLE.search(source.text)
    if found is None:
        return source
    line, column = _line_and_column(source.text, found.start())
    message = f"expected printable text, got the control character U+{ord(found.group()):04X}"
    raise source.error(message, line, column)


def _line_and_column(text: str, index: int) -> tuple[int, int]:
    lines = f"{text[:index]}|".splitlines()  # the bar keeps a last, empty line
    return len(lines), len(lines[-1])


def _cannot_open(name: str, error: OSError | ValueError) -> str:
    """The sentence for a file that does not open."""
    code = error.errno if isinstance(error, OSError) else None
    if code == errno.ENOENT:
        near = _near_file(name)
        known = "" if os.path.basename(name) != name or "." in name else "; `ag models` lists those that ship with ag"
        return "expected a spec file, found none" + (f"; did you mean `{near}`?" if near else known)
    if os.path.isdir(name):
        specs = sorted(_specs_in(Path(name)))
        hint = f"; did you mean `{Path(name) / specs[0]}`?" if len(specs) == 1 else ""
        return f"expected a spec file, found a directory{hint}"
    reason = (error.strerror or "it cannot be opened").lower() if isinstance(error, OSError) else "a NUL character"
    return f"expected a readable spec file: {reason}"


def _near_file(name: str) -> str | None:
    """The spec in the same folder whose name is nearest, or the model of the zoo."""
    path = Path(name)
    by_stem = {Path(spec).stem: spec for spec in sorted(_specs_in(path.parent))}
    near = nearest(path.stem, by_stem)
    return (
        str(path.parent / by_stem[near])
        if near
        else nearest(path.stem, sorted((Path(s).stem for s in _specs_in(ZOO)), key=len))
    )


def _specs_in(folder: Path) -> Iterator[str]:
    try:
        with os.scandir(folder) as entries:
            yield from (entry.name for entry in entries if entry.name.endswith(SUFFIXES) and entry.is_file())
    except (OSError, ValueError):
        return
