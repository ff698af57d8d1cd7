"""What this machine is to LLVM, without loading it where that is known from an earlier process."""

from __future__ import annotations

import json
import os
from functools import cache
from importlib.util import find_spec
from itertools import takewhile
from pathlib import Path
from typing import Any

from .store import load, save

LEVEL = 2  # of code generation; there is nothing for the optimizer to do that the text does not say already
NATURE = ("vendor_id", "cpu family", "model", "stepping", "flags", "CPU ", "Features")  # of a processor
NOTHING: dict[str, Any] = {"version": "", "width": 16, "masks": False}  # known of a machine without LLVM


@cache
def llvm() -> Any:
    """The module ``llvmlite.binding``, made ready for this machine; 40 ms the first time."""
    from llvmlite import binding

    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    return binding


@cache
def target() -> Any:
    """What code is made for: this processor with all it can."""
    features = llvm().get_host_cpu_features().flatten()
    kind = llvm().Target.from_default_triple()
    return kind.create_target_machine(
        cpu=llvm().get_host_cpu_name(), features=features, opt=LEVEL, reloc="pic", codemodel="small", jit=True
    )


def told() -> dict[str, Any]:
    """What LLVM says: whatever changes the machine code for the same text, and what kernels are made to fit."""
    import llvmlite

    features = llvm().get_host_cpu_features()
    parts = (llvmlite.__version__, llvm().llvm_version_info, LEVEL, target().triple, llvm().get_host_cpu_name())
    return {
        "version": " ".join(map(str, (*parts, features.flatten()))),
        "width": 64 if features.get("avx512f") else 32 if features.get("avx2") else 16,
        "masks": bool(features.get("avx512bw")),
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
    facts = f"{LEVEL} {' '.join(NOTHING)} {os.uname().machine}"
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
