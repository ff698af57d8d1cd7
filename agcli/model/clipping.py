"""Clipping: where gradients are cut before a step. `engine/optimizers/clipping.py` computes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agcli.spec.field_types import Positive
from agcli.spec.fields import Field
from agcli.spec.nouns import CLIPPING, Clip, Clipping

if TYPE_CHECKING:
    from agcli.engine.optimizers import Rule


class Limit(Clipping):
    """A limit."""

    main = "limit"
    limit: Positive = Field(default=1.0, description="the largest that is left alone")


@CLIPPING.row("global_norm")
class GlobalNorm(Limit):
    """The norm of all gradients together; a bare number is its limit."""

    def rule(self) -> Rule:
        from agcli.engine.optimizers import clipping

        return clipping.global_norm(self.limit)


@CLIPPING.row("norm")
class Norm(Limit):
    """The norm of the gradient of each parameter."""

    def rule(self) -> Rule:
        from agcli.engine.optimizers import clipping

        return clipping.norm(self.limit)


@CLIPPING.row("value")
class Value(Limit):
    """The magnitude of each number of a gradient."""

    def rule(self) -> Rule:
        from agcli.engine.optimizers import clipping

        return clipping.value(self.limit)


def rule_of(clip: Clip | None) -> Rule | None:
    """The rule for what a field of the kind `Clip` holds."""
    if clip is None:
        return None
    return GlobalNorm(limit=clip).rule() if isinstance(clip, int | float) else clip.fields.rule()
