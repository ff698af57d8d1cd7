"""Layers: what `model:` may hold. `apply` puts them together; `scope` is where their parameters live."""
