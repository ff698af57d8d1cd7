"""The public names of ``import agcli as ag``."""

from __future__ import annotations

from agcli.engine import functional, ops
from agcli.engine.errors import (
    DTypeError,
    EngineError,
    ExecutionError,
    FeedError,
    GradientError,
    ShapeError,
    StateError,
)
from agcli.engine.function import Function, function
from agcli.engine.gradient import grad
from agcli.engine.graph import Constant, Op, Placeholder, Tensor, Variable, as_tensor, constant, placeholder, variable
from agcli.engine.initializers import glorot_uniform, he_normal, initial
from agcli.engine.optimizers import (
    Optimizer,
    adadelta,
    adagrad,
    adam,
    adamw,
    amsgrad,
    clipping,
    lamb,
    lbfgs,
    lion,
    nadam,
    radam,
    rmsprop,
    schedules,
    sgd,
)
from agcli.engine.table import OPS
from agcli.engine.testing import check_grads
from agcli.engine.variables import Variables, pack

assert ops
assert functional

globals().update({name: entry.function for name, entry in OPS.items()})

__all__ = sorted(
    [
        "Constant",
        "DTypeError",
        "EngineError",
        "ExecutionError",
        "FeedError",
        "Function",
        "GradientError",
        "Op",
        "Optimizer",
        "Placeholder",
        "ShapeError",
        "StateError",
        "Tensor",
        "Variable",
        "Variables",
        "adadelta",
        "adagrad",
        "adam",
        "adamw",
        "amsgrad",
        "as_tensor",
        "check_grads",
        "clipping",
        "constant",
        "function",
        "glorot_uniform",
        "grad",
        "he_normal",
        "initial",
        "lamb",
        "lbfgs",
        "lion",
        "nadam",
        "pack",
        "placeholder",
        "radam",
        "rmsprop",
        "schedules",
        "sgd",
        "variable",
        *OPS,
    ]
)
