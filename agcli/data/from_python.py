"""Data that a program gives to a training (a Dataset, a frame, a pair of arrays), and how a run records it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from agcli.data.described import in_memory
from agcli.data.section import load_data, without_validation
from agcli.datasets import ArrayFile, Corpus, DataError, Dataset, Layout, Split, Table, TableFile
from agcli.datasets.memory import PYTHON, known_samples
from agcli.engine.errors import EngineError
from agcli.spec import Choice, Spec
from agcli.spec.data import DATA, FORM, UNNAMED

PARTS = ("train", "validation", "test")  # what may be given apart


def is_section(data: Any) -> bool:
    """Whether data is what `data:` of a spec may hold: the name of a set, or a mapping with one or with a file."""
    if isinstance(data, str | os.PathLike):
        return True
    return isinstance(data, Mapping) and any(isinstance(data.get(key), str) for key in (DATA.tag, "file", "sqlite"))


def given(spec: Spec, data: Any) -> tuple[Spec, Dataset]:
    """The spec with a section `data:` that says what was given, and that as a data set.

    Samples may be given in parts, as a mapping of `train`, `validation` and `test`. Without a description they take
    target, roles and split from the spec, where it has them. Raises DataError or SpecError for what does not fit.
    """
    if isinstance(data, Dataset):
        return _of_dataset(spec, data.cast(spec.dtype))
    is_parted = isinstance(data, Mapping) and "train" in data and len(data) > 1 and data.keys() <= set(PARTS)
    parts = {name: known_samples(samples) for name, samples in (data if is_parted else {"train": data}).items()}
    spec = _as_python(spec, parts["train"][1])
    try:
        return spec, in_memory(spec, **{name: frame for name, (frame, _) in parts.items()}).read()
    except DataError as error:
        if error.path:
            raise spec.error(("data", *error.path), str(error)) from None
        raise


def _of_dataset(spec: Spec, data: Dataset) -> tuple[Spec, Dataset]:
    """A data set that can be read again is recorded by its place, any other one by what a model has to know of it."""
    settled = data.settled
    name = _FILES.get(type(settled.source if isinstance(settled, Table) else settled), "")
    if name:
        return spec.model_copy(update={"data": _section(name, _place(settled))}), data
    if data.fitted is None:
        if spec.data.name == data.name and spec.data.name not in UNNAMED:
            for same in (spec, without_validation(spec)):  # a set by name, as it is trained on and in its own parts
                if _is_same(same, data):
                    return spec, load_data(spec)
        data = replace(data, fitted=Layout.of(data))
    return _as_python(spec, ()), data


_FILES: Mapping[type, str] = {TableFile: "table", ArrayFile: "arrays", Corpus: "text"}


def _place(settled: Table | Corpus) -> dict[str, Any]:
    """What a section must have from the start; the trainer writes all the rest that was settled."""
    if isinstance(settled, Corpus):
        names = ("unit", "length", "vocabulary", "test")
        return {"file": str(settled.path), **{name: getattr(settled, name) for name in names}}
    found: dict[str, Any] = {"file": str(settled.source.path), "target": settled.target}
    if isinstance(settled.source, TableFile):
        found |= {"missing": settled.source.missing, "stream": settled.stream}
        found |= {name: getattr(settled.source, name) for name in FORM}
    return found | ({"sigma": settled.sigma} if settled.sigma else {})


def _as_python(spec: Spec, target: tuple[str, ...]) -> Spec:
    """The spec, whose data comes from a program; what it says of columns stays."""
    old: Any = spec.data.fields
    form = DATA.rows[PYTHON].fields
    known = {name: getattr(old, name) for name in old.model_fields_set if name in form.model_fields}
    return spec.model_copy(update={"data": _section(PYTHON, known | ({"target": target} if target else {}))})


def _section(name: str, fields: Mapping[str, Any]) -> Choice[Any]:
    return Choice(name, DATA.rows[name].fields.model_validate(dict(fields)), DATA.tag)


def _is_same(spec: Spec, data: Dataset) -> bool:
    """Whether the set that the spec names is the one that was given, fed in the same way."""
    try:
        known = load_data(spec)
    except (ValueError, OSError, EngineError):
        return False
    if known.splits.keys() != data.splits.keys() or Layout.of(known).to_json() != Layout.of(data).to_json():
        return False
    return all(_same_split(known[name], data[name]) for name in known.splits)


def _same_split(one: Split, other: Split) -> bool:
    return all(
        len(a) == len(b) and a.augment == b.augment and a.stored.tobytes() == b.stored.tobytes()
        for a, b in ((column, other.columns[name]) for name, column in one.columns.items())
    )
