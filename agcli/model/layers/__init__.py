"""Layers: what `model:` may hold. `apply` puts them together; `scope` is where their parameters live.

The rows of the table stand in the order in which their files are loaded, whichever of them is asked for first.
"""

from importlib import import_module

FAMILIES = (
    "dense",
    "convolution",
    "pooling",
    "normalization",
    "dropout",
    "embedding",
    "recurrent",
    "attention",
    "shape",
    "blocks",
)

for family in FAMILIES:
    import_module(f"{__name__}.{family}")
