"""Run tests as a narrower processor computes: without AVX-512, then as a plain x86-64.

    python tests/narrow.py                  the tests marked `numeric`, of each a sample of the cases
    python tests/narrow.py tests/test_jit*  what pytest would take

Products, sums and elementary functions of another width add in another order and round differently, and a right test
does not notice. What narrows is the environment of a process: compiled kernels (AG_CPU_LEVEL), the loops of NumPy
(NPY_DISABLE_CPU_FEATURES), its BLAS (OPENBLAS_CORETYPE, which stays as it is where the machine sets it) and the
functions of the C library (GLIBC_TUNABLES). Where nothing is narrower, as on arm64, this says so and passes.
"""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

NUMERIC = ["-m", "numeric and not long", "--one-in", "36", "-n", "auto"]  # what the gate has time for
SLOW = ("test_docs_training.py", "test_library.py", "test_solving.py")  # left to the full check


@dataclass(frozen=True)
class Level:
    """A processor that this one can stand for."""

    name: str  # of AG_CPU_LEVEL
    title: str
    numpy: tuple[str, ...]  # how the names of features begin that NumPy's loops lose
    core: str  # of OpenBLAS
    beyond: frozenset[str]  # cores of OpenBLAS that do more
    libc: str
    width: int  # bytes of a vector of compiled kernels


V4, V3 = ("X86_V4", "AVX512"), ("X86_V3", "AVX2", "FMA3", "AVX", "F16C")
WIDE, WIDER = frozenset({"Haswell", "Zen"}), frozenset({"SkylakeX", "Cooperlake", "SapphireRapids"})
LEVELS = (
    Level("x86-64-v3", "without AVX-512", V4, "Haswell", WIDER, "", 32),
    Level("x86-64-v2", "plain x86-64", V4 + V3, "Nehalem", WIDE | WIDER, "-AVX512F,-AVX2,-AVX,-FMA,-FMA4", 16),
)
PROBE = """
import json
import numpy as np
from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__
from threadpoolctl import threadpool_info
from agcli.engine.backends.jit.code.machine import facts
blas = {b.get("architecture", b["internal_api"]) for b in threadpool_info() if b["user_api"] == "blas"}
features = [name for name in __cpu_dispatch__ if __cpu_features__.get(name)]
print(json.dumps({"numpy": features, "blas": sorted(blas), "width": (facts() or {}).get("width", 0)}))
"""


def kernels(environment):
    """What a process with this environment computes with: NumPy's features, BLAS's cores, bytes of our vectors."""
    done = subprocess.run([sys.executable, "-c", PROBE], env=environment, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def narrower(here):
    """The levels below what this machine has."""
    return [level for level in LEVELS if lost(level, here) or here["width"] > level.width]


def lost(level, here):
    """NumPy's features that ``level`` is without."""
    return [name for name in here["numpy"] if name.startswith(level.numpy)]


def environment(level, here):
    """That of a process at ``level``."""
    new = {**os.environ, "AG_CPU_LEVEL": level.name}
    named = [*os.environ.get("NPY_DISABLE_CPU_FEATURES", "").replace(",", " ").split(), *lost(level, here)]
    if named:
        new["NPY_DISABLE_CPU_FEATURES"] = " ".join(named)
    new.setdefault("OPENBLAS_CORETYPE", level.core)
    if level.libc:
        kept = [t for t in os.environ.get("GLIBC_TUNABLES", "").split(":") if t and "hwcaps" not in t]
        new["GLIBC_TUNABLES"] = ":".join([*kept, f"glibc.cpu.hwcaps={level.libc}"])
    return new


def wrong(level, found):
    """What did not become narrower; empty where all did."""
    faults = [f"NumPy still has {' '.join(names)}"] if (names := lost(level, found)) else []
    if found["width"] > level.width:
        faults.append(f"kernels have vectors of {found['width']} bytes")
    if "OPENBLAS_CORETYPE" not in os.environ and (cores := level.beyond.intersection(found["blas"])):
        faults.append(f"BLAS still runs as {' '.join(sorted(cores))}")
    return faults


def numeric():
    """What pytest takes where nobody says: only files that hold the mark, as to read all of them takes a while."""
    files = (p for p in sorted(Path(__file__).parent.rglob("test_*.py")) if "mark.numeric" in p.read_text("utf-8"))
    return [*NUMERIC, *(str(p) for p in files if p.name not in SLOW)]


def described(found):
    """For people."""
    features = " ".join(found["numpy"]) or "baseline"
    return f"NumPy: {features}; BLAS: {' '.join(found['blas'])}; kernels: vectors of {found['width']} bytes"


def main(arguments):
    here = kernels(os.environ)
    print(f"this machine: {described(here)}", flush=True)
    levels = narrower(here)
    if not levels:
        print("nothing is narrower here")
    failed = []
    for level in levels:
        new = environment(level, here)
        found = kernels(new)
        print(f"== {level.name}, {level.title}: {described(found)}", flush=True)
        if faults := wrong(level, found):
            print(f"{level.name}: {'; '.join(faults)}")
            failed.append(level.name)
            continue
        started, before = time.perf_counter(), os.times()
        code = subprocess.run(
            [sys.executable, "-m", "pytest", *(arguments or numeric())], env=new, check=False
        ).returncode
        after = os.times()
        spent = sum(after[2:4]) - sum(before[2:4])
        print(f"{level.name}: {spent:.0f} s of processor time, {time.perf_counter() - started:.0f} s", flush=True)
        failed += [level.name] if code else []
    if failed:
        print(f"failed with narrower kernels: {', '.join(failed)}")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
