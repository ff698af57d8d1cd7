"""Rich output for a terminal: progress of a training, tables of results."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from agcli.events import Done, EpochDone, Event, Started, Stepped

from .figures import duration, figure
from .lines import opening


class RateColumn(ProgressColumn):
    """Samples a second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f} samples/s" if speed else "", style="progress.data.speed")


class Screen:
    """A live bar for the whole training below one line for each epoch that is done."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.progress = Progress(
            TextColumn("[bold]epoch {task.fields[epoch]}"),
            BarColumn(bar_width=None),
            TextColumn("{task.percentage:>3.0f}%"),
            TextColumn("loss {task.fields[loss]}"),
            RateColumn(),
            TimeRemainingColumn(compact=True),
            console=console,
            transient=True,
            expand=True,
        )
        self.epochs, self.samples, self.best = 0, 0, EpochDone(0, 0.0, {}, None, {}, 0.0, 0)
        self.shown = False

    def __enter__(self) -> Self:
        self.progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.progress.stop()

    def __call__(self, event: Event) -> None:
        match event:
            case Started():
                self.epochs, self.samples = event.epochs, event.samples
                self.console.print(opening(event), highlight=False)
                total = event.epochs * event.samples
                for old in self.progress.task_ids:  # of an earlier fold
                    self.progress.remove_task(old)
                self.progress.start()
                self.task = self.progress.add_task("", total=total, epoch=f"1/{event.epochs}", loss="-")
            case Stepped():
                done = (event.epoch - 1) * self.samples + event.samples
                self.update(done, event.epoch, event.loss)
            case EpochDone():
                self.update(event.epoch * self.samples, event.epoch, event.loss)
                self.console.print(self.row(event), highlight=False)
            case Done():
                self.progress.stop()

    def update(self, done: int, epoch: int, loss: float) -> None:
        self.progress.update(self.task, completed=done, epoch=f"{epoch}/{self.epochs}", loss=figure(loss))

    def row(self, event: EpochDone) -> Text:
        number = f"{event.epoch:>{len(str(self.epochs))}}"
        text = Text.assemble(("epoch ", "dim"), (number, "bold"), ("  loss ", "dim"), figure(event.loss))
        for name, value in event.metrics.items():
            if not isinstance(value, list):
                text.append(f"  {name} ", "dim").append(figure(value), "green")
        return text.append(f"  {duration(event.seconds)}", "dim")


def result_table(metrics: Mapping[str, float], loss: float) -> Table:
    """Metrics as a table of names and figures."""
    table = Table()
    table.add_column("metric")
    table.add_column("value", justify="right")
    for name, value in {"loss": loss, **metrics}.items():
        table.add_row(name, figure(value))
    return table


def print_result(console: Console, title: str, metrics: Mapping[str, float], loss: float) -> None:
    console.print(title, highlight=False)
    console.print(result_table(metrics, loss))


def console(stderr: bool = False) -> Console:
    return Console(stderr=stderr, soft_wrap=False)
