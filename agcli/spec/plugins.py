"""Plug-ins: what other distributions put into an entry-point group, listed from metadata and loaded one by one.

A distribution names them in its pyproject.toml:

    [project.entry-points."agcli.losses"]
    tilted = "my_package.losses:Tilted"
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any, TypeVar

from pydantic import ValidationError

GROUPS = ("agcli.layers", "agcli.losses", "agcli.metrics", "agcli.formats")
SHOWN_CHARACTERS = 300  # of what is wrong with one
Row = TypeVar("Row")

brought: dict[str, str] = {}  # the distributions of the plug-ins that this process has loaded, with their versions


class PluginError(ValueError):
    """A plug-in that cannot be used: the text names it, its distribution, and what to do."""

    exit_code = 2


@dataclass(frozen=True)
class Plugin:
    """An entry point that is not loaded yet."""

    entry: EntryPoint
    rivals: tuple[EntryPoint, ...] = ()  # of the same name, in other distributions

    @property
    def name(self) -> str:
        """The name that a spec writes."""
        return self.entry.name

    @property
    def distribution(self) -> str:
        """Name and version of the distribution that brings it."""
        return distribution_of(self.entry)

    def load(self, kind: type[Row]) -> Row:
        """What the entry point names. Raises PluginError for one that cannot be imported, or is of another kind."""
        row = self.loaded()
        if not isinstance(row, kind):
            raise self.error(f"expected {kind.__module__}.{kind.__name__}, found {type(row).__name__}")
        return row

    def loaded(self) -> Any:
        """The same, whatever it is."""
        if self.rivals:
            others = " and ".join(distribution_of(entry) for entry in self.rivals)
            raise self.error(f"{others} has one of the same name", "uninstall one of them")
        row = guarded(self, self.entry.load)
        name, _, version = self.distribution.rpartition(" ")
        brought[name] = version
        return row

    def error(self, problem: str, mend: str = "repair the distribution, or uninstall it") -> PluginError:
        """The error for a plug-in that does not work."""
        place = f"{self.entry.group}: {self.entry.value}"
        return PluginError(f"the plug-in `{self.name}` of {self.distribution} ({place}) is broken: {problem}; {mend}")

    def error_of(self, error: BaseException) -> PluginError:
        """The same, for what its own code raised."""
        text = " ".join(str(error).split())
        shown = text if len(text) <= SHOWN_CHARACTERS else f"{text[: SHOWN_CHARACTERS - 1]}…"
        return self.error(f"{type(error).__name__}: {shown}" if shown else type(error).__name__)


def guarded(plugin: Plugin, call: Callable[[], Row]) -> Row:
    """What a plug-in's own code gives. Raises PluginError for whatever goes wrong in it, but for faults of a spec."""
    try:
        return call()
    except (PluginError, ValidationError):
        raise
    except (Exception, SystemExit) as error:  # it is the code of others
        raise plugin.error_of(error) from error


def plugins(group: str) -> dict[str, Plugin]:
    """The plug-ins of a group by name, read from metadata; none of them is loaded."""
    found: dict[str, Plugin] = {}
    for entry in entry_points(group=group):
        first = found.get(entry.name)
        found[entry.name] = Plugin(entry) if first is None else Plugin(first.entry, (*first.rivals, entry))
    return dict(sorted(found.items()))


def distribution_of(entry: EntryPoint) -> str:
    """Name and version of the distribution that brings an entry point."""
    about = entry.dist.metadata if entry.dist is not None else None
    if about is None or not about["Name"]:  # metadata that lost its file, as a broken uninstall leaves it
        return "an unknown distribution"
    return f"{about['Name']} {about['Version']}"
