"""What a stranger installs: the sdist and the wheel are whole, and work far from the checkout."""

import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def run(*command, **kwargs):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, **kwargs)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def dist(tmp_path_factory):
    out = tmp_path_factory.mktemp("dist")
    pytest.importorskip("build")
    source = tmp_path_factory.mktemp("source") / "agcli"
    files = run("git", "ls-files", "--cached", "--others", "--exclude-standard", cwd=ROOT).split()
    for name in files:
        target = source / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_symlink():
            target.symlink_to(os.readlink(ROOT / name))
        elif (ROOT / name).is_file():
            target.write_bytes((ROOT / name).read_bytes())
    run(sys.executable, "-m", "build", "--outdir", out, source)
    return out


@pytest.fixture(scope="module")
def installed(dist, tmp_path_factory):
    """The wheel in an environment of its own; returns its folder of programs."""
    place = tmp_path_factory.mktemp("clean")
    venv.create(place, with_pip=True)
    bin = place / ("Scripts" if os.name == "nt" else "bin")
    command = [bin / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *dist.glob("*.whl")]
    run(*command, env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"})  # which may hold the package already
    return bin


def test_wheel_and_sdist_hold_the_same_modules(dist):
    wheel = zipfile.ZipFile(next(dist.glob("*.whl"))).namelist()
    needed = {"models/digits.yaml", "datasets/digits.csv.gz", "py.typed", "engine/graph.py"}
    assert {f"agcli/{name}" for name in needed} <= set(wheel)
    assert {n.split("/")[0] for n in wheel if not n.endswith("/")} == {"agcli", f"agcli-{version()}.dist-info"}
    with tarfile.open(next(dist.glob("*.tar.gz"))) as archive:
        sources = {"/".join(n.split("/")[1:]) for n in archive.getnames()}
    assert {"engine/graph.py", "datasets/digits.csv.gz", "models/digits.yaml", "LICENSE", "README.md"} <= sources


def version():
    import tomllib

    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def test_installed_commands_work_outside_of_the_checkout(installed, tmp_path):
    env = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}

    def ag(*args, program="ag"):
        return run(installed / program, *args, cwd=tmp_path, env=env)

    assert "Commands:" in ag("--help")
    assert version() in ag("--version", program="agcli")
    assert version() in ag("-m", "agcli", "--version", program="python")
    assert ag("-c", "import agcli; print(agcli.__version__)", program="python") == f"{version()}\n"
    spec = next(installed.parent.rglob("agcli/models/iris.yaml"))
    ag("train", spec, "--out", tmp_path / "run", "--set", "train.epochs=2")
    assert "accuracy" in ag("eval", tmp_path / "run")
    assert "4*x" in ag("grad", "2*x^2 + 3*y + 1")
