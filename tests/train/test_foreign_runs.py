"""A run's folder may come from anyone: nothing outside of it is written, cut or removed, and nothing waits for ever."""

import json
import os
import shutil
import stat

import pytest

import agcli
from agcli.comparison import listed
from agcli.engine.variables import write_atomically
from agcli.report.page import written
from agcli.runs import Run, RunError
from agcli.runs import files as module
from agcli.runs.files import Folder
from agcli.runs.lock import Lock, is_locked
from agcli.runs.removal import remove
from agcli.training import Trainer
from agcli.training.evaluate import opened

pytestmark = [pytest.mark.only(os.name == "posix"), pytest.mark.sampled(4)]  # the full check runs all

IRIS = {
    "name": "flowers",
    "data": {"name": "iris", "validation": 0.2},
    "model": [{"dense": {"units": 4, "activation": "tanh"}}, {"dense": 3}],
    "loss": "softmax_cross_entropy",
    "train": {"epochs": 3},
}
FILES = ("spec.yaml", "environment.json", "metrics.jsonl", "log.txt", "result.json", "best", "last", "lock")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    place = tmp_path_factory.mktemp("made")
    agcli.train(IRIS, place / "run")
    return place / "run"


@pytest.fixture
def run(made, tmp_path):
    return shutil.copytree(made, tmp_path / "run")


def everything(place):
    """What lies in a folder: kind, permissions, content."""
    return {
        str(path): (path.lstat().st_mode, path.read_bytes() if path.is_file() and not path.is_symlink() else b"")
        for path in sorted(place.rglob("*"))
    }


USES = {
    "resume": lambda run: list(Trainer.resume(run, ("train.epochs=5",))),
    "eval": lambda run: agcli.load(run).evaluate(),
    "report": written,
    "list": lambda run: listed(run.parent),
    "rm": lambda run: remove(Run.open(run)),
}


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("name", [*FILES, "report.html", "checkpoints"])
def test_nothing_is_done_through_a_link(run, tmp_path, name, use):
    outside = tmp_path / "outside"
    outside.mkdir()
    target = outside / name
    if (run / name).exists():
        (run / name).rename(target)
    else:
        target.write_text("mine")
    (run / name).symlink_to(target)
    before = everything(outside)
    try:
        USES[use](run)
        problem = ""
    except RunError as error:
        problem = str(error)
    assert everything(outside) == before
    if use == "resume" and name != "report.html":
        assert str(run / name) in problem
        assert "found a symbolic link; what leads out of a run's folder is not followed" in problem
    if use == "rm":
        assert (run / name).is_symlink()


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("name", [*FILES, "report.html", "checkpoints/step-00000099.safetensors"])
@pytest.mark.parametrize("kind", ["a named pipe", "a socket"])
def test_pipes_folders_and_sockets_do_not_hang(run, name, kind, use):
    path = run / name
    path.unlink(missing_ok=True)
    if kind == "a named pipe":
        os.mkfifo(path)
    elif kind == "a folder":
        path.mkdir()
    else:
        os.mknod(path, stat.S_IFSOCK | 0o600)
    said = f"{path}: expected a file of the run, found {kind}; remove it, or put a file there"
    try:
        USES[use](run)
        problem = ""
    except RunError as error:
        problem = str(error)
    is_needed = use == "resume" and name != "report.html" and not name.startswith("checkpoints")
    assert said in problem or (not problem and not is_needed)


@pytest.mark.parametrize("name", ["log.txt", "metrics.jsonl", "lock", "last", "spec.yaml", "result.json"])
def test_a_file_with_another_name_elsewhere_is_parted_from_it(run, tmp_path, name):
    other = tmp_path / "other"
    os.link(run / name, other)
    before = other.read_bytes()
    list(Trainer.resume(run, ("train.epochs=5",)))
    assert other.read_bytes() == before
    assert json.loads((run / "result.json").read_text())["epochs"] == 5
    assert (run / "log.txt").read_text().count("started at step") == 2


