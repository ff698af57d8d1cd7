"""Layers: for each name of the spec, a function (tensor, fields, scope) -> tensor."""

from agcli.model.layers.blocks import apply, run
from agcli.model.layers.scope import Network, Scope, Trace, start

__all__ = ["Network", "Scope", "Trace", "apply", "run", "start"]
