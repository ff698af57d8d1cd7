"""Decorators that put rules into a table under the names of ops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


def one_a_name(table: dict[str, F]) -> Callable[..., Callable[[F], F]]:
    """A decorator ``@rule(*names)`` for a table that has one rule for a name."""

    def rule(*names: str) -> Callable[[F], F]:
        def add(function: F) -> F:
            table.update(dict.fromkeys(names, function))
            return function

        return add

    return rule


def several_a_name(table: dict[str, list[F]]) -> Callable[..., Callable[[F], F]]:
    """A decorator ``@rule(*names)`` for a table that has a list of rules for a name, in the order of registration."""

    def rule(*names: str) -> Callable[[F], F]:
        def add(function: F) -> F:
            for name in names:
                table.setdefault(name, []).append(function)
            return function

        return add

    return rule
