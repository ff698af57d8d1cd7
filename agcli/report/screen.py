"""The live display of a training on a terminal: lines that stay, and below them bars that move."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from agcli.events import Done, EpochDone, Evaluated, Event, Failed, Interrupted, Note, Started, Stepped

from . import fits
from .figures import amount, duration, figure
from .lines import closing, evaluation, opening
from .memory import resident
from .sparkline import History, sparkline
from .tables import WIDE, print_table

LINES = 100  # of epochs that a long training leaves on the screen, about
FRAMES = 10  # a second


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
            row = self.row(event, changes=True)
            self.say(row if row.cell_len <= self.console.width else self.row(event, changes=False))
        self.last = event
        self.epoch, self.step, self.samples, self.rate = event.epoch + 1, 0, 0, event.rate

    def say(self, text: Text, whole: bool = False) -> None:
        """Print above the bars: on one line, unless all of it has to be read."""
        if whole:
            self.console.print(text, highlight=False)
        else:
            self.console.print(text, highlight=False, no_wrap=True, overflow="ellipsis", crop=True)

    # The lines that stay

    def row(self, event: EpochDone, changes: bool) -> Text:
        """The figures of an epoch, with their change since the last one."""
        assert self.started is not None  # noqa: S101  # trainings begin with it
        number = f"{event.epoch:>{len(str(self.started.epochs))}}"
        text = Text.assemble(("epoch ", "dim"), (number, "bold"))
        last = self.last if changes else None
        figures = {k: v for k, v in event.metrics.items() if not isinstance(v, list)}
        before = {"loss": last.loss, **last.metrics} if last is not None else {}
        for name, value in {"loss": event.loss, **figures}.items():
            text.append(f"  {name} ", "dim").append(figure(value), "" if name == "loss" else "green")
            text.append(difference(value, before.get(name)) if changes else "", "dim")
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
    """The figures of a finished training on the data that it is judged by, its best epoch, and where it is."""
    rows = [[name, figure(value)] for name, value in event.figures.items()]
    head = "test data" if event.split == "test" else "training data"
    print_table(["metric", head], rows, right=[head])
    out = Console(soft_wrap=True)
    if event.fit is not None:
        print_fit(out, event.fit)
    if event.best is not None:
        watched, value = event.best["watch"], figure(event.best["value"])
        out.print(f"best: epoch {event.best['epoch']}, {watched} {value}", highlight=False)
    if event.reason != Done.FINISHED:
        out.print(f"ended: {event.reason}", highlight=False, markup=False)
    out.print(f"run: {event.run}", highlight=False, markup=False)


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
    found = Console(stderr=stderr, soft_wrap=False)
    return found if found.is_terminal else Console(stderr=stderr, width=WIDE, soft_wrap=False)
