"""Nonlinear fits of NIST's Statistical Reference Datasets, from specs alone, beside SciPy with our exact Jacobian.

    python -m benchmarks.nist                            download the data with lmfit's source, print the table
    python -m benchmarks.nist FOLDER                     the same of a folder with the 27 files
    AG_NIST=FOLDER python -m benchmarks.nist Misra1a     only sets whose names begin so

A digit is one of the certified value: -log10 of the relative error, of the worst parameter. `lm` is
levenberg_marquardt, `errors` its standard errors, `lbfgs` ours with tolerance 0; `scipy` is
least_squares(method="lm", x_scale="jac", tolerances of 1e-15) from the same start.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import agcli as ag
from agcli.training.fit import Fit, NoFitError

SOURCE = "lmfit==1.3.4"  # whose source distribution holds the files, which are the US government's and public
FOLDER = "AG_NIST"
EXACT = 16.0  # digits, at most
PASSED, PASSED_ERRORS = 6.0, 4.0  # digits that a fit, and its standard errors, should have
ROUNDED = ("Lanczos1",)  # its residuals are rounding errors, of which no error bars follow


@dataclass(frozen=True)
class Problem:
    """A data set: what is fitted, the two starts, and the certified values with their standard errors, (p,) each."""

    name: str
    target: str
    formula: str
    starts: tuple[list[float], list[float]]
    certified: list[float]
    errors: list[float]
    columns: dict[str, list[float]]

    @classmethod
    def read(cls, path: Path) -> Problem:
        """A file in NIST's format. Raises ValueError for any other."""
        lines = path.read_text("ascii").splitlines()
        text = "\n".join(lines)
        model = re.search(r"^Model:.*?((?:log\[y\]|y)\s*=.*?)\+\s*e\s*$", text, re.DOTALL | re.MULTILINE)
        begin = next((i for i, line in enumerate(lines) if line.startswith("Data:  ") and i > 50), None)
        if model is None or begin is None:
            raise ValueError(f"{path}: expected one of NIST's files for nonlinear regression")
        left, _, right = re.sub(r"\s+", " ", model[1]).partition("=")
        target, formula = (
            t.replace("[", "(").replace("]", ")").replace("arctan", "atan").strip() for t in (left, right)
        )
        formula = re.sub(r"\bx\b", "u", formula)  # `x` is all columns of a table together
        number = r"(-?[0-9.]+(?:E[+-]?[0-9]+)?)"
        rows = re.findall(rf"^\s*b\d\s*=\s*{number}\s+{number}\s+{number}\s+{number}", text, re.MULTILINE)
        one, two, values, errors = ([float(row[i]) for row in rows] for i in range(4))
        table = np.array([[float(cell) for cell in line.split()] for line in lines[begin + 1 :] if line.strip()])
        names = ["y", "u"] if table.shape[1] == 2 else ["y", *(f"x{i}" for i in range(1, table.shape[1]))]
        columns = {name: table[:, i].tolist() for i, name in enumerate(names)}
        return cls(path.stem, target, formula, (one, two), values, errors, columns)

    def spec(self, start: int, place: Path, optimizer: Any) -> str:
        """The fit from a start (0 or 1) as YAML; its data goes into a table in ``place``."""
        table = place / f"{self.name}.csv"
        rows = zip(*self.columns.values(), strict=True)
        table.write_text("\n".join([",".join(self.columns), *(",".join(map(repr, row)) for row in rows)]) + "\n")
        content = {
            "name": self.name,
            "dtype": "float64",
            "data": {"file": str(table), "target": "y", "split": {"tail": 0}},
            "variables": {f"b{i}": value for i, value in enumerate(self.starts[start], 1)},
            "let": {"f": self.formula},
            "loss": f"sum(square({self.target} - f))",
            "metrics": {},
            "optimizer": optimizer,
            "train": {"epochs": 40, "batch_size": len(self.columns["y"])},
        }
        return json.dumps(content)  # which is YAML


def digits(found: Sequence[float], certified: Sequence[float]) -> float:
    """The digits of the worst parameter."""
    a, b = np.asarray(found, float), np.asarray(certified, float)
    if not np.isfinite(a).all():
        return 0.0
    with np.errstate(divide="ignore"):
        return float(np.clip(-np.log10(np.abs(a - b) / np.abs(b)), 0, EXACT).min())


