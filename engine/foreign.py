"""What a tensor answers to Python and NumPy where they ask it for numbers, which it does not have before it runs.

NumPy asks by protocols: operators with an array on the left build graph, all else is refused with the name of the op
that does it here. Without the protocols NumPy takes a tensor for some object, and fills object arrays with it.
"""

from __future__ import annotations

from collections.abc import Callable
from numbers import Number
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from .errors import DTypeError, ShapeError, UsageError
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
    np.bitwise_and: "bitwise_and",
    np.bitwise_or: "bitwise_or",
    np.bitwise_xor: "bitwise_xor",
    np.left_shift: "left_shift",
    np.right_shift: "right_shift",
    np.less: "less",
    np.less_equal: "less_equal",
    np.greater: "greater",
    np.greater_equal: "greater_equal",
}
# names that NumPy, PyTorch, TensorFlow or JAX has for what is called otherwise here -> op
RENAMED = {
    "absolute": "abs", "fabs": "abs", "amax": "max", "amin": "min", "remainder": "mod", "true_divide": "divide",
    "append": "concatenate", "concat": "concatenate", "cat": "concatenate", "rint": "round", "around": "round",
    "float_power": "power", "pow": "power", "ravel": "flatten", "average": "mean", "empty_like": "zeros_like",
    "invert": "bitwise_not", "bitwise_invert": "bitwise_not", "permute_dims": "transpose",
    "bitwise_left_shift": "left_shift", "bitwise_right_shift": "right_shift", "row_stack": "vstack",
    "trapz": "trapezoid", "rollaxis": "moveaxis", "movedim": "moveaxis", "swapdims": "swapaxes", "topk": "top_k",
    "tensor_split": "array_split", "hardswish": "hard_swish", "hardsigmoid": "hard_sigmoid", "hardtanh": "hard_tanh",
    "swish": "silu", "logsigmoid": "log_sigmoid", "scatter": "put_along_axis", "scatter_reduce": "put_along_axis",
    "index_add": "scatter_add", "index_copy": "scatter_set", "index_put": "setitem", "index_fill": "scatter_set",
    "put": "setitem", "place": "where", "multiply.at": "scatter_multiply", "maximum.at": "scatter_max",
    "minimum.at": "scatter_min", "clamp_min": "maximum", "clamp_max": "minimum", "minimum.accumulate": "cummin",
    "vecdot": "matmul", "matvec": "matmul", "vecmat": "matmul", "matrix_transpose": "swapaxes", "expit": "sigmoid",
    "mm": "matmul", "bmm": "matmul", "clamp": "clip", "permute": "transpose", "unsqueeze": "expand_dims",
    "add.reduce": "sum", "multiply.reduce": "prod", "maximum.reduce": "max", "minimum.reduce": "min",
    "add.accumulate": "cumsum", "multiply.accumulate": "cumprod", "maximum.accumulate": "cummax",
    "multiply.outer": "outer", "add.at": "scatter_add", "mul": "multiply", "sub": "subtract", "div": "divide",
    "neg": "negative", "index_select": "take", "gather": "take_along_axis", "numel": "size",
}  # fmt: skip
# and those for which more than a name is to be written
PHRASES = {
    "array_equal": "write ag.all(ag.equal(a, b))",
    "copy": "tensors do not change: t itself serves",
    "divmod": "write t // b and t % b",
}
VALUES = "a lazy tensor has no numbers before it runs; t.eval(feeds) gives an array"
UNCHANGED = "tensors do not change; write t = ... with the new value"
ASSIGNED = "write v.value = array between runs, ag.function(..., updates={v: new}) within them"
METHODS = {
    "backward": "derivatives are tensors: g = ag.grad(loss, x), and g.eval(feeds) gives numbers",
    "grad": "derivatives are tensors of their own: g = ag.grad(y, t)",
    **dict.fromkeys(("numpy", "item", "tolist", "data", "block_until_ready", "value", "read_value", "values"), VALUES),
    **dict.fromkeys(("clone", "copy"), "tensors do not change: t itself serves"),
    **dict.fromkeys(("requires_grad", "requires_grad_", "retain_grad"), "ag.grad(y, t) works for any float tensor"),
    **dict.fromkeys(("to", "float", "double", "half", "long", "int", "cast"), "write t.astype(dtype)"),
    **dict.fromkeys(("cpu", "cuda", "device"), "everything is computed on the processor; leave it out"),
    **dict.fromkeys(("set", "fill", "put"), "tensors do not change; write t.at[index].set(values)"),
    **dict.fromkeys(("assign", "assign_add", "assign_sub"), ASSIGNED),
    "detach": "write ag.stop_gradient(t)",
    "dim": "write t.ndim",
    "sort": "write ag.sort(t, axis)",
    "partition": "write ag.partition(t, kth, axis)",
    "get_shape": "write t.shape, or ag.shape(t) where a length is known only when the graph runs",
    "view": "write t.reshape(...)",
    "H": "write t.mT",
    "masked_fill": "write ag.where(mask, value, t)",
    **dict.fromkeys(("unbind", "unstack"), "write list(t)"),
    "chunk": "write ag.array_split(t, parts, axis)",
    "narrow": "write t[start:stop]",
}  # fmt: skip


