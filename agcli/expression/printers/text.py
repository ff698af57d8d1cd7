"""Plain text, which parses to the same formula."""

from __future__ import annotations

from agcli.engine.graph import Tensor
from agcli.expression.lift import lift
from agcli.expression.reading import Text


def to_text(t: Tensor) -> str:
    """The formula in the language that `parse` reads."""
    return Text(lift(t).nodes).write()
