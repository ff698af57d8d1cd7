"""Commands whose n-th call of the system fails, or kills them: `python tests/fuzz/injected.py [COUNT [FIRST]]`.

For every command that writes, every call on its folder is failed with "no space left" and with "input/output error",
and every one that changes something is the last before a SIGKILL. What was there before, or the new content, is whole
then; whoever fails says so in one line; and a training goes on to the weights of an undisturbed one.
"""

from __future__ import annotations

import random
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import harness
import traced
from scenarios import EXPECTED, SAID, SCENARIOS, Place, Scenario, forked
from traced import Fault, Outcome

SECONDS = 120.0  # for one fault and what follows it
SIZE = 25  # faults of one worker


@dataclass(frozen=True)
class Point:
    """A scenario, and what goes wrong in it."""

    scenario: Scenario
    fault: Fault

    def __str__(self) -> str:
        return f"{self.scenario.name}: {self.fault}"


def attempt(place: Place, scenario: Scenario, fault: Fault) -> tuple[Outcome, Path]:
    """A scenario with a fault, and the folder in which it has been."""
    tried, warm = place.folder / "tried", place.folder / "warm"
    for folder in (tried, warm):
        shutil.rmtree(folder, ignore_errors=True)
        scenario.prepare(place, folder)
    outcome = traced.run(scenario.arguments(place, tried), scenario.arguments(place, warm), fault)
    return outcome, tried


def points(place: Place) -> Iterator[Point]:
    """Every fault of every scenario, by what its calls are without one."""
    for scenario in SCENARIOS:
        outcome, folder = attempt(place, scenario, traced.NONE)
        assert outcome.code == scenario.ends, f"{scenario.name}: exit {outcome.code}: {outcome.said}"
        if scenario.writes:
            EXPECTED[scenario.writes] = (folder / scenario.writes).read_bytes()
        for call, n in traced.calls(outcome.log, str(folder / scenario.about), ".part"):
            for kind in traced.FAULTS:
                if kind != traced.KILL or call in traced.CHANGING:
                    yield Point(scenario, Fault(call, n, kind))


def problem(place: Place, point: Point) -> str:
    """What is wrong with how a command takes a fault; empty if nothing is."""
    outcome, folder = attempt(place, point.scenario, point.fault)
    found = wrong_end(place, point, outcome)
    found = found or forked(lambda: point.scenario.problem(place, folder, outcome, point.fault))
    return f"{point}: {outcome.hit}: exit {outcome.code}, {outcome.said.strip()}: {found}" if found else ""


def wrong_end(place: Place, point: Point, outcome: Outcome) -> str:
    """What is wrong with the exit code or the message of a command."""
    said, kind = outcome.said.strip(), point.fault.kind
    if kind == traced.KILL:
        return "" if outcome.code == -9 else "it was not killed"
    if not outcome.hit:
        return "nothing failed"
    if outcome.code not in (0, 1, 2) or "Traceback" in said or "internal error" in said:
        return "that is no message"
    if outcome.code in (0, point.scenario.ends):
        return ""
    is_one = said.startswith("error: ") and "\n" not in said
    return "" if is_one and SAID[kind] in said and str(place.folder) in said else "expected the file and what is wrong"


def main() -> int:
    """Try COUNT points from FIRST on, all if none is given: those that change something first, in a random order."""
    if why := traced.refused():
        print(f"skipped: {why}")
        return 0
    with tempfile.TemporaryDirectory(prefix="ag-fuzz-") as scratch:
        place = Place(Path(scratch))
        every = list(points(place))
        random.Random(0).shuffle(every)
        every.sort(key=lambda point: traced.CALLS.index(point.fault.call) >= traced.CALLS.index("openat"))
        if len(sys.argv) < 2:
            sys.argv.append(str(len(every)))
        code = harness.main(lambda seed: problem(place, every[seed]), "faults", SECONDS, SIZE)
        count, first = (int(text) for text in (*sys.argv[1:3], "0")[:2])
        chosen = every[first : first + count]
        kinds = [f"{sum(point.fault.kind == kind for point in chosen):,} {kind}" for kind in traced.FAULTS]
        print(f"of {len(every):,}: {', '.join(kinds)}")
        return code


if __name__ == "__main__":
    sys.exit(main())
