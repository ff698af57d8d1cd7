"""Checkpoints: one safetensors file each, which holds the hash of its own content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from agcli.engine.errors import StateError
from agcli.engine.types import Array
from agcli.engine.variables import load_arrays, save_arrays

from .files import RunError
from .migrate import FORMAT, PROGRESS, migrated


class DamagedError(RunError):
    """A checkpoint that does not verify; the text says why."""


@dataclass(frozen=True)
class Checkpoint:
    """Every variable of a training by name, and its progress as plain data."""

    arrays: dict[str, Array]
    progress: dict[str, Any]
    hash: str

    @property
    def step(self) -> int:
        """How many steps of training it holds."""
        return int(self.progress.get("step", 0))


def digest(arrays: Mapping[str, Array], progress: Mapping[str, Any]) -> str:
    """SHA-256 over names, types, shapes and bytes of the arrays, and over the progress."""
    found = hashlib.sha256(json.dumps(progress, sort_keys=True).encode())
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        found.update(f"\n{name} {array.dtype.str} {arrays[name].shape}\n".encode())
        found.update(array.reshape(-1).view(np.uint8).data)
    return found.hexdigest()


def write(path: Path, arrays: Mapping[str, Array], progress: Mapping[str, Any]) -> str:
    """Write a checkpoint, whole or not at all; returns its hash."""
    known = digest(arrays, progress)
    metadata = {"format": str(FORMAT), "progress": json.dumps(progress, sort_keys=True), "sha256": known}
    save_arrays(path, arrays, metadata)
    return known


def read(path: Path) -> Checkpoint:
    """The checkpoint in a file. Raises DamagedError if it is not whole, not ours, of a later format, or has changed."""
    try:
        arrays, metadata = load_arrays(path)
    except StateError as e:
        raise DamagedError(str(e)) from None
    if not isinstance(metadata, dict) or not {"format", "progress", "sha256"} <= set(metadata):
        raise DamagedError(f"{path}: is a safetensors file, but not a checkpoint that ag wrote")
    found = str(metadata["format"])
    if found not in map(str, range(1, FORMAT + 1)):
        raise DamagedError(f"{path}: has format {found}, expected at most {FORMAT}; another version of ag wrote it")
    try:
        progress = json.loads(metadata["progress"])
        known = digest(arrays, progress) if isinstance(progress, dict) else ""
    except (ValueError, TypeError, RecursionError):
        known = ""
    if known != metadata["sha256"]:
        raise DamagedError(f"{path}: its content does not have the hash that was written with it; the file is damaged")
    return Checkpoint(arrays, migrated(PROGRESS, progress, int(found)), known)
