"""Compiled kernels as images: the same values as through the linker, and a process that finds them needs no LLVM."""

import ctypes
import json
import os
import platform
import subprocess
import sys
from copy import copy
from importlib.util import find_spec

import pytest

pytest.importorskip("llvmlite")

import agcli as ag
from agcli.engine.backends.jit.code import compiler, image, machine

# Elsewhere, objects go through the linker.
pytestmark = pytest.mark.only(sys.platform == "linux" and platform.machine() == "x86_64")

HEAD = "define void @other(ptr %a) { ret void }\ndefine void @kernel(ptr %a) {\n%x = load double, ptr %a\n"
TAIL = "store double %y, ptr %a\nret void }\n"
TEXTS = {
    "a constant": (HEAD + "%y = fmul double %x, 3.5\n" + TAIL, 7.0),
    "a call": (HEAD + "%y = call double @cos(double 0.0)\n" + TAIL + "declare double @cos(double)", 1.0),
    "two calls": (
        HEAD + "%c = call double @cosh(double 0.0)\n%d = call double @exp2(double %x)\n%y = fadd double %c, %d\n"
        + TAIL + "declare double @cosh(double)\ndeclare double @exp2(double)",
        5.0,
    ),
    "a function by its address": (
        HEAD + "%s = alloca ptr\nstore volatile ptr @cosh, ptr %s\n%f = load volatile ptr, ptr %s\n"
        "%y = call double %f(double 0.0)\n" + TAIL + "declare double @cosh(double)",
        1.0,
    ),
    "a table of jumps": (
        HEAD + "%n = fptosi double %x to i64\nswitch i64 %n, label %d [i64 0, label %a0\n i64 1, label %a1\n"
        " i64 2, label %a2\n i64 3, label %a3\n i64 4, label %a4 ]\n"
        + "".join(f"a{i}: call void @other(ptr %a)\nbr label %d\n" for i in range(5))
        + "d: %y = phi double [-1.0, %0], [0.1, %a0], [1.1, %a1], [2.25, %a2], [3.1, %a3], [4.1, %a4]\n" + TAIL,
        2.25,
    ),
}  # fmt: skip


def value(address, x=2.0):
    cell = (ctypes.c_double * 1)(x)
    ctypes.CFUNCTYPE(None, ctypes.c_void_p)(address)(ctypes.addressof(cell))
    return cell[0]


def object_file(text):
    module = machine.llvm().parse_assembly(text)
    module.triple = machine.target().triple
    return machine.target().emit_object(module)


@pytest.mark.parametrize("name", TEXTS)
def test_an_image_computes_what_its_object_file_computes(name):
    text, expected = TEXTS[name]
    code = object_file(text)
    made = image.image_of(code, "kernel")
    assert made is not None
    assert image.is_image(made)
    assert not image.is_image(code)
    assert value(image.loaded(made)) == value(compiler.linked(code)) == expected


def test_what_can_be_written_goes_through_the_linker(monkeypatch):
    monkeypatch.setenv("AG_KERNEL_CACHE", "")
    text = "@n = internal global double 1.5\n" + HEAD + (
        "%o = load double, ptr @n\n%y = fadd double %o, %x\nstore double %y, ptr @n\n" + TAIL
    )  # fmt: skip
    assert image.image_of(object_file(text), "kernel") is None
    run = compiler.compiled(text)
    cell = (ctypes.c_double * 1)(2.0)
    run(ctypes.addressof(cell))
    run(ctypes.addressof(cell))
    assert cell[0] == 7.0


def test_code_lies_in_memory_that_nobody_can_write():
    text, _ = TEXTS["a constant"]
    start = image.loaded(image.image_of(object_file(text), "kernel"))
    with open("/proc/self/maps", encoding="ascii") as file:
        rows = [line.split()[:2] for line in file]
    (rights,) = [r for span, r in rows for a, b in [span.split("-")] if int(a, 16) <= start < int(b, 16)]
    assert rights == "r-xp"


def test_damaged_object_files_have_no_image():
    code = object_file(TEXTS["a call"][0])
    assert image.image_of(code, "another") is None
    assert image.image_of(b"", "kernel") is None
    assert [image.image_of(code[:n], "kernel") for n in range(0, len(code), 97)] == [None] * len(
        range(0, len(code), 97)
    )


