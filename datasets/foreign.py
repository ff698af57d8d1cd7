"""Calls of libraries that read files: whatever goes wrong in one, a panic too, is an error about the file."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import DataError
from .scans import first_line, is_panic

_STDERR = 2


@contextmanager
def reading(path: Path, format: str, *errors: type[Exception]) -> Iterator[None]:
    """Raise DataError for whatever goes wrong while a library reads a file of a format; it may have errors of its own.

    A panic of Rust code is a BaseException, and its hook writes to standard error before that; neither is a person's
    business. What else was written there meanwhile is passed on.
    """
    from polars.exceptions import PolarsError

    usual: tuple[type[Exception], ...] = (OSError, ValueError, TypeError, OverflowError, MemoryError, RuntimeError)
    known: tuple[type[Exception], ...] = (PolarsError, *usual, *errors)
    held, is_passed_on = _held(), True
    try:
        yield
    except DataError:
        raise
    except known as error:
        raise DataError(f"{path}: cannot be read as {format}: {first_line(error)}", ("file",)) from None
    except BaseException as error:
        is_passed_on = not is_panic(error)
        if is_passed_on:
            raise
        found = f"it is damaged ({first_line(error)})"
        raise DataError(f"{path}: cannot be read as {format}: {found}", ("file",)) from None
    finally:
        _release(held, passed_on=is_passed_on)


def _held() -> tuple[int, int] | None:
    """Standard error, kept aside, and the file that takes its place; None where there is none."""
    with suppress(OSError, ValueError, AttributeError):
        sys.stderr.flush()
    try:
        kept = os.dup(_STDERR)
    except OSError:
        return None
    try:
        with tempfile.TemporaryFile() as file:
            os.dup2(file.fileno(), _STDERR)
            return kept, os.dup(_STDERR)
    except OSError:
        os.close(kept)
        return None


def _release(held: tuple[int, int] | None, *, passed_on: bool) -> None:
    if held is None:
        return
    kept, file = held
    os.dup2(kept, _STDERR)
    os.close(kept)
    with os.fdopen(file, "rb") as written:
        if passed_on:
            written.seek(0)
            with suppress(OSError):
                while piece := written.read(1 << 16):
                    os.write(_STDERR, piece)
