"""Where a tensor was built: a line of the user's program, or the place in a spec that a block names."""

from __future__ import annotations

import sys
from contextvars import ContextVar
from typing import Any

_origin: ContextVar[Any] = ContextVar("origin", default=None)


class origin:  # noqa: N801
    """Say where the tensors built inside this block come from, such as ``models/mlp.yaml:14``."""

    __slots__ = ("place", "token")

    def __init__(self, place: str | tuple[str, int] | None) -> None:
        self.place = place

    def __enter__(self) -> None:
        self.token = _origin.set(self.place)

    def __exit__(self, *error: object) -> None:
        _origin.reset(self.token)


def built_at(place: Any) -> None:
    """Change the place of the innermost ``origin`` block, for what is built next: cheaper than a block for each."""
    _origin.set(place)


def here() -> Any:
    """The place that the innermost ``origin`` block names, else (file, line) of the caller outside of this library."""
    return _origin.get() or user_frame()


_LIBRARY = __file__.rsplit("origin.py", 1)[0]
_inside: dict[str, bool] = {}  # file name -> whether it belongs to this library


def user_frame() -> tuple[str, int]:
    """File and line of the nearest caller outside of this library."""
    frame = sys._getframe(2)
    while True:
        name = frame.f_code.co_filename
        inside = _inside.get(name)
        if inside is None:
            inside = _inside[name] = name.startswith(_LIBRARY)
        if not inside or frame.f_back is None:
            return name, frame.f_lineno
        frame = frame.f_back