def test_a_folder_of_checkpoints_elsewhere_loses_nothing_by_training(run, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    (run / "checkpoints").rename(elsewhere)
    (run / "checkpoints").symlink_to(elsewhere)
    before = everything(elsewhere)
    with pytest.raises(RunError, match=r"checkpoints: expected a folder of the run, found a symbolic link"):
        Trainer.resume(run)
    assert remove(Run.open(run)) == [run / "checkpoints"]
    assert everything(elsewhere) == before


def test_what_a_killed_process_left_goes_and_nothing_else(run):
    gone = [".spec.yaml.0123456789abcdef.part", "checkpoints/.step-00000003.safetensors.ab_1.part"]
    kept = [".notes.part", ".mine.tex.0123456789abcdef.part", "checkpoints/.x.part"]
    for name in (*gone, *kept):
        (run / name).write_text("half")
    list(Trainer.resume(run, ("train.epochs=5",)))
    assert [name for name in (*gone, *kept) if (run / name).exists()] == kept


def test_a_lock_is_of_one_folder(tmp_path):
    first, second = tmp_path / "a", tmp_path / "b"
    first.mkdir()
    second.mkdir()
    Lock(first).release()
    os.link(first / "lock", second / "lock")
    one, two = Lock(first), Lock(second)
    assert is_locked(first)
    assert is_locked(second)
    with pytest.raises(RunError, match="is training in this folder"):
        Lock(second)
    one.release()
    two.release()


def test_the_log_steers_no_terminal(tmp_path):
    """Notes in it name columns of anyone's table."""
    table = tmp_path / "t.csv"
    table.write_text("p,\x1b]0;evil\x07,c\n" + "".join(f"{i},7,{'ab'[i % 2]}\n" for i in range(60)))
    spec = {**IRIS, "data": {"name": "table", "file": str(table), "target": "c"}, "model": [{"dense": 2}]}
    run = agcli.train(spec, tmp_path / "run").folder
    log = (run / "log.txt").read_text()
    assert "·]0;evil·" in log
    assert log.replace("\n", "").isprintable()


# Umask, full disks


@pytest.mark.parametrize("umask", [0o022, 0o027, 0o077, 0o002])
def test_the_umask_says_who_reads(tmp_path, umask):
    before = os.umask(umask)
    try:
        trained = agcli.train(IRIS, tmp_path / "run")
        page = written(trained.folder)
        write_atomically(tmp_path / "other.txt", b"text")
    finally:
        os.umask(before)
    modes = {p: stat.S_IMODE(p.stat().st_mode) for p in tmp_path.rglob("*") if p.is_file()}
    assert page in modes
    assert set(modes.values()) == {0o666 & ~umask}


WRITES = [lambda path: write_atomically(path, b"new"), lambda path: Folder(path.parent).write(path.name, b"new")]


@pytest.mark.parametrize("write", WRITES)
def test_a_file_that_is_replaced_keeps_its_permissions(tmp_path, write):
    path = tmp_path / "result.json"
    path.write_text("old")
    path.chmod(0o640)
    write(path)
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert list(tmp_path.iterdir()) == [path]


def test_an_addition_that_fails_half_way_is_taken_back(tmp_path, monkeypatch):
    files = Folder(tmp_path)
    files.append("metrics.jsonl", b"whole\n")
    write = os.write

    def full(handle, data):
        if len(data) > 4:
            return write(handle, data[:4])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.os, "write", full)
    with pytest.raises(OSError, match="No space left") as caught:
        files.append("metrics.jsonl", b"another\n")
    assert caught.value.filename == str(tmp_path / "metrics.jsonl")
    assert (tmp_path / "metrics.jsonl").read_bytes() == b"whole\n"


# Damage


def changed(path, **values):
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


