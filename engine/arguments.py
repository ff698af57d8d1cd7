"""What transforms take: tensors, or functions of tensors. Whoever comes from a library that differentiates functions
of arrays is told what to write here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .errors import UsageError
from .graph import Tensor


def several(xs: Any) -> bool:
    """Whether this is a list of tensors, arrays or numbers, not one of them."""
    return isinstance(xs, Sequence) and not isinstance(xs, str)


def listed(xs: Any) -> list[Any]:
    """A tensor, an array or a number as a list of one."""
    return list(xs) if several(xs) else [xs]


def tensors(xs: Any, name: str) -> list[Tensor]:
    """The tensors by which ``name`` differentiates."""
    found = listed(xs)
    for x in found:
        if not isinstance(x, Tensor):
            raise UsageError(f"{name}: expected a tensor to differentiate by, found {described(x)}; {example(name, x)}")
    return found


def applied(y: Any, xs: Any, name: str) -> Any:
    """``y``, or what it returns for ``xs`` if it is a function; a tensor, or a list of them."""
    by = tensors(xs, name)
    made = y(*by) if callable(y) else y
    found = listed(made)
    if not found and made is y:
        raise UsageError(f"{name}: expected a tensor to differentiate, found an empty list")
    for t in found:
        if not isinstance(t, Tensor):
            returned = "" if made is y else "the function to return "
            fix = "a function of tensors is made of ag's functions" if returned else f"as in ag.{name}(y, x)"
            raise UsageError(f"{name}: expected {returned}a tensor, found {described(t)}; {fix}")
    return made if isinstance(made, Tensor) else found


def described(x: Any) -> str:
    if x is None:
        return "nothing"
    if isinstance(x, str):
        return f"the text {x!r}"
    if isinstance(x, np.ndarray):
        return f"an array {x.dtype}{x.shape}"
    if isinstance(x, int | float):
        return f"the number {x!r}"
    return "a function" if callable(x) else f"a {type(x).__name__}"


def example(name: str, x: Any) -> str:
    """What to write instead of ``name`` by ``x``."""
    rest = {"jvp": ", v", "hvp": ", v", "vjp": ", g"}.get(name, "")
    if isinstance(x, str):
        return f"give the placeholder or variable itself, as in ag.{name}(y, x{rest})"
    shape = f", {x.shape}, {str(x.dtype)!r}" if isinstance(x, np.ndarray) else ""
    if isinstance(x, list | tuple | np.ndarray | int | float):
        return f'write x = ag.placeholder("x"{shape}), then ag.{name}(f, x{rest}).eval({{x: array}})'
    return (
        f'write x = ag.placeholder("x"), then ag.{name}(f, x{rest}), which is a tensor: .eval({{x: 2.0}}) gives numbers'
    )
