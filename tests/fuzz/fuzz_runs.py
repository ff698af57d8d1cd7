"""Mutated run folders: `python tests/fuzz/fuzz_runs.py COUNT [FIRST]`.

Bytes are flipped, files cut, removed, swapped, and put in the place of links to scratch files, pipes and folders. Every
command that reads a run, or the bundle of a step that failed, has to end with a message or a result; no file outside of
the folder may change, and what the files hold may not steer a terminal.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import harness

from agcli import cli
from agcli.cli.terminal import Screen

ROOT = Path(__file__).resolve().parent.parent.parent
NAMES = (
    "spec.yaml", "environment.json", "metrics.jsonl", "log.txt", "result.json", "best", "last", "lock", "data.json",
    "report.html", "looks.json", "checkpoints",
)  # fmt: skip
WORDS = ("0", "-1", "null", "[]", "{}", '"x"', "1e999", "NaN", "true", "9" * 30, "[[1]]", '{"a": 1}')


TRAIN = """
import json, sys
import agcli
from agcli.training.failure import TrainingError
for spec, run in json.loads(sys.argv[1]):
    try:
        agcli.train(spec, run)
    except TrainingError:
        pass
"""
FAILED = "failed"  # the run whose training fails
EVIL = b"\x1b]0;evil\x07\x1b[31m"  # names the window, and colors what follows


class Place:
    """Runs that are whole, and a folder that no command may change."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        table = folder / "t.csv"
        rows = [f"{i},{i % 7},{('red', 'blue', '')[i % 3]},{'ab'[i % 2]}\n" for i in range(60)]
        table.write_text("p,q,color,c\n" + "".join(rows))
        line = folder / "line.csv"
        line.write_text("x,y\n" + "".join(f"{i / 8},{3 * i + 1 + (i % 3) / 10}\n" for i in range(40)))
        train = {"epochs": 2, "batch_size": 16, "checkpoint_every": "3 steps"}
        small = {"loss": "softmax_cross_entropy", "train": train}
        specs = {
            "iris": {"data": {"name": "iris", "validation": 0.2}, "model": [{"dense": 4}, {"dense": 3}], **small},
            "table": {"data": {"name": "table", "file": str(table), "target": "c"}, "model": [{"dense": 2}], **small},
            "fit": {
                "data": {"name": "table", "file": str(line), "target": "y", "columns": {"x": "numeric"}},
                "model": [{"dense": 1}], "loss": "mean_squared_error", "optimizer": "levenberg_marquardt",
                "train": {"epochs": 3, "batch_size": 40},
            },
            FAILED: {
                "data": {"name": "table", "file": str(line), "target": "y", "columns": {"x": "numeric"}},
                "model": [{"dense": 4}, {"dense": 1}], "loss": "mean_squared_error", "optimizer": {"sgd": 1e25},
                "train": {"epochs": 3, "batch_size": 8, "checkpoint_every": "1 steps"},
            },
        }  # fmt: skip
        self.samples = {"iris": table, "table": table, "fit": line, FAILED: line}
        self.runs = {name: folder / "runs" / name for name in specs}
        # In a fresh process: threads of polars, once begun, are missing in a fork, which waits for them without an end.
        made = [({"name": name, **spec}, str(self.runs[name])) for name, spec in specs.items()]
        subprocess.run([sys.executable, "-c", TRAIN, json.dumps(made)], cwd=ROOT, check=True)
        (self.bundle,) = [path.name for path in self.runs[FAILED].glob("failure-*")]
        self.outside = folder / "outside"
        self.outside.mkdir()
        for name in NAMES:
            source = self.runs["iris"] / name
            if source.is_dir():
                shutil.copytree(source, self.outside / name)
            else:
                (self.outside / name).write_bytes(source.read_bytes() if source.exists() else b"of somebody\n")
        self.before = self.state()

    def state(self) -> dict[str, tuple[int, bytes]]:
        """All that lies outside of the folders that are mutated."""
        paths = [p for part in ("outside", "runs") for p in sorted((self.folder / part).rglob("*"))]
        files = [p for p in paths if p.is_file()] + list(self.folder.glob("*.csv"))
        return {str(p): (p.stat().st_mode, p.read_bytes()) for p in files}