LINE = "metrics.jsonl:1: "
DAMAGE = {
    "no JSON": (
        "metrics.jsonl",
        lambda p: p.write_text('{"event": \n' + p.read_text()),
        f"{LINE}expected a JSON object",
    ),
    "a list": ("metrics.jsonl", lambda p: p.write_text(p.read_text() + "[1]\n"), "metrics.jsonl:4: expected a JSON"),
    "no epoch": ("metrics.jsonl", lambda p: p.write_text('{"event": "epoch"}\n'), f"{LINE}`epoch` is missing"),
    "no step": ("metrics.jsonl", lambda p: p.write_text('{"loss": 1.0}\n'), f"{LINE}`step` is missing"),
    "words": (
        "metrics.jsonl",
        lambda p: p.write_text('{"event": "epoch", "epoch": "two"}\n'),
        f"{LINE}`epoch`: expected",
    ),
    "deep": ("metrics.jsonl", lambda p: p.write_text("[" * 100_000 + "\n"), f"{LINE}expected a JSON object"),
    "huge": ("metrics.jsonl", lambda p: p.write_text(f'{{"step": {10**400}}}\n'), f"{LINE}`step`: expected"),
    "cut": ("result.json", lambda p: p.write_bytes(p.read_bytes()[:-9]), "result.json: expected the result that"),
    "no mapping": ("result.json", lambda p: p.write_text("[]"), "result.json: expected the result that training wrote"),
    "no loss": ("result.json", lambda p: p.write_text("{}"), "result.json: `loss` is missing"),
    "metrics": ("result.json", lambda p: changed(p, metrics=[1]), "`metrics`: expected names with numbers"),
    "seconds": ("result.json", lambda p: changed(p, seconds="long"), "`seconds`: expected a number of seconds"),
    "data": ("environment.json", lambda p: changed(p, data=3), "environment.json: `data`: expected a mapping"),
    "hashes": ("environment.json", lambda p: changed(p, data={"sha256": {"train": 1}}), "`data.sha256`: expected"),
    "bytes": ("environment.json", lambda p: p.write_bytes(b"\xff\xfe"), "environment.json: expected the environment"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_told_by_the_name_of_the_file(ag, run, damage):
    name, do, said = DAMAGE[damage]
    do(run / name)
    assert said in ag("report", run, check=2).stderr
    (row,) = [json.loads(line) for line in ag("runs", "--dir", run.parent, "--json", check=0).stdout.splitlines()]
    assert row["state"] == "damaged"


def test_damaged_statistics_are_told(ag, tmp_path):
    table = tmp_path / "t.csv"
    table.write_text("p,q,c\n" + "".join(f"{i},{i % 7},{'ab'[i % 2]}\n" for i in range(60)))
    spec = {**IRIS, "data": {"name": "table", "file": str(table), "target": "c"}, "model": [{"dense": 2}]}
    run = agcli.train(spec, tmp_path / "run").folder
    whole = json.loads((run / "data.json").read_text())
    for wrong in ({}, {"kind": "table"}, {**whole, "inputs": 3}, {**whole, "inputs": [{}]}, {**whole, "target": [1]}):
        (run / "data.json").write_text(json.dumps(wrong))
        for command in (["eval", run], ["predict", run, table], ["train", "--resume", run]):
            assert f"{run / 'data.json'}: " in ag(*command, check=2).stderr, wrong


def test_large_files_are_not_read(run, monkeypatch):
    with (run / "result.json").open("r+b") as file:
        file.truncate(1 << 33)  # of which nothing is on the disk
    with pytest.raises(RunError, match=r"result.json: has 8,589,934,592 bytes; at most 268,435,456 are read"):
        _ = Run(run).result
    with (run / "checkpoints" / "step-99999999.safetensors").open("wb") as file:
        file.truncate(1 << 42)
    with pytest.raises(RunError, match=r"step-99999999.safetensors: has 4,398,046,511,104 bytes; at most"):
        opened(run, "99999999")


def test_a_checkpoint_under_another_name_is_not_taken(run):
    paths = Run(run).checkpoints()
    shutil.copy(paths[-1], run / "checkpoints" / "step-00000001.safetensors")
    with pytest.raises(RunError, match="and is called otherwise"):
        opened(run, "1")


# A run without checkpoints


@pytest.mark.parametrize("which", ["all", "checkpoints and pointers", "folder"])
def test_a_run_whose_checkpoints_are_gone_keeps_its_history(ag, run, which):
    if which == "folder":
        shutil.rmtree(run / "checkpoints")
    else:
        for path in (run / "checkpoints").iterdir():
            path.unlink()
    if which == "checkpoints and pointers":
        (run / "last").unlink()
        (run / "best").unlink()
    before = {name: (run / name).read_bytes() for name in ("metrics.jsonl", "result.json", "log.txt")}
    told = ag("train", "--resume", run, check=2).stderr
    assert "cannot go on: its checkpoints are gone" in told
    assert f"to train anew: ag train {run / 'spec.yaml'} --out FOLDER" in told
    assert {name: (run / name).read_bytes() for name in before} == before
    told = ag("eval", run, check=2).stderr
    assert "gone" in told
    assert "first epoch" not in told


def test_a_run_that_was_killed_before_its_first_checkpoint_begins_again_and_says_so(run):
    for name in ("last", "best", "result.json"):
        (run / name).unlink()
    for path in (run / "checkpoints").iterdir():
        path.unlink()
    trainer = Trainer.resume(run)
    assert "the run had no checkpoint yet: it begins again" in [note.text for note in trainer.notes]
    list(trainer)
    assert len(Run(run).metrics) == 3
