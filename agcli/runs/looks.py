"""How often the test data of a run was looked at: `test_looks` of its result, or before it has one, of `looks.json`."""

from __future__ import annotations

from agcli.counts import number_of

from .migrate import RESULT
from .run import Run

FILE = "looks.json"
KEY = "test_looks"


def looks(run: Run) -> int:
    """The looks so far."""
    known = run.result
    if known is None:
        known = run.files.read_json(FILE, "the looks at the test data") or {}
    count = known.get(KEY, 0)
    return count if isinstance(count, int) and count >= 0 else 0


def look(run: Run) -> int:
    """Count one more, before it is done; returns how many they are with it. Raises RunError if it cannot be written."""
    count = looks(run) + 1
    result = run.files.read_json(RESULT, "the result that training wrote")
    if result is not None:
        run.write(RESULT, {**result, KEY: count})
    else:
        run.write(FILE, {KEY: count})
    return count


def keep(run: Run) -> None:
    """Keep the count of a run whose result is about to go, since it trains on."""
    count = looks(run)
    if count:
        run.write(FILE, {KEY: count})


def told(count: int) -> str:
    """What is to be said of so many looks; nothing of the first."""
    if count < 2:
        return ""
    return f"looked at the test data {number_of(count, 'time')}; choices made by its figures flatter them"
