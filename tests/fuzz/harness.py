"""Inputs made at random, each tried in a worker that may die or hang without taking the others with it."""

from __future__ import annotations

import os
import select
import signal
import struct
import sys
import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass

SIZE = 500  # inputs of a worker; another one takes the next
SECONDS = 10.0  # without an answer
FIRST = 3  # times as many until the first one: a process loads what it needs


@dataclass(frozen=True)
class Failure:
    """An input, by its seed, and what went wrong with it."""

    seed: int
    said: str


def run(work: Callable[[int], str], seeds: Iterable[int], size: int = SIZE, seconds: float = SECONDS) -> list[Failure]:
    """The failures of ``work`` over all seeds, in forked processes of ``size`` seeds.

    ``work`` returns what is wrong, or an empty text. An exception, a dead worker and a worker that says nothing for so
    many seconds are failures, too.
    """
    left, failures = list(seeds), []
    while left:
        done, found = worker(work, left[:size], seconds)
        failures += found
        left = left[done:]
    return failures


def worker(work: Callable[[int], str], seeds: list[int], seconds: float) -> tuple[int, list[Failure]]:
    """How many of the seeds one process has taken before it ended, and their failures."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        code = 1
        try:
            os.close(reading)
            for seed in seeds:
                send(writing, tried(work, seed))
            code = 0
        finally:
            os._exit(code)
    os.close(writing)
    failures: list[Failure] = []
    done, buffer, ended = 0, b"", ""
    try:
        while done < len(seeds) and not ended:
            patience = seconds if done else FIRST * seconds
            if not select.select([reading], [], [], patience)[0]:
                os.kill(child, signal.SIGKILL)
                ended = f"no answer within {patience:g} s"
                break
            piece = os.read(reading, 1 << 16)
            ended = "" if piece else "its process died"
            buffer += piece
            while len(buffer) >= 4 and len(buffer) >= 4 + (length := struct.unpack("<I", buffer[:4])[0]):
                said, buffer = buffer[4 : 4 + length].decode(), buffer[4 + length :]
                if said:
                    failures.append(Failure(seeds[done], said))
                done += 1
    finally:
        os.close(reading)
        _, status = os.waitpid(child, 0)
    if done < len(seeds):
        failures.append(Failure(seeds[done], f"{ended}, status {status}"))
        done += 1
    return done, failures


def send(writing: int, said: str) -> None:
    content = said.encode(errors="backslashreplace")
    data = memoryview(struct.pack("<I", len(content)) + content)
    while data:
        data = data[os.write(writing, data) :]


def tried(work: Callable[[int], str], seed: int) -> str:
    try:
        return work(seed)
    except BaseException:  # noqa: BLE001  # whatever it is, it is a failure
        return traceback.format_exc(limit=-6)


def main(work: Callable[[int], str], what: str, seconds: float = SECONDS, size: int = SIZE) -> int:
    """Run from the command line: `COUNT [FIRST]`; prints the failures, and how many inputs there were."""
    count, first = (int(text) for text in (*sys.argv[1:3], "0")[:2])
    began, failed = time.monotonic(), 0
    for start in range(first, first + count, size):
        for failure in run(work, range(start, min(start + size, first + count)), size, seconds):
            failed += 1
            print(f"seed {failure.seed}: {failure.said}", flush=True)
        tried_now = min(start + size, first + count) - first
        print(f"{tried_now:,} {what}, {failed} failures, {time.monotonic() - began:.0f} s", flush=True)
    return 1 if failed else 0
