"""Which run a checkpoint belongs to, and by which spec it was trained: what may change on its way, and what may not."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from agcli.data.places import LOCATED
from agcli.spec import Spec, SpecError, spec_in
from agcli.spec.dump import plain
from agcli.spec.names import path_text

from .files import RunError
from .migrate import FORMAT, SPEC, migrated

KEY = "run_id"  # in environment.json, in a checkpoint, and in what a training writes at its end
ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}", re.ASCII)
# Path of the spec -> why it stays as it is.
FIXED: dict[tuple[str, ...], str] = {
    ("data",): "the figures would speak of other samples",
    ("model",): "the weights belong to this model",
    ("variables",): "the values that training gave them belong to these",
    ("let",): "the parameters belong to these formulas",
    ("loss",): "the figures before and after could not be compared",
    ("dtype",): "weights and the optimizer's state are of this type",
    ("seed",): "the order of the samples and all random numbers follow from it",
}
PLACES = {path[0] for path in LOCATED}  # fields of `data`: files may lie elsewhere by now
MISSING = object()


class ForeignError(RunError):
    """A file of another run in the folder of this one."""


@dataclass(frozen=True)
class Provenance:
    """Where a checkpoint comes from: the id of its run, the resolved spec of then as text, a hash for each split.

    ``seconds`` are those of training up to there, which differ from one training of a spec to another.
    """

    run_id: str
    spec: str
    samples: Mapping[str, str]
    seconds: float = field(default=0.0, compare=False)
    format: int = field(default=FORMAT, compare=False)  # in which the spec was written

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        known = {KEY: self.run_id, "spec": self.spec, "samples": dict(self.samples)}
        return {**known, "seconds": round(self.seconds, 6)}

    @classmethod
    def from_json(cls, known: Any, written: int) -> Provenance:
        """What ``to_json`` gave. Raises ValueError if it is something else."""
        match known:
            case {
                "run_id": str(run_id),
                "spec": str(spec),
                "samples": dict(samples),
                "seconds": int() | float() as seconds,
            } if is_id(run_id):
                hashes = {str(name): str(sha256) for name, sha256 in samples.items()}
                return cls(run_id, spec, hashes, float(seconds), written)
        raise ValueError("it is not what a training writes")


def new_id(name: str) -> str:
    """An id for a run by a spec of this name: no other run ever has it, and a person sees which run it is."""
    return f"{name.replace(' ', '-')}-{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(4)}"


def is_id(value: Any) -> bool:
    """Whether a value can be the id of a run."""
    return isinstance(value, str) and ID.fullmatch(value) is not None


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
    return text if len(text) <= 60 else f"{text[:28]}...{text[-29:]}"  # of two paths, the ends tell most


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


def spec_then(known: Provenance | None, spec: Spec, checkpoint: Path) -> Spec:
    """The spec by which a checkpoint was trained; today's ``spec`` of its run where it does not say.

    Raises RunError if this version cannot read it.
    """
    if known is None or known.spec == spec.dump():
        return spec
    reading = partial(migrated, SPEC, written=known.format)
    try:
        return spec_in(known.spec.encode("utf-8", "surrogateescape"), checkpoint, (), reading)
    except SpecError as e:
        said = str(e).partition("\n")[0]
        raise RunError(f"{checkpoint}: was trained with a spec that this version cannot read: {said}") from None


def check(known: Provenance | None, spec: Spec, checkpoint: Path) -> None:
    """Raise RunError, with what differs, if a run's spec is not that of a checkpoint in what stays as it is.

    A checkpoint of an older version, which does not say, is taken as it is.
    """
    then = spec_then(known, spec, checkpoint)
    found = [change for change in changes(then, spec) if fixed(change) and not is_place(change)]
    if found:
        lines = "\n  ".join(f"{change}: {fixed(change)}" for change in found)
        said = "belongs to a training with other settings than spec.yaml has"
        raise RunError(f"{checkpoint}: {said}:\n  {lines}\nput back the file that was changed, or train anew")


def is_place(change: Change) -> bool:
    """Whether only the place of a file differs; what is in it is compared by its hash."""
    is_of_place = change.path[0] == "data" and any(part in PLACES for part in change.path)
    return is_of_place and change.old is not MISSING and change.new is not MISSING


def other_samples(known: Provenance | None, samples: Mapping[str, str]) -> list[str]:
    """The splits that are not those which a checkpoint was trained on; none if it does not say."""
    if known is None:
        return []
    return [name for name in {**known.samples, **samples} if known.samples.get(name) != samples.get(name)]
