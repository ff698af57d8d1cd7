"""LLVM text -> machine code at an address, kept in this process and on disk."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from functools import cache, partial
from threading import Lock
from typing import Any

from ...types import Array
from .store import load, save

LEVEL = 2  # of code generation; there is nothing for the optimizer to do that the text does not say already
NAME = "kernel"


@cache
def llvm() -> Any:
    """The module ``llvmlite.binding``, made ready for this machine."""
    from llvmlite import binding

    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    return binding


@cache
def machine() -> Any:
    """What code is made for: this processor with all it can."""
    features = llvm().get_host_cpu_features().flatten()
    target = llvm().Target.from_default_triple()
    return target.create_target_machine(
        cpu=llvm().get_host_cpu_name(), features=features, opt=LEVEL, reloc="pic", codemodel="small", jit=True
    )


@cache
def usable() -> bool:
    """Whether LLVM can be loaded and knows this machine."""
    try:
        return bool(machine().triple)
    except (ImportError, OSError, RuntimeError, AttributeError):
        return False


@cache
def session() -> Any:
    """The code of this process, which lives as long as it does."""
    return llvm().orcjit.create_lljit_compiler(machine())


@cache
def version() -> str:
    """Whatever changes the machine code for the same text."""
    import llvmlite

    parts = (llvmlite.__version__, llvm().llvm_version_info, LEVEL, machine().triple, llvm().get_host_cpu_name())
    return " ".join(map(str, (*parts, llvm().get_host_cpu_features().flatten())))


@cache
def register_width() -> int:
    """Bytes of a vector register."""
    features = llvm().get_host_cpu_features()
    return 64 if features.get("avx512f") else 32 if features.get("avx2") else 16


@cache
def has_masks() -> bool:
    """Whether reading and writing under a mask costs nothing."""
    return bool(llvm().get_host_cpu_features().get("avx512bw"))


class CompileError(Exception):
    """LLVM does not take the text, or not on this machine."""


_libraries: list[Any] = []  # alive as long as the process, as their addresses are
_lock = Lock()


def machine_code(text: str) -> bytes:
    """The object file of a module."""
    module = llvm().parse_assembly(text)
    module.triple = machine().triple
    module.data_layout = str(machine().target_data)
    module.verify()
    return machine().emit_object(module)  # type: ignore[no-any-return]


def compiled(text: str) -> Callable[[int], None]:
    """The function ``kernel`` of a module, which takes the address of its argument and lets go of the GIL."""
    with _lock:
        try:
            key = f"{version()}\n{text}"
            code = load(key)
            if code is None:
                code = machine_code(text)
                save(key, code)
            builder = llvm().orcjit.JITLibraryBuilder().add_object_img(code).add_current_process().export_symbol(NAME)
            library = builder.link(session(), f"{NAME}{len(_libraries)}")
        except (RuntimeError, AttributeError) as error:
            raise CompileError(str(error)) from None
        _libraries.append(library)
        return ctypes.CFUNCTYPE(None, ctypes.c_void_p)(library[NAME])


def address(x: Array) -> int:
    """Where an array begins, in half the time that ``x.ctypes.data`` takes."""
    return x.__array_interface__["data"][0]  # type: ignore[no-any-return]


def movable(run: Any, numbers: Sequence[int], operands: Sequence[Array], places: Sequence[int]) -> Callable[[], Any]:
    """A call of a kernel with its argument; ``places`` tells where in ``numbers`` the addresses of operands stand.

    Its attribute ``move`` takes the inputs, the first of the operands, and points the call at those that lie elsewhere
    now; it returns whether it could. The arrays live as long as the call does.
    """
    argument = (ctypes.c_int64 * len(numbers))(*numbers)
    kept = list(operands)
    offsets = [numbers[i] - address(x) for i, x in zip(places, kept, strict=True)]

    def move(inputs: Sequence[Array]) -> bool:
        for k, x in enumerate(inputs):
            if x is not kept[k]:
                if x.strides != kept[k].strides:
                    return False
                argument[places[k]] = address(x) + offsets[k]
                kept[k] = x
        return True

    call = partial(run, argument)
    call.move = move  # type: ignore[attr-defined]
    return call
