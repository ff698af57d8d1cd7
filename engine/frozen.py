"""Classes of immutable records, as frozen dataclasses but made in a tenth of their time.

A dataclass compiles the text of its methods when it is defined, which for a hundred ops takes longer than importing
NumPy. Here all classes share the same functions, which know the names of the fields.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import get_annotations
from operator import attrgetter
from typing import Any, TypeVar, dataclass_transform, overload

T = TypeVar("T")


def initialise(self: Any, *args: Any, **kwargs: Any) -> None:
    cls = type(self)
    names: tuple[str, ...] = cls.__match_args__
    values = self.__dict__
    if len(args) == len(names) and not kwargs:
        values.update(zip(names, args, strict=True))
        return
    if len(args) > len(names):
        raise TypeError(f"{cls.__name__} takes {len(names)} attributes, got {len(args)}")
    values.update(zip(names, args, strict=False))
    for name in names[len(args) :]:
        if name in kwargs:
            values[name] = kwargs.pop(name)
        elif not hasattr(cls, name):
            raise TypeError(f"{cls.__name__} needs {name}")
        else:
            values[name] = getattr(cls, name)
    if kwargs:
        raise TypeError(f"{cls.__name__} has no attribute {', '.join(kwargs)}, or got it twice")


def show(self: Any) -> str:
    values = (f"{name}={getattr(self, name)!r}" for name in type(self).__match_args__)
    return f"{type(self).__qualname__}({', '.join(values)})"


def refuse(self: Any, name: str, *value: Any) -> None:
    raise AttributeError(f"{type(self).__name__} is frozen: {name} cannot be changed")


def comparisons(names: tuple[str, ...]) -> dict[str, Callable[..., Any]]:
    """Equality and hash by class and fields."""
    if not names:
        return {"__eq__": lambda self, other: type(self) is type(other), "__hash__": lambda self: hash(type(self))}
    read = attrgetter(*names)

    def equal(self: Any, other: Any) -> Any:
        return read(self) == read(other) if type(self) is type(other) else NotImplemented

    return {"__eq__": equal, "__hash__": lambda self: hash(read(self))}


def declared(cls: type) -> tuple[str, ...]:
    """Fields that the class inherits, then those that it annotates itself; class variables are none."""
    names = dict.fromkeys(name for base in cls.__mro__[:0:-1] for name in base.__dict__.get("__match_args__", ()))
    own = get_annotations(cls)
    return tuple(names | dict.fromkeys(name for name, kind in own.items() if not str(kind).startswith("ClassVar")))


@overload
def frozen(cls: type[T], *, eq: bool = True) -> type[T]: ...
@overload
def frozen(*, eq: bool = True) -> Callable[[type[T]], type[T]]: ...
@dataclass_transform(frozen_default=True)
def frozen(cls: Any = None, *, eq: bool = True) -> Any:
    """Decorate a class: its annotations are fields, which are given when an object is made and never change.

    Objects compare, hash and print by their fields; with ``eq=False`` each is equal to itself alone.
    """
    if cls is None:
        return lambda cls: frozen(cls, eq=eq)
    names = declared(cls)
    cls.__match_args__ = names  # type: ignore[misc]
    cls.__init__, cls.__setattr__, cls.__delattr__ = initialise, refuse, refuse
    if "__repr__" not in cls.__dict__:
        cls.__repr__ = show
    if eq:
        for name, method in comparisons(names).items():
            setattr(cls, name, method)
    return cls


def changed(record: T, **changes: Any) -> T:
    """The same record with other values of some fields."""
    cls: Any = type(record)
    return cls(**{name: getattr(record, name) for name in cls.__match_args__} | changes)  # type: ignore[no-any-return]