def flipped(path: Path, rng: random.Random, place: Place) -> None:
    content = bytearray(path.read_bytes())
    for _ in range(rng.choice((1, 1, 3, 20)) if content else 0):
        content[rng.randrange(len(content))] = rng.randrange(256)
    path.write_bytes(content)


def cut(path: Path, rng: random.Random, place: Place) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: rng.randrange(len(content) + 1)])


def doubled(path: Path, rng: random.Random, place: Place) -> None:
    content = path.read_bytes()
    at, size = rng.randrange(len(content) + 1), rng.randrange(200)
    path.write_bytes(content[:at] + content[max(0, at - size) : at] * rng.randrange(1, 4) + content[at:])


def removed(path: Path, rng: random.Random, place: Place) -> None:
    path.unlink()


def swapped(path: Path, rng: random.Random, place: Place) -> None:
    """The content of any file of any run."""
    files = [p for run in place.runs.values() for p in sorted(run.rglob("*")) if p.is_file()]
    path.write_bytes(rng.choice(files).read_bytes())


def of_another_run(path: Path, rng: random.Random, place: Place) -> None:
    """The file of this name of another run."""
    other = rng.choice(list(place.runs.values())) / path.name
    if other.is_file():
        path.write_bytes(other.read_bytes())


def reworded(path: Path, rng: random.Random, place: Place) -> None:
    """Another value somewhere in JSON or YAML."""
    text = path.read_text("utf-8", "replace")
    parts = [i for i, c in enumerate(text) if c in ":,[ "]
    if parts:
        at = rng.choice(parts) + 1
        end = min((i for c in ",}]\n" if (i := text.find(c, at)) >= 0), default=len(text))
        path.write_text(text[:at] + " " + rng.choice(WORDS) + text[end:], "utf-8")


def edited(path: Path, rng: random.Random, place: Place) -> None:
    """A value of a JSON file, at any depth, replaced or removed."""
    try:
        lines = [
            json.loads(line)
            for line in (path.read_text().splitlines() if path.suffix == ".jsonl" else [path.read_text()])
        ]
    except ValueError:
        return
    holder, key = {"lines": lines}, "lines"
    for _ in range(rng.randrange(1, 8)):
        inner = holder[key]
        keys = list(inner) if isinstance(inner, dict) else list(range(len(inner))) if isinstance(inner, list) else []
        if not keys:
            break
        holder, key = inner, rng.choice(keys)
    if rng.random() < 0.3 and holder is not lines:
        del holder[key]
    else:
        holder[key] = json.loads(rng.choice(WORDS))
    path.write_text("\n".join(json.dumps(line) for line in lines) + "\n")


def steering(path: Path, rng: random.Random, place: Place) -> None:
    """Characters that steer a terminal, within a value if there is one."""
    content = path.read_bytes()
    within = [i + 1 for i, c in enumerate(content) if c in b'": ' and path.suffix != ".safetensors"] or [len(content)]
    at = rng.choice(within)
    path.write_bytes(content[:at] + rng.choice((EVIL, b"\\u001b]0;evil\\u0007", b"\xc2\x9b31m")) + content[at:])


def linked(path: Path, rng: random.Random, place: Place) -> None:
    target = place.outside / path.name
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    path.symlink_to(rng.choice((target, target, place.outside / "log.txt", path.parent / "nothing", path)))


def hard_linked(path: Path, rng: random.Random, place: Place) -> None:
    path.unlink()
    os.link(rng.choice([p for p in sorted(place.outside.iterdir()) if p.is_file()]), path)


def piped(path: Path, rng: random.Random, place: Place) -> None:
    path.unlink()
    os.mkfifo(path)


def a_folder(path: Path, rng: random.Random, place: Place) -> None:
    path.unlink()
    path.mkdir()


def sparse(path: Path, rng: random.Random, place: Place) -> None:
    with path.open("r+b") as file:
        file.truncate(1 << rng.choice((20, 33, 40)))


def moved(path: Path, rng: random.Random, place: Place) -> None:
    """A link in the place of the folder of checkpoints, or none at all."""
    part = path.parent if path.parent.name == "checkpoints" else path.parent / "checkpoints"
    if part.is_dir() and not part.is_symlink():
        shutil.rmtree(part)
        if rng.random() < 0.7:
            part.symlink_to(place.outside / "checkpoints")


