"""Whether files that are named apart hold the same samples, so that a model is judged by what it was trained on."""

from __future__ import annotations

import filecmp
from collections.abc import Iterator
from pathlib import Path

from agcli.data.places import HELD_OUT, located
from agcli.spec import Spec
from agcli.spec.data import FILES
from agcli.spec.names import path_text

# Of two fields that name the same samples: what follows from it, and what to write instead.
TOLD = {
    ("file", "test_file"): "the test figures are of samples that the model was trained on; leave `test_file` out, and "
    "a split holds samples out, or name another file",
    ("file", "validation_file"): "the weights are chosen by samples that the model was trained on; leave "
    "`validation_file` out, and a share of `file` is held out, or name another file",
    ("validation_file", "test_file"): "the test figures are of samples that chose the weights; leave one of the two "
    "out, and a split holds samples out, or name another file",
}


def is_same(one: Path, other: Path) -> bool:
    """Whether two names are of one file, or of two with the same content."""
    try:
        if one.resolve() == other.resolve():
            return True
        return one.is_file() and other.is_file() and filecmp.cmp(one, other, shallow=False)
    except OSError:
        return False


def files_of(spec: Spec) -> dict[str, Path]:
    """The files that a spec's `data:` names, by their fields: those of inputs, where targets have their own."""
    if spec.data.name not in FILES:
        return {}
    names = ("file", *(f"{part}_file" for part in HELD_OUT))
    found = {name: getattr(spec.data.fields, name, None) for name in names}
    return {name: located(file, spec.folder) for name, file in found.items() if isinstance(file, str)}


def doubled(spec: Spec) -> Iterator[str]:
    """What is to be said of files that hold the same samples, each with the place where the spec names it."""
    files = files_of(spec)
    for (one, other), told in TOLD.items():
        if one in files and other in files and is_same(files[one], files[other]):
            place = spec.location(("data", other))
            where = path_text(("data", other))
            begun = where if place == where else f"{place}: {where}"
            yield f"{begun}: the same samples as `{one}`: {told}"


def unread(spec: Spec) -> Iterator[str]:
    """What is to be said of the files of a spec whose samples come from a program instead."""
    for field in files_of(spec):
        part = field.removesuffix("_file")
        if part in HELD_OUT:
            yield (
                f"{spec.location(('data', field))}: `{field}` is not read: the samples came from Python; give them in "
                f"parts, as in data={{'train': ..., '{part}': ...}}, or leave `{field}` out"
            )


def known_as(spec: Spec, file: str | Path) -> str:
    """The field by which a spec names a file, or one of the same content; empty if it is another one."""
    return next((field for field, path in files_of(spec).items() if is_same(path, Path(file))), "")
