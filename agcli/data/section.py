"""From the section `data:` of a spec to a data set, and back: what was guessed, written into the spec."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from agcli.data.formats import array_file, table_file, text_of
from agcli.data.mending import mended
from agcli.datasets import (
    ROLES,
    RULES,
    ArrayFile,
    Augment,
    Corpus,
    DataError,
    Dataset,
    Fold,
    KindError,
    Layout,
    Memory,
    Numeric,
    Recipe,
    Role,
    Speller,
    Table,
    TableFile,
    fitted,
    folded,
    kinds,
    load,
    share_of,
    sides_of,
    validated,
)
from agcli.datasets.frame import Frame
from agcli.datasets.shards import is_there
from agcli.datasets.splits import VALIDATION_SHARE
from agcli.datasets.table import Source
from agcli.spec import Choice, Fields, Spec
from agcli.spec.columns import COLUMNS, SPLITS, OnePart
from agcli.spec.data import UNNAMED, ArrayData, Named, PythonData, TableData, TextData
from agcli.spec.dump import quoted
from agcli.spec.plugins import PluginError

Samples = TableData | ArrayData | PythonData  # sections that describe rows
FOLDED = ("shuffled", "stratified", "group", "fold")  # splits of which cross-validation makes folds
# Fields that say how a file is written.
FORM = (
    "encoding",
    "comment",
    "index",
    "sheet",
    "query",
    "decimal",
    "thousands",
)
LOCATED = (("file",), ("sqlite",), ("test_file",), ("validation_file",))  # fields that name files
HELD_OUT = ("validation", "test")  # parts that may have files of their own
LOST = (
    "the samples came from a Python program and cannot be read again; `ag eval RUN --data FILE` judges a run on a "
    "file, and in Python there are ag.train(spec, data=samples), run.evaluate(samples) and "
    "Trainer.resume(run, data=samples)"
)
COLUMNS_WRITTEN = 200  # into a resolved spec; wider tables are guessed anew, which gives the same


def load_data(spec: Spec, preprocessing: Mapping[str, Any] | None = None) -> Dataset:
    """The data set that the spec names.

    ``preprocessing`` is what an earlier ``dataset.fitted.to_json()`` gave: then samples are encoded by it, and nothing
    is learnt anew. Raises SpecError for what the spec names and the file does not have, DataError for other faults.
    """
    try:
        data = read(spec, fitted(preprocessing) if preprocessing is not None else None)
    except KindError as error:
        raise spec.error(("loss",), mended(spec, error)) from None
    except DataError as error:
        if error.path:
            raise spec.error(("data", *error.path), f"{error}{elsewhere(spec, error.path)}") from None
        raise
    except PluginError as error:
        raise spec.error(("data", "file"), str(error)) from error
    return data


def read(spec: Spec, known: Recipe | Speller | Layout | None = None) -> Dataset:
    """The data set that a spec describes, in floats of its type."""
    choice, dtype = spec.data, str(spec.dtype)
    described = described_by(spec)
    if isinstance(described, Table):
        recipe = known if isinstance(known, Recipe) else None
        if recipe and recipe.kind == kinds.ANY and described.wanted:
            described = replace(described, wanted=(kinds.ANY,))  # as an older version guessed it
        return described.read(recipe)
    if isinstance(described, Corpus):
        return described.read(known if isinstance(known, Speller) else None)
    options = dict(choice.fields)
    fold, share = options.pop("fold"), options.pop("validation")
    if options.get("augment") is not None:
        options["augment"] = Augment(**dict(options["augment"]))
    data = load(choice.name, dtype, **options)
    share = 0.0 if share is None and spec.is_formulas else share
    if fold is None:
        return validated(data, share, int(options.get("seed", 0)))
    try:
        return folded(data, Fold(**dict(fold), validation=share))
    except DataError as error:
        raise DataError(str(error).removeprefix("split "), ("fold",)) from None


def described_by(spec: Spec) -> Table | Corpus | None:
    """The table or the text that a spec describes; None for a set that has a name."""
    maker = _FILES.get(spec.data.name)
    return maker(spec) if maker else None


def located(name: str, folder: Path) -> Path:
    """A file that a spec names: from the spec's folder, or else from $AG_DATA; as it is, if in neither."""
    path = (folder / Path(name).expanduser()).absolute()
    shared = os.environ.get("AG_DATA")
    if not is_there(path) and shared and is_there(Path(shared).expanduser() / name):
        return (Path(shared).expanduser() / name).absolute()
    return path


def elsewhere(spec: Spec, path: tuple[str, ...]) -> str:
    """Where a file was looked for, if it is in neither place."""
    name = getattr(spec.data.fields, path[0], None) if path in LOCATED else None
    if name is None or Path(name).is_absolute() or is_there(located(name, spec.folder)):
        return ""
    shared = os.environ.get("AG_DATA")
    return f"; nor is it in $AG_DATA, {shared}" if shared else "; $AG_DATA, where data sets may lie, is not set"


def resolved(spec: Spec, data: Dataset) -> Spec:
    """The spec with all that was guessed about its data written out, and with full paths, so that it can move."""
    if data.settled is None:
        return _with_data(spec, validation=_share_of(data)) if _lacks_share(spec) else spec
    written = (
        _settled_text(data.settled)
        if isinstance(data.settled, Corpus)
        else _settled_table(data.settled, spec.data.fields)
    )
    known = {name: value for name, value in written.items() if name in type(spec.data.fields).model_fields}
    fields = spec.data.fields.model_copy(update=known)
    return spec.model_copy(update={"data": Choice(spec.data.name, fields, spec.data.tag)})


