"""Damaged files of data: `python tests/fuzz/fuzz_files.py COUNT [FIRST [WORD]]`; a word is one that their names have.

A file of each format, bytes of it changed, is described, trained on, predicted and judged. Every command has to end
with a message or a result, and may change nothing but what it was asked to write.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import broken_files  # puts the project on the path
import harness
from broken_files import ROOT
from fuzz_runs import STEERING, called

from agcli.data import formats

# In a fresh process: threads of polars, once begun, are missing in a fork, which waits for them without an end.
MADE = """
import json, sys
sys.path[:0] = [sys.argv[1]]
import broken_files
from pathlib import Path
broken_files.write_all(Path(sys.argv[2]))
import agcli
for spec, run in json.loads(sys.argv[3]):
    agcli.train(spec, run)
"""
SMALL = {"model": [{"dense": 2}], "loss": "softmax_cross_entropy", "train": {"epochs": 1, "batch_size": 20}}
OPTIONS = (
    {"encoding": "utf-16"}, {"encoding": "shift-jis"}, {"comment": "#"}, {"header": False}, {"separator": ";"},
    {"missing": ["x"]}, {"decimal": ","}, {"index": True}, {"stream": True}, {"columns": {"a": "categorical"}},
    {"test_file": "samples.csv"}, {"split": {"time": "d"}}, {"split": {"group": "t"}},
)  # fmt: skip


class Place:
    """Whole files, trained runs, and a folder in which a damaged file is tried."""

    def __init__(self, folder: Path, word: str = "") -> None:
        self.folder, self.tried = folder, folder / "tried"
        self.files = folder / "files"
        self.files.mkdir()
        self.runs = {kind: folder / "runs" / kind for kind in (formats.TABLE, formats.ARRAYS)}
        specs = {
            formats.TABLE: {"name": "table", "file": str(self.files / "samples.csv"), "target": "kind"},
            formats.ARRAYS: {"name": "arrays", "file": str(self.files / "samples.npz"), "target": "y"},
        }
        made = [({"name": kind, "data": data, **SMALL}, str(self.runs[kind])) for kind, data in specs.items()]
        made[1][0]["data"]["columns"] = {"y": "categorical"}
        here = str(Path(__file__).resolve().parent)
        subprocess.run([sys.executable, "-c", MADE, here, self.files, json.dumps(made)], cwd=ROOT, check=True)
        self.contents = {path.name: path.read_bytes() for path in sorted(self.files.iterdir()) if word in path.name}
        self.before = self.state()

    def state(self) -> dict[str, tuple[int, int, int]]:
        """All that lies outside of the folder of what is tried."""
        found = {}
        for part in (self.files, self.folder / "runs"):
            for path in sorted(part.rglob("*")):
                state = path.lstat()
                found[str(path)] = (state.st_mode, state.st_size, state.st_mtime_ns)
        return found


def command(name: str, kind: str, rng: random.Random, place: Place) -> tuple[list[str], set[str]]:
    """What is done with the file, and what it may write."""
    run = str(place.runs.get(kind, place.runs[formats.TABLE]))
    match rng.randrange(6 if kind != formats.TEXT else 3):
        case 0:
            return ["data", "info", name, *rng.choice(([], [], ["--json"]))], set()
        case 1:
            return ["init", name, "--out", "made.yaml"], {"made.yaml"}
        case 2:
            Path("spec.yaml").write_text(json.dumps(spec(name, kind, rng)))
            return ["train", "spec.yaml", "--dry-run", "--quiet"], {"spec.yaml"}
        case 3 | 4:
            options = [o for o in ("--skip-bad", "--keep", "--json") if rng.random() < 0.4]
            return ["predict", run, name, "--out", "out.jsonl", *options], {"out.jsonl"}
        case _:
            return ["eval", run, "--data", name, *rng.choice(([], ["--json"]))], set()


def spec(name: str, kind: str, rng: random.Random) -> dict[str, object]:
    """A spec that trains on the file, often with a word about how it is written."""
    if kind == formats.TEXT:
        data = {"name": "text", "file": name, "length": 8}
        return {"data": data, **SMALL, "model": [{"embedding": {"size": 300, "width": 4}}, {"dense": 300}]}
    data = {"name": kind, "file": name}
    if kind == formats.TABLE:
        data["target"] = rng.choice(("kind", "kind", "a", "t", "u"))
    elif rng.random() < 0.5:
        data["target"] = "y"
    if kind == formats.TABLE and rng.random() < 0.3:
        data |= rng.choice(OPTIONS)
    return {"data": data, **SMALL}


def worked(place: Place) -> Callable[[int], str]:
    """What tries one seed."""
    caught = Caught()

    def work(seed: int) -> str:
        rng = random.Random(seed)
        name = rng.choice(list(place.contents))
        content = broken_files.damaged_file(name, place.contents[name], rng)
        folder = place.tried / str(seed)
        folder.mkdir(parents=True)
        try:
            os.chdir(folder)
            shutil.copyfile(place.files / "samples.csv", "samples.csv")
            Path(name).write_bytes(content)
            arguments, allowed = command(name, formats.kind_of(Path(name)), rng, place)
            caught.read()
            code, said, shown = called(arguments)
            there = {path.name for path in folder.iterdir()} - {name, "samples.csv"} - allowed
            what = f"{name}: {' '.join(arguments)}: "
            if code not in (0, 1, 2) or "internal error" in said or (code and not said):
                return f"{what}exit {code}: {said}"
            if any(mark in shown for mark in STEERING):
                return f"{what}the terminal is steered: {shown!r}"
            if there or Path(name).read_bytes() != content or place.state() != place.before:
                return f"{what}something outside has changed {there}"
            beside = caught.read()
            return f"{what}written past Python: {beside}" if beside else ""
        finally:
            os.chdir(place.folder)
            shutil.rmtree(place.tried, ignore_errors=True)

    return work


class Caught:
    """What libraries write on standard error by themselves, such as the words of a panic."""

    def __init__(self) -> None:
        self.place, self.owner = -1, 0

    def read(self) -> str:
        """What was written since the last time; at the first in a process, a file takes the place of standard error."""
        if self.owner != os.getpid():
            with tempfile.TemporaryFile() as file:
                self.place, self.owner = os.dup(file.fileno()), os.getpid()
            os.dup2(self.place, 2)
        os.lseek(self.place, 0, os.SEEK_SET)
        found = os.read(self.place, 1 << 16)
        os.ftruncate(self.place, 0)
        os.lseek(self.place, 0, os.SEEK_SET)
        return found.decode("utf-8", "replace")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="ag-fuzz-") as scratch:
        sys.exit(harness.main(worked(Place(Path(scratch), "".join(sys.argv[3:4]))), "files"))
