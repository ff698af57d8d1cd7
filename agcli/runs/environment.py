"""What a result may depend on beside its spec: versions, machine, threads, the commit of the code, the data."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import sys
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from agcli.datasets import Dataset, Split
from agcli.engine.backends import jit
from agcli.engine.backends.threads import blas
from agcli.engine.types import Array
from agcli.spec.plugins import brought
from agcli.spec.source import at_once

PACKAGES = ("agcli", "numpy", "scipy", "safetensors", "polars", "llvmlite")
SAMPLER = "sampler"  # in environment.json: how normal and exponential numbers are made
QUANTILES = "quantiles"  # of random words; up to 0.3, when nothing was written, NumPy's own generators made them
WHOLE = 8 << 20  # bytes; of larger arrays, evenly spaced blocks are hashed
MAX_NAME = 4096  # bytes of a file of git that names a commit or a branch
COMMIT = re.compile("[0-9a-f]{40}|[0-9a-f]{64}")
BRANCH = re.compile(r"ref: (refs/(?!.*\.\.)[^\0\n]+)")
BLOCKS, BLOCK = 64, 1 << 16


def environment(data: Dataset, seed: int, folder: Path) -> dict[str, Any]:
    """The environment as plain data."""
    return {
        "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "python": platform.python_version(),
        **arithmetic(),
        "system": system(),
        "cores": os.cpu_count(),
        "seed": seed,
        SAMPLER: QUANTILES,
        "commit": commit(folder),
        "command": sys.argv[1:],
        "data": {"name": data.name, "source": data.source, "sha256": fingerprints(data)},
    }


def arithmetic() -> dict[str, Any]:
    """What the last bits of a result depend on."""
    libraries = [
        {"library": lib["internal_api"], "version": lib["version"], "threads": lib["num_threads"]}
        for lib in blas().info()
    ]
    packages = {name: found for name in PACKAGES if (found := installed().get(name))} | brought
    kernels = " ".join(["compiled", *jit.limits()]) if jit.active() else "numpy"
    return {"packages": packages, "kernels": kernels, "processor": processor(), "blas": libraries}


def moved(known: Mapping[str, Any]) -> list[str]:
    """In what this machine differs from the environment of a run, as far as results depend on it."""
    now = arithmetic()
    return [f"{k}: {known[k]} -> {v}" for k, v in now.items() if k in known and known[k] != v]


def drew_otherwise(known: Mapping[str, Any]) -> bool:
    """Whether normal and exponential numbers were others where an environment was written, from the same seed."""
    return bool(known.get(SAMPLER) != QUANTILES)


def system() -> str:
    """The operating system and its C library; `platform.platform` runs another program to find the processor."""
    parts = [platform.system(), platform.release(), platform.machine()]
    if "CS_GNU_LIBC_VERSION" in getattr(os, "confstr_names", ()):
        parts.append(os.confstr("CS_GNU_LIBC_VERSION") or "")
    return " ".join(filter(None, parts))


@cache
def installed() -> dict[str, str]:
    """The packages at hand with their versions, by the names of their folders; to read those takes 20 ms."""
    found: dict[str, str] = {}
    for place in sys.path:
        for name in names_in(place):
            package, _, rest = name.partition("-")
            if rest.endswith((".dist-info", ".egg-info")):
                found.setdefault(package.lower(), rest.rpartition(".")[0].partition("-")[0])
    return found


def names_in(folder: str) -> list[str]:
    try:
        return os.listdir(folder or ".")
    except OSError:
        return []


def processor() -> str:
    """The name of the processor, as the system gives it."""
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8", errors="replace") as f:
            names = (line.partition(":")[2].strip() for line in f if line.startswith("model name"))
            return next(names, "") or platform.machine()
    except OSError:
        return platform.processor() or platform.machine()


def commit(folder: Path) -> str | None:
    """The git commit that is checked out where the spec lies, or None outside of a repository.

    The folder may be anyone's: of what its files say, nothing but the hash of a commit is taken over.
    """
    for parent in (folder.absolute(), *folder.absolute().parents):
        git = parent / ".git"
        if (git / "HEAD").is_file():
            text = beginning(git / "HEAD")
            if branch := BRANCH.fullmatch(text):
                text = beginning(git / branch[1])
            return text if COMMIT.fullmatch(text) else None
    return None


def beginning(path: Path) -> str:
    """What a small file of text says; empty if it cannot be read, or is none."""
    try:
        if not path.is_file():
            return ""
        with open(path, "rb", opener=at_once) as file:
            return file.read(MAX_NAME).decode("ascii").strip()
    except (OSError, ValueError):
        return ""


def fingerprints(data: Dataset) -> dict[str, str]:
    """A hash for each split, by which a resumed run notices that its data has changed."""
    return {name: fingerprint(split) for name, split in data.splits.items()}


def other_splits(known: Mapping[str, Any], data: Dataset) -> list[str]:
    """The splits of the data that are not what they were when an environment was written; none if it says nothing."""
    then, now = known.get("data", {}).get("sha256"), fingerprints(data)
    if then is None:
        return []
    return [name for name in {**then, **now} if then.get(name) != now.get(name)]


def fingerprint(split: Split) -> str:
    """SHA-256 over names, types, shapes and values of the columns; of large ones, over blocks spread evenly."""
    found = hashlib.sha256()
    for name, column in split.columns.items():
        array = column.stored
        found.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        for part in blocks(array):
            found.update(np.ascontiguousarray(part).reshape(-1).view(np.uint8).data)
    return found.hexdigest()


def blocks(array: Array) -> list[Array]:
    """The array, or blocks of its rows if it is large."""
    if array.nbytes <= WHOLE:
        return [array]
    rows = max(1, BLOCK * len(array) // array.nbytes)
    starts = np.linspace(0, len(array) - rows, BLOCKS).astype(int)
    return [array[s : s + rows] for s in starts]
