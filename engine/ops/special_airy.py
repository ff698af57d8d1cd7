"""Airy functions Ai and Bi and their derivatives, under SymPy's names: SciPy gives the four of them at once."""

from __future__ import annotations

import numpy as np

from ..graph import Like, Tensor, call
from ..types import Array
from . import special_asymptotics as asymptotics
from .base import SciPy
from .special_base import Compute, function, one, pieces

AIRY = SciPy("airy")


def airy(which: int) -> Compute:
    """One of what SciPy's ``airy`` gives, but that of ``asymptotics`` for large -x."""

    def compute(x: Array) -> Array:
        return pieces(
            x,
            lambda x: np.asarray(AIRY(x)[which]),
            (x < asymptotics.AIRY_FAR, lambda x: asymptotics.airy(x, which)),
            (np.isinf(x), lambda x: np.where(x > 0, np.inf if which > 1 else 0, np.nan if which % 2 else 0)),
        )

    return compute


@function(airy(0), lambda g, y, x: (g * call("airyaiprime", x),), *one())
def airyai(x: Like) -> Tensor:
    """Airy function Ai (DLMF 9.2.2); SciPy's ``airy(x)[0]``.

    >>> print(ag.airyai(1.0).eval().round(6))
    0.135292
    """
    return call("airyai", x)


@function(airy(1), lambda g, y, x: (g * (x * airyai(x)),), *one())
def airyaiprime(x: Like) -> Tensor:
    """Derivative of the Airy function Ai; SciPy's ``airy(x)[1]``.

    >>> print(ag.airyaiprime(1.0).eval().round(6))
    -0.159147
    """
    return call("airyaiprime", x)


@function(airy(2), lambda g, y, x: (g * call("airybiprime", x),), *one())
def airybi(x: Like) -> Tensor:
    """Airy function Bi (DLMF 9.2.2); SciPy's ``airy(x)[2]``.

    >>> print(ag.airybi(1.0).eval().round(6))
    1.207424
    """
    return call("airybi", x)


@function(airy(3), lambda g, y, x: (g * (x * airybi(x)),), *one())
def airybiprime(x: Like) -> Tensor:
    """Derivative of the Airy function Bi; SciPy's ``airy(x)[3]``.

    >>> print(ag.airybiprime(1.0).eval().round(6))
    0.932436
    """
    return call("airybiprime", x)
