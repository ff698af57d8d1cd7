"""The public names of ``import agcli as ag``: the ops of the table, and what is built around them."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from agcli import WITHOUT_ENGINE, ops
from agcli.engine.custom import checkpoint, custom_gradient
from agcli.engine.errors import (
    DTypeError,
    EngineError,
    ExecutionError,
    FeedError,
    GradientError,
    ShapeError,
    StateError,
    UsageError,
)
from agcli.engine.function import Function, function
from agcli.engine.gradient import grad
from agcli.engine.graph import Constant, Op, Tensor, as_tensor, constant
from agcli.engine.initializers import glorot_uniform, he_normal, initial
from agcli.engine.leaves import Placeholder, Variable, placeholder, variable
from agcli.engine.loops.odeint import odeint
from agcli.engine.loops.scan import scan
from agcli.engine.ops.control import apply, assign, print_shape, print_value, tap, with_dependencies
from agcli.engine.ops.keys import random_key, split_key
from agcli.engine.optimizers import (
    Lbfgs,
    LevenbergMarquardt,
    Optimizer,
    Plateau,
    adadelta,
    adagrad,
    adam,
    adamw,
    amsgrad,
    chain,
    clipping,
    lamb,
    lbfgs,
    levenberg_marquardt,
    lion,
    nadam,
    radam,
    rmsprop,
    schedules,
    sgd,
)
from agcli.engine.show import show
from agcli.engine.table import OPS
from agcli.engine.testing import check_grads
from agcli.engine.transforms.apply import (
    gauss_newton_vp,
    hessian,
    hvp,
    jacobian,
    jvp,
    per_example_grads,
    value_and_grad,
    vjp,
    vmap,
)
from agcli.engine.variables import Variables, load_arrays, pack, save_arrays
from agcli.ops import *  # noqa: F403

if TYPE_CHECKING:
    from agcli.expression import ExpressionError
    from agcli.expression.api import derivative, parse, to_latex, to_python, to_text
    from agcli.expression.proved.api import proved_digits
    from agcli.python_api import TrainedRun, Trainer, load, train
    from agcli.solving.api import minimize
    from agcli.spec.nouns import Layer, Loss, Metric

LAZY = {  # the expression language and training are loaded by those who use them
    **WITHOUT_ENGINE,
    "ExpressionError": "agcli.expression",
    "TrainedRun": "agcli.python_api",
    "Trainer": "agcli.python_api",
    "derivative": "agcli.expression.api",
    "load": "agcli.python_api",
    "minimize": "agcli.solving.api",
    "parse": "agcli.expression.api",
    "proved_digits": "agcli.expression.proved.api",
    "to_latex": "agcli.expression.api",
    "to_python": "agcli.expression.api",
    "to_text": "agcli.expression.api",
    "train": "agcli.python_api",
}


def display(t: Tensor) -> str | None:
    """A tensor in a notebook."""
    return import_module("agcli.expression.api").notebook(t)  # type: ignore[no-any-return]


Tensor.display = display


def solve(a: Any, b: Any = None, **options: Any) -> Any:  # type: ignore[no-redef]
    """The solution x of ``a @ x = b`` for square ``a``; ``b`` is a vector or has right sides as its columns.

    Of a text, or of a list of texts, the roots of the formula, equation or system, as ``ag solve`` finds them: a
    ``Roots`` with its ``points``. Then ``b`` are bounds, as in ``{"x": (0, 1)}``, and ``options`` are
    ``start={"x": 1}``, ``at={"a": 3}``, ``starts=64`` and ``seed=0``. Raises ExpressionError.

    >>> print(ag.solve([[2.0, 0.0], [1.0, 1.0]], [4.0, 5.0]).eval())
    [2. 3.]
    >>> [root.at for root in ag.solve("x^2 = 4").points]
    [{'x': -2.0}, {'x': 2.0}]
    """
    if isinstance(a, str) or (isinstance(a, list | tuple) and {type(t) for t in a} == {str}):
        return import_module("agcli.solving.api").solve(a, **{"bounds": b} | options)
    return OPS["solve"].function(a, b, **options)


def __getattr__(name: str) -> Any:
    if name not in LAZY:
        raise AttributeError(f"module 'agcli.api' has no attribute {name!r}")
    globals()[name] = value = getattr(import_module(LAZY[name]), name)
    return value


__all__ = [
    "Constant",
    "DTypeError",
    "EngineError",
    "ExecutionError",
    "ExpressionError",
    "FeedError",
    "Function",
    "GradientError",
    "Layer",
    "Lbfgs",
    "LevenbergMarquardt",
    "Loss",
    "Metric",
    "Op",
    "Optimizer",
    "Placeholder",
    "Plateau",
    "ShapeError",
    "StateError",
    "Tensor",
    "TrainedRun",
    "Trainer",
    "UsageError",
    "Variable",
    "Variables",
    "adadelta",
    "adagrad",
    "adam",
    "adamw",
    "amsgrad",
    "apply",
    "as_tensor",
    "assign",
    "chain",
    "check_grads",
    "checkpoint",
    "clipping",
    "constant",
    "custom_gradient",
    "derivative",
    "function",
    "gauss_newton_vp",
    "glorot_uniform",
    "grad",
    "he_normal",
    "hessian",
    "hvp",
    "initial",
    "jacobian",
    "jvp",
    "lamb",
    "lbfgs",
    "levenberg_marquardt",
    "lion",
    "load",
    "load_arrays",
    "minimize",
    "nadam",
    "odeint",
    "pack",
    "parse",
    "per_example_grads",
    "placeholder",
    "print_shape",
    "print_value",
    "proved_digits",
    "radam",
    "random_key",
    "rmsprop",
    "save_arrays",
    "scan",
    "schedules",
    "sgd",
    "show",
    "split_key",
    "tap",
    "to_latex",
    "to_python",
    "to_text",
    "train",
    "value_and_grad",
    "variable",
    "vjp",
    "vmap",
    "with_dependencies",
]
__all__ += ops.__all__
