"""The ops, one file a family. Importing this package fills the table."""
from . import arrays, convolution, creation, elementwise, indexing, joining, linalg, nn, pooling, random, reductions, slicing

__all__ = ["arrays", "convolution", "creation", "elementwise", "indexing", "joining", "linalg", "nn", "pooling", "random", "reductions", "slicing"]
