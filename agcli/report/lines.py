"""Plain lines: where there is no terminal, and JSON lines for programs."""

from __future__ import annotations

import json
import math
from typing import Any, TextIO

from agcli.counts import number_of
from agcli.events import Done, EpochDone, Evaluated, Event, Note, Started, Stepped

from .figures import duration, figure, figures


def finite(value: Any) -> Any:
    """Plain data without NaN and infinities, which JSON does not have: null stands for them."""
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


class JsonLines:
    """One JSON object a line, flushed at once so that a reader follows live."""

    def __init__(self, out: TextIO) -> None:
        self.out = out

    def __call__(self, event: Event) -> None:
        if not isinstance(event, Stepped):
            self.out.write(json.dumps(finite(event.to_json()), allow_nan=False) + "\n")
            self.out.flush()


class PlainLines:
    """One line an epoch, without control codes."""

    def __init__(self, out: TextIO) -> None:
        self.out = out
        self.epochs = 0

    def __call__(self, event: Event) -> None:
        match event:
            case Started():
                self.epochs = event.epochs
                self.say(opening(event))
            case Note():
                self.say(f"note: {event.text}")
            case Evaluated():
                self.say(evaluation(event))
            case EpochDone():
                self.say(self.epoch(event))
            case Done():
                self.say(closing(event))

    def epoch(self, event: EpochDone) -> str:
        number = f"epoch {event.epoch:>{len(str(self.epochs))}}/{self.epochs}"
        return f"{number}  loss {figure(event.loss)}{validation(event)}  {rate(event.samples, event.seconds)}"

    def say(self, line: str) -> None:
        self.out.write(line + "\n")
        self.out.flush()


def validation(event: EpochDone | Evaluated) -> str:
    """The figures of the validation data; empty without an evaluation."""
    if event.validation_loss is None:
        return ""
    return f"  validation: loss {figure(event.validation_loss)}  {figures(event.metrics)}".rstrip()


def evaluation(event: Evaluated) -> str:
    return f"step {event.step:,}{validation(event)}"


def opening(event: Started) -> str:
    again = f"; goes on after step {event.step:,}" if event.step else ""
    held_out = [f"{n:,} {what}" for n, what in ((event.validation, "validation"), (event.test, "test")) if n]
    others = f" (beside {' and '.join(held_out)})" if held_out else ""
    return (
        f"{event.name}: {number_of(event.parameters, 'parameter')}, "
        f"{number_of(event.samples, 'sample')} of {event.data}{others}, "
        f"{number_of(event.epochs, 'epoch')} of {number_of(event.steps, 'step')}{again}"
    )


def closing(event: Done) -> str:
    early = "" if event.reason == Done.FINISHED else f" ({event.reason})"
    loss = {"test": "test loss", "validation": "no test data, validation loss"}.get(event.split, "no test data, loss")
    return f"done in {duration(event.seconds)}{early}: {loss} {figure(event.figures['loss'])}  {figures(event.metrics)}"


def rate(samples: int, seconds: float) -> str:
    return f"{samples / seconds:,.0f} samples/s" if seconds else ""
