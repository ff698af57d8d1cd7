"""What is written from the table of ops: docs/ops.md and agcli/ops.py.

python -m tools.ops_reference           write both
python -m tools.ops_reference --check   say whether they are current (exit code 1 if not)
"""

from __future__ import annotations

import argparse
import inspect
import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from agcli.engine import functional as functional
from agcli.engine import ops as ops
from agcli.engine.graph import Tensor
from agcli.engine.leaves import Placeholder
from agcli.engine.table import OPS, Entry
from agcli.engine.types import TensorType
from agcli.foreign_names import OTHERS, RUST_AUTOGRAD

ROOT = Path(__file__).resolve().parent.parent
FAMILIES = {
    "elementwise": "Arithmetic, powers, exponentials, trigonometry, rounding",
    "special": "Special functions",
    "special_bessel": "Bessel functions",
    "special_airy": "Airy functions",
    "special_zeta": "Zeta functions",
    "special_gammas": "Beta, incomplete gamma and hypergeometric functions",
    "special_integrals": "Integrals of elementary functions",
    "special_elliptic": "Elliptic integrals and Lambert W",
    "special_probability": "Normal distribution, logarithms, unit step",
    "numbers": "Signs, nearness, mixtures",
    "activations": "Activations",
    "logic": "Comparisons, logic, choices",
    "bitwise": "Bits of integers",
    "reductions": "Reductions",
    "statistics": "Statistics and norms",
    "scans": "Running totals",
    "differences": "Differences of neighbors",
    "sorting": "Sorting and sets",
    "selection": "Selection",
    "arrays": "Shapes and axes",
    "slicing": "Slices and pieces",
    "joining": "Joining",
    "stacking": "Rows, columns, layers",
    "repeating": "Repeating and borders",
    "indexing": "Indexing by tensors",
    "scatter": "Writing at positions",
    "putting": "Writing where an index points",
    "creation": "Making tensors",
    "matmul": "Matrix product",
    "einsum": "Sums of products",
    "diagonals": "Diagonals and products of vectors",
    "linalg": "Linear systems",
    "inverses": "Inverses, determinants, powers",
    "decompositions": "Cholesky and QR",
    "spectral": "Eigenvalues and singular values",
    "fourier": "Fourier transforms",
    "nn": "Softmax",
    "cross_entropy": "Cross-entropies",
    "binary_cross_entropy": "Cross-entropies of labels 0 and 1",
    "losses": "Losses",
    "convolution": "Convolution",
    "pooling": "Pooling",
    "volumes": "Convolutions and pools of volumes",
    "unpooling": "Positions of pools",
    "unfolding": "Windows side by side",
    "interpolation": "Interpolation and adaptive pools",
    "functional": "Normalisation, dropout, attention",
    "random": "Random numbers",
    "keys": "Keys of random numbers",
}
COMPLEX = """## Complex numbers

There is no complex dtype. Types, kernels, compiled loops, optimizers, checkpoints and every gradient rule know real
numbers alone; a complex one would double each of them and bring a convention (whose conjugate is a gradient?) into
all. A complex number is a pair of floats: `fft`, `ifft`, `rfft` and `irfft` take and give real and imaginary parts, and
derivatives by the parts have one meaning. By `z = re + i im` PyTorch gives `d/d re + i d/d im`, JAX its conjugate.
Arithmetic is written out; eigenvalues of symmetric matrices and singular values are real (`eigh`, `svd`).

```pycon
>>> x = ag.constant([1.0, 2.0, 3.0, 4.0])
>>> a, b = ag.rfft(x)
>>> c, d = ag.rfft([0.0, 1.0, 0.0, 0.0])
>>> print(ag.irfft(a * c - b * d, a * d + b * c).eval())  # the product of the spectra: a cyclic convolution
[4. 1. 2. 3.]
>>> print(ag.grad(ag.sum(a * a + b * b), x).eval())
[12. 20. 20. 28.]
```"""
PROMPT = re.compile(r"^ *>>>.*(?:\n(?! *$).*)*", re.MULTILINE)


def families() -> dict[str, list[Entry]]:
    """The rows of the table by family, in the order of the page; within a family by name."""
    found: dict[str, list[Entry]] = {name: [] for name in FAMILIES}
    for entry in sorted(OPS.values(), key=lambda e: e.name):
        found[entry.family].append(entry)
    return found


def signature(entry: Entry) -> str:
    """Name, arguments and defaults, without types."""
    full = inspect.signature(entry.public)
    bare = [p.replace(annotation=inspect.Parameter.empty) for p in full.parameters.values()]
    return f"{entry.name}{full.replace(parameters=bare, return_annotation=inspect.Signature.empty)}"


def types(entry: Entry) -> str:
    """What the first sample takes and gives."""
    sample = entry.samples[0]
    drawn = sample.draw()
    arrays = [np.asarray(x) for x in drawn]
    kinds = [TensorType(x.shape, np.dtype("float32") if x.dtype.kind == "f" else x.dtype) for x in arrays]
    leaves = [Placeholder(t) if arg.real or t.shape else x for arg, t, x in zip(sample.args, kinds, drawn, strict=True)]
    made = entry.function(*leaves, **sample.kwargs)
    outputs = [made] if isinstance(made, Tensor) else made
    options = [f"{k}={v!r}" for k, v in sample.kwargs.items() if k != "key"]
    given = ", ".join([*map(str, kinds), *options])
    return f"{given} → {', '.join(str(t.type) for t in outputs)}".lstrip()


