"""What can go wrong between a graph and its values, each with a sentence for the person who caused it."""
from __future__ import annotations


class EngineError(Exception):
    """Base of every error that the engine raises on purpose; its text is the whole message."""

    exit_code = 2


class ShapeError(EngineError, ValueError):
    """Shapes, ranks or axes do not fit together."""


class DTypeError(EngineError, TypeError):
    """An op was given a dtype that it does not compute with."""


class GradientError(EngineError, ValueError):
    """A derivative was asked for that does not exist."""


class FeedError(EngineError, ValueError):
    """A placeholder was not fed, or was fed something that does not fit it."""


class ExecutionError(EngineError, ArithmeticError):
    """A kernel failed, or made a NaN or infinity while these are trapped."""

    exit_code = 1


class StateError(EngineError, ValueError):
    """Variables, their names, or a file of saved variables do not fit."""