class NoNumbers:
    """The part of ``Tensor`` that meets Python's and NumPy's questions for numbers."""

    __slots__ = ()
    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        """Tensors are equal if they are one, so that they can be keys; beside a number that would be a silent False."""
        if isinstance(other, Number) or (isinstance(other, list) and other and isinstance(other[0], Number)):
            raise UsageError(f"== asks whether two tensors are one; for their values write ag.equal(t, {other})")
        return NotImplemented

    if not TYPE_CHECKING:  # else every attribute would be there

        def __getattr__(self, name: str) -> NoReturn:
            """Only asked for what a tensor does not have."""
            if name.startswith("_"):  # Python and libraries ask for protocols
                raise AttributeError(name)
            op = renamed(name)
            named = f"write ag.{op}(t, ...)" if op else UNCHANGED if name.endswith("_") else ""
            written = METHODS.get(name, named)
            hint = f"; {written}" if written else ""
            raise AttributeError(f"a tensor has no attribute {name!r}{hint}")

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise UsageError(
            "a tensor cannot be copied or pickled: it is known by what it is, not by its value; "
            "copy a variable with ag.variable(v.value), write values with ag.save_arrays"
        )

    def __copy__(self) -> NoReturn:
        self.__reduce_ex__(2)

    def __deepcopy__(self, memo: Any) -> NoReturn:
        self.__reduce_ex__(2)

    def __format__(self, spec: str) -> str:
        if "." in spec or spec[-1:].isalpha() or spec[-1:] == "%":
            raise UsageError(f"a lazy tensor has no numbers to format with {spec!r}; format t.eval(feeds)")
        return format(str(self), spec)

    def __round__(self, digits: int | None = None) -> Any:
        if digits is not None:
            raise UsageError(f"round(t, {digits}) is not known; write ag.round(t * 10**n) / 10**n")
        return OPS["round"].function(self)

    def __floor__(self) -> Any:
        return OPS["floor"].function(self)

    def __ceil__(self) -> Any:
        return OPS["ceil"].function(self)

    def __divmod__(self, other: Any) -> tuple[Any, Any]:
        return OPS["floor_divide"].function(self, other), OPS["mod"].function(self, other)

    def __rdivmod__(self, other: Any) -> tuple[Any, Any]:
        return OPS["floor_divide"].function(other, self), OPS["mod"].function(other, self)

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
        return refuse(ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}")

    def __array_function__(self, function: Callable[..., Any], types: Any, args: Any, kwargs: Any) -> Any:
        if function in (np.shape, np.ndim):
            return getattr(args[0], function.__name__)
        module = function.__module__.removeprefix("numpy").removeprefix(".")
        return refuse(f"{module}.{function.__name__}" if module else function.__name__)

    def __bool__(self) -> bool:
        raise UsageError(
            "a lazy tensor has no truth value; use ag.where(condition, a, b), "
            "ag.maximum, ag.all, ag.any, ag.sort, or tensor.eval(feeds)"
        )

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
    functions = "; functions of tensors are ag.sin, ag.sqrt, ..., not those of math" if kind == "float" else ""
    return f"a lazy tensor is not a number ({kind}); call tensor.eval(feeds){functions}"


def renamed(name: str) -> str:
    """The op that is meant by another library's ``name``, or nothing."""
    found = name if name in OPS else RENAMED.get(name, "")
    return found if found in OPS else ""


def refuse(called: str) -> NoReturn:
    """Say what to write for NumPy's function ``called``, which here goes by the same or another name, if by one."""
    first, _, last = called.partition(".")
    method = last and isinstance(getattr(np, first, None), np.ufunc)  # np.add.reduce, not np.linalg.inv
    name = called if called in RENAMED or not last else "" if method else last.rpartition(".")[2]
    op = renamed(name)
    written = PHRASES.get(name) if name in PHRASES and not op else f"write ag.{op}(...)" if op else ""
    instead = f"{written}, or evaluate" if written else "evaluate"
    library = "np" if hasattr(np, first) else "scipy.special"
    raise UsageError(
        f"{library}.{called} computes with arrays, not with lazy tensors; {instead} them first: tensor.eval(feeds)"
    )


def numbers(value: Any, dtype: Any) -> Any:
    """``value`` as an array, after questions that NumPy's own answer would leave open."""
    if value is None:
        raise DTypeError(
            "expected a number, an array or a tensor, found None; a length that is None in t.shape "
            "is known when the graph runs: ag.shape(t)[0]"
        )
    try:
        array = np.asarray(value, dtype)
    except ValueError as e:
        if "inhomogeneous" not in str(e):
            raise
        raise ShapeError("the rows of an array must have one length; found a list of lists of several") from None
    if array.dtype.kind in "OUSV":
        kind = "text" if array.dtype.kind in "US" else f"a {type(value).__name__}"
        raise DTypeError(f"dtype {array.dtype} is not supported: expected numbers, found {kind}")
    return array


def endless(type: Any) -> UsageError:
    """The error of a loop over a tensor of this type, or of a question for its length."""
    why = "its first length is known when the graph runs: ag.shape(t)[0]" if type.shape else "it has no axes"
    return UsageError(f"cannot loop over {type}, nor tell its length: {why}")


def made_elsewhere(t: Any) -> UsageError:
    """The error of a call of the class of ``t``."""
    return UsageError(f"{type(t).__name__}: tensors are made by ag.constant(array), ag.placeholder and ag.variable")
