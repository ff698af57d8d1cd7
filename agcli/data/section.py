"""From the section `data:` of a spec to a data set, and back: what was guessed, written into the spec."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from agcli.data.mending import mended
from agcli.data.places import HELD_OUT, elsewhere
from agcli.datasets import (
    Augment,
    DataError,
    Dataset,
    Fold,
    KindError,
    Layout,
    Numeric,
    Recipe,
    Speller,
    fitted,
    folded,
    load,
    share_of,
    validated,
)
from agcli.datasets.catalog import begin as begin_to_load
from agcli.datasets.splits import VALIDATION_SHARE
from agcli.spec import Choice, Fields, Spec
from agcli.spec.columns import SPLITS, OnePart
from agcli.spec.data import UNNAMED, Named, Samples
from agcli.spec.dump import quoted
from agcli.spec.plugins import PluginError

FOLDED = ("shuffled", "stratified", "group", "fold")  # splits of which cross-validation makes folds


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
    if choice.name in UNNAMED:
        from agcli.data.described import described_data

        return described_data(spec, known)
    given = dict(choice.fields)
    fold, share = given["fold"], given["validation"]
    data = load(choice.name, dtype, **options_of(choice))
    share = 0.0 if share is None and spec.is_formulas else share
    if fold is None:
        return validated(data, share, int(given.get("seed", 0)))
    try:
        return folded(data, Fold(**dict(fold), validation=share))
    except DataError as error:
        raise DataError(str(error).removeprefix("split "), ("fold",)) from None


def begin(spec: Spec) -> None:
    """Begin to read the data on a thread, if it is a set with a name: files are looked at when they are asked for."""
    if spec.data.name not in UNNAMED:
        begin_to_load(spec.data.name, str(spec.dtype), **options_of(spec.data))


def options_of(choice: Choice[Any]) -> dict[str, Any]:
    """What a set with a name is loaded with."""
    options = {name: value for name, value in dict(choice.fields).items() if name not in ("fold", "validation")}
    if options.get("augment") is not None:
        options["augment"] = Augment(**dict(options["augment"]))
    return options


def resolved(spec: Spec, data: Dataset) -> Spec:
    """The spec with all that was guessed about its data written out, and with full paths, so that it can move."""
    if data.settled is None:
        return _with_data(spec, validation=_share_of(data)) if _lacks_share(spec) else spec
    from agcli.data.described import settled

    written = settled(data.settled, spec.data.fields)
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
    if spec.data.name not in UNNAMED:
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
    from agcli.data.described import chosen

    parts = [chosen(SPLITS, "fold", {"of": of, "number": number, **kept}) for number in range(1, of + 1)]
    return [_with_data(spec, split=part) for part in parts]


def _with_data(spec: Spec, **changes: Any) -> Spec:
    """The spec with other fields of its data."""
    fields: Fields = spec.data.fields
    return spec.model_copy(update={"data": Choice(spec.data.name, fields.model_copy(update=changes), spec.data.tag)})


def without_validation(spec: Spec) -> Spec:
    """The spec of a named set in its own two parts."""
    return _with_data(spec, validation=0.0)
