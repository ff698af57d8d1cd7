"""What runs the tests: narrower kernels, skips that count as failures, and the page of what was verified."""

import re
import subprocess
import sys

import narrow
import pytest
from conftest import ROOT

WIDE = {"numpy": ["X86_V3", "X86_V4", "AVX512_ICL"], "blas": ["SkylakeX"], "width": 64}
OLDER_NUMPY = {"numpy": ["AVX", "F16C", "AVX2", "FMA3", "AVX512F", "AVX512_SKX"], "blas": ["SkylakeX"], "width": 64}
AVX2 = {"numpy": ["X86_V3"], "blas": ["Haswell"], "width": 32}
PLAIN = {"numpy": [], "blas": ["Nehalem"], "width": 16}
ARM = {"numpy": ["ASIMDHP", "ASIMDDP", "SVE"], "blas": ["neoversev1"], "width": 16}


@pytest.mark.parametrize(
    ("here", "names"),
    [(WIDE, ["x86-64-v3", "x86-64-v2"]), (OLDER_NUMPY, ["x86-64-v3", "x86-64-v2"]), (AVX2, ["x86-64-v2"]),
     (PLAIN, []), (ARM, [])],
)  # fmt: skip
def test_levels_are_those_below_the_machine(here, names):
    assert [level.name for level in narrow.narrower(here)] == names


def test_the_environment_switches_off_what_is_there(monkeypatch):
    for name in ("OPENBLAS_CORETYPE", "NPY_DISABLE_CPU_FEATURES", "GLIBC_TUNABLES"):
        monkeypatch.delenv(name, raising=False)
    v3, v2 = (narrow.environment(level, WIDE) for level in narrow.LEVELS)
    assert v3["NPY_DISABLE_CPU_FEATURES"] == "X86_V4 AVX512_ICL"
    assert (v3["AG_CPU_LEVEL"], v3["OPENBLAS_CORETYPE"]) == ("x86-64-v3", "Haswell")
    assert "GLIBC_TUNABLES" not in v3
    assert v2["NPY_DISABLE_CPU_FEATURES"] == "X86_V3 X86_V4 AVX512_ICL"
    assert (v2["AG_CPU_LEVEL"], v2["OPENBLAS_CORETYPE"]) == ("x86-64-v2", "Nehalem")
    assert "-AVX2" in v2["GLIBC_TUNABLES"]
    old = narrow.environment(narrow.LEVELS[0], OLDER_NUMPY)
    assert old["NPY_DISABLE_CPU_FEATURES"] == "AVX512F AVX512_SKX"


def test_what_the_machine_has_set_stays(monkeypatch):
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Prescott")
    monkeypatch.setenv("NPY_DISABLE_CPU_FEATURES", "AVX512_SPR")
    monkeypatch.setenv("GLIBC_TUNABLES", "glibc.malloc.check=1")
    new = narrow.environment(narrow.LEVELS[1], AVX2)
    assert new["OPENBLAS_CORETYPE"] == "Prescott"
    assert new["NPY_DISABLE_CPU_FEATURES"] == "AVX512_SPR X86_V3"
    assert new["GLIBC_TUNABLES"].startswith("glibc.malloc.check=1:glibc.cpu.hwcaps=")


def test_what_did_not_become_narrower_is_a_fault(monkeypatch):
    monkeypatch.delenv("OPENBLAS_CORETYPE", raising=False)
    v3, v2 = narrow.LEVELS
    assert not narrow.wrong(v3, AVX2)
    assert not narrow.wrong(v2, PLAIN)
    faults = "; ".join(narrow.wrong(v2, AVX2))
    assert "NumPy still has X86_V3" in faults
    assert "vectors of 32 bytes" in faults
    assert "BLAS still runs as Haswell" in faults
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    assert "BLAS" not in "; ".join(narrow.wrong(v2, AVX2))


def test_every_level_is_reached_on_this_machine():
    here = narrow.kernels(narrow.os.environ)
    for level in narrow.narrower(here):
        assert not narrow.wrong(level, narrow.kernels(narrow.environment(level, here)))


