"""What a figure depends on: the machine in one line, and its limits, measured."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np


def processor() -> str:
    """The name of the processor, with its widest instructions."""
    try:
        info = Path("/proc/cpuinfo").read_text("ascii")
    except OSError:
        return platform.processor() or platform.machine()
    name = next((line.partition(":")[2].strip() for line in info.splitlines() if line.startswith("model name")), "?")
    wide = next((w for w in ("avx512f", "avx2") if f" {w} " in info.replace("\n", " ")), "")
    return f"{name} ({wide.removesuffix('f').upper()})" if wide else name


def machine() -> str:
    """Processor, cores, memory, system, versions, and how busy it was."""
    pages = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 0
    found = []
    for name in ("numpy", "torch", "jax", "autograd"):
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    busy = f", load {os.getloadavg()[0]:.1f} at the start" if hasattr(os, "getloadavg") else ""
    return (
        f"{datetime.now(UTC):%Y-%m-%d}: {processor()}, {os.cpu_count()} cores, {pages / 2**30:.0f} GiB, "
        f"{platform.system()}, Python {platform.python_version()}, {', '.join(found)}{busy}"
    )


def best(call: Callable[[], Any], rounds: int = 9) -> float:
    """The least seconds of a few calls, those of this thread on a processor."""
    times = []
    for _ in range(rounds):
        start = time.thread_time()
        call()
        times.append(time.thread_time() - start)
    return min(times)


def sgemm(n: int = 1024) -> float:
    """GFLOP/s of a product of float32 matrices on one BLAS thread."""
    a, out = np.ones((n, n), np.float32), np.empty((n, n), np.float32)
    return 2 * n**3 / best(lambda: np.matmul(a, a, out=out)) / 1e9


def memory(n: int = 1 << 26) -> float:
    """GB/s of copying, counting what is read and what is written; the arrays are larger than the caches."""
    a, out = np.ones(n, np.uint8), np.empty(n, np.uint8)
    return 2 * n / best(lambda: np.copyto(out, a)) / 1e9
