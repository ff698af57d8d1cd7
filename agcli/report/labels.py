"""What a derivative is called: `d/dx`, `∂²/∂x∂y`, `d2_dx2`."""

from __future__ import annotations

from agcli.expression.printers.latex import Latex
from agcli.expression.printers.letters import spelt
from agcli.expression.printers.unicode import SUPERSCRIPTS, Unicode
from agcli.expression.questions import Result, orders

BLOCKS = ("gradient", "jacobian", "hessian")  # of vectors, there is one result for each
SETS = {"gradient": "∇", "jacobian": "J", "hessian": "H", "direction": "D"}


def text(result: Result, only: bool = False) -> str:
    """As in `d/dx`, `d^3/dx^2 dy`, `dy/dx`, `hessian (x, y)`."""
    names = ", ".join(result.wrt)
    if result.kind in ("derivative", "implicit"):
        parts = [f"d{name}{f'^{n}' if n > 1 else ''}" for name, n in orders(result.wrt)]
        total = len(result.wrt)
        return f"d{f'^{total}' if total > 1 else ''}{result.about}/{' '.join(parts)}"
    return f"{result.kind} ({result.about or names})"


def unicode(result: Result, only: bool = False) -> str:
    """As in `∂/∂x`, `∂³/∂x²∂y`, `dy/dx`, `∇`; with `only` one variable, `d/dx`."""
    if result.kind not in ("derivative", "implicit"):
        return SETS.get(result.kind, "") + f"({result.about})" * bool(result.about) or result.kind
    d = "d" if result.kind == "implicit" or only else "∂"
    writer = Unicode(())
    below = "".join(f"{d}{writer.name(name)}{raised(n)}" for name, n in orders(result.wrt))
    return f"{d}{raised(len(result.wrt))}{result.about and writer.name(result.about)}/{below}"


def raised(n: int) -> str:
    return str(n).translate(SUPERSCRIPTS) if n > 1 else ""


def latex(result: Result, only: bool = False) -> str:
    r"""As in `\frac{\partial f}{\partial x}`, `\nabla f`, `\frac{d y}{d x}`; with `only` one variable, d."""
    others = {"gradient": r"\nabla f", "jacobian": "J_{f}", "hessian": "H_{f}", "direction": "D_{v} f", "taylor": "f"}
    writer = Latex(())
    if result.kind in BLOCKS and result.about:
        below = ", ".join(map(writer.name, result.wrt))
        return rf"\nabla_{{{below}}} f" if result.kind == "gradient" else rf"{others[result.kind][0]}_{{f;\, {below}}}"
    if result.kind in others:
        return others[result.kind]
    d = "d" if result.kind == "implicit" or only else r"\partial"
    total = len(result.wrt)
    below = r" \, ".join(f"{d} {writer.name(name)}{f'^{{{n}}}' if n > 1 else ''}" for name, n in orders(result.wrt))
    power = f"^{{{total}}}" if total > 1 else ""
    return rf"\frac{{{d}{power} {writer.name(result.about) if result.about else 'f'}}}{{{below}}}"


def identifier(result: Result) -> str:
    """As in `d_dx`, `d3_dx2_dy`, `dy_dx`, `gradient`, `hessian_x_y`: the name of a function."""
    if result.kind in BLOCKS and result.about:
        return "_".join([result.kind, *map(spelt, result.wrt)])
    if result.kind not in ("derivative", "implicit"):
        return result.kind
    total = len(result.wrt)
    parts = [f"d{spelt(name)}{n if n > 1 else ''}" for name, n in orders(result.wrt)]
    return f"d{total if total > 1 else ''}{spelt(result.about)}_{'_'.join(parts)}"
