"""Commands that write, each on a folder of its own, and what has to hold of the folder however they ended."""

from __future__ import annotations

import importlib
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import harness
import traced
from outcomes import outcome
from traced import Fault, Outcome

SPEC = """
name: small
seed: 3
data: {name: iris, validation: 0.2}
model: [{dense: {units: 8, activation: tanh}}, {dropout: 0.2}, {dense: 3}]
loss: softmax_cross_entropy
optimizer: {adam: {lr: {plateau: {lr: 0.05, patience: 9}}, accumulate: 2, average: 0.9}}
train: {epochs: 1, batch_size: 32, eval_every: 2 steps, checkpoint_every: 1 steps, patience: 1000}
"""
BROKEN = """
name: broken
data: {name: iris, validation: 0.2}
model: [{dense: 4}, {dense: 3}]
loss: softmax_cross_entropy
optimizer: {sgd: {lr: 1.0e+30}}
train: {epochs: 9, batch_size: 64, checkpoint_every: 1 steps}
"""
LOADED = (
    "agcli", "agcli.training.trainer", "agcli.evaluation.evaluate", "agcli.prediction.files", "agcli.report.page.page",
    "agcli.data.first_spec", "agcli.inspection", "agcli.report.screen", "agcli.cli.train", "polars",
)  # fmt: skip
OLD = b"what was there before\n"
PARTS = re.compile(r"\..+\.part")
HALF = ".result.json.0123456789abcdef.part"  # what a killed training left
SAID = {"error=ENOSPC": "No space left on device", "error=EIO": "Input/output error"}


def forked(work: Callable[[], str]) -> str:
    """What a function returns in a fork of this process, which stays without threads; its exception as text."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.close(reading)
            harness.send(writing, harness.tried(lambda seed: work(), 0))
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as file:
        content = file.read()
    _, status = os.waitpid(child, 0)
    return content[4:].decode() if len(content) >= 4 else f"a fork died with status {status}"


def quietly(*arguments: str) -> tuple[int, str, str]:
    """Exit code, output and errors of a command in this process."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        before = sys.stdout, sys.stderr
        sys.stdout, sys.stderr = out, err
        try:
            code = traced.called(list(arguments))
        finally:
            sys.stdout, sys.stderr = before
        out.seek(0)
        err.seek(0)
        return code, out.read(), err.read()


def ended(*arguments: str) -> str:
    """The output of a command that has to succeed."""
    code, out, err = quietly(*arguments)
    if code:
        raise AssertionError(f"{' '.join(arguments)}: exit {code}: {err}")
    return out


class Place:
    """What commands start from, and what an undisturbed training of so many epochs comes to."""

    def __init__(self, folder: Path, epochs: int = 1) -> None:
        for name in LOADED:
            importlib.import_module(name)
        self.folder = folder
        self.spec, self.broken, self.table = folder / "small.yaml", folder / "broken.yaml", folder / "t.csv"
        self.spec.write_text(SPEC.replace("epochs: 1", f"epochs: {epochs}"))
        self.broken.write_text(BROKEN)
        rows = [f"{i / 8},{i % 7},{'ab'[i % 2]}\n" for i in range(60)]
        self.table.write_text("p,q,c\n" + "".join(rows))
        self.flowers = folder / "flowers.csv"
        self.flowers.write_text("sepal_length,sepal_width,petal_length,petal_width\n5,3,1,0.2\n6,3,4,1.2\n")
        self.whole, self.every, self.left, self.trained = (
            folder / "whole",
            folder / "every",
            folder / "left",
            folder / "trained",
        )
        made = json.loads(forked(self.make))
        self.hashes: dict[str, str] = made["hashes"]
        self.end: list[object] = made["end"]

    def make(self) -> str:
        """Train undisturbed, once with a checkpoint a step, once to the middle; a table's run, and its hashes."""
        from agcli.runs import Run, checkpoints
        from agcli.runs import run as module
        from agcli.spec import read_spec
        from agcli.training import Trainer

        ended("train", str(self.spec), "--out", str(self.whole), "--quiet")
        module.KEPT = 10**6
        ended("train", str(self.spec), "--out", str(self.every), "--quiet")
        module.KEPT = 2
        hashes = {}
        for path in Run(self.every).checkpoints():
            hashes[path.name] = checkpoints.read(Run(self.every).files, f"{checkpoints.PART}/{path.name}").hash
        trainer = Trainer(read_spec(self.spec), self.left)
        for event in (events := iter(trainer)):
            if trainer.session.step == 3 and type(event).__name__ != "Stepped":
                events.close()
        (self.left / HALF).write_text("half")
        table = self.folder / "table.yaml"
        ended("init", str(self.table), "--target", "c", "--out", str(table))
        ended("train", str(table), "--out", str(self.trained), "--quiet", "--set", "train.epochs=2")
        return json.dumps({"hashes": hashes, "end": end_of(self.whole)})


