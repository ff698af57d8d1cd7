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
        "errors", "order", "augment", "dataset", "idx", "remote", "mnist", "embedded", "generated", "catalog",
        "layout", "frame", "memory", "delimited", "json_lines", "tabular", "arrays", "vocabulary", "running_stats",
        "roles", "labels", "kinds", "dates", "texts", "images", "preprocessing", "fitting", "splits", "corpus",
        "fitted", "guess", "folding",
        "checks", "stream", "table", "prefetch", "batches",
    ],
    "engine": [
        "errors", "registry", "frozen", "types", "table", "origin", "foreign", "graph", "arguments", "leaves",
        "ops", "functional", "rewrite",
        "gradient", "subgraph", "custom", "freelist", "plan", "loops", "transforms", "show", "backends",
        "variables", "dynamic_shapes", "function", "initializers", "optimizers", "testing",
    ],
    "agcli": [
        "engine", "datasets", "models", "expression", "spec", "zoo", "data", "model", "model_gradients",
        "events", "runs", "training", "inspection", "prediction", "evaluation", "python_api", "comparison",
        "report", "cli", "__main__", "ops", "api", "foreign_names", "reference",
    ],
}  # fmt: skip
# Imports that point the other way, and why.
ALLOWED = {
    ("agcli/spec/data.py", "data"): "the section `data:` reads the endings of files from the table of formats",
}
RICH = ("report",)
LIMIT = 400


def sources(folder):
    return [p for p in sorted((ROOT / folder).rglob("*.py")) if not any(q.is_symlink() for q in p.parents)]


def room(path, folder):
    return path.relative_to(ROOT / folder).parts[0].removesuffix(".py")


def imported_rooms(path, folder):
    """Rooms of the same folder that a file imports when it is loaded (imports inside functions break cycles)."""
    tree = ast.parse(path.read_text("utf-8"))
    depth = len(path.relative_to(ROOT / folder).parts)
    for node in tree.body:
        if not isinstance(node, ast.ImportFrom):
            continue
        if node.level:
            base = list(path.relative_to(ROOT / folder).parts[: depth - node.level])
            names = [node.module] if node.module else [a.name for a in node.names]
            if node.level <= depth:
                yield from (([*base, *n.split(".")])[0] for n in names)
        elif folder == "agcli" and node.module and node.module.startswith("agcli."):
            yield node.module.split(".")[1]


@pytest.mark.parametrize("folder", ORDER)
def test_imports_point_one_way(folder):
    order = ORDER[folder]
    for path in sources(folder):
        own = room(path, folder)
        if path.name == "__init__.py" and path.parent == ROOT / folder:
            continue
        assert own in order, f"{path}: {own} is not in the list of rooms"
        for other in imported_rooms(path, folder):
            if (str(path.relative_to(ROOT)), other) in ALLOWED:
                continue
            assert order.index(other) <= order.index(own), f"{path} ({own}) imports {other}, which stands below it"


@pytest.mark.parametrize("folder", ["agcli", "engine", "datasets", "tests", "benchmarks"])
def test_files_fit_in_the_head(folder):
    long = [f"{p}: {n}" for p in sources(folder) if (n := len(p.read_text("utf-8").splitlines())) > LIMIT]
    assert not long


def test_only_report_imports_rich():
    for path in sources("agcli") + sources("engine") + sources("datasets"):
        if "import rich" in path.read_text("utf-8") or "from rich" in path.read_text("utf-8"):
            assert room(path, "agcli") in RICH, path


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
