"""The house: imports point one way, files stay small, and what starts fast loads little."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
# Each folder's rooms in the order in which data passes through; a file imports only from rooms above its own.
ORDER = {
    "datasets": [
        "errors", "files", "compressed", "signatures", "order", "augment", "dataset", "idx", "remote", "mnist",
        "embedded", "generated", "catalog", "layout", "clocks", "date_patterns", "date_layouts", "units", "marks",
        "numerals", "columns", "frame", "memory", "encodings", "dialect", "delimited", "typed", "json_lines", "scans",
        "foreign", "apart", "nested", "several", "tabular", "excel", "sqlite", "shards", "arrays", "contents",
        "vocabulary", "running_stats", "roles", "scaling", "labels", "kinds", "dates", "texts", "images",
        "preprocessing", "fitting", "time_keys", "splits",
        "corpus", "fitted", "identifiers", "guess", "reading_notes", "strays", "folding",
        "leaks", "digits", "checks", "stream", "samples", "table", "prefetch", "batches",
    ],
    "engine": [
        "errors", "collector", "registry", "frozen", "types", "table", "origin", "foreign", "graph", "arguments",
        "leaves", "ops", "functional", "rewrite",
        "substitution", "gradient", "subgraph", "custom", "freelist", "plan", "memory", "planner", "loops",
        "transforms", "show", "backends",
        "variables", "dynamic_shapes", "function", "initializers", "optimizers", "testing",
    ],
    "agcli": [
        "counts", "printable", "engine", "datasets", "models", "expression", "spec.plugins", "data.formats", "spec",
        "zoo", "data", "model", "model_gradients",
        "events", "runs", "training", "inspection", "prediction", "evaluation", "python_api", "comparison",
        "report", "cli", "__main__", "ops", "api", "foreign_names", "reference",
    ],
}  # fmt: skip
# Imports that point the other way, and why.
ALLOWED = {
    ("engine/graph.py", "function"): "`t.eval()` runs a tensor, and what runs is made of tensors",
    ("engine/loops/loop.py", "backends"): "the body of a loop is fused like the graph around it, when it is planned",
}
RICH = ("report",)
LIMIT = 400


def sources(folder):
    return [p for p in sorted((ROOT / folder).rglob("*.py")) if not any(q.is_symlink() for q in p.parents)]


def room(module, folder):
    """The room of a module of a folder, `spec.tables`: the longest beginning of its name that is in the list."""
    parts = module.split(".")
    rooms = (".".join(parts[:n]) for n in range(len(parts), 0, -1))
    return next((name for name in rooms if name in ORDER[folder]), parts[0])


def module_of(path, folder):
    return ".".join(path.relative_to(ROOT / folder).with_suffix("").parts).removesuffix(".__init__")


def imported(path, folder):
    """The modules of the same folder that a file imports: when it is loaded, inside functions, or for types alone."""
    package = path.relative_to(ROOT / folder).parent.parts
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name.split(".") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            start = ["agcli", *package[: len(package) + 1 - node.level]] if node.level else []
            module = [*start, *(node.module.split(".") if node.module else [])]
            names = [[*module, alias.name] for alias in node.names] if node.level <= len(package) + 1 else []
        else:
            continue
        yield from (".".join(parts[1:]) for parts in names if parts[0] == "agcli" and len(parts) > 1)


def wrong_imports(path, folder):
    """The rooms below its own that a file imports."""
    order, own = ORDER[folder], room(module_of(path, folder), folder)
    rooms = {room(module, folder) for module in imported(path, folder)}
    return {other for other in rooms if other in order and order.index(other) > order.index(own)}


@pytest.mark.parametrize("folder", ORDER)
def test_every_file_is_in_a_room(folder):
    inside = [path for path in sources(folder) if path != ROOT / folder / "__init__.py"]
    assert {room(module_of(path, folder), folder) for path in inside} <= set(ORDER[folder])


@pytest.mark.parametrize("folder", ORDER)
def test_imports_point_one_way(folder):
    inside = [path for path in sources(folder) if path != ROOT / folder / "__init__.py"]
    wrong = {(path.relative_to(ROOT).as_posix(), other) for path in inside for other in wrong_imports(path, folder)}
    assert wrong == {pair for pair in ALLOWED if pair[0].startswith(f"{folder}/")}


LATE = """
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    from agcli.report.tables import print_table
def f():
    import agcli.training.fit
    class A:
        def g(self):
            from ..cli import main
            from agcli import api
            from agcli.engine import graph
            from agcli.data import formats
            from .plugins import Plugin
