"""Tables, arrays and texts as the section `data:` of a spec describes them, and what was guessed of them.

Apart from `section`, so that a training on a set that has a name does not wait for the readers of files to load.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Any

from agcli.data.formats import array_file, table_file, text_of
from agcli.data.places import HELD_OUT, located
from agcli.datasets import (
    ROLES,
    RULES,
    ArrayFile,
    Corpus,
    DataError,
    Dataset,
    Layout,
    Memory,
    Recipe,
    Role,
    Speller,
    Table,
    TableFile,
    kinds,
    sides_of,
)
from agcli.datasets.frame import Frame
from agcli.datasets.table import Source
from agcli.spec import Choice, Fields, Spec
from agcli.spec.columns import COLUMNS, SPLITS
from agcli.spec.data import FORM, ArrayData, Samples, TableData, TextData

LOST = (
    "the samples came from a Python program and cannot be read again; `ag eval RUN --data FILE` judges a run on a "
    "file, and in Python there are ag.train(spec, data=samples), run.evaluate(samples) and "
    "Trainer.resume(run, data=samples)"
)
COLUMNS_WRITTEN = 200  # into a resolved spec; wider tables are guessed anew, which gives the same


def described_data(spec: Spec, known: Recipe | Speller | Layout | None = None) -> Dataset:
    """The data set that a spec describes; ``known`` is what an earlier one has learnt."""
    described = _FILES[spec.data.name](spec)
    if isinstance(described, Corpus):
        return described.read(known if isinstance(known, Speller) else None)
    recipe = known if isinstance(known, Recipe) else None
    if recipe and recipe.kind == kinds.ANY and described.wanted:
        described = replace(described, wanted=(kinds.ANY,))  # as an older version guessed it
    return described.read(recipe)


def settled(described: Table | Corpus, fields: Fields) -> dict[str, Any]:
    """Fields of `data:` that say what was guessed, and full paths."""
    return _settled_text(described) if isinstance(described, Corpus) else _settled_table(described, fields)


def chosen(table: Any, name: str, options: dict[str, Any]) -> Choice[Any]:
    """What a spec holds that chooses a row of a table, with those of the options that the row has."""
    form = table.rows[name].fields
    fields: Fields = form.model_validate({key: value for key, value in options.items() if key in form.model_fields})
    return Choice(name, fields)


def _table(spec: Spec) -> Table:
    fields: TableData = spec.data.fields
    folder = spec.folder
    form = fields.separator, fields.header, fields.missing
    more = {**{name: getattr(fields, name) for name in FORM}, "sets": fields.target}
    source = table_file(located(fields.place, folder), *form, database=fields.sqlite is not None, **more)
    validation, test = (
        table_file(located(file, folder), *form, **more) if file else None
        for file in (fields.validation_file, fields.test_file)
    )
    return _described(spec, source, validation=validation, test=test, stream=fields.stream)


def _arrays(spec: Spec) -> Table:
    fields: ArrayData = spec.data.fields
    folder = spec.folder
    path = located(fields.file, folder)
    is_whole = any(getattr(fields, f"{part}_file") for part in HELD_OUT)
    drawn: Any = getattr(fields.split.fields, "test", True) if fields.split is not None else None
    sides = {} if is_whole or drawn else sides_of(path)  # test samples that are drawn are of all arrays
    if sides:
        parts = (array_file(path, side=sides[part]) if part in sides else None for part in ("train", *HELD_OUT))
        train, validation, test = parts
        return _described(spec, train, validation=validation, test=test)
    train, validation, test = (
        array_file(located(file, folder), located(target, folder) if target else None) if file else None
        for file, target in (
            (getattr(fields, f"{part}file"), getattr(fields, f"{part}target_file"))
            for part in ("", "validation_", "test_")
        )
    )
    return _described(spec, train, validation=validation, test=test)


def in_memory(spec: Spec, train: Frame, validation: Frame | None = None, test: Frame | None = None) -> Table:
    """Samples that a program gave, as `data: python` describes them."""
    held_out = [Memory(frame) if frame is not None else None for frame in (validation, test)]
    return _described(spec, Memory(train), validation=held_out[0], test=held_out[1])


def _python(spec: Spec) -> Table:
    raise DataError(LOST)


def _described(
    spec: Spec, source: Any, *, validation: Source | None, test: Source | None, stream: bool = False
) -> Table:
    fields: Samples = spec.data.fields
    target = fields.target or ()
    plain, scaled = {"scale": "none", "missing": "refuse"}, {"scale": "standard", "missing": "mean"}
    wanted: tuple[str, ...] = spec.loss.fields.target
    unscaled = target if {*wanted} - {kinds.NUMBERS, kinds.ANY} else ()
    roles = {
        name: _role(choice, plain if spec.is_formulas or name in unscaled else scaled)
        for name, choice in (fields.columns or {}).items()
    }
    split = RULES[fields.split.name](**dict(fields.split.fields)) if fields.split else None
    return Table(
        source=source, target=target, columns=roles, stream=stream,
        split=split, validation=validation, test=test,
        plain=spec.is_formulas, wanted=wanted, dtype=str(spec.dtype),
        sigma=spec.sigma.column if spec.sigma else "", weights=fields.weights or "",
    )  # fmt: skip


def _role(choice: Choice[Any], defaults: Mapping[str, str]) -> Role:
    """The role that a spec gives, with defaults for what it leaves open.

    The parameters of a formula are in the units of the data, and a missing number is no sample of its law.
    """
    options = {name: defaults.get(name) if value is None else value for name, value in dict(choice.fields).items()}
    return ROLES[choice.name](**options)


def _text(spec: Spec) -> Corpus:
    fields: TextData = spec.data.fields
    folder = spec.folder
    files = ("file", *(f"{part}_file" for part in HELD_OUT))
    options = {name: value for name, value in dict(fields).items() if name not in files}
    path, validation, test = (
        located(file, folder) if file else None for file in (fields.file, fields.validation_file, fields.test_file)
    )
    assert path is not None  # noqa: S101  # a text has a file
    return Corpus(path=path, validation_path=validation, test_path=test, decode=text_of, **options)


_FILES: Mapping[str, Callable[[Spec], Table | Corpus]] = {
    "table": _table,
    "arrays": _arrays,
    "text": _text,
    "python": _python,
}


def _settled_text(corpus: Corpus) -> dict[str, Any]:
    paths = {f"{part}_file": getattr(corpus, f"{part}_path") for part in HELD_OUT}
    files = {name: None if path is None else str(path) for name, path in paths.items()}
    shares = {part: getattr(corpus, part) for part in HELD_OUT}
    return {"file": str(corpus.path), **files, **shares, "stride": corpus.stride}


def _form(source: TableFile, others: list[TableFile]) -> dict[str, Any]:
    """How a file is written, as far as others that are delimited are written so: what differs is found out anew."""
    names = ("separator", "header", "missing", "decimal", "thousands")
    delimited = [file for file in others if file.separator is not None]
    found = {name: getattr(source, name) for name in names}
    return {name: value for name, value in found.items() if all(getattr(f, name) == value for f in delimited)}


def _settled_table(table: Table, fields: Fields) -> dict[str, Any]:
    key = "sqlite" if getattr(fields, "sqlite", None) else "file"
    written: dict[str, Any] = {key: str(table.source.path), "target": table.target}
    if table.split is not None:
        written["split"] = chosen(SPLITS, table.split.name, asdict(table.split))
    for part, file in (("validation", table.validation), ("test", table.test)):
        if file is not None and file.path != table.source.path:
            written[f"{part}_file"] = str(file.path)
    if len(table.columns) <= COLUMNS_WRITTEN:
        written["columns"] = {name: chosen(COLUMNS, role.name, asdict(role)) for name, role in table.columns.items()}
    if isinstance(table.source, TableFile):
        written |= _form(table.source, [file for file in (table.validation, table.test) if isinstance(file, TableFile)])
    targets = {"target_file": table.source, "validation_target_file": table.validation, "test_target_file": table.test}
    for name, source in targets.items():
        if isinstance(source, ArrayFile) and source.target_path is not None:
            written[name] = str(source.target_path)
    return written
