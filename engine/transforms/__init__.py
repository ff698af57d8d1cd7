"""Functions of functions: `grad`, `jvp`, `vmap` and their kin (`apply`), and how an op takes a batch (`batching`)."""

from . import batched_writing as batched_writing  # its rules
