"""The ops, one file a family. Importing this package fills the table."""
from . import arrays, creation, elementwise, indexing, joining, linalg, nn, random, reductions, slicing

__all__ = ["arrays", "creation", "elementwise", "indexing", "joining", "linalg", "nn", "random", "reductions", "slicing"]
