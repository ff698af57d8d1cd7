"""Our side with one of its riskier parts switched off: what each of them earns, row by row."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from importlib import import_module
from typing import Any

from benchmarks.row import WITHOUT


def put(module: str, name: str, value: Any) -> None:
    """Replace what a module knows under a name, which it has to know."""
    known = vars(import_module(f"agcli.{module}"))
    known[name] = (value, known[name])[0]


def images() -> None:
    """Kernels are linked by LLVM in every process; they are kept in another folder."""
    os.environ["AG_KERNEL_CACHE"] = os.path.join(tempfile.gettempdir(), "agcli-linked-kernels")
    put("engine.backends.jit.code.compiler", "image_of", lambda *_: None)


def worker() -> None:
    """Parts of an op are shared out by a pool of Python's threads."""
    put("engine.backends.jit.code.native", "slots", lambda _: (0, 0))


def calls() -> None:
    """A function of a few numbers runs as any other plan."""
    put("engine.function", "suits", lambda *_, **__: False)


def bursts() -> None:
    """Every step of a training is a call of its own."""
    put("training.bursts", "STATE", -1)


def gather() -> None:
    """Rows of a batch are copied and scaled by NumPy."""
    put("training.session", "gathering", lambda: None)
    bursts()


def packing() -> None:
    """All products are the BLAS's, or those of a few rows or columns."""
    put("engine.backends.jit.products.packing", "LARGE", 1 << 62)


def early() -> None:
    """Data is read when all modules are loaded."""
    put("datasets.catalog", "begin", lambda *_, **__: None)
    put("data.section", "begin_to_load", lambda *_, **__: None)


PARTS: dict[str, Callable[[], None]] = {
    made.__name__: made for made in (images, worker, calls, bursts, gather, packing, early)
}


def switch_off(system: str) -> None:
    """Change this process to what a system's name says."""
    PARTS[system.removeprefix(WITHOUT)]()
