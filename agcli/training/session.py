"""A model with its data in the middle of a training: everything that a step needs, and where in the data it stands."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import Context
from dataclasses import asdict
from functools import cached_property
from typing import Any

import numpy as np

from agcli.counts import number_of
from agcli.datasets import Batch, Batches, DataError, Dataset, Split
from agcli.engine.backends.jit import gathering
from agcli.engine.function import Function
from agcli.engine.leaves import Variable
from agcli.engine.optimizers import Halt
from agcli.engine.types import Array
from agcli.engine.variables import assign
from agcli.events import Note
from agcli.model.build import build
from agcli.runs.environment import fingerprint
from agcli.runs.identity import Provenance
from agcli.spec import Spec

from .best import Best, check_unwatched, check_watch
from .bursts import Bursts
from .evaluate import EVAL_BATCH, fed, measured
from .small_batches import measurable
from .sums import Sums

FEW = 30  # validation samples; by fewer, figures are rough
CHECKED = 1 << 20  # elements of parameters that are looked at after every step; of more, the loss has to tell


def are_finite(arrays: Iterable[Array]) -> bool:
    """Whether all numbers are."""
    # A sum of squares is the fastest question; it may overflow for large numbers that are finite.
    return all(math.isfinite(a.dot(a)) or bool(np.isfinite(a).all()) for a in arrays)


def batches(spec: Spec, data: Dataset) -> Batches:
    """The batches to train on, as `train:` says. Raises SpecError where it asks for what the data has not."""
    train = spec.train
    options = {name: getattr(train, name) for name in ("shuffle", "drop_last", "balanced", "prefetch")}
    try:
        return Batches(data.train, train.batch_size, spec.seed, augment=True, lasting=1, gather=gathering(), **options)
    except DataError as error:
        at = "balanced" if train.balanced and str(error).startswith("balanced") else "batch_size"
        raise spec.error(("train", at), str(error).removeprefix("balanced: ")) from None


class Session:
    """The training of a spec on data. ``advance`` does one step; ``progress`` and ``arrays`` are all of its state."""

    def __init__(self, spec: Spec, data: Dataset) -> None:
        self.data = data
        self.model, self.small = measurable(build(spec, data))
        self.spec = spec = self.model.spec
        self.step_function, optimizer = self.model.trainer()
        self.variables = self.model.state(optimizer)
        self.batches = batches(spec, data)
        self.sums, self.validation = self.new_sums(), Sums(self.model.test.meters)
        check_watch(spec, self.validation.better)
        if not data.has_validation:
            check_unwatched(spec)
        self.best = Best(spec.train.watch, spec.train.min_delta, self.validation.better[spec.train.watch])
        self.epoch = 0  # epochs that are complete
        self.batch = 0  # batches of the next epoch that are done
        self.step = 0
        self.halted = 0  # steps, up to the last one, that each found that another would change nothing
        self.measured_anew = False  # whether figures from before this process are of other metrics
        self.evaluated = -1  # the step of the last evaluation, whose sums are ``validation``
        self.last_loss: float | None = None  # of the last complete epoch
        self.observed: list[tuple[int, float]] = []  # step and loss of the evaluations of this process
        self._walk: Iterator[Batch] | None = None
        self._quiet = Context()  # without NumPy's warnings; to enter it takes less time than ``np.errstate``
        self._quiet.run(np.seterr, all="ignore")

    def new_sums(self) -> Sums:
        """Of an epoch of training; metrics that need all scores at once are of held-out data only."""
        return Sums((m for m in self.model.train.meters if not m.keep), self.data.train)

    @property
    def cautions(self) -> list[str]:
        """Sentences on metrics that say nothing of data in several batches."""
        partial = [m.name for m in self.validation.meters if "once" in m.folds.values()]
        judged = {"validation", self.data.judged} & set(self.data.splits)
        if not partial or max(len(self.data[name]) for name in judged) <= EVAL_BATCH:
            return []
        return [
            f"metrics.{name}: a formula of means, sums, largest and smallest values over samples is gathered over the "
            "batches of the held-out data; this one needs them all at once and will be NaN"
            for name in partial
        ]

    @property
    def few(self) -> list[str]:
        """A sentence on validation samples that are too few to choose by."""
        count = len(self.data.validation) if self.data.has_validation else FEW
        told = f"{number_of(count, 'validation sample')}: figures are rough, and so is what they choose"
        return [told] if count < FEW else []

    @property
    def unusable(self) -> list[Note]:
        """What to say of a watched figure that has no value on the validation data, after the first evaluation."""
        return [Note(self.best.unusable, "watch")] if self.best.unusable else []

    # State

    @property
    def arrays(self) -> dict[str, Array]:
        """The value of every variable: parameters, optimizer, random key."""
        return {name: v.value for name, v in self.variables.items()}

    @property
    def progress(self) -> dict[str, Any]:
        """All state that is not in variables, as plain data."""
        return {
            "epoch": self.epoch,
            "batch": self.batch,
            "step": self.step,
            "sums": self.sums.to_json(),
            "last_loss": self.last_loss,
            "evaluated": self.evaluated,
            "validation": self.validation.to_json(),
            "best": self.best.to_json(),
            "threads": self.step_function.threads,
            "halt": None if self.halt is None else asdict(self.halt),
            "halted": self.halted,
        }

    @cached_property
    def samples(self) -> dict[str, str]:
        """A hash for each split of the data that the training sees."""
        return {name: fingerprint(split) for name, split in self.data.splits.items() if name != "test"}

    def provenance(self, run_id: str) -> Provenance:
        """Whose state this is: that of a run with this id."""
        return Provenance(run_id, self.spec.dump(), self.samples)

    def restore(self, arrays: Mapping[str, Array], progress: Mapping[str, Any], source: str) -> None:
        """Go on from a state. Raises StateError, and changes nothing, if its variables are not those of this model."""
        assign(self.variables, arrays, source)
        self.epoch, self.batch, self.step = (int(progress[k]) for k in ("epoch", "batch", "step"))
        self.evaluated, self.last_loss = int(progress["evaluated"]), progress["last_loss"]
        self.sums.set(progress["sums"])
        self.validation.set(progress["validation"])
        self.best.set(progress["best"])
        self.step_function.threads = int(progress["threads"])
        halt = progress["halt"]
        self.step_function.halt = None if halt is None else Halt(**halt)
        self.halted = int(progress["halted"])
        self.leave()

    def has_logged(self, record: Mapping[str, Any]) -> bool:
        """Whether a line of the metrics belongs to what has been done up to here."""
        if record.get("event") == "epoch":
            return int(record["epoch"]) <= self.epoch
        return int(record.get("step", 0)) <= self.evaluated

    # Steps

    def leave(self) -> None:
        """Forget the place in the data; the next step looks it up."""
        close = getattr(self._walk, "close", None)
        if close is not None:
            close()
        self._walk = None

    def next_batch(self) -> Batch:
        """The batch of the next step."""
        if self._walk is None:
            self._walk = self.batches.epoch(self.epoch, self.batch)
        return next(self._walk)

    def advance(self, batch: Batch) -> bool:
        """One step; false if loss or parameters are not finite after it."""
        self.sums.add(self.step_function(fed(self.step_function, batch)), len(batch))
        self.batch += 1
        self.step += 1
        self.halted = 0 if self.halt is None else self.halted + 1
        return math.isfinite(self.sums.loss) and self.is_sound()

    def advance_by(self, most: int) -> int:
        """Several steps at once, at most so many; the number of them, 0 where they have to be done one by one."""
        done = self._quiet.run(self.bursts, self.epoch, self.batch, most)
        for values in done:
            self.sums.add(values, self.batches.batch_size)
        if done:
            self.leave()
            self.batch += len(done)
            self.step += len(done)
        return len(done)

    @cached_property
    def bursts(self) -> Bursts:
        return Bursts(self.step_function, self.batches, self.variables, lambda: are_finite(self.arenas))

    def is_sound(self) -> bool:
        """Whether all parameters are finite (as far as they are looked at)."""
        return self._quiet.run(are_finite, self.arenas)

    @cached_property
    def arenas(self) -> list[Array]:
        """The parameters as few flat arrays, if they are not too many to be looked at."""
        homes: dict[int, Variable] = {id(v.home): v.home for v in self.model.parameters.trainable}
        flat = [v.value.reshape(-1) for v in homes.values() if v.dtype.kind == "f"]
        return flat if sum(a.size for a in flat) <= CHECKED else []

    @property
    def halt(self) -> Halt | None:
        """Why the optimizer goes no further, if it has found that; not where every step draws other numbers."""
        found = self.step_function.halt
        return None if found is None or self.is_drawn else found

    @cached_property
    def is_drawn(self) -> bool:
        """Whether the same parameters may have another loss in the next epoch."""
        return self.step_function.random or any(c.augment is not None for c in self.data.train.columns.values())

    @property
    def rate(self) -> float:
        """The learning rate of the next step."""
        return float(getattr(self.step_function, "rate", 0.0))

    @property
    def is_epoch_complete(self) -> bool:
        return self.batch == len(self.batches)

    @property
    def loss(self) -> float:
        """The mean training loss of this epoch so far, or of the last one at its end."""
        return self.last_loss if not self.batch and self.last_loss is not None else self.sums.mean_loss

    def next_epoch(self) -> None:
        """Begin another epoch."""
        self.leave()
        self.last_loss = self.sums.mean_loss
        self.epoch, self.batch, self.sums = self.epoch + 1, 0, self.new_sums()

    # Evaluation

    @cached_property
    def evaluator(self) -> Function:
        return self.model.evaluator()

    def evaluate(
        self, split: Split | None = None, stopped: Callable[[], bool] = lambda: False, limit: int | None = None
    ) -> Sums | None:
        """Loss and metrics over a split (that for validation); None if ``stopped`` says so on the way."""
        split = self.data.validation if split is None else split
        return measured(self.model, self.evaluator, split, stopped, limit)

    def judge(self, sums: Sums) -> bool:
        """Take over an evaluation of this step on the validation data; true if it is the best so far."""
        self.validation, self.evaluated = sums, self.step
        self.step_function.observe(sums.mean_loss)
        self.observed.append((self.step, sums.mean_loss))
        return self.best.judge(sums.figures, self.epoch + 1, self.step)
