"""Run everything that can be run, and write what ran, where and with what result into docs/verified.md.

    python tools/verify.py [PART...]     lint types rules values fuzz tests narrow peers; all without one

With parts, their rows take the place of those in the page, whose others stay as they are, each with its commit.

`./check full` calls this in an environment that has all extras. A part that fails, and a test that is skipped, is a
failure, and the page says so; the page is written after all parts have run.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from shutil import which
from typing import Any
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "verified.md"
FUZZING = 60  # seconds
PROGRAMS = ("cc", "chromium", "pdflatex", "strace")  # that tests use where they are
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import narrow  # noqa: E402  # needs the path

PYTHON = sys.executable
COMMANDS = {
    "lint": ["bash", "check", "lint"],
    "types": ["bash", "check", "types"],
    "tests": [PYTHON, "-m", "pytest", "-n", "auto", "--no-skips"],
    "fuzz": [PYTHON, "tests/expression/fuzz_expression.py", str(FUZZING)],
    "rules": [PYTHON, "tests/expression/rules.py", "200000", "--jobs", "1"],  # forms of the simplifier, at 50 digits
    "values": [PYTHON, "-m", "tests.expression.values_corpus", "0.6"],  # over 20,000 pairs of a formula and a point
    "peers": [PYTHON, "-m", "benchmarks", "run", "--peers", "torch,jax,hips", "--quick"],
}
PARTS = ("lint", "types", "rules", "values", "fuzz", "tests", "narrow", "peers")
BESIDE = ("rules", "values", "fuzz")  # one process each, and none is timed: they run side by side
NARROW = ["-m", "numeric and not long", "--one-in", "3"]  # a third of the cases of each test about numbers


@dataclass(frozen=True)
class Row:
    """One part: what it ran with, what came of it, and what it took."""

    part: str
    kernels: str
    code: int
    counts: tuple[int, int, int] | None  # passed, failed, skipped, of a part that counts
    wall: float
    processor: float
    commit: str = ""

    @property
    def good(self) -> bool:
        return self.code == 0 and (self.counts is None or not any(self.counts[1:]))

    def __str__(self) -> str:
        passed, failed, skipped = ("",) * 3 if self.counts is None else (f"{n:,}" for n in self.counts)
        result = "passed" if self.good else f"**failed** (exit code {self.code})"
        cells = (self.part, self.kernels, result, passed, failed, skipped, f"{self.wall:.0f}", f"{self.processor:.0f}")
        return f"| {' | '.join(cells)} | {self.commit} |"


def counted(path: Path) -> tuple[int, int, int] | None:
    """Passed, failed and skipped tests of a report in JUnit's form."""
    if not path.is_file() or not path.stat().st_size:
        return None
    suites = ElementTree.parse(path).getroot().iter("testsuite")
    sums = [0, 0, 0, 0]
    for suite in suites:
        for i, name in enumerate(("tests", "failures", "errors", "skipped")):
            sums[i] += int(suite.get(name, 0))
    total, failures, errors, skipped = sums
    return total - failures - errors - skipped, failures + errors, skipped


