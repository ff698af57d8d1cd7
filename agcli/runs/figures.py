"""The figures of a run, as its result or the lines of its metrics have them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agcli.model.undefined import restored


def final(result: Mapping[str, Any] | None, history: Sequence[Mapping[str, Any]]) -> tuple[str, dict[str, Any]]:
    """A split, and loss and metrics of it: as the run was judged at its end, or by validation before."""
    if result:
        split = str(result.get("split", "test"))
        loss = result["loss"] if split == "train" else result.get(f"{split}_loss")
        return split, {"loss": loss, **measured(result)}
    for record in reversed(history):
        if record.get("validation_loss") is not None:
            return "validation", {"loss": record["validation_loss"], **measured(record)}
    return "validation", {}


def measured(record: Mapping[str, Any]) -> dict[str, Any]:
    """The metrics of a record; those without a value know why."""
    return restored(record.get("metrics", {}), record.get("undefined", {}))
