"""Training and evaluation: runs the plan and yields events. Nothing here prints."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from agcli.build import Model, build
from agcli.data import load_data, resolved
from agcli.datasets import Batches, Dataset, Split
from agcli.engine.errors import ExecutionError
from agcli.engine.function import Function
from agcli.engine.variables import total
from agcli.events import Done, EpochDone, Event, Started, Stepped
from agcli.losses import METRICS
from agcli.runs import Run
from agcli.spec import Spec

TICK = 0.1  # seconds between two looks at the progress
EVAL_BATCH = 1000


class Sums:
    """Losses and metric sums of the batches so far, and the figures that follow from them."""

    def __init__(self, names: Mapping[str, Any]) -> None:
        self.samples = 0
        self.loss = 0.0
        self.sums = dict.fromkeys((n for n in names if n != "loss"), 0.0)

    def add(self, values: Mapping[str, Any], n: int) -> None:
        self.samples += n
        self.loss += float(values["loss"]) * n
        for name in self.sums:
            self.sums[name] += float(values[name])

    @property
    def mean_loss(self) -> float:
        return self.loss / max(self.samples, 1)

    @property
    def metrics(self) -> dict[str, float]:
        return {k: METRICS[k].finish(v / max(self.samples, 1)) for k, v in self.sums.items()}


def train(spec: Spec, out: Path | None = None) -> Iterator[Event]:
    """Train the model of ``spec`` into a new run folder, yielding an event for each thing that happens."""
    began = time.perf_counter()
    data = load_data(spec)
    spec = resolved(spec, data)
    model = build(spec, data)
    step, optimizer = model.trainer()
    evaluator = model.evaluator()
    settings = spec.train
    batches = Batches(
        data.train,
        settings.batch_size,
        spec.seed,
        shuffle=settings.shuffle,
        drop_last=settings.drop_last,
        augment=True,
    )
    run = Run.create(spec, out, data.fitted.to_json() if data.fitted else None)
    yield started(model, data, batches, run)
    state = model.state(optimizer)
    last = Sums({})
    for epoch in range(1, settings.epochs + 1):
        epoch_began = time.perf_counter()
        sums = Sums(model.train.sums)
        yield from steps(step, batches, epoch, sums)
        seconds = time.perf_counter() - epoch_began
        evaluated = epoch % settings.eval_every == 0 or epoch == settings.epochs
        if evaluated:
            last = evaluate(evaluator, data.test, model)
            step.observe(last.mean_loss)
        event = EpochDone(
            epoch,
            sums.mean_loss,
            sums.metrics,
            last.mean_loss if evaluated else None,
            last.metrics if evaluated else {},
            seconds,
            sums.samples,
        )
        run.log(event.to_json())
        run.save(epoch * len(batches), state, {"epoch": str(epoch), "step": str(epoch * len(batches))})
        yield event
    done = time.perf_counter() - began
    yield Done(
        run.folder,
        settings.epochs,
        settings.epochs * len(batches),
        sums.mean_loss,
        last.mean_loss,
        last.metrics,
        done,
    )


def started(model: Model, data: Dataset, batches: Batches, run: Run) -> Started:
    spec = model.spec
    count = total(model.parameters.values())
    return Started(spec.name, run.folder, data.name, len(data.train), count, spec.train.epochs, len(batches))


def steps(step: Function, batches: Batches, epoch: int, sums: Sums) -> Iterator[Stepped]:
    """One epoch of steps; ``sums`` is filled on the way."""
    looked = time.perf_counter()
    for n, batch in enumerate(batches.epoch(epoch - 1), 1):
        sums.add(step(batch.x, batch.y), len(batch))
        if not math.isfinite(sums.loss):
            raise ExecutionError(
                f"the loss became {sums.loss} at step {n} of epoch {epoch}; "
                "try a smaller learning rate, as in --set optimizer.adam.lr=1e-4"
            )
        if time.perf_counter() - looked > TICK:
            looked = time.perf_counter()
            yield Stepped(epoch, n, sums.samples, sums.mean_loss)


def evaluate(evaluator: Function, split: Split, model: Model) -> Sums:
    """Loss and metrics over a whole split."""
    sums = Sums(model.test.sums)
    for batch in Batches(split, min(EVAL_BATCH, len(split)), shuffle=False).epoch():
        sums.add(evaluator(batch.x, batch.y), len(batch))
    return sums


def evaluate_run(folder: Path, split: str = "test") -> dict[str, Any]:
    """The metrics of a finished run on one split of its data."""
    run = Run.open(folder)
    spec = run.spec
    data = load_data(spec, run.learnt)
    model = build(spec, data)
    metadata = run.restore({f"model.{k}": v for k, v in model.parameters.items()})
    sums = evaluate(model.evaluator(), data[split], model)
    return {
        "run": str(folder),
        "name": spec.name,
        "data": data.name,
        "split": split,
        "samples": sums.samples,
        "epoch": int(metadata.get("epoch", 0)),
        "loss": sums.mean_loss,
        "metrics": sums.metrics,
    }
