"""NumPy: a function of arrays; `scipy.special` where NumPy lacks a function."""

from __future__ import annotations

import keyword
from typing import ClassVar

import numpy as np

from agcli.engine.graph import Tensor
from agcli.expression.printers.program import Code, helper, program
from agcli.expression.printers.python import function
from agcli.expression.reading import Text
from agcli.expression.syntax import ATOM, COMPARISON, POSTFIX, POWER, Call, Form
from agcli.expression.writer import Content, Writer, infix, named

SPECIAL = {
    "lgamma": "gammaln",
    "sigmoid": "expit",
    "log_sigmoid": "log_expit",
    **{
        name: name
        for name in ("softmax", "logsumexp", "gamma", "digamma", "polygamma", "erf", "erfc", "erfinv", "xlogy")
    },
}
HELPERS = {
    "softplus": "def softplus(x):\n    return np.logaddexp(x, 0)",
    "relu": "def relu(x):\n    return np.maximum(x, 0)",
}
LINALG = ["inv", "solve", "det", "slogdet", "cholesky", "norm", "eigh", "eigvalsh", "svd", "qr", "pinv", "matrix_power"]


def to_numpy(t: Tensor, name: str = "f") -> str:
    """A function of NumPy arrays, in alphabetical order of the formula's variables."""
    text = function(program(t, NumPy), name, "import numpy as np").replace("import numpy as np\n\n\n", "")
    return imported(text)


def imported(text: str) -> str:
    """A program with the imports that it needs."""
    imports = ["import numpy as np"] * ("np." in text) + ["from scipy import special"] * ("special." in text)
    return "\n".join(imports) + "\n\n\n" + text if imports else text


def along_last_axis(writer: Writer, node: Call) -> Content:
    """SciPy's functions take all axes where none is named."""
    name = f"special.{node.function}"
    if node.keywords:
        return writer.call(Call(0, 0, name, node.args, node.keywords))
    return [name, "(", (node.args[0], COMPARISON), ", axis=-1)"], ATOM


def one_hot(writer: Writer, node: Call) -> Content:
    """Rows of the identity matrix."""
    indices, depth = node.args[:2]
    return ["np.eye(", (depth, COMPARISON), ")[", (indices, COMPARISON), "]"], ATOM


class NumPy(Code):
    """Expressions of arrays."""

    language: ClassVar = "NumPy"
    reserved: ClassVar = {*keyword.kwlist, "np", "special", *HELPERS}
    helpers: ClassVar = HELPERS
    constants: ClassVar = {"pi": "np.pi", "e": "np.e"}
    rules: ClassVar = {
        **Text.rules,
        **{name: named(f"special.{there}") for name, there in SPECIAL.items()},
        **{name: helper(name) for name in HELPERS},
        "power": infix("**", POWER, right=True),
        "softmax": along_last_axis,
        "one_hot": one_hot,
    }

    def call(self, node: Call) -> Content:
        name = node.function
        if "." not in name and name not in HELPERS:
            prefix = "np.linalg." if name in LINALG else "np."
            if name not in LINALG and not hasattr(np, name):
                raise self.unknown(name)
            node = Call(0, 0, prefix + name, node.args, node.keywords)
        return super().call(node)

    def form(self, node: Form) -> Content:
        content, precedence = super().form(node)
        if node.kind == "vector":
            return ["np.stack(", *content, ")"], ATOM
        return content, POSTFIX if node.kind == "index" else precedence
