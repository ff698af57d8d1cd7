"""What a check of a spec found, for a terminal."""

from __future__ import annotations

from rich.text import Text

from agcli.counts import number_of
from agcli.inspection import Check
from agcli.inspection.cost import Cost
from agcli.inspection.gradients import Gradients

from .console import PlainConsole
from .figures import duration, figure, figures
from .tables import print_table

UNITS = ("", "k", "M", "G", "T", "P")
FIGURES = ("parameters", "bytes", "FLOPs")


def print_check(found: Check) -> None:
    """The layers as a table, then a line for each thing that was looked at."""
    sizes = ", ".join(f"{count:,} {name}" for name, count in found.samples.items())
    inputs = ", ".join(f"{name} {kind}" for name, kind in found.inputs.items())
    rows = [
        [
            "  " * layer.depth + layer.name.rpartition(".")[2],
            layer.kind,
            "(" + ", ".join("?" if d is None else str(d) for d in layer.shape) + ")",
            f"{layer.parameters:,}" if layer.parameters else "",
            short(layer.bytes, "B"),
            short(layer.flops) if layer.flops else "",
        ]
        for layer in found.layers
    ]
    outer = [layer for layer in found.layers if not layer.depth]
    sums = [f"{found.parameters:,}", short(sum(x.bytes for x in outer), "B"), short(sum(x.flops for x in outer))]
    foot: list[str] | None = [f"a batch of {found.batch:,}", "", "", *sums]
    title = f"{found.name}: {found.data}"
    if not rows:
        foot, rows = None, [["no layers", "", "", f"{found.parameters:,}", "", ""]]
    print_table(["layer", "kind", "output", *FIGURES], rows, right=FIGURES, foot=foot, title=title)
    numbers = {name: value for name, value in found.metrics.items() if isinstance(value, int | float)}
    lines = {
        "data": f"{sizes}; {inputs}",
        "dtype": f"{found.dtype} for data, parameters and steps",
        "batch": f"loss {figure(found.loss)}  {figures(numbers)}",
        "gradient": gradient(found.gradients),
        "memory": memory(found),
        "time": time(found.cost),
    }
    console = PlainConsole(soft_wrap=True, highlight=False)
    for name, text in lines.items():
        console.print(Text(f"{name:<9} ", style="dim").append(text, style="not dim"))
    for name, style, texts in (("warning", "yellow", found.warnings), ("problem", "red", found.problems)):
        for text in texts:
            console.print(Text(f"{name:<9} ", style=style).append(text))


def gradient(g: Gradients) -> str:
    """The comparison in a sentence."""
    count = sum(c.coordinates for c in g.checked)
    worst = max((c.error for c in g.checked), default=0.0)
    verdict = "right" if g.right else "WRONG"
    return f"{verdict}: {count:,} coordinates in {g.precision}, error {worst:.1e}; norm {figure(g.norm)}"


def time(cost: Cost) -> str:
    """Of an epoch, and of all."""
    epoch = (
        f"{duration(cost.epoch)} an epoch of {number_of(cost.steps, 'step')}, {duration(cost.evaluation)} an evaluation"
    )
    return f"{epoch}; {duration(cost.total)} for {number_of(cost.epochs, 'epoch')}"


def memory(found: Check) -> str:
    """Bytes by what holds them."""
    cost = found.cost
    parts = {"parameters": cost.parameters, "optimizer": cost.optimizer, "a step": cost.buffers}
    parts |= {"an evaluation": cost.evaluating, "data": cost.data}
    shown = ", ".join(f"{name} {short(size, 'B')}" for name, size in parts.items())
    return f"{short(cost.memory, 'B')} beside the program: {shown}"


def short(number: float, unit: str = "") -> str:
    """As in ``640``, ``12.5 k``, ``3.20 MB``."""
    power = 0
    while abs(number) >= 1000 and power < len(UNITS) - 1:
        number, power = number / 1000, power + 1
    digits = 0 if not power and number == int(number) else max(0, 3 - len(str(int(abs(number)))))
    return f"{number:.{digits}f} {UNITS[power]}{unit}".strip()
