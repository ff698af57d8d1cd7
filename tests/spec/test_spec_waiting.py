"""A spec that comes from somebody else names what is no file: one message, and nothing waits."""

import os
import signal
import stat
import subprocess
import sys
from contextlib import contextmanager

import pytest
from conftest import ROOT

from agcli.data.section import load_data
from agcli.datasets import DataError
from agcli.runs import Run
from agcli.runs.environment import commit
from agcli.spec import SpecError, parse_spec, read_spec

pytestmark = pytest.mark.only(os.name == "posix")

REST = "model: [{dense: 3}]\nloss: softmax_cross_entropy\n"
KINDS = {
    "a named pipe": os.mkfifo,
    "a socket": lambda path: os.mknod(path, stat.S_IFSOCK | 0o600),
    "a device": lambda path: path.symlink_to("/dev/zero"),
    "a folder": os.mkdir,
}


@contextmanager
def soon(seconds=20):
    """An error for what waits within the block."""

    def late(number, frame):
        raise AssertionError("it waits")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture(params=KINDS)
def odd(tmp_path, request):
    path = tmp_path / "odd.yaml"
    KINDS[request.param](path)
    return path, request.param.replace("folder", "directory")


def test_a_spec_is_a_file(odd):
    path, kind = odd
    with soon(), pytest.raises(SpecError, match=f"odd.yaml: expected a spec file, found {kind}"):
        read_spec(path)


@pytest.mark.parametrize("written", ["include: odd.yaml", "include: [iris.yaml, odd.yaml]"])
def test_what_a_spec_includes_is_a_file(odd, written):
    path, kind = odd
    spec = path.with_name("s.yaml")
    spec.write_text(f"{written}\n{REST}")
    spec.with_name("iris.yaml").write_text("data: iris\n")
    with soon(), pytest.raises(SpecError, match=rf"s.yaml:1:\d+: include.*: expected a spec file, found {kind}"):
        read_spec(spec)


@pytest.mark.parametrize(
    "name", ["t.csv", "t.csv.gz", "t.parquet", "x.npz", "t.txt", "t.jsonl", "t.arrow", "x-idx3-ubyte", "t.xlsx", "t.db"]
)
@pytest.mark.parametrize("kind", ["a named pipe", "a socket", "a device"])
def test_what_a_spec_trains_on_is_a_file(tmp_path, name, kind):
    KINDS[kind](tmp_path / name)
    target = "" if name in ("x.npz", "t.txt") else ", target: y" if "idx" not in name else f", target_file: {name}"
    spec = parse_spec(f"data: {{file: {tmp_path / name}{target}}}\n{REST}")
    with soon(), pytest.raises((DataError, SpecError), match=f"expected a file, found {kind}"):
        load_data(spec)


@pytest.mark.only(sys.platform == "linux")
@pytest.mark.parametrize("name", ["t.csv", "t.txt"])
def test_a_file_of_the_system_may_wait_for_what_never_comes(tmp_path, name):
    (tmp_path / name).symlink_to("/proc/kmsg")
    target = ", target: y" if name == "t.csv" else ""
    spec = parse_spec(f"data: {{file: {tmp_path / name}{target}}}\n{REST}")
    with soon(), pytest.raises((DataError, SpecError), match="expected a file, found one that the system makes up"):
        load_data(spec)


WAY = "/dev/fd/../../.."  # from what a process has open, up to the root


@pytest.mark.only(sys.platform == "linux")
def test_a_pipe_elsewhere_is_not_one_that_is_open(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with soon(), pytest.raises(SpecError, match="expected a spec file, found a named pipe"):
        read_spec(f"{WAY}{tmp_path}/pipe")


@pytest.mark.only(sys.platform == "linux")
def test_a_person_may_give_a_pipe_and_a_spec_may_not(tmp_path):
    """`ag show <(...)` waits for what comes; an `include` of standard input would wait for nobody."""
    (tmp_path / "s.yaml").write_text(f"include: /dev/stdin\ndata: iris\n{REST}")
    command = [sys.executable, "-c", "from agcli.cli import main; main()", "show"]
    options = {"env": {**os.environ, "PYTHONPATH": str(ROOT)}, "cwd": ROOT, "capture_output": True, "text": True}
    read, written = os.pipe()
    try:
        done = subprocess.run([*command, tmp_path / "s.yaml"], stdin=read, timeout=60, **options)
    finally:
        os.close(read)
        os.close(written)
    assert done.returncode == 2
    assert "include: expected a spec file, found a named pipe" in done.stderr
    done = subprocess.run([*command, "/dev/stdin"], input=f"data: iris\n{REST}", timeout=60, **options)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_spec_of_a_run_includes_no_other(tmp_path):
    (tmp_path / "other.yaml").write_text("data: iris\n")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "spec.yaml").write_text(f"include: ../other.yaml\n{REST}")
    with pytest.raises(SpecError, match=r"spec.yaml:1:10: include: expected nothing, as the spec of a run holds all"):
        _ = Run.open(tmp_path / "run").spec


HASH = "0123456789abcdef" * 2 + "01234567"


@pytest.mark.parametrize(
    ("head", "branch", "found"),
    [
        (HASH, "", HASH),
        ("ref: refs/heads/main", HASH, HASH),
        ("ref: refs/heads/main", "a secret", None),
        ("a secret", "", None),
        ("ref: refs/../refs/heads/main", HASH, None),
        ("ref: ../secret", "", None),
        ("ref: /etc/hostname", "", None),
        ("9" * 100_000, "", None),
    ],
)
def test_of_a_repository_only_a_commit_is_written_down(tmp_path, head, branch, found):
    (tmp_path / ".git" / "refs" / "heads").mkdir(parents=True)
    (tmp_path / "secret").write_text("a secret")
    (tmp_path / ".git" / "HEAD").write_text(f"{head}\n")
    if branch:
        (tmp_path / ".git" / "refs" / "heads" / "main").write_text(f"{branch}\n")
    assert commit(tmp_path / "folder") == found
    (tmp_path / ".git" / "refs" / "heads" / "main").unlink(missing_ok=True)
    os.mkfifo(tmp_path / ".git" / "refs" / "heads" / "main")
    with soon():
        assert commit(tmp_path) == (found if not branch else None)
