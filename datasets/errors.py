"""What can be wrong with data, said so that a person can act on it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class DataError(ValueError):
    """Data that cannot be used: the text says where, what was expected, what was found, what to do next."""

    exit_code = 2


def unknown(what: str, name: object, known: Iterable[str]) -> DataError:
    """The error for a name that no table has, with the nearest known name and then all of them."""
    names = list(known)
    near = difflib.get_close_matches(str(name).lower(), names, n=1, cutoff=0.5)
    hint = f' did you mean "{near[0]}"?' if near else ""
    return DataError(f'unknown {what} "{name}";{hint} known: {", ".join(names) or "none"}')
