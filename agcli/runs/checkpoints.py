"""Checkpoints: one safetensors file each, which holds the hash of its own content."""

from __future__ import annotations

import hashlib
import json
import os
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from agcli.engine.errors import StateError
from agcli.engine.types import Array
from agcli.engine.variables import MAX_FILE, MAX_HEADER, packed_arrays, unpacked_arrays

from .files import Folder, RunError
from .identity import Provenance
from .migrate import FORMAT, PROGRESS, migrated

PART = "checkpoints"  # the folder below a run's in which they lie
NAME = re.compile(r"step-(\d{8,18})\.safetensors")
LARGE = 1 << 26  # bytes, beyond which the first ones are looked at before the rest is read


class DamagedError(RunError):
    """A checkpoint that does not verify; the text says why."""


@dataclass(frozen=True)
class Checkpoint:
    """Every variable of a training by name, and its progress as plain data.

    ``hash`` is that of both: two runs of one spec and seed come to the same. ``provenance`` says whose it is; up to 0.3
    none was written.
    """

    arrays: dict[str, Array]
    progress: dict[str, Any]
    hash: str
    provenance: Provenance | None = None

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


def sealed(state: str, provenance: str) -> str:
    """The hash that a file carries of all its content: of a state with this hash, and of where it comes from."""
    return hashlib.sha256(f"{state}\n{provenance}".encode()).hexdigest() if provenance else state


def name_of(step: int) -> str:
    """The file for the checkpoint of a step."""
    return f"{PART}/step-{step:08}.safetensors"


def step_in(name: str) -> int:
    """The step of which a file is the checkpoint; -1 if it is called otherwise."""
    found = NAME.fullmatch(name.rpartition("/")[2])
    return int(found[1]) if found else -1


def steps(files: Folder) -> list[int]:
    """The steps of which there are checkpoints, in order."""
    return sorted(step for name in files.names(PART) if (step := step_in(name)) >= 0)


def write(
    files: Folder, name: str, arrays: Mapping[str, Array], progress: Mapping[str, Any], provenance: Provenance
) -> str:
    """Write a checkpoint, whole or not at all; returns the hash of its state."""
    known = digest(arrays, progress)
    whose = json.dumps(provenance.to_json(), sort_keys=True)
    metadata = {
        "format": str(FORMAT),
        "progress": json.dumps(progress, sort_keys=True),
        "provenance": whose,
        "sha256": sealed(known, whose),
    }
    files.write(name, packed_arrays(arrays, metadata))
    return known


def limit() -> int:
    """Bytes that a checkpoint may have: no more than the machine has memory."""
    pages, page = ("SC_PHYS_PAGES", "SC_PAGE_SIZE")
    known = getattr(os, "sysconf_names", {})
    memory = os.sysconf(pages) * os.sysconf(page) if {pages, page} <= set(known) else MAX_FILE
    return min(MAX_FILE, memory if memory > 0 else MAX_FILE)


def cut(handle: int, size: int) -> str:
    """Why a large file is no whole checkpoint, by its first bytes alone; empty if it may be one."""
    if size < LARGE:
        return ""
    try:
        (length,) = struct.unpack("<Q", os.pread(handle, 8, 0))
        tensors = json.loads(os.pread(handle, min(length, MAX_HEADER), 8))
        end = 8 + length + max((v["data_offsets"][1] for k, v in tensors.items() if k != "__metadata__"), default=0)
        return "" if end == size else f"is not a whole safetensors file (it has {size:,} bytes, and says {end:,})"
    except (AttributeError, LookupError, RecursionError, TypeError, ValueError, struct.error):
        return "is not a whole safetensors file (it does not begin like one)"


def read(files: Folder, name: str) -> Checkpoint:
    """The checkpoint in a file. Raises DamagedError if it is not whole, not ours, of a later format, or has changed."""
    path = files.path / name
    try:
        content = files.read(name, limit(), cut)
    except RunError as e:
        raise DamagedError(str(e)) from None
    if content is None:
        raise DamagedError(f"{path}: is gone")
    try:
        arrays, metadata = unpacked_arrays(content, str(path))
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
    whose = str(metadata.get("provenance", ""))
    if not known or sealed(known, whose) != metadata["sha256"]:
        raise DamagedError(f"{path}: its content does not have the hash that was written with it; the file is damaged")
    try:
        provenance = Provenance.from_json(json.loads(whose), int(found)) if whose else None
        checkpoint = Checkpoint(arrays, migrated(PROGRESS, progress, int(found)), known, provenance)
        is_named = step_in(name) in (-1, checkpoint.step)
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError):
        raise DamagedError(f"{path}: its progress is not what a training writes; another program wrote it") from None
    if not is_named:
        raise DamagedError(f"{path}: is the checkpoint of step {checkpoint.step}, and is called otherwise")
    return checkpoint
