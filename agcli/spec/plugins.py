"""Plug-ins: what other distributions put into an entry-point group, listed from metadata and loaded one by one.

A distribution names them in its pyproject.toml:

    [project.entry-points."agcli.losses"]
    tilted = "my_package.losses:TILTED"
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any, TypeVar

GROUPS = ("agcli.layers", "agcli.losses", "agcli.metrics", "agcli.formats")
Row = TypeVar("Row")


class PluginError(ValueError):
    """A plug-in that cannot be used: the text names it, its distribution, and what to do."""

    exit_code = 2


@dataclass(frozen=True)
class Plugin:
    """An entry point that is not loaded yet."""

    entry: EntryPoint

    @property
    def name(self) -> str:
        """The name that a spec writes."""
        return self.entry.name

    @property
    def distribution(self) -> str:
        """Name and version of the distribution that brings it."""
        found = self.entry.dist
        return f"{found.metadata['Name']} {found.version}" if found is not None else "an unknown distribution"

    def load(self, kind: type[Row]) -> Row:
        """What the entry point names. Raises PluginError for one that cannot be imported, or is of another kind."""
        row = guarded(self, self.entry.load)
        if not isinstance(row, kind):
            raise self.error(f"expected {kind.__module__}.{kind.__name__}, found {type(row).__name__}")
        return row

    def error(self, problem: str) -> PluginError:
        """The error for a plug-in that does not work."""
        place = f"{self.entry.group}: {self.entry.value}"
        return PluginError(
            f"the plug-in `{self.name}` of {self.distribution} ({place}) is broken: {problem}; "
            "repair the distribution, or uninstall it"
        )


def guarded(plugin: Plugin, call: Callable[[], Any]) -> Any:
    """What a plug-in's own code gives. Raises PluginError for whatever goes wrong in it."""
    try:
        return call()
    except (Exception, SystemExit) as error:  # it is the code of others
        problem = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise plugin.error(problem) from error


def plugins(group: str) -> dict[str, Plugin]:
    """The plug-ins of a group by name, read from metadata; none of them is loaded. The first of a name counts."""
    found: dict[str, Plugin] = {}
    for entry in entry_points(group=group):
        found.setdefault(entry.name, Plugin(entry))
    return dict(sorted(found.items()))
