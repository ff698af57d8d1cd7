"""Optimizers and schedules as graph.

A rule is a function ``(g, p, state) -> step`` that says how far to move ``p`` for the gradient ``g``; it declares its
moments and counters where it uses them, and rules chain. All parameters lie in one arena and are updated as one flat
tensor, so that an optimizer costs the same number of kernel calls for any number of parameters.
"""

from . import clipping, schedules
from .decay import PatternError
from .halt import Halt
from .lbfgs import Lbfgs, lbfgs
from .levenberg_marquardt import LevenbergMarquardt, levenberg_marquardt
from .optimizer import Optimizer, Step
from .rules import adadelta, adagrad, adam, adamw, amsgrad, lamb, lion, nadam, radam, rmsprop, sgd
from .schedules import Plateau
from .state import Rate, Rule, Schedule, State, chain, narrow

__all__ = [
    "Halt",
    "Lbfgs",
    "LevenbergMarquardt",
    "Optimizer",
    "PatternError",
    "Plateau",
    "Rate",
    "Rule",
    "Schedule",
    "State",
    "Step",
    "adadelta",
    "adagrad",
    "adam",
    "adamw",
    "amsgrad",
    "chain",
    "clipping",
    "lamb",
    "lbfgs",
    "levenberg_marquardt",
    "lion",
    "nadam",
    "narrow",
    "radam",
    "rmsprop",
    "schedules",
    "sgd",
]