def test_objects_for_other_machines_go_through_their_linker():
    binding = machine.llvm()
    binding.initialize_all_targets()
    binding.initialize_all_asmprinters()
    for triple in ("aarch64-linux-gnu", "x86_64-apple-darwin", "x86_64-pc-windows-msvc"):
        module = binding.parse_assembly(TEXTS["a constant"][0])
        module.triple = triple
        made = binding.Target.from_triple(triple).create_target_machine(reloc="pic", codemodel="small")
        assert image.image_of(made.emit_object(module), "kernel") is None


def test_where_no_memory_may_be_executed_there_is_no_kernel(monkeypatch):
    def refused(code):
        raise OSError(13, "no memory for code")

    monkeypatch.setenv("AG_KERNEL_CACHE", "")
    monkeypatch.setattr(compiler, "loaded", refused)
    with pytest.raises(compiler.CompileError, match="no memory for code"):
        compiler.compiled(TEXTS["a constant"][0])


def test_a_name_that_the_process_does_not_know():
    text = HEAD + "%y = call double @nobody(double %x)\n" + TAIL + "declare double @nobody(double)"
    made = image.image_of(object_file(text), "kernel")
    with pytest.raises(AttributeError, match="nobody"):
        image.loaded(made)


PROGRAM = """
import json, sys
import numpy as np
import agcli as ag
x = ag.placeholder("x", (300, 400))
f = ag.function(ag.sum(ag.tanh(x) * ag.exp(-x * x) + ag.sin(x)))
y = f(np.linspace(-3, 3, 120000, dtype="float32").reshape(300, 400))
print(json.dumps([float(y), "fused" in str(f.plan), "llvmlite" in sys.modules]))
"""


def test_a_process_that_finds_its_kernels_needs_no_llvm(tmp_path):
    env = {**os.environ, "AG_KERNEL_CACHE": str(tmp_path / "kernels"), "AG_BACKEND": "jit"}
    runs = [subprocess.run([sys.executable, "-c", PROGRAM], env=env, capture_output=True) for _ in range(2)]
    (y, fused, llvm), (again, _, later) = [json.loads(run.stdout) for run in runs]
    assert fused
    assert llvm
    assert not later
    assert y == again


def test_another_llvm_is_another_machine(monkeypatch, tmp_path):
    before = machine.identity()
    assert before == machine.identity()
    library = tmp_path / "binding" / "libllvmlite.so"
    library.parent.mkdir()
    library.write_bytes(b"one")
    spec = copy(find_spec("llvmlite"))  # what is found is the module's own
    spec.origin = str(tmp_path / "__init__.py")
    monkeypatch.setattr(machine, "find_spec", lambda name: spec)
    first = machine.identity()
    library.write_bytes(b"another")
    assert len({before, first, machine.identity()}) == 3
    library.unlink()
    assert machine.identity() is None


@pytest.mark.parametrize(("level", "width", "missing"), [("x86-64-v3", 32, ["zmm"]), ("x86-64-v2", 16, ["zmm", "ymm"])])
def test_a_lower_level_of_the_processor_is_another_machine(level, width, missing, monkeypatch, tmp_path):
    """Vectors are as long as the level has them, in the code as well, and no kernel of another level is taken."""
    monkeypatch.setenv("AG_KERNEL_CACHE", str(tmp_path / "kernels"))
    found = {}
    for name in ("", level):
        env = {**os.environ, "AG_CPU_LEVEL": name}
        done = subprocess.run([sys.executable, "-c", LEVEL], env=env, capture_output=True, text=True)
        assert not done.stderr
        found[name] = json.loads(done.stdout)
    assert found[level]["width"] == min(width, found[""]["width"])
    assert not found[level]["masks"]
    assert found[level]["identity"] != found[""]["identity"]
    if found[level]["width"] < found[""]["width"]:
        assert found[level]["version"] != found[""]["version"]
    assert not [register for register in missing if register in found[level]["code"]]


LEVEL = """
import json
from agcli.engine.backends.jit.code import machine
text = '''
define void @f(ptr %p) {
  %a = load <16 x float>, ptr %p
  %b = fmul <16 x float> %a, %a
  store <16 x float> %b, ptr %p
  ret void
}
'''
found = {"width": machine.register_width(), "masks": machine.has_masks(), "version": machine.version()}
found["code"] = machine.target().emit_assembly(machine.llvm().parse_assembly(text))
print(json.dumps({**found, "identity": machine.identity()}))
"""


def test_an_unknown_level_is_refused(monkeypatch):
    monkeypatch.setenv("AG_CPU_LEVEL", "avx2")
    with pytest.raises(ag.StateError, match=r"AG_CPU_LEVEL: expected x86-64-v3 or x86-64-v2, got 'avx2'"):
        machine.identity()
