"""What can go wrong between a graph and its values, each with a sentence for the person who caused it."""

from __future__ import annotations


class EngineError(Exception):
    """Base of every error that the engine raises on purpose; its text is the whole message.

    >>> try:
    ...     ag.matmul(ag.zeros((2, 3)), ag.zeros((4, 5)))
    ... except ag.EngineError as error:
    ...     print(type(error).__name__, error.exit_code)
    ShapeError 2
    """

    exit_code = 2


class ShapeError(EngineError, ValueError):
    """Shapes, ranks or axes do not fit together.

    >>> ag.reshape(ag.zeros((2, 3)), (4, 2))
    Traceback (most recent call last):
    agcli.engine.errors.ShapeError: reshape: (2, 3) has 6 elements, (4, 2) has 8 (broadcast_to)
    """


class DTypeError(EngineError, TypeError):
    """An op was given a dtype that it does not compute with.

    >>> ag.take([1.0, 2.0], 0.5)
    Traceback (most recent call last):
    agcli.engine.errors.DTypeError: take: an index must be integers, got float64() (reshape)
    """


class GradientError(EngineError, ValueError):
    """A derivative was asked for that does not exist.

    >>> x, other = ag.placeholder("x"), ag.placeholder("other")
    >>> ag.grad(x * x, other)
    Traceback (most recent call last):
    agcli.engine.errors.GradientError: grad: other does not reach multiply; allow_unused=True gives zeros
    """


class Refused:
    """In the place of a cotangent: by this input there is no derivative, which is an error only where one is asked."""

    __slots__ = ("message",)

    def __init__(self, message: str) -> None:
        self.message = message

    def error(self) -> GradientError:
        return GradientError(self.message)


class UsageError(EngineError, TypeError):
    """Something other than a tensor was given, or a tensor where numbers are needed; the text shows what to write.

    >>> int(ag.placeholder("x"))
    Traceback (most recent call last):
    agcli.engine.errors.UsageError: a lazy tensor is not a number (int); call tensor.eval(feeds)
    """


class FeedError(EngineError, ValueError):
    """A placeholder was not fed, or was fed something that does not fit it.

    >>> x = ag.placeholder("x", (3,))
    >>> ag.function(2 * x)([1.0, 2.0])
    Traceback (most recent call last):
    agcli.engine.errors.FeedError: placeholder x: expected float32(3,), got float32(2,)
    """


class ExecutionError(EngineError, ArithmeticError):
    """A kernel failed, or made a NaN or infinity while these are trapped.

    >>> x = ag.placeholder("x")
    >>> try:
    ...     ag.function(ag.log(x), debug_nans=True)(x=0.0)
    ... except ag.ExecutionError as error:
    ...     print(str(error).partition(" (")[0])
    log made the first infinity, in float32(); inputs: x in [0, 0]
    """

    exit_code = 1


class StateError(EngineError, ValueError):
    """Variables, their names, or a file of saved variables do not fit.

    >>> store = ag.Variables()
    >>> store["w"]
    Traceback (most recent call last):
    agcli.engine.errors.StateError: variables: there is no 'w'
    """
