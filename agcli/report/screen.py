"""The live display of a training on a terminal: lines that stay, and below them bars that move."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from agcli.events import Done, EpochDone, Evaluated, Event, Failed, Interrupted, Note, Started, Stepped
from agcli.runs.looks import told

from . import fits
from .console import PlainConsole
from .figures import amount, duration, figure
from .lines import closing, evaluation, opening
from .memory import resident
from .sparkline import History, sparkline
from .tables import WIDE, print_table

LINES = 100  # of epochs that a long training leaves on the screen, about
FRAMES = 10  # a second
CHANGES = ("all", "metrics", "none")  # that a line shows, as far as it is wide enough


class Screen:
    """Shows the events of a training while a ``with`` block is open; ``live=False`` leaves the moving part out."""

    def __init__(self, console: Console, *, live: bool = True, clock: Callable[[], float] = time.perf_counter) -> None:
        self.console, self.clock, self.is_live = console, clock, live
        self.live: Live | None = None
        self.started: Started | None = None
        self.last: EpochDone | None = None
        self.loss: float | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> None:
        """Take the moving part away."""
        if self.live is not None:
            self.live.stop()
            self.live = None

    def __call__(self, event: Event) -> None:
        match event:
            case Started():
                self.begin(event)
            case Stepped():
                self.epoch, self.step, self.samples, self.rate = event.epoch, event.step, event.samples, event.rate
                self.loss = event.loss
                self.losses.add(event.loss)
            case EpochDone():
                self.end_of_epoch(event)
            case Evaluated():
                self.say(Text(evaluation(event)))
            case Note():
                self.say(Text(f"note: {event.text}", style="yellow"), whole=True)
            case Done():
                self.stop()
                self.say(Text(closing(event)), whole=True)
            case Interrupted() | Failed():
                self.stop()

    def begin(self, event: Started) -> None:
        self.stop()
        self.started, self.last = event, None
        self.epoch, self.step, self.samples = event.epoch + 1, 0, 0
        self.loss, self.rate = None, 0.0
        self.losses, self.began = History(), self.clock()
        self.say(Text(opening(event)), whole=True)
        if self.is_live:
            self.live = Live(
                get_renderable=self.render, console=self.console, transient=True, refresh_per_second=FRAMES
            )
            self.live.start(refresh=True)  # first here, else a line of an epoch and its first frame may be one line

    def end_of_epoch(self, event: EpochDone) -> None:
        assert self.started is not None  # noqa: S101  # trainings begin with it
        self.loss = event.loss
        self.losses.add(event.loss)
        stride = max(1, self.started.epochs // LINES)
        if event.epoch % stride == 0 or event.epoch in (1, self.started.epochs) or (event.best and stride == 1):
            rows = (self.row(event, changes) for changes in CHANGES)
            fitting = (row for row in rows if row.cell_len <= self.console.width)
            self.say(next(fitting, self.row(event, CHANGES[-1])))
        self.last = event
        self.epoch, self.step, self.samples, self.rate = event.epoch + 1, 0, 0, event.rate

    def say(self, text: Text, whole: bool = False) -> None:
        """Print above the bars: on one line, unless all of it has to be read."""
        if whole:
            self.console.print(text, highlight=False)
        else:
            self.console.print(text, highlight=False, no_wrap=True, overflow="ellipsis", crop=True)

    # The lines that stay

    def row(self, event: EpochDone, changes: str) -> Text:
        """The figures of an epoch, with the changes since the last one of all of them, of the metrics, or of none."""
        assert self.started is not None  # noqa: S101  # trainings begin with it
        number = f"{event.epoch:>{len(str(self.started.epochs))}}"
        text = Text.assemble(("epoch ", "dim"), (number, "bold"))
        last = self.last
        text.append("  loss ", "dim").append(figure(event.loss))
        text.append(difference(event.loss, last and last.loss) if changes == "all" else "", "dim")
        judged = validation_figures(event)
        before = validation_figures(last) if last is not None else {}
        text.append("  validation:" if judged else "", "dim")
        for name, value in judged.items():
            text.append(f" {name} ", "dim").append(figure(value), "green")
            has_change = changes == "all" or (changes == "metrics" and name != "loss")
            text.append(difference(value, before.get(name)) if has_change else "", "dim")
        text.append(" ★" if event.best else "  ", "bold yellow")
        return text.append(f" {duration(event.seconds)}", "dim")

    # The part that moves

    def render(self) -> RenderableType:
        """Bars of epochs and steps, and a line of what else is known."""
        s = self.started
        if s is None:
            return ""
        epochs, steps, share = s.epochs, s.steps, self.share()
        grid = Table.grid(expand=True, padding=(0, 1))
        grid.add_column(no_wrap=True)
        grid.add_column(ratio=1)
        grid.add_column(no_wrap=True, justify="right")
        bar = ProgressBar(total=1.0, completed=share)
        left = self.left()
        grid.add_row(label("epoch", min(self.epoch, epochs), epochs), bar, f"{share:4.0%}{left and f'  {left} left'}")
        inner = ProgressBar(total=float(steps), completed=float(self.step))
        loss = "-" if self.loss is None else figure(self.loss)
        grid.add_row(label("step", self.step, steps), inner, Text.assemble(("loss ", "dim"), loss))
        return Group(grid, self.facts())

    def facts(self) -> Text:
        """Speed, learning rate, memory, and the way of the loss in what is left of the line."""
        held, speed = resident(), self.speed()
        parts = [f"{speed:,.0f} samples/s" if speed else "", f"lr {self.rate:.3g}" if self.rate else ""]
        parts.append(f"memory {amount(held)}" if held is not None else "")
        text = Text("  ".join(part for part in parts if part), no_wrap=True, overflow="ellipsis")
        room = self.console.width - text.cell_len - len("  loss ") - 1
        curve = sparkline(self.losses.values, min(room, 60)) if room >= 8 else ""
        return text.append("  loss ", "dim").append(curve, "cyan") if curve else text

    def steps_done(self) -> int:
        """Steps of this process."""
        s = self.started
        return 0 if s is None else (self.epoch - 1) * s.steps + self.step - s.step

    def share(self) -> float:
        """The part of all steps that is done, by whichever process."""
        s = self.started
        return 0.0 if s is None else min(1.0, (s.step + self.steps_done()) / max(1, s.epochs * s.steps))

    def speed(self) -> float:
        """Samples a second since this process began; evaluations count as time."""
        seconds = self.clock() - self.began
        s = self.started
        return self.steps_done() * s.samples / s.steps / seconds if s is not None and seconds > 0 else 0.0

    def left(self) -> str:
        """The time left, if it goes on as since this process began."""
        s, done, seconds = self.started, self.steps_done(), self.clock() - self.began
        if s is None or done <= 0 or seconds < 1:
            return ""
        return duration(seconds / done * max(0, s.epochs * s.steps - s.step - done))


def validation_figures(event: EpochDone) -> dict[str, Any]:
    """The figures of the validation data that are numbers; empty in an epoch without evaluation."""
    if event.validation_loss is None:
        return {}
    return {"loss": event.validation_loss, **{k: v for k, v in event.metrics.items() if not isinstance(v, list)}}


def label(word: str, number: int, of: int) -> Text:
    """As in ``epoch  7/20``."""
    return Text.assemble((f"{word:<5} ", "dim"), (f"{number:>{len(str(of))}}", "bold"), f"/{of}")


def difference(value: float, before: Any) -> str:
    """How a figure has changed, in seven characters."""
    if not isinstance(before, int | float) or not math.isfinite(value - before):
        return " " * 7
    size = abs(value - before)
    arrow = "↓" if value < before else "↑" if value > before else "="
    digits = f"{size:.4f}".lstrip("0") if 1e-4 <= size < 1 else f"{size:.1e}" if size else ""
    return f" {arrow}{digits:<5}"


def print_result(event: Done) -> None:
    """The figures of a finished training, by split, whose weights they are of, and where the run is."""
    columns = {"training data": event.figures} if event.split == "train" else {}
    if event.validation_loss is not None:
        columns["validation data"] = {"loss": event.validation_loss, **(event.validation_metrics or {})}
    if event.test_loss is not None:
        columns["test data"] = event.figures
    rows = [[name, *(figure(column[name]) for column in columns.values())] for name in event.figures]
    print_table(["metric", *columns], rows, right=list(columns))
    out = PlainConsole(soft_wrap=True)
    if event.fit is not None:
        print_fit(out, event.fit)
    for line in remarks(event):
        out.print(line, highlight=False, markup=False)
    out.print(f"run: {event.run}", highlight=False, markup=False)


def remarks(event: Done) -> Iterator[str]:
    """Which weights the figures are of, why the training ended, and how often the test data was looked at."""
    if event.best is not None:
        watched = f"validation {event.best['watch']} {figure(event.best['value'])}"
        yield f"weights: the best, of epoch {event.best['epoch']} ({watched})"
    else:
        why = "there is no validation data" if event.validation_loss is None else "the watched figure had no value"
        yield f"weights: the last; {why}"
    if event.reason != Done.FINISHED:
        yield f"ended: {event.reason}"
    if told(event.test_looks):
        yield f"note: {told(event.test_looks)}"


def print_fit(out: Console, fit: dict[str, Any]) -> None:
    """The parameters of a least-squares fit with their errors, or why they have none."""
    if fits.problem(fit):
        out.print(fits.problem(fit), highlight=False, markup=False)
        return
    out.print(f"\n{fits.heading(fit)}", highlight=False, markup=False)
    print_table(list(fits.HEAD), [list(row) for row in fits.rows(fit)], right=list(fits.HEAD[1:]))
    for line in fits.remarks(fit):
        out.print(line, highlight=False, markup=False)


def console(stderr: bool = False) -> Console:
    """As wide as the terminal; a file or a pipe is as wide as its lines."""
    found = PlainConsole(stderr=stderr, soft_wrap=False)
    return found if found.is_terminal else PlainConsole(stderr=stderr, width=WIDE, soft_wrap=False)