def half_written(folder: Path) -> list[str]:
    """The names of files below a folder that are not whole."""
    return sorted(path.name for path in folder.rglob("*") if PARTS.fullmatch(path.name))


def end_of(folder: Path) -> list[object]:
    """What has to be equal at the end of a training."""
    return json.loads(json.dumps([*outcome(folder), half_written(folder)]))


@dataclass(frozen=True)
class Scenario:
    """A command on a folder of its own, and what has to hold after it.

    ``prepare(place, folder)`` makes what the command starts from, ``arguments(place, folder)`` are its words.
    ``problem(place, folder, outcome)`` says what is wrong afterwards; ``ends`` is the exit code without a fault.
    """

    name: str
    prepare: Callable[[Place, Path], None]
    arguments: Callable[[Place, Path], list[str]]
    problem: Callable[[Place, Path, Outcome, Fault], str]
    ends: int = 0
    writes: str = ""  # the file that it was asked to write
    about: str = ""  # the file on which calls fail; all in the folder, if not given


# Trainings


def nothing(place: Place, folder: Path) -> None:
    folder.mkdir()


def trained_on(place: Place, folder: Path, outcome: Outcome, fault: Fault) -> str:
    """Whatever is in the folder of a training is whole, can be used, and goes on to the same end."""
    run = folder / "run"
    if outcome.code == 0 and (found := end_of(run)) != place.end:
        return f"it ended well, otherwise than undisturbed: {found}"
    parts = [name for name in half_written(run) if name != HALF]
    if parts and fault.kind != traced.KILL and fault.call != "unlinkat":
        return f"half-written files stay: {parts}"
    from agcli.runs import Run, checkpoints

    steps = checkpoints.steps(Run(run).files) if (run / "checkpoints").is_dir() else []
    for step in steps:
        name = checkpoints.name_of(step)
        if checkpoints.read(Run(run).files, name).hash != place.hashes[Path(name).name]:
            return f"{name}: holds another state than undisturbed"
    if (run / "spec.yaml").exists():
        for command in (["eval", str(run), "--split", "validation"], ["predict", str(run), str(place.flowers)]):
            code, _, err = quietly(*command)
            expected = 0 if steps else 2
            if code != expected or (not steps and "has no checkpoint yet" not in err):
                return f"{' '.join(command)}: exit {code}: {err}"
    ended("train", str(place.spec), "--out", str(run), "--resume", "auto", "--quiet")
    found = end_of(run)
    return "" if found == place.end else f"going on, it comes to {found}, not to {place.end}"


def left(place: Place, folder: Path) -> None:
    folder.mkdir()
    shutil.copytree(place.left, folder / "run")


def broken(place: Place, folder: Path, outcome: Outcome, fault: Fault) -> str:
    """A training that fails says why, whatever happens to its bundle; a bundle that it names can be repeated."""
    if outcome.code < 0:
        return ""
    if "the loss became" not in outcome.said:
        is_later = "failure-step-" in outcome.hit
        return "" if SAID[fault.kind] in outcome.said and not is_later else f"it does not say why: {outcome.said}"
    named = re.search(r"ag replay (\S+)", outcome.said)
    if named is None:
        return "" if SAID[fault.kind] in outcome.said else f"no bundle, and no word why: {outcome.said}"
    ended("replay", named[1])
    return ""