SKIPS = """
import pytest
def test_one(): pytest.skip("there is no moon")
def test_two(): pass
@pytest.mark.only(False)
def test_three(): raise AssertionError("it is not for this machine")
"""


CASES = """
import pytest
@pytest.mark.parametrize("n", range(7))
def test_cases(n): pass
def test_alone(): pass
@pytest.mark.parametrize("n", range(2))
def test_few(n): pass
"""


def test_one_case_in_so_many(tmp_path):
    (tmp_path / "test_cases.py").write_text(CASES)
    command = [sys.executable, "-m", "pytest", "-c", ROOT / "pyproject.toml", "-p", "conftest", "--one-in", "3", "-v"]
    env = {**narrow.os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}
    done = subprocess.run([*command, tmp_path], env=env, cwd=tmp_path, capture_output=True, text=True)
    names = re.findall(r"::(\S+) PASSED", done.stdout)
    assert names == ["test_cases[0]", "test_cases[3]", "test_cases[6]", "test_alone", "test_few[0]"]
    assert "5 passed, 5 deselected" in done.stdout


@pytest.mark.parametrize(("long", "kept"), [("", ["0", "2", "4", "6"]), ("1", list("0123456"))])
def test_a_sample_of_the_cases_unless_all_are_asked_for(tmp_path, long, kept):
    (tmp_path / "test_cases.py").write_text(f"{CASES}\ntest_cases = pytest.mark.sampled(2)(test_cases)\n")
    command = [sys.executable, "-m", "pytest", "-c", ROOT / "pyproject.toml", "-p", "conftest", "-v"]
    env = {**narrow.os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}", "AG_LONG": long}
    done = subprocess.run([*command, tmp_path], env=env, cwd=tmp_path, capture_output=True, text=True)
    assert re.findall(r"::test_cases\[(\d)\] PASSED", done.stdout) == kept
    assert "test_few[1] PASSED" in done.stdout


@pytest.mark.parametrize(("options", "code"), [([], 0), (["--no-skips"], 1)])
def test_skips_are_failures_where_none_is_allowed(tmp_path, options, code):
    (tmp_path / "test_skips.py").write_text(SKIPS)
    command = [sys.executable, "-m", "pytest", "-c", ROOT / "pyproject.toml", "-p", "conftest", *options]
    env = {**narrow.os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}
    done = subprocess.run([*command, tmp_path], env=env, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == code, done.stdout
    assert "there is no moon" in done.stdout
    assert "1 passed, 1 skipped, 1 deselected" in done.stdout
    assert ("1 skipped, which is a failure here" in done.stdout) == bool(code)


def test_the_page_of_what_was_verified(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(ROOT / "tools")
    import verify

    report = tmp_path / "report.xml"
    report.write_text(
        '<testsuites><testsuite tests="9" failures="1" errors="1" skipped="2"/><testsuite tests="1"/></testsuites>'
    )
    assert verify.counted(report) == (6, 2, 2)
    assert verify.counted(tmp_path / "none.xml") is None
    good = verify.Row("lint", "all", 0, None, 1.0, 2.0, "abc")
    assert "**All parts passed.**" in verify.page([good], "2030-01-01")
    skipped = verify.Row("tests", "all", 0, (6, 0, 2), 1.0, 2.0)
    page = verify.page([good, skipped], "2030-01-01")
    assert "**Not all parts passed.**" in page
    assert "| lint | all | passed |  |  |  | 1 | 2 | abc |" in page
    assert "| tests | all | **failed** (exit code 0) | 6 | 0 | 2 | 1 | 2 |" in page
    assert "numpy 2" in page
    again = verify.Row("tests", "all", 0, (8, 0, 0), 1.0, 2.0, "def")
    others = verify.kept(page, [again])
    assert others == [str(good)]
    page = verify.page([again], "2030-01-02", others)
    assert "**All parts passed.**" in page
    assert page.endswith(f"{good}\n{again}\n")
    assert verify.kept(page, [good]) == [str(again)]
    assert "**Not all" in verify.page([good], "2030-01-02", [str(skipped)])
    assert verify.main(["everything"]) == 2
