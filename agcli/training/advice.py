"""What to try, in the words of the spec at hand."""

from __future__ import annotations

from agcli.spec import Spec


def other_rate(spec: Spec, factor: float) -> str:
    """How to train with another learning rate: the option to type, where the rate is a number."""
    name = spec.optimizer.name
    rate = getattr(spec.optimizer.fields, "lr", None)
    size = "smaller" if factor < 1 else "larger"
    if isinstance(rate, int | float):
        return f"a {size} learning rate: --set optimizer.{name}.lr={rate * factor:.2g}"
    return f"a {size} learning rate in optimizer.{name}" if rate is not None else "another optimizer, such as adam"


def clipping(spec: Spec) -> str:
    """How to limit the gradient, if the spec does not."""
    if not hasattr(spec.optimizer.fields, "clip"):
        return "another optimizer, such as adam, with `clip: 1.0`"
    limit = spec.optimizer.fields.clip
    return "a lower limit in `clip`" if limit is not None else f"--set optimizer.{spec.optimizer.name}.clip=1.0"