def measured(part: str, kernels: str, command: list[str], environment: dict[str, str]) -> Row:
    """Run a part, whose output goes where ours goes."""
    print(f"== {part}: {kernels}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        more = [f"--junitxml={report}"] if "pytest" in command else []
        began = time.perf_counter()
        process = subprocess.Popen([*command, *more], cwd=ROOT, env=environment)
        _, status, used = os.wait4(process.pid, 0)  # with what it waited for itself
        process.returncode = code = os.waitstatus_to_exitcode(status)
        wall, spent = time.perf_counter() - began, used.ru_utime + used.ru_stime
        return Row(part, kernels, code, counted(report), wall, spent, commit()[:9])


def commit() -> str:
    """The commit that is checked out."""
    command = ["git", "rev-parse", "HEAD"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip() or "unknown"


def kept(text: str, done: list[Row]) -> list[str]:
    """The rows of an older page for parts that did not run now."""
    table = text.rpartition("|---|---|---|---:|")[2].splitlines()[1:]
    again = {row.part for row in done}
    return [line for line in table if line.startswith("| ") and line.split(" | ")[0].removeprefix("| ") not in again]


def rows(parts: tuple[str, ...]) -> list[Row]:
    """Run the parts, each with the kernels that are its own."""
    here = narrow.kernels(os.environ)
    everything = {**os.environ, "AG_LONG": "1"}

    def run(part: str) -> Row:
        return measured(part, narrow.described(here), COMMANDS[part], everything)

    done = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for part in parts:
            if part == "narrow":
                done += narrow_rows(here)
            elif part not in BESIDE:
                done.append(run(part))
            elif part == next(p for p in parts if p in BESIDE):
                done += pool.map(run, [p for p in parts if p in BESIDE])
    return done


def narrow_rows(here: dict[str, Any]) -> Iterator[Row]:
    """The tests about numbers, at each level below what this machine has."""
    for level in narrow.narrower(here):
        new = narrow.environment(level, here)
        found = narrow.kernels(new)
        row = measured(f"numeric, {level.title}", narrow.described(found), [*COMMANDS["tests"], *NARROW], new)
        faults = narrow.wrong(level, found)
        yield replace(row, kernels=f"not narrow: {'; '.join(faults)}", code=1) if faults else row


def versions() -> str:
    """What the extra `full` brings, as it is installed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = sum(project["optional-dependencies"].values(), project["dependencies"])
    names = {re.split(r"[^\w.-]", line)[0].lower() for line in wanted} - {"agcli"}
    found = {d.metadata["Name"].lower(): d.version for d in metadata.distributions()}
    return ", ".join(f"{name} {found.get(name, 'missing')}" for name in sorted(names))


def programs() -> str:
    """Those that tests may use, as far as they are there."""
    return ", ".join(name for name in PROGRAMS if which(name)) or "none"


def page(done: list[Row], when: str, others: Sequence[str] = ()) -> str:
    """The page as Markdown; ``others`` are rows of an older one."""
    from agcli.runs.environment import processor

    good = all(row.good for row in done) and all(" | passed | " in line for line in others)
    lines = sorted([*others, *map(str, done)], key=place)
    return f"""# Verified

`./check full` ran everything with all extras, and wrote this page; do not edit it. A test that is skipped counts as a
failure there. The gate, `.ci/run`, runs less: it has neither peers nor browsers.

**{"All parts passed." if good else "Not all parts passed."}**

| what | is |
|---|---|
| date | {when} |
| processor | {processor()}, {os.cpu_count()} cores |
| system | {platform.system()} {platform.machine()}, {" ".join(platform.libc_ver())} |
| Python | {platform.python_version()} |
| libraries | {versions()} |
| programs | {programs()} |

Wall and processor time are in seconds, on a machine that may have been busy.

| part | kernels | result | passed | failed | skipped | wall | processor | commit |
|---|---|---|---:|---:|---:|---:|---:|---|
{chr(10).join(lines)}
"""


def place(line: str) -> int:
    """Where a row stands in the page."""
    part = line.split(" | ", maxsplit=1)[0].removeprefix("| ")
    return PARTS.index(part if part in PARTS else "narrow")


def main(arguments: list[str]) -> int:
    if unknown := set(arguments) - set(PARTS):
        print(f"expected some of {' '.join(PARTS)}, got {' '.join(sorted(unknown))}", file=sys.stderr)
        return 2
    from benchmarks import nist

    when = time.strftime("%Y-%m-%d", time.gmtime())
    with tempfile.TemporaryDirectory() as place:
        if nist.FOLDER not in os.environ:
            os.environ[nist.FOLDER] = str(nist.downloaded(Path(place)))
        done = rows(tuple(arguments) or PARTS)
    others = kept(PAGE.read_text("utf-8"), done) if arguments and PAGE.is_file() else []
    PAGE.write_text(page(done, when, others), encoding="utf-8")
    print(PAGE.read_text("utf-8"))
    return int(not all(row.good for row in done))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
