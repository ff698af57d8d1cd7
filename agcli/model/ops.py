"""The engine's ops for rows of the model's tables: the engine is loaded when the first of them is applied."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agcli.engine.graph import Tensor


def call(name: str, *inputs: Any, **attributes: Any) -> Tensor:
    """The op of a name, applied."""
    from agcli.engine.graph import call as apply

    return apply(name, *inputs, **attributes)


def function(name: str, *inputs: Any, **attributes: Any) -> Tensor:
    """The public function of a name: an op, or what is made of several."""
    from agcli.engine.table import OPS

    made: Tensor = OPS[name].function(*inputs, **attributes)
    return made
