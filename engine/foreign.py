"""What a tensor answers to Python and NumPy where they ask it for numbers, which it does not have before it runs.

NumPy asks by protocols: operators with an array on the left build graph, all else is refused with the name of the op
that does it here. Without the protocols NumPy takes a tensor for some object, and fills object arrays with it.
"""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from numbers import Number
from typing import Any, NoReturn

import numpy as np

from .errors import UsageError
from .table import OPS

# the ufuncs that Python's operators call when an array stands on the left -> op
OPERATORS = {
    np.add: "add",
    np.subtract: "subtract",
    np.multiply: "multiply",
    np.divide: "divide",
    np.floor_divide: "floor_divide",
    np.remainder: "mod",
    np.power: "power",
    np.matmul: "matmul",
    np.bitwise_and: "logical_and",
    np.bitwise_or: "logical_or",
    np.less: "less",
    np.less_equal: "less_equal",
    np.greater: "greater",
    np.greater_equal: "greater_equal",
}
# NumPy's names of what is called otherwise here
RENAMED = {
    "absolute": "abs", "fabs": "abs", "amax": "max", "amin": "min", "remainder": "mod", "true_divide": "divide",
    "vstack": "concatenate", "hstack": "concatenate", "append": "concatenate", "column_stack": "stack",
    "rint": "round", "around": "round", "float_power": "power", "ravel": "flatten", "average": "mean",
    "bitwise_and": "logical_and", "bitwise_or": "logical_or", "invert": "logical_not",
    "dot": "matmul", "vecdot": "matmul", "matvec": "matmul", "vecmat": "matmul", "inner": "matmul",
}  # fmt: skip


class NoNumbers:
    """The part of ``Tensor`` that meets Python's and NumPy's questions for numbers."""

    __slots__ = ()
    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        """Tensors are equal if they are one, so that they can be keys; beside a number that would be a silent False."""
        if isinstance(other, Number):
            raise UsageError(f"== asks whether two tensors are one; for their values write ag.equal(t, {other})")
        return NotImplemented

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NoReturn:
        raise LazyError(
            f"{self!r} has no numbers before it runs; call .eval(feeds); a list of tensors is joined by ag.stack"
        )

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        name = OPERATORS.get(ufunc)
        if name and method == "__call__" and not kwargs and not isinstance(inputs[0], NoNumbers):
            return OPS[name].function(*inputs)
        if name and method == "__call__" and "out" in kwargs and kwargs["out"][0] is inputs[0]:
            raise UsageError(f"an array cannot take in a lazy tensor ({ufunc.__name__}); write a = a + t, not a += t")
        called = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
        ours = {"add": "sum", "multiply": "prod", "maximum": "max", "minimum": "min"}.get(ufunc.__name__)
        return refuse(called, ours if method == "reduce" else ufunc.__name__ if method == "__call__" else None)

    def __array_function__(self, function: Callable[..., Any], types: Any, args: Any, kwargs: Any) -> Any:
        if function in (np.shape, np.ndim):
            return getattr(args[0], function.__name__)
        module = function.__module__.removeprefix("numpy").removeprefix(".")
        return refuse(f"{module}.{function.__name__}" if module else function.__name__, function.__name__)

    def __bool__(self) -> bool:
        raise UsageError("a lazy tensor has no truth value; use ag.where(condition, a, b), or tensor.eval(feeds)")

    def __float__(self) -> float:
        raise UsageError(number("float"))

    def __int__(self) -> int:
        raise UsageError(number("int"))

    def __index__(self) -> int:
        raise UsageError(number("an index"))

    def __complex__(self) -> complex:
        raise UsageError(number("complex"))


class LazyError(UsageError):
    """A tensor stood where an array is made."""


def number(kind: str) -> str:
    return f"a lazy tensor is not a number ({kind}); call tensor.eval(feeds)"


def refuse(called: str, name: str | None) -> NoReturn:
    """Say what to write for NumPy's function ``called``, which goes by ``name`` here if there is such an op."""
    known = next(
        (n for n in (RENAMED.get(name or "", name), *get_close_matches(name or "", OPS, 1, 0.8)) if n in OPS), ""
    )
    instead = f"write ag.{known}(...), or evaluate" if known else "evaluate"
    raise UsageError(
        f"np.{called} computes with arrays, not with lazy tensors; {instead} them first: tensor.eval(feeds)"
    )
