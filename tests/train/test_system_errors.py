"""What the system says against reading a run is told with the name of the file, and never taken for "there is none"."""

import errno
import os
import shutil
from contextlib import suppress
from itertools import count

import pytest
from faults import Disk, Killed

import agcli
from agcli.comparison import listed
from agcli.runs import Run, RunError, lock
from agcli.runs import files as module
from agcli.runs.files import Folder
from agcli.runs.lock import Lock, is_locked
from agcli.runs.places import is_free
from agcli.runs.removal import remove

pytestmark = pytest.mark.only(os.name == "posix")

IRIS = {
    "data": {"name": "iris", "validation": 0.2},
    "model": [{"dense": 3}],
    "loss": "softmax_cross_entropy",
    "train": {"epochs": 1},
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return agcli.train(IRIS, tmp_path_factory.mktemp("made") / "run").folder


def broken(*args, **options):
    raise OSError(errno.EIO, os.strerror(errno.EIO))


def with_fault(call, work):
    """Work while a function of ``os`` fails; pytest needs it afterwards."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module.os, call, broken)
        work()


@pytest.mark.parametrize("call", ["stat", "fstat", "open"])
def test_a_folder_that_cannot_be_read_is_not_taken_for_an_empty_one(made, call):
    ways = [lambda: Folder(made).read("spec.yaml")]
    if call != "fstat":  # which looks at what is open
        ways += [lambda: Run.open(made), lambda: Folder(made).is_file("spec.yaml")]
    for way in ways:
        with pytest.raises(RunError) as caught:
            with_fault(call, way)
        assert str(caught.value) == f"{made}/spec.yaml: cannot be read: Input/output error"


@pytest.mark.parametrize("call", ["fstat", "write"])
def test_an_addition_that_fails_names_its_file(tmp_path, call):
    with pytest.raises(OSError, match="Input/output") as caught:
        with_fault(call, lambda: Folder(tmp_path).append("log.txt", b"line\n"))
    assert caught.value.filename == str(tmp_path / "log.txt")


def test_a_folder_in_which_nobody_may_look_hides_no_other_run(made, monkeypatch):
    stat = os.stat

    def closed(path, *args, **options):
        if options.get("dir_fd") is not None and os.readlink(f"/proc/self/fd/{options['dir_fd']}").endswith("lost"):
            raise PermissionError(errno.EACCES, "Permission denied")
        return stat(path, *args, **options)

    (made.parent / "lost").mkdir()
    monkeypatch.setattr(module.os, "stat", closed)
    with pytest.raises(RunError, match=r"lost/spec.yaml: cannot be read: Permission denied"):
        Run.open(made.parent / "lost")
    assert [row.folder for row in listed(made.parent)] == [made]


def test_a_file_system_without_locks_is_no_other_process(tmp_path, monkeypatch):
    def without(*args):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(lock.fcntl, "flock", without)
    with pytest.raises(RunError, match="cannot be written: No locks available"):
        Lock(tmp_path)
    assert not is_locked(tmp_path)


@pytest.mark.parametrize("kill", [True, False], ids=["killed", "disk full"])
def test_a_removal_that_was_cut_short_can_be_done_again(made, tmp_path, kill):
    """Whatever it had come to; when the spec is gone, the folder is free for another run."""
    for n in count(1):
        run = shutil.copytree(made, tmp_path / f"run-{n}")
        with pytest.MonkeyPatch.context() as patch:
            disk = Disk(patch, run, n, kill)
            with suppress(Killed, RunError):
                remove(Run.open(run))
        if not disk.failed:
            break
        if run.exists() and not is_free(run):
            assert remove(Run.open(run)) == []
        assert not run.exists() or is_free(run)
    assert n > 20
    assert not run.exists()
