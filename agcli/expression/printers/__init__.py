"""Tensor -> text, in one format a file. `FORMATS` names them all."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from agcli.engine.graph import Tensor

FORMATS = ("text", "unicode", "latex", "python", "numpy", "c", "mathml", "dot")


def printer(name: str) -> Callable[[Tensor], str]:
    """The printer of a format."""
    module = import_module(f"agcli.expression.printers.{name}")
    return module.to_text if name == "text" else getattr(module, f"to_{name}")  # type: ignore[no-any-return]


def programs(name: str) -> Callable[..., str]:
    """What writes several functions of the same variables as one program in a language."""
    module = import_module(f"agcli.expression.printers.{name}")
    return module.to_program  # type: ignore[no-any-return]
