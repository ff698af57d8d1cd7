"""LaTeX of answers: labels, remainders, matrices; braces that match over the corpus; and a parser that reads it."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from agcli.expression.answers import answer
from agcli.expression.questions import Question
from agcli.report.formulas import lines

CORPUS = Path(__file__).parents[1] / "corpus"
FORMULAS = sorted({
    line.strip() for path in CORPUS.glob("*.txt") for line in path.read_text("utf-8").splitlines()
    if line.strip() and not line.startswith("#")
})  # fmt: skip
ANSWERS = [
    ("x^2", {}, r"\frac{d f}{d x} = 2 x"),
    ("sin(2*x)", {"order": 2}, r"\frac{d^{2} f}{d x^{2}} = -4 \sin\left(2 x\right)"),
    ("x^2*y", {"wrt": ("x",)}, r"\frac{\partial f}{\partial x} = 2 x y"),
    ("x^2*y", {"wrt": ("x,y",)}, r"\frac{\partial^{2} f}{\partial x \, \partial y} = 2 x"),
    ("x^2 + y^2 = 1", {"implicit": "y"}, r"\frac{d y}{d x} = -\frac{x}{y}"),
    ("sin(x)", {"taylor": "x=0,n=3"}, r"f = x - \frac{x^{3}}{6} + O\left(x^{4}\right)"),
    ("log(x)", {"taylor": "x=1,n=1"}, r"f = x - 1 + O\left(\left(x - 1\right)^{2}\right)"),
    ("det([[x, 1], [1, y]])", {"wrt": ("x",)}, r"\frac{\partial f}{\partial x} = y"),
    ("[x, y].T @ [1, 2]", {"wrt": ("y",)}, r"\frac{\partial f}{\partial y} = 2"),
    ("sum(x^2)", {"hessian": True, "shape": ("x=3",)}, r"H_{f} = 2 I_{3}"),
    ("sum(x)^2", {"hessian": True, "shape": ("x=3",)}, r"H_{f} = 2 \mathbf{1}_{3 \times 3}"),
    ("x.T @ A @ x", {"hessian": True, "wrt": ("x",), "shape": ("x=3", "A=[3,3]")}, r"H_{f} = A + A^{\top}"),
    ("x.T @ A @ y", {"hessian": True, "wrt": ("x,y",), "shape": ("x=3", "y=2", "A=[3,2]")},
     "H_{f;\\, x, x} = 0_{3 \\times 3}\nH_{f;\\, x, y} = A\nH_{f;\\, y, y} = 0_{2 \\times 2}"),
    ("x^2*y", {"gradient": True}, r"\nabla f = \begin{bmatrix}2 x y \\ x^{2}\end{bmatrix}"),
    ("café*ω_1", {"wrt": ("ω_1",)}, r"\frac{\partial f}{\partial \omega_{1}} = \mathrm{cafe}"),
]  # fmt: skip


def latex(text, **asked):
    return "\n".join(lines(answer(text, Question(**asked)), "latex"))


@pytest.mark.parametrize(("text", "asked", "shown"), ANSWERS, ids=[row[0] for row in ANSWERS])
def test_answers(text, asked, shown):
    assert latex(text, **asked) == shown


def balanced(text):
    """Whether braces nest, and every \\left and \\begin has its end."""
    depth = 0
    for brace in re.findall(r"(?<!\\)[{}]", text):
        depth += 1 if brace == "{" else -1
        if depth < 0:
            return False
    begun, ended = re.findall(r"\\begin\{(\w+)\}", text), re.findall(r"\\end\{(\w+)\}", text)
    sides = len(re.findall(r"\\left(?![a-z])", text)) == len(re.findall(r"\\right(?![a-z])", text))
    return depth == 0 and sides and sorted(begun) == sorted(ended)


def test_braces_and_delimiters_match_over_the_corpus():
    for text in FORMULAS[::2]:
        assert balanced(latex(text, verify=False)), text


def test_a_parser_of_tex_reads_the_answers():
    """matplotlib's parser knows no environments; what has none must be read."""
    mathtext = pytest.importorskip("matplotlib.mathtext")
    parser = mathtext.MathTextParser("path")
    read = 0
    for text in FORMULAS[::7] + [row[0] for row in ANSWERS[:9]]:
        for line in lines(answer(text, Question(implicit="y" if "=" in text else "", verify=False)), "latex"):
            if r"\begin" not in line:
                parser.parse(f"${line}$")
                read += 1
    assert read > 80


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="there is no pdflatex")
def test_tex_compiles_the_answers(tmp_path):
    rows = [line for text, asked, _ in ANSWERS for line in latex(text, **asked).splitlines()]
    rows += [line for text in FORMULAS[::4] for line in latex(text, verify=False).splitlines()]
    body = "\n".join(rf"\[{line}\]" for line in rows)
    head = r"\documentclass{article}\usepackage{amsmath}"
    source = tmp_path / "answers.tex"
    source.write_text(f"{head}\n\\begin{{document}}\n{body}\n\\end{{document}}\n", encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", source.name]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
