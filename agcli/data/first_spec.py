"""A first spec for a file: roles, target, loss and a small model, guessed, explained, and ready to train."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from agcli.counts import number_of
from agcli.data.dataset_info import content, described
from agcli.data.doubts import settled
from agcli.data.first_model import model_lines
from agcli.data.mending import usual
from agcli.data.whole_file import is_one_of, whole_file
from agcli.datasets import (
    Corpus,
    DataError,
    Dataset,
    Ignore,
    Image,
    Labels,
    Numeric,
    Recipe,
    Role,
    Table,
    TableFile,
    Text,
    kinds,
)
from agcli.datasets.arrays import ArrayFile
from agcli.datasets.checks import left_out, reasons_apart
from agcli.datasets.errors import AmbiguousError
from agcli.datasets.frame import Frame
from agcli.datasets.images import channels_first
from agcli.datasets.leaks import leaks
from agcli.datasets.nested import MARK, is_nothing
from agcli.datasets.table import check_inputs
from agcli.datasets.tabular import MISSING
from agcli.datasets.vocabulary import tokens
from agcli.printable import printable
from agcli.spec.data import FORM
from agcli.spec.dump import quoted

SMALL = 5_000  # samples; below, many passes are cheap and batches are small
WIDE = 400  # columns that are written out
LONG = 120  # characters of a comment
LENGTHS = (8, 200)  # tokens of a text, at least and at most
LOOKED_AT = 10_000  # texts
# Names of files with inputs, and those of the files with their targets.
PAIRS = (
    ("images?-idx3", "labels-idx1"),
    (r"\bx(?=[._-])|(?<=_)x\b", "y"),
    ("images?", "labels"),
    ("features", "labels"),
    ("features", "targets"),
    ("inputs?", "targets"),
)


@dataclass(frozen=True)
class Draft:
    """The text of a spec and where it belongs."""

    path: Path
    text: str
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Apart:
    """A column that is left out: why, in a word or as a sentence."""

    reason: str
    is_leak: bool = False


def draft(file: str | TableFile, target: str | None = None, out: Path | None = None) -> Draft:
    """A spec for a file, with what was guessed as comments; written to `<file>.yaml`, or to ``out``.

    Raises DataError if nothing can be trained on the file, or if it has no such target; then there is no draft.
    """
    name = file.path if isinstance(file, TableFile) else Path(file)
    path = out or Path(f"{_stem(name)}.yaml")
    if is_one_of(path, [name]):
        raise DataError(f"{path}: holds the data, which a spec would replace; name another with --out")
    try:
        return _draft(file, target, path)
    except DataError as error:
        if name.name in str(error):
            raise
        raise DataError(f"{_shown(name)}: {error}", error.path) from None


def _draft(file: str | TableFile, target: str | None, path: Path) -> Draft:
    found = described(file, (target,) if target else ())
    if isinstance(found, Corpus):
        if target:
            raise DataError(
                f"{file}: --target names a column, and this is running text, whose target is what comes next"
            )
        return Draft(path, "\n".join(_text_lines(found, found.read(), path)) + "\n")
    return _of_table(_with_targets(found), path)


def _of_table(found: Table, path: Path) -> Draft:
    doubts = settled(found)
    found, frame, known, ambiguous = doubts.table, doubts.frame, doubts.known, doubts.ambiguous
    if len(frame.columns) < 2:
        raise DataError(f"{_shown(found.source.path)}: {_alone(found, frame)}")
    check_inputs(frame, known, found.columns)
    roles = dict(known.columns)
    for name, role in roles.items():
        if isinstance(role, Text) and name not in known.target:
            roles[name] = replace(role, length=_length(frame, name, role))
        if isinstance(role, Image) and channels_first(frame.columns[name].shape[1:]):
            roles[name] = replace(role, channels="first")
    table = replace(found, target=known.target, columns=roles)
    data = table.read(frame=frame)
    recipe = data.fitted
    assert isinstance(recipe, Recipe)  # noqa: S101  # of a table
    apart = {name: _Apart(reason) for name, reason in reasons_apart(frame, _ignored(roles)).items()}
    leaking = dict(leaks(frame, recipe))
    if len(leaking) < len(recipe.inputs):  # else nothing would be left
        apart |= {name: _Apart(f"says the target: {how}", is_leak=True) for name, how in leaking.items()}
    else:
        leaking = {}
    if leaking:
        table = replace(table, columns={**roles, **dict.fromkeys(leaking, Ignore())})
        data = table.read(frame=frame)
    told = {*ambiguous, *(name for name, values in frame.columns.items() if is_nothing(values))}  # by the reader
    ignored = [name for name in _ignored(roles) if name not in told]
    said = [*doubts.said, *_said(data, frame, ignored, list(leaking))]
    known = replace(known, columns=table.columns)
    return Draft(path, "\n".join(_lines(known, data, frame, path, said, apart, ambiguous)) + "\n", tuple(said))


def _stem(path: Path) -> str:
    """What a spec for a file is called; for a pattern, what stands before its first mark, or its folder."""
    name = path.name.split(".")[0].split("*")[0].rstrip("-_") or path.absolute().parent.name
    return "".join(letter if letter not in "*?[]" else "" for letter in name) or "table"


def write(made: Draft, *, force: bool = False) -> None:
    """Write the draft into its place, which must be free unless forced."""
    if made.path.exists() and not force:
        raise DataError(f"{made.path}: exists; name another with --out, or replace it with --force")
    if not made.path.parent.is_dir():
        raise DataError(f"{made.path}: no such folder: {made.path.parent}")
    with whole_file(made.path) as file:
        file.write(made.text.encode())


def _ignored(roles: Mapping[str, Role]) -> list[str]:
    return [name for name, role in roles.items() if isinstance(role, Ignore)]


def _said(data: Dataset, frame: Frame, ignored: list[str], leaking: list[str]) -> list[str]:
    """What is strange about the data, and which columns are left out."""
    said = [*left_out(frame, ignored), *data.warnings]
    if leaking:
        names = ", ".join(map(quoted, leaking))
        said.append(
            f"left out: {names} (the target follows from it); if it is known before the prediction is made, give it a "
            "role in `columns`"
        )
    return said


def _with_targets(found: Table) -> Table:
    """The table with the targets of a file beside it, if its name says which."""
    source = found.source
    if not isinstance(source, ArrayFile) or found.target:
        return found
    for wanted, instead in PAIRS:
        name = re.sub(wanted, instead, source.path.name, flags=re.IGNORECASE)
        beside = source.path.with_name(name)
        if name != source.path.name and beside.is_file():
            return replace(found, source=replace(source, target_path=beside), target=("y",))
    return found


def _alone(found: Table, frame: Frame) -> str:
    """What a file of one column lacks."""
    name = next(iter(frame.columns))
    if isinstance(found.source, ArrayFile):
        return (
            f'holds one array, "{name}", and no target; name a file of targets with `target_file` in `data`, or write '
            "both into one: np.savez(file, x=..., y=...)"
        )
    return f'has one column, "{name}": expected a target and a column to predict it from'


def _length(frame: Frame, name: str, role: Text) -> int:
    """How many tokens nearly all texts of a column have."""
    texts = frame[name].texts().drop_nulls().head(LOOKED_AT)
    counts = sorted(len(tokens(text, role.unit)) for text in texts) or [0]
    most = counts[min(len(counts) - 1, int(0.95 * len(counts)))]
    return min(max(most, LENGTHS[0]), LENGTHS[1])


def _head(path: Path, file: Path, count: str) -> Iterator[str]:
    yield f"# {printable(file.name)}: {count}. Train with: ag train {printable(str(path))}"
    yield "# All of this was guessed from the file; change what is wrong."


def _lines(
    table: Table,
    data: Dataset,
    frame: Frame,
    path: Path,
    said: list[str],
    apart: dict[str, _Apart],
    unclear: Mapping[str, AmbiguousError],
) -> Iterator[str]:
    name = table.target[0]
    role = table.columns[name]
    yield from _head(path, table.source.path, number_of(len(frame), "sample"))
    yield from (f"# warning: {printable(text)}" for text in said)
    yield "data:"
    yield f"  file: {quoted(os.path.relpath(table.source.path, path.parent))}"
    beside = getattr(table.source, "target_path", None)
    if beside is not None:
        yield f"  target_file: {quoted(os.path.relpath(beside, path.parent))}"
    for key in FORM:
        if value := getattr(table.source, key, None):
            yield f"  {key}: {quoted(value) if isinstance(value, str) else 'true'}"
    nothing = [cell for cell in getattr(table.source, "missing", ()) if cell not in MISSING]
    if nothing:
        yield f"  missing: [{', '.join(map(quoted, nothing))}] # beside the usual ones; the other cells are numbers"
    yield f"  target: {quoted(name)} # {_comment(content(frame[name], role))}"
    yield from _columns(table, frame, apart, unclear)
    if table.split is not None:
        yield from _split(table)
    yield ""
    yield from model_lines(data)
    yield ""
    recipe = data.fitted
    is_labels = isinstance(recipe, Recipe) and bool(recipe.labels)
    kind = kinds.LABELS if is_labels else kinds.CLASSES if data.classes else kinds.NUMBERS
    yield from _training(kind, len(frame), data.has_validation)


def _split(table: Table) -> Iterator[str]:
    """The split, with the shares that it holds out."""
    assert table.split is not None  # noqa: S101  # asked before
    test = getattr(table.split, "test", 0.0)
    own = "" if test else "; for testing there are samples of their own"
    yield f"  split: {{{table.split.name}: {{test: {test:g}, validation: 0.15}}}} # validation chooses the weights{own}"


def _columns(
    table: Table, frame: Frame, apart: dict[str, _Apart], unclear: Mapping[str, AmbiguousError]
) -> Iterator[str]:
    if len(table.columns) > WIDE:
        yield f"  # {len(table.columns):,} columns, whose roles are guessed at every training; `columns:` settles them"
        if any(why.is_leak for why in apart.values()):
            yield "  columns:"
            yield from (f"    {quoted(name)}: ignore # {why.reason}" for name, why in apart.items() if why.is_leak)
        return
    yield "  columns: # numeric, categorical, date, text, image, or ignore"
    for name, role in table.columns.items():
        if name in unclear:
            yield from _choices(name, unclear[name])
            continue
        missing = int(frame[name].missing().sum())
        why = apart[name].reason if name in apart else ""
        notes = [why, content(frame[name], role), f"{missing:,} missing" if missing else ""]
        yield f"    {quoted(name)}: {_written(role)} # {_comment('; '.join(note for note in notes if note))}"


def _written(role: Role) -> str:
    """A role with what was found out about how its cells are written, and how long its texts are."""
    found = {
        "format": getattr(role, "format", None),
        "clock": getattr(role, "clock", None),
        "unit": role.unit if isinstance(role, Numeric) else None,
        "channels": getattr(role, "channels", None),
        "length": role.length if isinstance(role, Text) else None,
        "separator": role.separator if isinstance(role, Labels) and role.separator != MARK else None,
    }
    said = [
        f"{option}: {value if option == 'channels' else json.dumps(value, ensure_ascii=False)}"
        for option, value in found.items()
        if value
    ]
    return f"{{{role.name}: {{{', '.join(said)}}}}}" if said else role.name


def _choices(name: str, error: AmbiguousError) -> Iterator[str]:
    """A column that can be read in several ways, left out, with a line for each of them."""
    take = "write one beside `file`, and leave this line out" if error.whole else "take one of"
    yield f"    {quoted(name)}: ignore # {_comment(error.cell)} can be read in {len(error.readings)} ways; {take}"
    for line, reading in zip(error.lines, error.readings, strict=True):
        yield f"    # {printable(line)} # {printable(reading)}"


def _training(kind: str, samples: int, has_validation: bool) -> Iterator[str]:
    yield f"loss: {usual(kind)}"
    scaled = " # in units of the target"
    yield "metrics: " + (
        "[accuracy]" if kind != kinds.NUMBERS else f"[root_mean_squared_error, mean_absolute_error]{scaled}"
    )
    yield "optimizer: {adam: 0.003} # a smaller number learns slower and surer"
    epochs, batch = (50, 32) if samples < SMALL else (20, 128)
    patience = ", patience: 8" if has_validation else ""
    note = " # it ends when 8 epochs made nothing better" if has_validation else ""
    yield f"train: {{epochs: {epochs}, batch_size: {batch}{patience}}}{note}"


def _text_lines(corpus: Corpus, data: Dataset, path: Path) -> Iterator[str]:
    """A spec of a model that tells the next character of a text."""
    size = len(data.classes)
    yield from _head(path, corpus.path, f"{len(data.train):,} windows of text to train on")
    yield "data:"
    yield f"  file: {quoted(os.path.relpath(corpus.path, path.parent))}"
    yield f"  unit: characters # {size:,} different ones; `words` and `bytes` are others"
    yield f"  length: {corpus.length} # characters of a window"
    yield "  test: 0.1 # the end of the text"
    yield "  validation: 0.15 # the end of what is before it"
    yield ""
    yield "model:"
    yield "  - embedding: {width: 32} # a vector for each character"
    yield "  - lstm: {units: 64, return_sequences: true}"
    yield f"  - dense: {size} # a score for each character that may come next"
    yield ""
    yield f"loss: {usual(kinds.CLASSES)}"
    yield "metrics: [accuracy, perplexity]"
    yield "optimizer: {adam: 0.003} # a smaller number learns slower and surer"
    yield "train: {epochs: 10, batch_size: 32, patience: 3}"


def _shown(path: Path) -> str:
    return printable(str(path))


def _comment(text: str) -> str:
    """Text that stays on its line and steers no terminal; what is too long ends behind a word."""
    shown = printable(text)
    if len(shown) <= LONG:
        return shown
    return f"{shown[: LONG - 2].rpartition(' ')[0] or shown[: LONG - 2]} …"
