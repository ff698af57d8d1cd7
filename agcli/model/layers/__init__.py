"""Layers: what `model:` may hold. `blocks` puts them together; `scope` is where their parameters live."""