Mutation = Callable[[Path, random.Random, Place], None]
MUTATIONS: tuple[Mutation, ...] = (
    flipped, flipped, cut, doubled, removed, steering, steering, swapped, of_another_run, reworded, reworded, edited,
    edited, edited,
    linked, linked, hard_linked, piped, a_folder, sparse, moved,
)  # fmt: skip


def commands(run: Path, rng: random.Random, place: Place, kind: str) -> list[list[str]]:
    """What is done with a folder, in an order that ends with its removal."""
    known = [
        ["train", "--resume", str(run), "--quiet", "--set", "train.epochs=3"],
        ["train", "--resume", str(run), "--quiet"],
        ["eval", str(run)],
        ["eval", str(run), "--weights", rng.choice(("best", "last", "3")), "--json"],
        ["predict", str(run), str(place.samples[kind])],
        ["report", str(run)],
        ["runs", "--dir", str(run.parent)],
        ["runs", "--dir", str(run.parent), "--json"],
        ["runs", "compare", str(run), str(place.runs["iris"])],
        ["show", str(run / "spec.yaml")] if (run / "spec.yaml").is_file() else ["runs", "--dir", str(run.parent)],
    ]
    if kind == FAILED:
        bundle = ["replay", str(run / place.bundle)]
        known += [bundle, bundle, [*bundle, "--json"], [*bundle, "--json"]]
    chosen = rng.sample(known, 2)
    return [*chosen, ["runs", "rm", "--yes", str(run)]] if rng.random() < 0.3 else chosen


STEERING = (b"\x1b]0", b"\xc2\x9b")  # what `ag` itself never sends a terminal


class Shown(Screen):
    """A terminal of which everything is kept."""

    def __init__(self) -> None:
        self.kept = io.BytesIO()
        super().__init__(self.kept, "utf-8", "backslashreplace", write_through=True)
        self.styled = io.TextIOWrapper(self.kept, "utf-8", "backslashreplace", write_through=True)

    def isatty(self) -> bool:
        return True


def called(arguments: list[str]) -> tuple[int, str, bytes]:
    """The exit code of a command in this process, what it said, and what its terminal was sent."""
    sys.argv = ["ag", *arguments]
    output, errors = Shown(), Shown()
    with contextlib.redirect_stderr(errors), contextlib.redirect_stdout(output):
        code = cli.called()
    said = output if arguments[0] == "replay" and code == 1 else errors
    return code, said.kept.getvalue().decode(), output.kept.getvalue() + errors.kept.getvalue()


def is_own(path: Path, run: Path) -> bool:
    """Whether a mutation of a file stays within its folder, and is quick."""
    if path.is_symlink() or not path.is_file() or run.resolve() not in path.resolve().parents:
        return False
    return path.stat().st_nlink == 1 and path.stat().st_size < 1 << 20


def worked(place: Place) -> Callable[[int], str]:
    """What tries one seed."""

    def work(seed: int) -> str:
        rng = random.Random(seed)
        kind = rng.choice(list(place.runs))
        base = place.folder / "tried"
        run = base / f"run-{seed}"
        try:
            shutil.copytree(place.runs[kind], run)
            done = []
            for _ in range(rng.choice((1, 1, 2, 3))):
                files = [p for p in sorted(run.rglob("*")) if is_own(p, run)]
                if files:
                    path, mutation = rng.choice(files), rng.choice(MUTATIONS)
                    done.append(f"{mutation.__name__} {path.relative_to(run)}")
                    mutation(path, rng, place)
            for arguments in commands(run, rng, place, kind):
                code, said, shown = called(arguments)
                tale = f"{kind}, {'; '.join(done)}: {' '.join(arguments)}"
                if code not in (0, 1, 2) or "internal error" in said or (code and not said):
                    return f"{tale}: exit {code}: {said}"
                if any(mark in shown for mark in STEERING):
                    return f"{tale}: the terminal is steered: {shown!r}"
                if place.state() != place.before:
                    return f"{tale}: something outside has changed"
            return ""
        finally:
            shutil.rmtree(base, ignore_errors=True)

    return work


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="ag-fuzz-") as scratch:
        sys.exit(harness.main(worked(Place(Path(scratch))), "run folders"))