def example(entry: Entry) -> str:
    """The first example of the docstring, as it is typed and answered."""
    found = PROMPT.search(inspect.getdoc(entry.public) or "")
    return textwrap.dedent(found.group()) if found else ""


def section(entry: Entry) -> Iterator[str]:
    """One op on the page."""
    yield f"### {entry.name}"
    yield f"`ag.{signature(entry)}`"
    yield ""
    yield entry.doc.split("\n\n")[0].replace("\n", " ")
    yield f"`{types(entry)}`{'' if entry.differentiable else ' · no derivative'}"
    yield from ("", "```pycon", example(entry), "```", "")


def page() -> str:
    """docs/ops.md."""
    rows = families()
    lines = [
        "# Ops",
        "",
        "Written by `python -m tools.ops_reference` from the table of ops; every example runs in the tests.",
        f"{len(OPS)} ops, {sum(e.differentiable for e in OPS.values())} of them with derivatives of every order in "
        "both modes. Below each signature stand the types of a sample and what it gives; None is a length known "
        "only when the graph runs. `x` is a tensor, an array, a number or a nested list.",
        "",
        "| family | ops |",
        "|---|---|",
        *(f"| [{title}](#{anchor(title)}) | {names(rows[f])} |" for f, title in FAMILIES.items()),
        "| [Complex numbers](#complex-numbers) | why they are pairs of floats, and how |",
        "| [From rust-autograd](#from-rust-autograd) | its names and ours |",
        "| [From NumPy, PyTorch and JAX](#from-numpy-pytorch-and-jax) | where ours differ |",
        "",
    ]
    for family, title in FAMILIES.items():
        lines += [f"## {title}", ""]
        for entry in rows[family]:
            lines += section(entry)
    lines += [COMPLEX, ""]
    lines += ["## From rust-autograd", "", "| rust-autograd | ag |", "|---|---|"]
    lines += [f"| `{theirs}` | {ours} |" for theirs, ours in sorted(RUST_AUTOGRAD.items())]
    lines += ["", "## From NumPy, PyTorch and JAX", "", "| there | ag |", "|---|---|"]
    lines += [f"| {theirs} | {ours} |" for theirs, ours in OTHERS.items()]
    return "\n".join(lines) + "\n"


def anchor(title: str) -> str:
    return re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-")


def names(entries: list[Entry]) -> str:
    return ", ".join(f"[{e.name}](#{e.name})" for e in entries)


def declared(entry: Entry) -> list[str]:
    """The signature of an op whose definition is a row and no function."""
    return [
        f"    def {entry.name}{inspect.signature(entry.public)}:".replace("'", ""),
        f'        """{entry.doc}"""',
    ]


def listing() -> str:
    """agcli/ops.py: the names of all ops, so that editors and type checkers know them."""
    lines = [
        '"""The ops of the table under their public names; written by `python -m tools.ops_reference`."""',
        "",
        "# fmt: off",
        "# isort: off",
        "",
        "from __future__ import annotations",
        "",
        "from typing import TYPE_CHECKING",
        "",
        "from agcli.engine import functional as functional",
        "from agcli.engine import ops as ops",
        "from agcli.engine.table import OPS",
        "",
        "if TYPE_CHECKING:",
        "    from agcli.engine.graph import Like, Tensor",
    ]
    for family, entries in sorted(families().items()):
        module = family if family == "functional" else f"ops.{family}"
        functions = [e.name for e in entries if e.public is e.function]
        if functions:
            lines += [f"    from agcli.engine.{module} import (", *wrapped(functions, 8), "    )"]
    lines.append("")
    for entry in sorted(OPS.values(), key=lambda e: e.name):
        lines += declared(entry) if entry.public is not entry.function else []
    lines += [
        "",
        "globals().update({name: entry.public for name, entry in OPS.items()})",
        "",
        "__all__ = [  # noqa: RUF022  sorted as Python sorts",
        *wrapped([f'"{name}"' for name in sorted(OPS)], 4),
        "]",
    ]
    return "\n".join(lines) + "\n"


def wrapped(items: list[str], indent: int) -> list[str]:
    """Items with commas, in lines of up to 120 characters."""
    return textwrap.wrap(
        " ".join(f"{item}," for item in items),
        120,
        initial_indent=" " * indent,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


FILES = {"docs/ops.md": page, "agcli/ops.py": listing}


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    """Write the files, or with ``--check`` name those that are not current; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.ops_reference", description="Write docs/ops.md and agcli/ops.py."
    )
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a file is not current")
    check = parser.parse_args(arguments).check
    old = []
    for name, make in FILES.items():
        path, text = root / name, make()
        if not path.exists() or path.read_text("utf-8") != text:
            old.append(name)
            if not check:
                path.write_text(text, "utf-8")
    said = "not current, run `python -m tools.ops_reference`" if check else "written"
    sys.stdout.write("".join(f"{name}: {said}\n" for name in old))
    return int(check and bool(old))


if __name__ == "__main__":
    sys.exit(main())
