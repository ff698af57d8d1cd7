"""Where the files lie that the section `data:` of a spec names."""

from __future__ import annotations

import os
from pathlib import Path

from agcli.spec import Spec

LOCATED = (("file",), ("sqlite",), ("test_file",), ("validation_file",))  # fields that name files
HELD_OUT = ("validation", "test")  # parts that may have files of their own


def located(name: str, folder: Path) -> Path:
    """A file that a spec names: from the spec's folder, or else from $AG_DATA; as it is, if in neither."""
    from agcli.datasets.shards import is_there  # patterns are the exception

    path = (folder / Path(name).expanduser()).absolute()
    shared = os.environ.get("AG_DATA")
    if not is_there(path) and shared and is_there(Path(shared).expanduser() / name):
        return (Path(shared).expanduser() / name).absolute()
    return path


def elsewhere(spec: Spec, path: tuple[str, ...]) -> str:
    """Where a file was looked for, if it is in neither place."""
    from agcli.datasets.shards import is_there

    name = getattr(spec.data.fields, path[0], None) if path in LOCATED else None
    if name is None or Path(name).is_absolute() or is_there(located(name, spec.folder)):
        return ""
    shared = os.environ.get("AG_DATA")
    return f"; nor is it in $AG_DATA, {shared}" if shared else "; $AG_DATA, where data sets may lie, is not set"
