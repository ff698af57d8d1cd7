"""The ops, one file a family. Importing this package fills the table."""
from . import arrays, elementwise, indexing, linalg, nn, random, reductions

__all__ = ["arrays", "elementwise", "indexing", "linalg", "nn", "random", "reductions"]
