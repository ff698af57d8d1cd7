"""Machine code: for vectors of any width; on disk, used from there only if nobody else can have written it."""

import os
import stat

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from agcli.engine.backends.jit.code import compiler, store
from agcli.engine.backends.jit.llvm import loop_nest as nest

pytestmark = [pytest.mark.numeric, pytest.mark.only(hasattr(os, "getuid"))]  # elsewhere, nothing is kept


@pytest.fixture
def place(monkeypatch, tmp_path):
    monkeypatch.setenv("AG_KERNEL_CACHE", str(tmp_path / "kernels"))
    return tmp_path / "kernels"


def test_machine_code_is_found_again(place):
    assert store.load("text") is None
    store.save("text", b"code")
    assert store.load("text") == b"code"
    assert store.load("another text") is None
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    assert [p.name for p in place.iterdir()] == [store.name_of("text")]


@pytest.mark.parametrize("damage", [lambda b: b[:-1], lambda b: b[:40] + b"?" + b[41:], lambda b: b""])
def test_damaged_files_are_not_used(place, damage):
    store.save("text", b"some machine code")
    file = place / store.name_of("text")
    file.write_bytes(damage(file.read_bytes()))
    assert store.load("text") is None


def test_what_others_can_write_is_not_used(place):
    store.save("text", b"code")
    file = place / store.name_of("text")
    file.chmod(0o622)
    assert store.load("text") is None
    file.chmod(0o600)
    place.chmod(0o770)
    assert store.load("text") is None
    place.chmod(0o700)
    assert store.load("text") == b"code"


def test_folders_are_not_read(place):
    store.save("text", b"code")
    file = place / store.name_of("text")
    file.unlink()
    file.mkdir()
    assert store.load("text") is None
    store.save("text", b"code")
    assert file.is_dir()
    assert store.load("text") is None


def test_links_are_not_followed(place, tmp_path):
    store.save("text", b"code")
    file = place / store.name_of("text")
    file.rename(tmp_path / "elsewhere")
    file.symlink_to(tmp_path / "elsewhere")
    assert store.load("text") is None
    place.rename(tmp_path / "kernels2")
    place.symlink_to(tmp_path / "kernels2")
    assert store.folder() is None


def test_the_folder_stays_small(place, monkeypatch):
    monkeypatch.setattr(store, "LIMIT", 1000)
    for i in range(20):
        store.save(f"text {i}", bytes(200))
        os.utime(place / store.name_of(f"text {i}"), (i, i))
    assert sum(p.stat().st_size for p in place.iterdir()) <= 1000 + 200 + store.DIGEST + len(store.MAGIC)
    assert store.load("text 19") == bytes(200)
    assert store.load("text 0") is None


def test_files_of_others_stay_whatever_they_are_called(place, monkeypatch):
    """Only a file with the name and the beginning of ours goes; all of these are older than those."""
    monkeypatch.setattr(store, "LIMIT", 1000)
    store.save("first", bytes(200))
    other = f"{'0' * 64}.o"
    mine = {"thesis.tex": b"x" * 5000, ".hidden": b"y" * 5000, other: b"an object file" * 500}
    for name, content in mine.items():
        (place / name).write_bytes(content)
        os.utime(place / name, (0, 0))
    for i in range(20):
        store.save(f"text {i}", bytes(200))
        os.utime(place / store.name_of(f"text {i}"), (i + 1, i + 1))
    assert {name: (place / name).read_bytes() for name in mine} == mine
    assert store.load("text 0") is None
    assert store.load("text 19") == bytes(200)


def test_without_a_folder_nothing_is_kept(monkeypatch):
    monkeypatch.setenv("AG_KERNEL_CACHE", "")
    store.save("text", b"code")
    assert store.folder() is None
    assert store.load("text") is None


@pytest.mark.parametrize("masks", [True, False])
@pytest.mark.parametrize("lanes", [1, 4, 16])
def test_kernels_for_other_machines(place, lanes, masks):
    """Vectors of any width, with and without masks in the middle of a row, give the same bits."""
    shape = nest.Shape(("float", "i1"), ("float", "i1"), (nest.BESIDE, nest.APART, nest.BESIDE, nest.BESIDE))
    text = nest.kernel_text(shape, lambda code, v: [v[1].choose(v[0].tanh(), v[0].exp()), ~v[1]], lanes, masks)
    run = compiler.compiled(text)
    rng = np.random.default_rng(4)
    x, c = rng.standard_normal(45).astype("f"), rng.random(90) < 0.5
    y, d = np.full(46, 7, "f"), np.zeros(45, bool)
    places = [(x, 4), (c, 2), (y, 4), (d, 1)]
    numbers = np.array([1, 1, 45, *(n for a, s in places for n in (a.ctypes.data, 0, 0, s))], "int64")
    run((compiler.ctypes.c_int64 * len(numbers))(*numbers.tolist()))
    np.testing.assert_allclose(y[:45], np.where(c[::2], np.tanh(x), np.exp(x)), rtol=1e-6)
    np.testing.assert_array_equal(d, ~c[::2])
    assert y[45] == 7


def test_the_folder_is_looked_through_now_and_then(place, calls, monkeypatch):
    """What one more file costs does not grow with the files that are there."""
    store.save("first", bytes(200))
    few = calls(lambda: store.save("second", bytes(200)))
    for i in range(300):
        (place / store.name_of(str(i))).write_bytes(store.MAGIC)
    assert calls(lambda: store.save("third", bytes(200))) == few
    monkeypatch.setattr(store, "LIMIT", 1000)
    assert calls(lambda: store.save("fourth", bytes(200))) > few + 300
