"""What a training cannot change on its way: each checkpoint carries it, so that one of another training is noticed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agcli.data.places import LOCATED
from agcli.spec import Spec, SpecError
from agcli.spec.dump import plain
from agcli.spec.names import path_text

from .files import RunError

KEY = "of"  # of a checkpoint's progress
# Path of the spec -> why it stays as it is.
FIXED: dict[tuple[str, ...], str] = {
    ("data",): "the figures would speak of other samples",
    ("model",): "the weights belong to this model",
    ("loss",): "the figures before and after could not be compared",
    ("dtype",): "weights and the optimizer's state are of this type",
    ("seed",): "the order of the samples and all random numbers follow from it",
}
PLACES = {path[0] for path in LOCATED}  # fields of `data`: files may lie elsewhere by now
MISSING = object()


@dataclass(frozen=True)
class Change:
    """A setting that differs."""

    path: tuple[str | int, ...]
    old: Any
    new: Any

    def __str__(self) -> str:
        return f"{path_text(self.path)}: {shown(self.old)} -> {shown(self.new)}"


def shown(value: Any) -> str:
    text = "not there" if value is MISSING else "none" if value is None else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def changes(old: Spec, new: Spec) -> list[Change]:
    """The settings in which two specs differ, in the order of the spec."""
    return list(differences(plain(old), plain(new), ()))


def differences(old: Any, new: Any, path: tuple[str | int, ...]) -> Iterator[Change]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(k for k in new if k not in old)]:
            yield from differences(old.get(key, MISSING), new.get(key, MISSING), (*path, key))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for i, (a, b) in enumerate(zip(old, new, strict=True)):
            yield from differences(a, b, (*path, i))
    elif old != new or type(old) is not type(new):
        yield Change(path, old, new)


def fixed(change: Change) -> str:
    """Why a setting cannot change; empty if it can."""
    return next((reason for path, reason in FIXED.items() if change.path[: len(path)] == path), "")


def identity(spec: Spec, samples: Mapping[str, str]) -> dict[str, Any]:
    """Of a training by a spec on data whose splits have these hashes, what a checkpoint carries."""
    return {"spec": sections(spec), "samples": dict(samples)}


def sections(spec: Spec) -> dict[str, Any]:
    """The sections of a spec that stay as they are, as plain data."""
    content = plain(spec)
    return {path[0]: content[path[0]] for path in FIXED if path[0] in content}


def check(known: Any, spec: Spec, checkpoint: Path) -> None:
    """Raise RunError, with what differs, if a checkpoint's identity is not that of a run's spec.

    A checkpoint without one, of an older version, is taken as it is.
    """
    if known is None:
        return
    found = [change for change in unlike(known, spec, checkpoint) if not is_place(change)]
    if found:
        lines = "\n  ".join(f"{change}: {fixed(change)}" for change in found)
        said = "belongs to a training with other settings than spec.yaml has"
        raise RunError(f"{checkpoint}: {said}:\n  {lines}\nput back the file that was changed, or train anew")


def unlike(known: Any, spec: Spec, checkpoint: Path) -> list[Change]:
    """In which of the sections that stay a spec is not the one that a checkpoint was written with."""
    then = known.get("spec") if isinstance(known, dict) else None
    if not isinstance(then, dict):
        raise RunError(f"{checkpoint}: what it says of its training cannot be read; another program wrote it")
    if then == sections(spec):
        return []
    try:  # as this version reads it: defaults that it did not know are no differences
        old = Spec.model_validate({**plain(spec), **then})
    except ValueError as e:
        said = str(e).partition("\n")[0] if isinstance(e, SpecError) else "this version cannot read it"
        raise RunError(f"{checkpoint}: was written by a training with another spec: {said}") from None
    return [change for change in changes(old, spec) if fixed(change)]


def is_place(change: Change) -> bool:
    """Whether only the place of a file differs; what is in it is compared by its hash."""
    is_of_place = change.path[0] == "data" and any(part in PLACES for part in change.path)
    return is_of_place and change.old is not MISSING and change.new is not MISSING


def other_samples(known: Any, samples: Mapping[str, str]) -> list[str]:
    """The splits that are not those which a checkpoint was trained on; none if it does not say."""
    then = known.get("samples") if isinstance(known, dict) else None
    if not isinstance(then, dict):
        return []
    return [name for name in {**then, **samples} if then.get(name) != samples.get(name)]