def fitted(problem: Problem, start: int, optimizer: Any) -> tuple[list[float], Fit | None, str]:
    """The parameters of a fit from its spec alone, what is known of their errors, and how the training ended."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        path = place / f"{problem.name}.yaml"
        path.write_text(problem.spec(start, place, optimizer))
        run = ag.train(path, place / "run")
        values = run.place.chosen("last").arrays
        found = [float(values[f"model.b{i}"]) for i in range(1, len(problem.certified) + 1)]
        reason = str((run.result or {}).get("reason", ""))
        try:
            return found, run.fit, reason
        except NoFitError:
            return found, None, reason


def by_scipy(problem: Problem, start: int) -> list[float]:
    """The parameters that SciPy's MINPACK finds, with the residuals and the Jacobian of our graph."""
    from scipy.optimize import least_squares

    from agcli.engine.leaves import placeholder
    from agcli.model.formulas import tensor_of

    b = ag.placeholder("b", (len(problem.certified),), "float64")
    names = {f"b{i + 1}": b[i] for i in range(len(problem.certified))}
    inputs = {name: placeholder(name, (len(values),), "float64") for name, values in problem.columns.items()}
    r = tensor_of(f"{problem.target} - ({problem.formula})", {**names, **inputs})
    options = {"inputs": [b, *inputs.values()]}
    residuals, slopes = ag.function(r, **options), ag.function(ag.jacobian(r, b), **options)
    data = [np.array(values) for values in problem.columns.values()]
    tolerances = dict.fromkeys(("ftol", "xtol", "gtol"), 1e-15)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = least_squares(
                lambda v: residuals(v, *data).copy(), problem.starts[start], lambda v: slopes(v, *data).copy(),
                method="lm", x_scale="jac", max_nfev=100_000, **tolerances,
            )  # fmt: skip
        except ValueError:  # residuals that are not finite
            return problem.starts[start]
    return [float(v) for v in found.x]


@dataclass(frozen=True)
class Row:
    """The digits of one start; ``errors`` is None where no errors are given."""

    name: str
    start: int
    lm: float
    errors: float | None
    lbfgs: float
    scipy: float
    reason: str

    def __str__(self) -> str:
        errors = "-" if self.errors is None else f"{self.errors:.1f}"
        figures = f"{self.lm:>7.1f}{errors:>8}{self.lbfgs:>7.1f}{self.scipy:>7.1f}"
        return f"{self.name:<10}{self.start:>5}{figures}  {self.reason}"


def row(problem: Problem, start: int) -> Row:
    found, fit, reason = fitted(problem, start, {"levenberg_marquardt": {"iterations": 500}})
    errors = None if fit is None or fit.rounding else digits(fit.errors.tolist(), problem.errors)
    slow, _, _ = fitted(problem, start, {"lbfgs": {"iterations": 200, "tolerance": 0}})
    lbfgs, scipy = digits(slow, problem.certified), digits(by_scipy(problem, start), problem.certified)
    return Row(problem.name, start + 1, digits(found, problem.certified), errors, lbfgs, scipy, reason)


def problems(folder: Path, names: Sequence[str] = ()) -> Iterator[Problem]:
    """The data sets of a folder whose names begin with one of ``names``, or all."""
    for path in sorted(folder.rglob("*.dat")):
        if not names or path.stem.startswith(tuple(names)):
            yield Problem.read(path)


def downloaded(place: Path) -> Path:
    """The folder with the files, from lmfit's source distribution."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", "lmfit"]
    subprocess.run([*command, "--dest", str(place), SOURCE], check=True)
    with tarfile.open(next(place.glob("lmfit-*.tar.gz"))) as archive:
        archive.extractall(place, filter="data")
    return next(place.rglob("NIST_STRD"))


def main(arguments: Sequence[str]) -> None:
    folders = [Path(a) for a in arguments if Path(a).is_dir()]
    names = [a for a in arguments if not Path(a).is_dir()]
    with tempfile.TemporaryDirectory() as place:
        given = folders[0] if folders else Path(os.environ[FOLDER]) if FOLDER in os.environ else None
        found = []
        print("set       start     lm  errors  lbfgs  scipy  how levenberg_marquardt ended")
        for problem in problems(given or downloaded(Path(place)), names):
            for start in (0, 1):
                found.append(row(problem, start))
                print(found[-1], flush=True)
    for column in ("lm", "lbfgs", "scipy"):
        count = sum(getattr(r, column) >= PASSED for r in found)
        print(f"{column}: {count} of {len(found)} to {PASSED:g} digits")
    errors = [r for r in found if r.name not in ROUNDED]
    count = sum(r.errors is not None and r.errors >= PASSED_ERRORS for r in errors)
    print(f"standard errors: {count} of {len(errors)} to {PASSED_ERRORS:g} digits")


if __name__ == "__main__":
    main(sys.argv[1:])
