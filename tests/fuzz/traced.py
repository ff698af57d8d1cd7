"""A command in a process whose n-th call of the system fails, or kills it: strace's fault injection."""

from __future__ import annotations

import ctypes
import os
import re
import select
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from agcli import cli
from agcli.cli import streams

CHANGING = (
    "write", "pwrite64", "writev", "pwritev", "copy_file_range", "sendfile", "fsync", "fdatasync", "ftruncate",
    "fallocate",
    "rename", "renameat", "renameat2", "unlink", "unlinkat", "mkdir", "mkdirat", "rmdir", "fchmod", "chmod", "fchmodat",
    "openat", "close",
)  # fmt: skip
ASKING = ("read", "pread64", "readv", "lseek", "newfstatat", "statx", "getdents64", "flock", "faccessat2", "faccessat")
CALLS = (*CHANGING, *ASKING)
KILL = "signal=KILL"
SCRATCH = "ag-traced-"
FAULTS = ("error=ENOSPC", "error=EIO", KILL)
PR_SET_PTRACER = 0x59616D61  # <linux/prctl.h>: who may trace, where the system asks (Yama)
CALL = re.compile(r"(\w+)\(")


class RefusedError(RuntimeError):
    """Nothing can be traced here."""


@dataclass(frozen=True)
class Fault:
    """What happens at the n-th call of one name; none at ``n`` 0."""

    call: str
    n: int
    kind: str

    @property
    def options(self) -> list[str]:
        """For strace."""
        return ["-e", f"inject={self.call}:{self.kind}:when={self.n}"] if self.n else []

    def __str__(self) -> str:
        return f"{self.kind.partition('=')[2]} at call {self.n} of {self.call}"


NONE = Fault("", 0, "")


@dataclass(frozen=True)
class Outcome:
    """How a command ended; ``code`` is -9 for one that was killed. ``hit`` is the line of the call that failed."""

    code: int
    said: str
    hit: str
    log: str


def run(arguments: list[str], warm: list[str], fault: Fault) -> Outcome:
    """The outcome of a command in a fork of this process.

    It calls a like one, ``warm``, first, which is not traced: what a command loads is no part of it.
    """
    with tempfile.TemporaryDirectory(prefix=SCRATCH) as scratch:
        place = Path(scratch)
        reading, ready = os.pipe()
        waiting, go = os.pipe()
        sys.stdout.flush()
        child = os.fork()
        if not child:
            os.close(reading)
            os.close(go)
            _work(arguments, warm, place, ready, waiting)
        os.close(ready)
        os.close(waiting)
        try:
            if not os.read(reading, 1):
                _, status = os.waitpid(child, 0)
                raise RuntimeError(f"it died before it began, {status}: {(place / 'err').read_text()}")
            tracer = _attached(child, fault, place / "log")
            os.write(go, b"!")
            _, status = os.waitpid(child, 0)
            tracer.communicate()
        finally:
            os.close(reading)
            os.close(go)
        code = os.waitstatus_to_exitcode(status)
        log = (place / "log").read_text("utf-8", "replace")
        return Outcome(code, (place / "err").read_text("utf-8", "replace"), _hit(fault, log), log)


def _work(arguments: list[str], warm: list[str], place: Path, ready: int, waiting: int) -> None:
    """What the fork does; never comes back."""
    code = 99
    try:
        ctypes.CDLL(None).prctl(PR_SET_PTRACER, ctypes.c_ulong(-1), 0, 0, 0)
        for number, name in ((1, "out"), (2, "err")):
            os.dup2(os.open(place / name, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666), number)
        sys.stdin, sys.stdout, sys.stderr = (os.fdopen(n, "rw"[n > 0]) for n in range(3))
        called(warm)
        os.ftruncate(2, 0)
        os.write(ready, b"!")
        select.select([waiting], [], [])
        code = called(arguments)
    finally:
        os._exit(code)


def called(arguments: list[str]) -> int:
    """The exit code of a command in this process, with nothing left unwritten."""
    sys.argv = ["ag", *arguments]
    code = cli.called()
    streams.settle()
    return code


def _attached(child: int, fault: Fault, log: Path) -> subprocess.Popen[str]:
    """strace, when it watches the main thread of a process. Raises RefusedError if it may not.

    Other threads are those of libraries, which do not take it well if their own pipes fail.
    """
    names = ",".join(CALLS)
    command = ["strace", "-y", "-o", str(log), "-e", f"trace={names}", *fault.options, "-p", str(child)]
    tracer = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    assert tracer.stderr is not None
    said = tracer.stderr.readline()
    if "attached" not in said:
        tracer.kill()
        tracer.communicate()
        raise RefusedError(said.strip() or "strace ended")
    return tracer


def _hit(fault: Fault, log: str) -> str:
    """The line of the call that failed, or that was the last; empty if the command made fewer."""
    lines = log.splitlines()
    if fault.kind == KILL:
        calls = [line for line in lines if (found := CALL.match(line)) and found[1] == fault.call]
        return calls[-1] if any("killed by SIGKILL" in line for line in lines) and calls else ""
    return next((line for line in lines if "(INJECTED)" in line), "")


def calls(log: str, *meant: str) -> list[tuple[str, int]]:
    """Names and numbers of the calls of a log whose lines hold one of these texts, but for those on our own streams."""
    counts: Counter[str] = Counter()
    found = []
    for line in log.splitlines():
        if named := CALL.match(line):
            counts[named[1]] += 1
            if any(text in line for text in meant) and SCRATCH not in line.partition(",")[0]:
                found.append((named[1], counts[named[1]]))
    return found


@cache
def refused() -> str:
    """Why nothing can be traced here; empty if it can."""
    if sys.platform != "linux":
        return "strace is for Linux"
    if shutil.which("strace") is None:
        return "strace is not installed"
    try:
        run(["--version"], ["--version"], NONE)
    except RefusedError as error:
        return f"nothing may be traced here: {error}"
    return ""
