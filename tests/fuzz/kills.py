"""Trainings that are killed at random moments: `python tests/fuzz/kills.py COUNT [FIRST]`.

After every SIGKILL the folder is whole: `ag eval` and `ag predict` answer as the last save does, or say that there was
none yet; `--resume` goes on, and at the end the weights are those of an undisturbed training, bit for bit.
"""

from __future__ import annotations

import json
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import harness
from scenarios import Place, end_of, ended, forked, half_written, quietly

ROOT = Path(__file__).resolve().parent.parent.parent
PROGRAM = [sys.executable, "-c", "from agcli.cli import main; main()"]
SECONDS = 300.0  # for one training with all its kills
EPOCHS = 40  # of 3 steps, a checkpoint each
KILLS = 5  # of one training, at most
SIZE = 4  # trainings of one worker
ALONE = "has no checkpoint yet; the training ended before it wrote its first"


def killed(place: Place, run: Path, rng: random.Random) -> bool:
    """Train, or go on, in a process that is killed a while after it began with the folder, or after it has saved."""
    arguments = ["train", str(place.spec), "--out", str(run), "--resume", "auto", "--quiet"]
    process = subprocess.Popen(
        [*PROGRAM, *arguments], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    look = rng.choice((locked, saved, saved, saved))
    before = look(run)
    while process.poll() is None and look(run) == before:
        time.sleep(0.001)
    try:
        process.wait(rng.choice((0.01, 0.1, 0.3)) * rng.random())
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
    _, said = process.communicate()
    if process.returncode not in (0, -signal.SIGKILL):
        raise AssertionError(f"exit {process.returncode}: {said}")
    return process.returncode != 0


def locked(run: Path) -> int:
    """When a process began with a folder."""
    return (run / "lock").stat().st_mtime_ns if (run / "lock").exists() else 0


def saved(run: Path) -> int:
    """The newest step of which there is a checkpoint."""
    return max((int(path.stem[5:]) for path in run.glob("checkpoints/step-*.safetensors")), default=0)


def answers(place: Place, run: Path) -> str:
    """What is wrong with a folder as it lies there; empty if it answers as its last save does."""
    from agcli.runs import Run, checkpoints

    if not (run / "spec.yaml").exists():
        return "" if quietly("eval", str(run))[0] == 2 else "a folder without a spec is evaluated"
    steps = checkpoints.steps(Run(run).files)
    for step in steps:
        name = checkpoints.name_of(step)
        if checkpoints.read(Run(run).files, name).hash != place.hashes[Path(name).name]:
            return f"{name}: holds another state than undisturbed"
    for words in (["eval", "RUN", "--split", "validation", "--json"], ["predict", "RUN", str(place.flowers)]):
        now = quietly(*(str(run) if word == "RUN" else word for word in words), "--weights", "last")
        if not steps and not (now[0] == 2 and ALONE in now[2]):
            return f"{words[0]}: nothing was saved, exit {now[0]}: {now[2]}"
        if steps:
            whole = ended(*(str(place.every) if word == "RUN" else word for word in words), "--weights", str(steps[-1]))
            if figures(now[1]) != figures(whole):
                return f"{words[0]}: {now[1]}{now[2]}, and not {whole}"
    code, _, said = quietly("eval", str(run), "--split", "validation")  # with the best weights
    return "" if code == 0 or not steps else f"exit {code}: {said}"


def figures(text: str) -> object:
    """What an answer says, but for the name of the folder and of the weights."""
    if not text.startswith("{"):
        return text
    return {key: value for key, value in json.loads(text).items() if key not in ("run", "weights", "notes")}


def problem(place: Place, seed: int) -> str:
    """What is wrong with one training that is killed several times; prints a line for it."""
    rng = random.Random(seed)
    run = place.folder / f"killed-{seed}"
    count, steps = 0, []
    try:
        while count < KILLS and killed(place, run, rng):
            count += 1
            if found := forked(lambda: answers(place, run)):
                return f"after kill {count}: {found}"
            steps.append(saved(run))
        if count == KILLS:
            words = ("train", str(place.spec), "--out", str(run), "--resume", "auto", "--quiet")
            forked(lambda: ended(*words))
        print(f"training {seed}: {count} kills, after steps {steps}", flush=True)
        found = forked(lambda: "" if end_of(run) == place.end else f"another end: {end_of(run)}, not {place.end}")
        return found or "".join(half_written(run))
    finally:
        shutil.rmtree(run, ignore_errors=True)


def main() -> int:
    """Kill COUNT trainings, several times each."""
    with tempfile.TemporaryDirectory(prefix="ag-fuzz-") as scratch:
        place = Place(Path(scratch), EPOCHS)
        return harness.main(lambda seed: problem(place, seed), "trainings that were killed", SECONDS, SIZE)


if __name__ == "__main__":
    sys.exit(main())