"""


def test_imports_are_seen_wherever_they_stand(tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    path = tmp_path / "agcli" / "spec" / "late.py"
    path.parent.mkdir(parents=True)
    path.write_text(LATE)
    assert wrong_imports(path, "agcli") == {"report", "training", "cli", "api"}
    path = path.with_name("plugins.py")
    path.write_text("def f():\n    from .tables import Table\n    from agcli.data import section\n")
    assert wrong_imports(path, "agcli") == {"spec", "data"}


def test_no_fields_are_of_any_type():
    """The fields of a row have its class, so that a name that it lacks is found by mypy."""
    found = {path.relative_to(ROOT).as_posix() for path in sources("agcli") if any(untyped(path.read_text("utf-8")))}
    assert not found


def untyped(text):
    """The places of a text that declare `fields: Any`, as a parameter or as a variable."""
    for node in ast.walk(ast.parse(text)):
        name = node.arg if isinstance(node, ast.arg) else getattr(getattr(node, "target", None), "id", "")
        annotation = getattr(node, "annotation", None)
        if name in ("fields", "f") and annotation is not None and ast.unparse(annotation) == "Any":
            yield node


def test_fields_of_any_type_are_seen():
    assert len([*untyped("def f(fields: Any, x: Any): ...\ny = lambda f: f\nfields: Any = 1\nf: Any\nf: int")]) == 3


@pytest.mark.parametrize("folder", ["agcli", "engine", "datasets", "tests", "benchmarks"])
def test_files_fit_in_the_head(folder):
    read = [p for p in sources(folder) if p != ROOT / "agcli" / "ops.py"]  # which a program writes
    long = [f"{p}: {n}" for p in read if (n := len(p.read_text("utf-8").splitlines())) > LIMIT]
    assert not long


def test_only_report_imports_rich():
    for path in sources("agcli") + sources("engine") + sources("datasets"):
        if "import rich" in path.read_text("utf-8") or "from rich" in path.read_text("utf-8"):
            assert room(module_of(path, path.relative_to(ROOT).parts[0]), "agcli") in RICH, path


def loaded_by(code):
    probe = f"import sys; {code}; print(*sorted(m.partition('.')[0] for m in sys.modules))"
    return set(subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True).stdout.split())


def test_help_loads_no_numpy():
    code = "from agcli.cli import ag; from click.testing import CliRunner; r = CliRunner().invoke(ag, ['--help'])"
    code += "; assert not r.exit_code"
    heavy = {"numpy", "scipy", "rich", "pydantic", "yaml", "polars", "safetensors"}
    assert not heavy & loaded_by(code)


def test_a_formula_loads_little():
    code = "from agcli.cli import ag; from click.testing import CliRunner; r = CliRunner().invoke(ag, ['grad', 'x^2'])"
    code += "; assert r.output == 'd/dx = 2*x\\n', r.output"
    code += "; assert not [m for m in sys.modules if 'enclosures' in m]"  # which only --at and --taylor need
    heavy = {"scipy", "rich", "pydantic", "yaml", "polars", "safetensors", "threadpoolctl", "concurrent", "matplotlib"}
    assert not heavy & loaded_by(code)


def test_import_agcli_loads_no_numpy():
    assert "numpy" not in loaded_by("import agcli")


def test_every_package_is_in_the_wheel():
    import tomllib

    listed = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])
    there = {"agcli"}
    for folder, prefix in (("agcli", "agcli"), ("engine", "agcli.engine"), ("datasets", "agcli.datasets")):
        for path in sources(folder):
            if path.name == "__init__.py":
                there.add(".".join((prefix, *path.parent.relative_to(ROOT / folder).parts)))
    assert listed == there | {"agcli.models"}
