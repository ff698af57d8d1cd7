"""Writing and reading the small files of a run, with errors in one sentence."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

MAX_JSON = 1 << 28  # bytes; the statistics of 10,000 columns of 100 names each take some 20 MB


class RunError(ValueError):
    """A run folder that cannot be made, written or read, or is none."""

    exit_code = 2


@contextmanager
def writing(folder: Path, advice: Callable[[], str] = str) -> Iterator[None]:
    """Turns what the system says against writing (full disk, read-only, gone) into one sentence, exit code 1."""
    try:
        yield
    except OSError as e:
        gone = "" if folder.is_dir() else "; the folder is gone"
        said = f"{e.filename or folder}: cannot be written: {e.strerror or e}{gone}"
        more = advice()
        error = RunError(f"{said}; {more}" if more else said)
        error.exit_code = 1
        raise error from None


def write_pointer(path: Path, text: str) -> None:
    """Put a short text in the place of a file in one step. It is not synced: what it says can be found out again."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)


def read_json(path: Path, expected: str) -> dict[str, Any] | None:
    """The mapping in a file; None if there is no file. Raises RunError if it holds anything else."""
    if not path.exists():
        return None
    try:
        with path.open("rb") as f:
            content = f.read(MAX_JSON + 1)
        plain = json.loads(content) if len(content) <= MAX_JSON else None
    except OSError as e:
        raise RunError(f"{path}: cannot be read: {e.strerror or e}") from None
    except (ValueError, RecursionError):
        plain = None
    if not isinstance(plain, dict):
        raise RunError(f"{path}: expected {expected}, found something else")
    return plain


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a file of JSON lines; a last line that was cut off is left out."""
    if not path.exists():
        return
    with path.open("rb") as f:
        for line in f:
            try:
                record = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if line.endswith(b"\n") and isinstance(record, dict):
                yield record
