"""Data for `data:` in a spec: named sets, file readers, batches. Knows nothing of the engine."""

from .batches import Batch, Batches
from .catalog import info, load, names, options
from .dataset import Column, Dataset, Info, Scaling, Split
from .errors import DataError
from .idx import read_idx

__all__ = [
    "Batch",
    "Batches",
    "Column",
    "DataError",
    "Dataset",
    "Info",
    "Scaling",
    "Split",
    "info",
    "load",
    "names",
    "options",
    "read_idx",
]
