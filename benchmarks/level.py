"""All sides of a row with narrower kernels: what each of them reads from the environment of its process."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

import narrow  # needs the path


@dataclass(frozen=True)
class Peers:
    """The same width in the words of the peers' libraries."""

    aten: str  # torch's own loops
    onednn: str
    mkl: str  # torch's products
    xla: str


PEERS = {
    "x86-64-v3": Peers("avx2", "AVX2", "AVX2", "AVX2"),
    "x86-64-v2": Peers("default", "SSE41", "SSE4_2", "SSE4_2"),
}


def narrowed(name: str) -> dict[str, str]:
    """Environment variables that make NumPy, us, torch and XLA compute at a level. Raises ValueError where this
    machine is no wider, or one of them would not become narrower.
    """
    here = narrow.kernels(os.environ)
    level = next((level for level in narrow.narrower(here) if level.name == name), None)
    if level is None:
        known = ", ".join(level.name for level in narrow.narrower(here)) or "none"
        raise ValueError(f"expected a level below this machine's ({known}), got {name}")
    own = narrow.environment(level, here)
    if faults := narrow.wrong(level, narrow.kernels(own)):
        raise ValueError("; ".join(faults))
    peers = PEERS[name]
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_cpu_max_isa={peers.xla}".strip()
    return {
        **{k: v for k, v in own.items() if os.environ.get(k) != v},
        "ATEN_CPU_CAPABILITY": peers.aten,
        "ONEDNN_MAX_CPU_ISA": peers.onednn,
        "MKL_ENABLE_INSTRUCTIONS": peers.mkl,
        "XLA_FLAGS": flags,
    }