def _lacks_share(spec: Spec) -> bool:
    """Whether a spec leaves open how much of a named set is for validation."""
    fields = spec.data.fields
    return "validation" in type(fields).model_fields and getattr(fields, "validation", None) is None


def _share_of(data: Dataset) -> float:
    """The share of the training samples of a named set that is for validation."""
    held_out = len(data.validation) if data.has_validation else 0
    return share_of(held_out, len(data.train) + held_out)


def holding_out(spec: Spec) -> str:
    """What to write into a spec so that there is validation data."""
    if spec.data.name not in UNNAMED:
        return f"`data: {{name: {spec.data.name}, validation: {VALIDATION_SHARE}}}`"
    if spec.data.name == "text":
        return f"`validation: {VALIDATION_SHARE}` in `data`"
    fields: Samples = spec.data.fields
    kind = fields.split.name if fields.split else "shuffled"
    column = getattr(fields.split.fields, "column", "") if fields.split else ""
    more = f", column: {quoted(column)}" if column else ""
    return f"`split: {{{kind}: {{validation: {VALIDATION_SHARE}{more}}}}}` in `data`"


def scales(recipe: object) -> Iterator[str]:
    """In what the loss and the spec's metrics are, where that is not the target's own unit."""
    target = recipe.target if isinstance(recipe, Recipe) else ()
    for part in target[:1]:
        if isinstance(part.role, Numeric) and (part.role.scale != "none" or part.role.log):
            scale, _ = part.role.affine(part.stats)
            is_plain = len(target) == 1 and not scale.ndim and not part.role.log
            meaning = f': 1 is {float(scale):.4g} of "{part.column}"' if is_plain else ""
            yield f"the loss is of the scaled target{meaning}"


def scaled_inputs(spec: Spec, recipe: object) -> Iterator[str]:
    """Which columns a formula sees in other units than those of the data, since the spec says so."""
    for part in recipe.inputs if spec.is_formulas and isinstance(recipe, Recipe) else ():
        if isinstance(part.role, Numeric) and (part.role.scale != "none" or part.role.log):
            scale, offset = part.role.affine(part.stats)
            value = f"log1p({part.column})" if part.role.log else part.column
            how = f" as ({value} - {float(offset):.6g}) / {float(scale):.6g}" if not scale.ndim else ""
            yield f'formulas see the column "{part.column}" scaled{how}; parameters are in these units'


def folds(spec: Spec, of: int) -> list[Spec]:
    """The specs of a k-fold cross-validation: every sample is tested by one of them.

    Groups of a `split: {group: ...}` stay together. Raises SpecError for data that cannot be parted.
    """
    if spec.data.name == "text":
        raise spec.error(("data",), "expected samples to part into folds; windows of a text follow each other")
    if spec.data.name not in _FILES:
        named: Named = spec.data.fields
        seed = named.fold.seed if named.fold is not None else 0
        return [_with_data(spec, fold=OnePart(of=of, number=n, seed=seed)) for n in range(1, of + 1)]
    fields: Samples = spec.data.fields
    for part in HELD_OUT:
        if getattr(fields, f"{part}_file", None):
            told = f"folds take their {part} samples from `file`; leave `{part}_file` out"
            raise spec.error(("data", f"{part}_file"), told)
    split = fields.split
    if split is not None and split.name not in FOLDED:
        told = f"a `{split.name}` split has no folds: its test samples come last; choose {' or '.join(FOLDED)}"
        raise spec.error(("data", "split"), told)
    old = dict(split.fields) if split is not None else {}
    kept = {"seed": old.get("seed", 0), "group": old.get("column", old.get("group"))}
    kept["validation"] = old.get("validation")
    parts = [_chosen(SPLITS, "fold", {"of": of, "number": number, **kept}) for number in range(1, of + 1)]
    return [_with_data(spec, split=part) for part in parts]


def _with_data(spec: Spec, **changes: Any) -> Spec:
    """The spec with other fields of its data."""
    fields: Fields = spec.data.fields
    return spec.model_copy(update={"data": Choice(spec.data.name, fields.model_copy(update=changes), spec.data.tag)})


def without_validation(spec: Spec) -> Spec:
    """The spec of a named set in its own two parts."""
    return _with_data(spec, validation=0.0)


def _table(spec: Spec) -> Table:
    fields: TableData = spec.data.fields
    folder = spec.folder
    form = fields.separator, fields.header, fields.missing
    more = {name: getattr(fields, name) for name in FORM}
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


def _settled_table(table: Table, fields: Fields) -> dict[str, Any]:
    key = "sqlite" if getattr(fields, "sqlite", None) else "file"
    written: dict[str, Any] = {key: str(table.source.path), "target": table.target}
    if table.split is not None:
        written["split"] = _chosen(SPLITS, table.split.name, asdict(table.split))
    for part, file in (("validation", table.validation), ("test", table.test)):
        if file is not None and file.path != table.source.path:
            written[f"{part}_file"] = str(file.path)
    if len(table.columns) <= COLUMNS_WRITTEN:
        written["columns"] = {name: _chosen(COLUMNS, role.name, asdict(role)) for name, role in table.columns.items()}
    if isinstance(table.source, TableFile):
        form = ("separator", "header", "missing", "decimal", "thousands")
        written |= {name: getattr(table.source, name) for name in form}
    targets = {"target_file": table.source, "validation_target_file": table.validation, "test_target_file": table.test}
    for name, source in targets.items():
        if isinstance(source, ArrayFile) and source.target_path is not None:
            written[name] = str(source.target_path)
    return written


def _chosen(table: Any, name: str, options: dict[str, Any]) -> Choice[Any]:
    form = table.rows[name].fields
    fields: Fields = form.model_validate({key: value for key, value in options.items() if key in form.model_fields})
    return Choice(name, fields)
