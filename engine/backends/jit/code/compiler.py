"""LLVM text -> machine code at an address, kept in this process and on disk."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from threading import Lock
from typing import Any

from .image import image_of, is_image, loaded
from .machine import llvm, target, version
from .store import load, save

NAME = "kernel"
FORM = 1  # of the files


class CompileError(Exception):
    """LLVM does not take the text, or not on this machine."""


_libraries: list[Any] = []  # alive as long as the process, as their addresses are
_lock = Lock()


def machine_code(text: str) -> bytes:
    """The code of a module: an image where that is possible, else an object file."""
    module = llvm().parse_assembly(text)
    module.triple = target().triple
    module.data_layout = str(target().target_data)
    module.verify()
    code: bytes = target().emit_object(module)
    return image_of(code, NAME) or code


@cache
def session() -> Any:
    """What links object files, and owns their code."""
    return llvm().orcjit.create_lljit_compiler(target())


def linked(code: bytes) -> int:
    """The address of the function of an object file."""
    builder = llvm().orcjit.JITLibraryBuilder().add_object_img(code).add_current_process().export_symbol(NAME)
    _libraries.append(builder.link(session(), f"{NAME}{len(_libraries)}"))
    return int(_libraries[-1][NAME])


def compiled(text: str) -> Callable[[int], None]:
    """The function ``kernel`` of a module, which takes the address of its argument and lets go of the GIL."""
    with _lock:
        try:
            key = f"{FORM} {version()}\n{text}"
            code = load(key)
            if code is None:
                code = machine_code(text)
                save(key, code)
            found = loaded(code) if is_image(code) else linked(code)
        except (RuntimeError, AttributeError, OSError, ImportError) as error:
            raise CompileError(str(error)) from None
        return ctypes.CFUNCTYPE(None, ctypes.c_void_p)(found)
