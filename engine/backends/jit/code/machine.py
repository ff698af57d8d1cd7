"""What this machine is to LLVM, without loading it where that is known from an earlier process.

``AG_CPU_LEVEL`` names the level of x86-64 that kernels are made for at most, so that one machine shows what another
one computes: ``x86-64-v3`` is without AVX-512, ``x86-64-v2`` without AVX. On other machines it changes nothing.
"""

from __future__ import annotations

import json
import os
from functools import cache
from importlib.util import find_spec
from itertools import takewhile
from pathlib import Path
from typing import Any

from ....errors import StateError
from .store import load, save

OPTIMIZATION = 2  # of code generation; there is nothing for the optimizer to do that the text does not say already
# Level of x86-64 -> what it lacks, and with it all that builds on that; bytes of its registers.
LEVELS = {"x86-64-v3": ("avx512f", 32), "x86-64-v2": ("avx", 16)}
NATURE = ("vendor_id", "cpu family", "model", "stepping", "flags", "CPU ", "Features")  # of a processor
NOTHING: dict[str, Any] = {"version": "", "width": 16, "masks": False}  # known of a machine without LLVM


@cache
def llvm() -> Any:
    """The module ``llvmlite.binding``, made ready for this machine; 40 ms the first time."""
    from llvmlite import binding

    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    return binding


def level() -> str:
    """The level of x86-64 that the environment allows; empty where it allows everything."""
    named = os.environ.get("AG_CPU_LEVEL", "")
    if named and named not in LEVELS:
        raise StateError(
            f"AG_CPU_LEVEL: expected {' or '.join(LEVELS)}, got {named!r}; unset it for all of this processor"
        )
    return named


def features() -> str:
    """What this processor can, as LLVM writes it, down to the level that is allowed."""
    there = llvm().get_host_cpu_features()
    lost, _ = LEVELS.get(level(), ("", 0))
    return str(there.flatten() + (f",-{lost}" if lost in there else ""))


@cache
def target() -> Any:
    """What code is made for: this processor with all that is allowed."""
    kind = llvm().Target.from_default_triple()
    return kind.create_target_machine(
        cpu=llvm().get_host_cpu_name(), features=features(), opt=OPTIMIZATION, reloc="pic", codemodel="small", jit=True
    )


def told() -> dict[str, Any]:
    """What LLVM says: whatever changes the machine code for the same text, and what kernels are made to fit."""
    import llvmlite

    there = llvm().get_host_cpu_features()
    width = 64 if there.get("avx512f") else 32 if there.get("avx2") else 16
    width = min(width, LEVELS[level()][1] if level() else width)
    parts = (llvmlite.__version__, llvm().llvm_version_info, OPTIMIZATION, target().triple, llvm().get_host_cpu_name())
    return {
        "version": " ".join(map(str, (*parts, features()))),
        "width": width,
        "masks": width == 64 and bool(there.get("avx512bw")),
    }


def identity() -> str | None:
    """A text that is another one where LLVM or the processor is; None where the system does not tell cheaply."""
    spec = find_spec("llvmlite")
    if spec is None or spec.origin is None:
        return None
    library = Path(spec.origin).parent / "binding" / "libllvmlite.so"
    try:
        found = library.stat()
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
            first = [line for line in takewhile(str.strip, file) if line.startswith(NATURE)]
    except OSError:
        return None
    facts = f"{OPTIMIZATION} {level()} {' '.join(NOTHING)} {os.uname().machine}"
    return f"{facts} {library} {found.st_size} {found.st_mtime_ns}\n{''.join(first)}"


@cache
def facts() -> dict[str, Any] | None:
    """What LLVM said in this or an earlier process; None where it cannot be loaded or does not know this machine."""
    key = identity()
    kept = None if key is None else load(key)
    if kept is not None:
        return json.loads(kept)  # type: ignore[no-any-return]
    try:
        found = told()
    except (ImportError, OSError, RuntimeError, AttributeError):
        return None
    if key is not None:
        save(key, json.dumps(found).encode())
    return found


def usable() -> bool:
    """Whether code can be made for this machine."""
    return facts() is not None


def version() -> str:
    """Whatever changes the machine code for the same text."""
    return str((facts() or NOTHING)["version"])


def register_width() -> int:
    """Bytes of a vector register."""
    return int((facts() or NOTHING)["width"])


def has_masks() -> bool:
    """Whether reading and writing under a mask costs nothing."""
    return bool((facts() or NOTHING)["masks"])
