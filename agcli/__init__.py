"""Train models described in YAML, and differentiate formulas, with a small lazy autograd engine on NumPy.

    >>> import agcli as ag
    >>> x, y = ag.placeholder("x"), ag.placeholder("y")
    >>> z = 2 * x * x + 3 * y + 1
    >>> gx, = ag.grad([z], [x])
    >>> print(gx.eval({x: 2.0}))
    8.0

Names are loaded on first use, so that importing this package, and `ag --help`, costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agcli.api import *  # noqa: F403
    from agcli.ops import *  # noqa: F403

    __version__: str

# Names for plug-ins, whose fields `ag schema` reads: their modules must be able to load without the engine.
WITHOUT_ENGINE = {
    "Layer": "agcli.spec.nouns",
    "Loss": "agcli.spec.nouns",
    "Metric": "agcli.spec.nouns",
}


def find(name: str) -> Any:
    """The public name or the module called ``name``."""
    if name == "__version__":
        return version()
    if name.startswith("_") and name != "__all__":
        raise AttributeError(name)
    if name in WITHOUT_ENGINE:
        globals()[name] = value = getattr(import_module(WITHOUT_ENGINE[name]), name)
        return value
    api = import_module("agcli.api")
    if name == "__all__":
        return sorted(api.__all__)
    if name in api.__all__:
        globals()[name] = value = getattr(api, name)
        return value
    try:
        return import_module(f"agcli.{name}")
    except ModuleNotFoundError:
        from agcli.foreign_names import nearest, sentence

        known, near = sentence(name), nearest(name, api.__all__)
        hint = f"; {known}" if known else f"; did you mean ag.{near}?" if near else ""
        raise AttributeError(f"module 'agcli' has no attribute {name!r}{hint}") from None


def version() -> str:
    """The version that is installed; to read it takes longer than the rest of this module."""
    from importlib import metadata

    try:
        return metadata.version("agcli")
    except metadata.PackageNotFoundError:  # a checkout that only lies on the path
        return "0+unknown"


if not TYPE_CHECKING:  # else every name would be there, of type Any
    __getattr__ = find


def __dir__() -> list[str]:
    return sorted(import_module("agcli.api").__all__)
