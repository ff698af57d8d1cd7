"""The benchmarks run, and their sides compute the same; how fast they are is looked at elsewhere."""

import ast
import importlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import narrow
import pytest

from benchmarks import __main__, level, profile, table
from benchmarks.problem import read, write
from benchmarks.row import COMPILED, FLOOR, OURS, may_run, rows, side, workload
from benchmarks.runner import Measured, Result, UnequalError, compared, difference
from benchmarks.worker import Worker, flat, threaded

ROOT = Path(__file__).resolve().parent.parent
ROWS = rows()
STEPS = [name for name, (row, _) in ROWS.items() if not row.process]


@pytest.fixture(scope="module")
def problems(tmp_path_factory):
    """Workload -> its small problem, as a worker reads it."""
    folder, made = tmp_path_factory.mktemp("problems"), {}

    def problem(where):
        if where not in made:
            path = folder / f"{where}.npz"
            write(path, workload(where).problem(quick=True))
            made[where] = read(str(path))
        return made[where]

    return problem


@pytest.mark.parametrize("name", [name for name in STEPS if FLOOR in ROWS[name][0].peers])
def test_our_side_computes_what_numpy_does_by_hand(name, problems):
    row, where = ROWS[name]
    p = problems(where) | dict(row.check)
    steps = 2 if name == "adult_lbfgs" else 6
    ours, floor = ([flat(v) for v in side(name, where, system)(p, 1).values(0, steps)] for system in (OURS, FLOOR))
    assert difference(ours, floor) <= row.tolerance
    assert len(ours) == steps


@pytest.mark.parametrize("name", [name for name in STEPS if FLOOR not in ROWS[name][0].peers])
@pytest.mark.parametrize("peer", ["torch", "jax"])
def test_our_side_computes_what_a_peer_does(name, peer, problems):
    pytest.importorskip(peer)
    row, where = ROWS[name]
    ours, theirs = ([flat(v) for v in side(name, where, s)(problems(where), 1).values(0, 6)] for s in (OURS, peer))
    assert difference(ours, theirs) <= row.tolerance
    assert len({v for value in ours for v in value}) == 6


@pytest.mark.parametrize("name", ["cnn", "chain"])
def test_two_threads_compute_the_same(name, problems):
    row, where = ROWS[name]
    p = problems(where) | dict(row.check)
    for system in (OURS, FLOOR):
        one, two = ([flat(v) for v in side(name, where, system)(p, n).values(0, 3)] for n in (1, 2))
        assert difference(one, two) <= 1e-5


@pytest.mark.parametrize("peer", ["torch", "jax", "hips", "numpy"])
def test_every_peer_has_the_rows_that_name_it(peer):
    """Read as text: most peers are not installed here."""
    tree = ast.parse((ROOT / "benchmarks" / "peers" / f"{peer}.py").read_text("utf-8"))
    there = {n.name for n in tree.body if isinstance(n, ast.FunctionDef)}
    there |= {a.asname for n in tree.body if isinstance(n, ast.ImportFrom) for a in n.names}
    wanted = {name for name in STEPS if peer in ROWS[name][0].peers}
    assert wanted
    assert wanted <= there
    if any(peer in row.peers for row, _ in ROWS.values() if row.process):
        assert (ROOT / "benchmarks" / "scripts" / f"{peer}.py").is_file()


