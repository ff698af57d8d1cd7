"""Shared fixtures: real data where it is at hand, and the command line as a process."""

import ctypes
import gc
import io
import itertools
import json
import math
import os
import subprocess
import sys
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LIMIT = 300  # seconds of a run of `ag`


@pytest.fixture(scope="session")
def real_data():
    """The folder of real data sets."""
    folder = os.environ.get("AG_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("AG_DATA names no folder with the real data sets")
    return Path(folder)


@pytest.fixture(scope="session")
def served(tmp_path_factory):
    """Run `ag` in a fork of a process that has loaded it, as `ag` does; None where that is not asked for.

    The full check starts each by itself, as people do.
    """
    if os.environ.get("AG_LONG") or not hasattr(os, "fork"):
        yield None
        return
    first = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-W", "error", ROOT / "tests" / "zygote.py"]
    with subprocess.Popen(command, env=first, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as zygote:

        def run(args, cwd, env, input):
            if {name for name in {*env, *first} if env.get(name) != first.get(name)} - {"PYTEST_CURRENT_TEST"}:
                return None  # what libraries read when they are loaded may be other
            place = tmp_path_factory.mktemp("served")
            streams = [place / name for name in ("input", "output", "errors")]
            for path in streams:
                path.write_text((input or "") if path.name == "input" else "", "utf-8")
            request = {"args": args, "cwd": str(cwd), "env": env, "streams": [*map(str, streams)], "limit": LIMIT}
            print(json.dumps(request), file=zygote.stdin, flush=True)
            code = int(zygote.stdout.readline())
            return subprocess.CompletedProcess(args, code, *(path.read_text("utf-8") for path in streams[1:]))

        yield run
        zygote.stdin.close()


@pytest.fixture(scope="session")
def ag(served):
    """Run `ag` as a process: ag("train", spec, cwd=...) -> CompletedProcess with text output.

    As ``anyone``, permissions of files count for the superuser too.
    """

    def run(*args, cwd=ROOT, check=None, env=None, input=None, anyone=False):
        args = [*map(str, args)]
        full = {**os.environ, "PYTHONPATH": str(ROOT), **(env or {})}
        done = served(args, cwd, full, input) if served and not anyone else None
        if done is None:
            done = subprocess.run(
                [sys.executable, "-W", "error", "-c", "from agcli.cli import main; main()", *args],
                cwd=cwd, env=full, input=input, capture_output=True, text=True, timeout=LIMIT,
                preexec_fn=heed_permissions if anyone and os.geteuid() == 0 else None,
            )  # fmt: skip
        if check is not None:
            assert done.returncode == check, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr, done.stderr
        return done

    return run


@pytest.fixture
def grad(monkeypatch, capsys):
    """Run `ag grad` in this process: grad(*args, input="") -> exit code, output, errors."""
    from agcli.cli import main

    def run(*args, input=""):
        monkeypatch.setattr(sys, "argv", ["ag", "grad", *args])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(input.encode()), encoding="utf-8"))
        with pytest.raises(SystemExit) as stopped:
            main()
        captured = capsys.readouterr()
        return stopped.value.code, captured.out, captured.err

    return run


PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 24, 1, 2  # <linux/prctl.h>, <linux/capability.h>


def heed_permissions():
    """Take from this process, from its next program on, what lets the superuser pass over permissions (Linux)."""
    for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
        if ctypes.CDLL(None, use_errno=True).prctl(PR_CAPBSET_DROP, capability, 0, 0, 0):
            raise OSError(ctypes.get_errno(), "the superuser keeps its privileges")


def pytest_addoption(parser):
    parser.addoption("--no-skips", action="store_true", help="a test that is skipped is a failure of the run")
    parser.addoption("--one-in", type=int, default=1, help="of the cases of a test, run the first of so many [1]")


def skipped(config):
    """How many tests and files were skipped in this run, of all its workers."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    return len(reporter.stats.get("skipped", [])) if reporter is not None else 0


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session):
    if session.config.getoption("no_skips") and skipped(session.config) and not session.exitstatus:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter, config):
    if config.getoption("no_skips") and (count := skipped(config)):
        terminalreporter.write_line(f"--no-skips: {count} skipped, which is a failure here", red=True)


def pytest_collection_modifyitems(config, items):
    """Leave out what by its nature is for other machines, ``@pytest.mark.only(condition)``, and what was not asked for.

    Of every test with cases, ``--one-in`` leaves some, and of those that are ``sampled(n)`` the first of n each,
    unless AG_LONG asks for all.
    """
    kept, cases = [], Counter()
    is_long = bool(os.environ.get("AG_LONG"))
    for item in items:
        if all(mark.args[0] for mark in item.iter_markers("only")):
            name = item.nodeid.partition("[")[0]
            sampled = [mark.args[0] for mark in item.iter_markers("sampled") if not is_long]
            if cases[name] % (config.getoption("one_in") * math.prod(sampled)) == 0:
                kept.append(item)
            cases[name] += 1
    if len(kept) < len(items):
        config.hook.pytest_deselected(items=list(set(items).difference(kept)))
        items[:] = kept


def pytest_configure(config):
    """On CI, Hypothesis draws the same examples in every run; at home it looks for new ones. No test has a deadline."""
    from hypothesis import settings

    settings.register_profile("here", deadline=None, derandomize=bool(os.environ.get("CI")))
    settings.load_profile("here")


def pytest_collection_finish(session):
    """Thousands of collected tests are no work for the garbage collector; its pauses would count as the code's time."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def calls():
    """How many functions a function calls: calls(work) -> count. It grows as time does, and is the same everywhere."""

    def count(work):
        seen = itertools.count()
        sys.setprofile(lambda frame, event, what: next(seen) if event in ("call", "c_call") else None)
        try:
            work()
        finally:
            sys.setprofile(None)
        return next(seen)

    return count


@pytest.fixture
def own_kernels(monkeypatch, tmp_path_factory):
    """Kernels are compiled, and their machine code is kept for these tests alone."""
    monkeypatch.delenv("AG_BACKEND", raising=False)
    monkeypatch.setenv("AG_KERNEL_CACHE", str(tmp_path_factory.getbasetemp() / "kernels"))


@pytest.fixture
def policy():
    """Changes thresholds of what is compiled, for one test: policy(min_gain=0)."""
    from agcli.engine.backends.policy import current, using
    from agcli.engine.frozen import changed

    with ExitStack() as stack:
        yield lambda **changes: stack.enter_context(using(changed(current(), **changes)))


@pytest.fixture
def compiled(monkeypatch, own_kernels, policy):
    """Kernels are compiled for all that has any, however small."""
    policy(min_elements=0, min_gain=0, apart_elements=-1)


@pytest.fixture(params=["numpy", "compiled"])
def backend(request, monkeypatch):
    """NumPy's kernels alone, then compiled ones for all that has any, however small."""
    if request.param == "numpy":
        monkeypatch.setenv("AG_BACKEND", "numpy")
    else:
        request.getfixturevalue("compiled")


@pytest.fixture(scope="session")
def validator():
    """What judges specs by the schema."""
    jsonschema = pytest.importorskip("jsonschema")
    from agcli.spec import json_schema

    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)