# Files that a command was asked to write


def asked(*names: str) -> Callable[[Place, Path], None]:
    """A folder with a trained run, and with old files of these names."""

    def prepare(place: Place, folder: Path) -> None:
        folder.mkdir()
        shutil.copytree(place.trained, folder / "run")
        for name in names:
            (folder / name).write_bytes(OLD)

    return prepare


def whole(name: str) -> Callable[[Place, Path, Outcome, Fault], str]:
    """The file is the old one, or the new one; with exit code 0 it is new, and nothing else lies beside it."""

    def problem(place: Place, folder: Path, outcome: Outcome, fault: Fault) -> str:
        path, new = folder / name, EXPECTED[name]
        found = path.read_bytes() if path.exists() else None
        if not is_whole(found, new) and not (found is None and name == "run/report.html"):
            return f"{name}: is neither the old content nor the new: {found!r}"
        if outcome.code == 0 and found in (OLD, None):
            return f"{name}: exit 0, and the old content is still there"
        others = sorted(p.name for p in path.parent.iterdir() if p.name != path.name and PARTS.fullmatch(p.name))
        is_let = fault.kind == traced.KILL or fault.call in ("unlink", "unlinkat")
        return "" if is_let or not others else f"half-written files stay: {others}"

    return problem


def is_whole(found: bytes | None, new: bytes) -> bool:
    """Whether content is the old or the new; a page may have another note."""
    is_page = found is not None and found.startswith(b"<!doctype html>") and found.endswith(b"</html>\n")
    return found in (OLD, new) or is_page


EXPECTED: dict[str, bytes] = {}  # file -> its new content, as the command writes it undisturbed


def removed(place: Place, folder: Path, outcome: Outcome, fault: Fault) -> str:
    """A removal that was cut short can be finished by another, or there is no run any more."""
    run = folder / "run"
    if outcome.code == 0:
        return f"exit 0, and it is still there: {sorted(run.rglob('*'))}" if run.exists() else ""
    code, _, err = quietly("runs", "rm", "--yes", str(run))
    from agcli.runs.places import is_free

    if run.exists() and not is_free(run):
        return f"a second removal leaves it: exit {code}: {err}: {sorted(run.rglob('*'))}"
    return ""


def out(name: str, *command: str) -> Scenario:
    """A command that writes a file into the folder."""

    def arguments(place: Place, folder: Path) -> list[str]:
        words = {
            "RUN": str(folder / "run"),
            "TABLE": str(place.table),
            "FILE": str(folder / name),
            "SPEC": str(place.spec),
        }
        return [words.get(word, word) for word in command]

    old = () if name == "run/report.html" else (name,)
    return Scenario(f"{command[0]} {name}", asked(*old), arguments, whole(name), writes=name, about=name)


SCENARIOS = (
    Scenario(
        "train", nothing, lambda p, f: ["train", str(p.spec), "--out", str(f / "run"), "--quiet"], trained_on
    ),
    Scenario("train --resume", left, lambda p, f: ["train", "--resume", str(f / "run"), "--quiet"], trained_on),
    Scenario(
        "a training that fails", nothing,
        lambda p, f: ["train", str(p.broken), "--out", str(f / "run"), "--quiet"], broken, 1,
    ),
    replace(out("out.csv", "predict", "RUN", "TABLE", "-o", "FILE"), about=""),
    out("out.csv.gz", "predict", "RUN", "TABLE", "-o", "FILE"),
    out("out.jsonl", "predict", "RUN", "TABLE", "-o", "FILE"),
    out("out.parquet", "predict", "RUN", "TABLE", "-o", "FILE"),
    out("run/report.html", "report", "RUN"),
    out("page.html", "report", "RUN", "--out", "FILE"),
    out("t.yaml", "init", "TABLE", "--out", "FILE", "--force"),
    out("model.svg", "show", "SPEC", "--format", "svg", "--out", "FILE"),
    Scenario("runs rm", asked(), lambda p, f: ["runs", "rm", "--yes", str(f / "run")], removed),
)  # fmt: skip