@pytest.mark.parametrize("name", list(level.PEERS))
def test_a_level_narrows_every_side(name, monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_a")
    if name not in {narrower.name for narrower in narrow.narrower(narrow.kernels(os.environ))}:
        pytest.skip(f"this machine is no wider than {name}")
    new = level.narrowed(name)
    assert new["AG_CPU_LEVEL"] == name
    assert new["XLA_FLAGS"].startswith("--xla_a --xla_cpu_max_isa=")
    assert {"ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA", "MKL_ENABLE_INSTRUCTIONS"} <= new.keys()
    monkeypatch.setenv("XLA_FLAGS", new["XLA_FLAGS"])
    assert threaded(1)["XLA_FLAGS"].startswith(new["XLA_FLAGS"])


def test_what_is_only_shown_is_no_peer():
    """torch through its compiler stands beside a row; its ratio is of eager torch."""
    row, _ = ROWS["mlp"]
    sides = [Measured((OURS, 1), [1.0]), Measured(("torch", 1), [2.0]), Measured((COMPILED, 1), [1.0])]
    result = Result(row, sides, 0.0)
    assert result.ratio == 0.5
    assert [name for name, (row, _) in ROWS.items() if may_run(row, COMPILED)] == [
        name for name, (row, _) in ROWS.items() if row.unit in ("ms/step", "s/epoch", "ms/epoch")
    ]


def test_every_row_of_the_table_is_there():
    expected = {"softmax", "mlp", "cnn", "lstm", "adult_sgd", "adult_lbfgs", "rosenbrock", "gradient", "hessian"}
    assert set(ROWS) == expected | {
        "readme", "chain", "predict", "cold", "transformer", "transformer_wide", "mlp_wide", "resnet",
    }  # fmt: skip
    assert ROWS["cnn"][0].memory == 0.8


def test_a_target_may_speak_of_one_peer():
    row = ROWS["mlp_wide"][0]
    sides = [
        Measured((system, 1), seconds=[t], memory=1.0) for system, t in ((OURS, 3.0), ("torch", 4.0), ("jax", 2.0))
    ]
    assert Result(row, sides, 0.0).ratio == 0.75
    assert Result(ROWS["mlp"][0], sides, 0.0).ratio == 1.5


@pytest.mark.parametrize(("row", "part"), [("adult_sgd", "bursts"), ("gradient", "calls")])
def test_our_side_without_a_part_computes_the_same(row, part, capsys):
    pytest.importorskip("llvmlite")
    code = __main__.main(["run", row, "--quick", "--json", "--threads", "1", "--peers", f"ag-without-{part}"])
    printed = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert code == 0
    assert [s["system"] for s in printed["sides"]] == ["ag", f"ag-without-{part}", "numpy"]
    assert printed["apart"] < 1e-4


def test_all_parts_can_be_switched_off():
    """Each stands where `without` looks for it."""
    pytest.importorskip("llvmlite")
    script = "from benchmarks.without import PARTS; [off() for off in PARTS.values()]; print(len(PARTS))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout == "7\n"


def test_run_prints_a_row_as_json(capsys):
    code = __main__.main(["run", "predict", "--quick", "--json", "--threads", "1"])
    where, printed = map(json.loads, capsys.readouterr().out.splitlines())
    assert code == 0
    assert "Python" in where["machine"]
    assert [(s["system"], s["threads"]) for s in printed["sides"]] == [("ag", 1), ("numpy", 1)]
    assert all(s["median"] > 0 and s["memory_mb"] > 10 and s["first_ms"] > 0 for s in printed["sides"])
    assert printed["ratio"] > 0
    assert printed["apart"] < 1e-4


def test_whole_processes_run(capsys, real_data):
    assert __main__.main(["run", "cold", "--quick", "--json", "--threads", "1"]) == 0
    printed = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert printed["apart"] < 0.01
    assert all(s["median"] > 0 and s["memory_mb"] > 10 for s in printed["sides"])


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["run", "sofmax"], "expected names among"),
        (["run", "--peers", "tensorflow"], "expected some of torch, jax, hips, torch_compile, ag-numpy, got tensorflow"),
        (["run", "--threads", "two"], "expected numbers with commas between them, got two"),
        (
            ["profile", "adult"],
            "expected names among adult_sgd, cnn, lstm, mlp, mlp_wide, resnet, softmax, transformer, transformer_wide, "
            "got adult",
        ),
    ],
)
def test_wrong_usage_is_said(argv, said, capsys):
    with pytest.raises(SystemExit) as stopped:
        __main__.main(argv)
    assert stopped.value.code == 2
    assert said in capsys.readouterr().err


