"""Data for `data:` in a spec: named sets, file readers, columns with roles, splits, batches. Knows no engine."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from . import kinds
from .augment import Augment
from .batches import Batch, Batches
from .catalog import info, load, names, options, where
from .corpus import Corpus, Speller
from .dataset import Cast, Column, Dataset, Info, Scaling, Split
from .dates import Date
from .errors import DataError
from .fitted import fitted
from .folding import folded, validated
from .idx import read_idx
from .images import Image
from .kinds import KindError
from .labels import Labels
from .layout import Layout
from .preprocessing import ROLES, Recipe
from .roles import Categorical, Ignore, Numeric, Role
from .splits import RULES, Fold, Group, Shuffled, Stratified, Tail, Time, share_of
from .texts import Text
from .vocabulary import Vocabulary

if TYPE_CHECKING:
    from .arrays import ArrayFile, read_npz, sides_of
    from .memory import Memory
    from .table import Table
    from .tabular import TableFile

# Names that load the readers of files, of which a set that has a name knows nothing: on first use.
_LATER = {
    "ArrayFile": "arrays",
    "Memory": "memory",
    "Table": "table",
    "TableFile": "tabular",
    "read_npz": "arrays",
    "sides_of": "arrays",
}

__all__ = [
    "ROLES",
    "RULES",
    "ArrayFile",
    "Augment",
    "Batch",
    "Batches",
    "Cast",
    "Categorical",
    "Column",
    "Corpus",
    "DataError",
    "Dataset",
    "Date",
    "Fold",
    "Group",
    "Ignore",
    "Image",
    "Info",
    "KindError",
    "Labels",
    "Layout",
    "Memory",
    "Numeric",
    "Recipe",
    "Role",
    "Scaling",
    "Shuffled",
    "Speller",
    "Split",
    "Stratified",
    "Table",
    "TableFile",
    "Tail",
    "Text",
    "Time",
    "Vocabulary",
    "fitted",
    "folded",
    "info",
    "kinds",
    "load",
    "names",
    "options",
    "read_idx",
    "read_npz",
    "share_of",
    "sides_of",
    "validated",
    "where",
]


def _later(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value = getattr(import_module(f".{_LATER[name]}", __name__), name)
    return value


if not TYPE_CHECKING:  # else every name would be there, of type Any
    __getattr__ = _later