def test_data_that_is_not_there_is_said(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("AG_DATA", str(tmp_path / "nowhere"))
    assert __main__.main(["run", "softmax", "--threads", "1"]) == 1
    assert "error: AG_DATA: no such folder" in capsys.readouterr().err


class Fake:
    """A process that has its values already."""

    def __init__(self, system, values):
        self.who, self.values = (system, 1), values

    def ask(self, request, n):
        return self.values


def test_sides_that_differ_are_refused():
    row = ROWS["softmax"][0]
    assert compared(row, [Fake(OURS, [[1.0]]), Fake("torch", [[1.00001]])]) == pytest.approx(1e-5)
    for wrong in ([[1.001]], [[float("nan")]], [[1.0, 1.0]], []):
        with pytest.raises(UnequalError, match="softmax: torch computes something else"):
            compared(row, [Fake(OURS, [[1.0]]), Fake("torch", wrong)])


def result(*sides):
    measured = [Measured((system, n), seconds, memory) for system, n, seconds, memory in sides]
    return Result(ROWS["cnn"][0], measured, 0.0)


def test_a_ratio_compares_the_best_of_both_round_by_round():
    r = result(
        (OURS, 1, [4.0, 4.0, 4.0], 90.0), (OURS, 2, [2.0, 3.0, 9.0], 100.0),
        ("torch", 1, [4.0, 6.0, 9.0], 400.0), ("jax", 1, [9.0, 9.0, 9.0], 300.0), (FLOOR, 1, [1.0, 1.0, 1.0], 50.0),
    )  # fmt: skip
    assert r.ours.who == (OURS, 2)
    assert r.ratio == 0.5
    assert r.memory_ratio == pytest.approx(0.3)
    assert result((OURS, 1, [4.0], 90.0), (FLOOR, 1, [2.0], 45.0)).ratio == 2.0
    assert result((OURS, 1, [4.0], 90.0)).ratio is None


def test_a_ratio_of_work_compares_processor_time():
    r = result((OURS, 1, [4.0], 90.0), (OURS, 2, [2.0], 90.0), ("torch", 2, [8.0], 90.0))
    assert r.work_ratio is None
    for m, spent in zip(r.sides, (3.0, 5.0, 6.0), strict=True):
        m.spent = [spent]
    assert r.work_ratio == 0.5


def test_tables_go_between_their_markers(tmp_path):
    plain = result((OURS, 2, [0.03], 90.0), ("torch", 1, [0.06], 360.0)).to_json()
    path = tmp_path / "page.md"
    path.write_text("before\n<!-- results: begin -->\nold\n<!-- results: end -->\nafter\n", "utf-8")
    table.put("results", table.markdown([plain]), path)
    text = path.read_text("utf-8")
    assert "| CNN 32-64, batch 128, Adam | ms/step | 30 (2) | 60 (1) | **0.50** | 0.7 | - | - |" in text
    assert "| CNN 32-64, batch 128, Adam | 90 | 360 | **0.25** | 0.8 |" in text
    assert "old" not in text
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    with pytest.raises(ValueError, match="profile: begin"):
        table.put("profile", "", path)


def test_tables_are_made_of_what_runs_have_printed(tmp_path, monkeypatch):
    page, old, new = (tmp_path / name for name in ("page.md", "old.jsonl", "new.jsonl"))
    monkeypatch.setattr(table, "DOCS", page)
    page.write_text("<!-- results: begin --><!-- results: end -->", "utf-8")
    rows_of = {path: result((OURS, 1, [seconds], 90.0)).to_json() for path, seconds in ((old, 0.5), (new, 0.25))}
    for path, plain in rows_of.items():
        path.write_text(json.dumps({"machine": path.stem}) + "\n" + json.dumps(plain) + "\n", "utf-8")
    assert __main__.main(["docs", str(old), str(new)]) == 0
    text = page.read_text("utf-8")
    assert "\nold\n\nnew\n" in text
    assert "| 250 (1) |" in text
    assert "| 500 (1) |" not in text
    assert __main__.main(["docs", str(old), "--work"]) == 0
    assert "| 0 (1) |" in page.read_text("utf-8")


def test_the_page_has_places_for_the_tables():
    text = table.DOCS.read_text("utf-8")
    for name in ("results", "profile"):
        assert text.count(f"<!-- {name}: begin -->") == text.count(f"<!-- {name}: end -->") == 1


def test_a_profile_names_the_ops_of_a_step():
    text = profile.report(["softmax"], quick=True)
    assert re.search(r"\| (compiled<)?matmul>? \| 2 \|", text)
    assert "GFLOP/s (sgemm)" in text


def test_a_worker_calibrates_its_turns():
    from benchmarks.row import Side

    done = []
    worker = Worker(lambda: Side(done.append), steps=5)
    assert worker.calibrate(0.001) >= 1
    assert done == list(range(len(done)))
    assert len(done) % 5 == 0


def test_scripts_of_the_benchmarks_import():
    assert importlib.import_module("benchmarks.scripts.mnist").start()[0].shape == (784, 10)


def test_a_pickle_of_tables_can_call_nothing_but_what_a_frame_needs():
    import lzma
    import pickle

    from benchmarks.rdatasets_files import cell, columns_of

    with pytest.raises(ValueError, match=r"expected a frame of pandas, found os\.getcwd in a pickle"):
        columns_of(lzma.compress(b"cos\ngetcwd\n(tR."))
    with pytest.raises(ValueError, match=r"found builtins\.print in a pickle"):
        columns_of(lzma.compress(pickle.dumps(print)))
    assert [cell(v) for v in (None, float("nan"), 3.0, 2.5, True, "a")] == ["NA", "NA", 3, 2.5, "TRUE", "a"]


def test_formulas_like_those_of_tables_of_integrals_are_read_by_both_sides():
    from agcli.expression.api import parse, variables
    from benchmarks.formulas import operators, sympy_reader
    from benchmarks.integrals import LONGEST, SHORTEST, formulas

    texts = formulas(8, seed=3)
    assert texts == formulas(8, seed=3)
    assert all(SHORTEST <= operators(text) <= LONGEST for text in texts)
    pytest.importorskip("sympy")
    read = sympy_reader()
    for text in texts:
        assert {str(s) for s in read(text).free_symbols} == set(variables(parse(text)))
