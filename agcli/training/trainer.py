"""The training of a spec into a run's folder: steps, and between them evaluations, checkpoints, and reasons to stop."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agcli.counts import number_of
from agcli.data.same_files import doubled
from agcli.data.section import load_data, resolved, scaled_inputs, scales
from agcli.datasets import Dataset
from agcli.engine.frozen import changed
from agcli.engine.types import Array
from agcli.engine.variables import total
from agcli.events import Done, EpochDone, Evaluated, Event, Failed, Interrupted, Note, Started, Stepped
from agcli.runs import Run, RunError, looks
from agcli.runs.environment import environment, other_splits
from agcli.runs.identity import KEY, Provenance
from agcli.runs.migrate import FIT, RESULT
from agcli.spec import Spec

from . import resume
from .health import Health
from .interval import Rhythm
from .judgment import judged
from .session import Session
from .standstill import TOPIC, Standstill, ending
from .threads import suited

if TYPE_CHECKING:
    from .profile import Profile

TICK = 0.1  # seconds between two looks at the clock
PAUSE = 1.0  # seconds without a checkpoint after one, unless `checkpoint_every` asks for it
SETTLED = 2  # steps that found nothing left to do end a training: the second reports the loss to which the first came


@dataclass(frozen=True)
class Snapshot:
    """A state to be written later."""

    arrays: dict[str, Array]
    progress: dict[str, Any]


class Trainer:
    """One training. Iterating over it trains, and gives an event for each thing that happens.

    >>> for event in Trainer(spec):                           # doctest: +SKIP
    ...     print(event)
    """

    def __init__(self, spec: Spec, out: Path | None = None, *, data: Dataset | None = None) -> None:
        self.data = load_data(spec) if data is None else data.cast(spec.dtype)
        self.spec = resolved(spec, self.data)
        self.out = out
        units = [f"{text}; metrics are in its own units" for text in scales(self.data.fitted)]
        said = (*self.data.warnings, *doubled(spec), *units, *scaled_inputs(spec, self.data.fitted))
        self.notes: list[Note] = [Note(text, "data") for text in said]
        self.session = Session(self.spec, self.data)
        self.spec = self.session.spec
        self.notes += [Note(text, "batch") for text in self.session.small]
        self.notes += [Note(text, "metric") for text in self.session.cautions]
        self.notes += [Note(text, "loss") for text in self.session.model.cautions(self.data)]
        self.notes += [Note(text, "validation") for text in self.session.few]
        self.health = Health(self.session)
        self.place: Run | None = None
        self.signal = 0
        self.profile: Profile | None = None  # measures some steps, if one is given
        self.limit: int | None = None  # batches of an evaluation, if not all
        self.standstill = Standstill(self.session)
        self.known: Provenance | None = None  # of the checkpoint from which it goes on
        self.elapsed_before = 0.0
        self.began = time.perf_counter()
        self.read_settings()

    @classmethod
    def resume(
        cls, folder: Path, overrides: tuple[str, ...] = (), given: Spec | None = None, *, data: Dataset | None = None
    ) -> Trainer:
        """A training that goes on from the newest checkpoint of a run which verifies."""
        run = Run.open(folder).lock()
        try:
            return cls._resumed(run, overrides, given, data)
        except BaseException:
            run.close()
            raise

    @classmethod
    def _resumed(cls, run: Run, overrides: tuple[str, ...], given: Spec | None, data: Dataset | None) -> Trainer:
        checkpoint, said = resume.last_of(run)
        old, settings = run.spec, resume.settled(run, checkpoint, overrides, given)
        spec = settings.spec
        data = load_data(spec, run.preprocessing) if data is None else data
        if not data.has_validation:
            resume.check_unwatched(run, spec, overrides)
        trainer = cls(spec, data=data)
        trainer.place, s = run, trainer.session
        if other_splits(run.environment, trainer.data):
            raise RunError(f"{run.folder}: the data is not what it was when this run began; start a new run")
        if checkpoint is not None:
            resume.restore(s, checkpoint, run.path(checkpoint.step))
            trainer.known = checkpoint.provenance
            trainer.standstill = Standstill(s, checkpoint.progress["standstill"])
            trainer.notes += resume.lost_best(run, s.best, checkpoint.step)
        if settings.changes("optimizer"):  # by which another step may help
            s.step_function.halt, s.halted = None, 0
            trainer.standstill = Standstill(s)
        trainer.elapsed_before = resume.rewound(run, s, checkpoint)
        if trainer.spec != old:
            run.rewrite(trainer.spec)
        trainer.notes += [Note(t, "checkpoint") for t in said] + resume.other_machine(run, s, checkpoint is None)
        trainer.notes += resume.changed(settings, s) + resume.remeasured(settings, s)
        return trainer

    @property
    def run(self) -> Run:
        """The run's folder, which a new training has from its first event on."""
        if self.place is None:
            raise RunError("this training has not begun; its folder is made with the first event")
        return self.place

    def read_settings(self) -> None:
        """The rhythms of the spec."""
        train = self.spec.train
        self.evaluations = Rhythm.read(train.eval_every, "epoch")
        self.saves = Rhythm.read(train.checkpoint_every, "step")
        self.time = Rhythm.read(train.max_time, "second").seconds if train.max_time is not None else None

    def log(self, text: str) -> None:
        """Write a line into the run's log, once it has a folder."""
        if self.place is not None:
            self.place.log(text)

    def stop(self, signal: int = 2) -> None:
        """End after the step that runs now, with a checkpoint."""
        self.signal = signal

    def __iter__(self) -> Iterator[Event]:
        """Train to the end, or until ``stop`` is called or the reader of the events goes away."""
        self.began = time.perf_counter()
        try:
            yield from self.opening()
            with suited(self.session.model):
                yield from self.training()
        finally:
            self.session.leave()
            if self.place is not None:
                self.place.close()

    def finish(self) -> Event:
        """Train to the end without looking; returns the last event."""
        return deque(self, maxlen=1).pop()

    def training(self) -> Iterator[Event]:
        yield from self.between()  # what a resumed training was about to do
        while not (reason := self.reason()):
            yield from self.steps()
            yield from self.between()
        halt = self.session.halt
        if halt is not None and not halt.converged and not self.signal:
            yield self.noted(Note(f"{TOPIC}: {reason}", TOPIC))
        yield self.closing(reason)

    # Beginning and end

    def opening(self) -> Iterator[Event]:
        """Make or take the folder, and say what is trained."""
        s = self.session
        if self.place is None:
            preprocessing = self.data.fitted.to_json() if self.data.fitted else None
            about = environment(self.data, self.spec.seed, self.spec.folder)
            self.place = Run.create(self.spec, self.out, preprocessing, about)
        self.earlier = self.run.result or {}
        looks.keep(self.run)
        self.run.remove(RESULT, FIT)
        count = total(s.model.parameters.trainable)
        epochs = self.spec.train.epochs
        validation, test = (len(self.data[n]) if n in self.data.splits else 0 for n in ("validation", "test"))
        started = Started(
            self.spec.name, self.run.folder, self.data.name, len(self.data.train), count, epochs, len(s.batches),
            s.epoch, s.step, validation, test, self.run.id,
        )  # fmt: skip
        size = f"{number_of(count, 'parameter')}, {number_of(started.samples, 'sample')}"
        self.run.log(f"started at step {s.step}: {size}, run {started.run_id}")
        yield started
        yield from map(self.noted, self.notes)
        self.first = s.step  # of this process
        self.provenance = s.provenance(started.run_id)
        self.saved = self.progress, self.known
        self.pending: Snapshot | None = None
        self.saved_at = self.looked = time.perf_counter()
        self.epoch_began = time.perf_counter()

    @property
    def progress(self) -> dict[str, Any]:
        """All state of the training that is not in variables, as plain data."""
        return {**self.session.progress, "standstill": self.standstill.to_json()}

    def reason(self) -> str:
        """Why training is over; empty if it is not."""
        s, train = self.session, self.spec.train
        if self.signal:
            return "interrupted"
        is_over = s.epoch >= train.epochs or (train.max_steps is not None and s.step >= train.max_steps)
        if s.halt is not None and (is_over or s.halted >= SETTLED):
            return ending(s.halt, self.spec)
        if s.epoch >= train.epochs:
            return self.standstill.reason or Done.FINISHED
        if is_over:
            return f"max_steps: {number_of(train.max_steps or 0, 'step')} done"
        if train.patience is not None and (still := s.best.standstill(train.patience)):
            return still
        if self.time is not None and self.elapsed >= self.time:
            return f"max_time: {train.max_time} are over"
        return ""

    def closing(self, reason: str) -> Event:
        """Go back to the best weights, look at the test data with them, and write down the result."""
        s = self.session
        if self.data.has_validation and not self.signal and s.evaluated != s.step:  # it had come as far already
            s.judge(s.evaluate(limit=self.limit) or s.validation)
        self.save()
        ended: dict[str, Any] = {"reason": reason, "converged": self.converged, "loss": s.loss, "run_id": self.run.id}
        found = None if self.signal else judged(s, self.run, self.earlier, lambda: bool(self.signal), self.limit)
        if found is None:
            self.run.log(f"interrupted by signal {self.signal} at step {s.step}")
            return Interrupted(self.run.folder, self.signal, s.epoch + 1, s.step)
        return self.done(Done(self.run.folder, s.epoch, s.step, seconds=self.elapsed, **ended | found))

    @property
    def converged(self) -> bool | None:
        """Whether the optimizer came to a minimum; None if it does not know."""
        halt = self.session.halt
        return halt.converged if halt is not None else False if self.standstill.reason else None

    def done(self, done: Done) -> Done:
        """Write down how it ended."""
        fit = None
        if self.session.model.spec.is_formulas:
            from .fit import attempted

            fit, said = attempted(self.session.model, self.data.train, int(done.weights["step"]))
            done = changed(done, fit=said)
        self.run.write(RESULT, done.to_json())
        self.run.remove(looks.FILE)
        if fit is not None:
            self.run.write(FIT, {KEY: self.run.id, **fit.to_json()})
        self.run.log(f"done after {number_of(done.steps, 'step')}: {done.reason}")
        return done

    @property
    def elapsed(self) -> float:
        """Seconds of training, those of earlier processes included as far as they were written down."""
        return self.elapsed_before + time.perf_counter() - self.began

    # Steps

    def steps(self) -> Iterator[Event]:
        """Steps up to the next one after which something may be due."""
        s = self.session
        pause = self.pause()
        while s.step < pause and not self.signal:
            if not self.advance(pause - s.step):
                from .failure import investigate

                error = investigate(s, self.run)
                with suppress(RunError):  # which would hide this one
                    self.run.log(str(error))
                yield Failed(self.run.folder, s.epoch + 1, s.step, str(error), error.bundle)
                raise error
            now = time.perf_counter()
            if now - self.looked > TICK:
                self.looked = now
                yield Stepped(s.epoch + 1, s.batch, s.sums.samples, s.sums.mean_loss, s.rate)
                if self.is_time():
                    return

    def advance(self, most: int) -> bool:
        """A step, or several at once, at most so many; false if loss or parameters are not finite after it."""
        s = self.session
        if self.profile is None:
            return s.advance_by(most) > 0 or s.advance(s.next_batch())
        batch = s.next_batch()
        return self.profile.around(s.step - self.first, s.step_function, lambda: s.advance(batch))

    def pause(self) -> int:
        """The next step after which something may be due."""
        s, train = self.session, self.spec.train
        ends = [s.step + len(s.batches) - s.batch]
        ends += [(s.step // n + 1) * n for n in (self.evaluations.steps, self.saves.steps) if n]
        ends += [1] if s.step == 0 else []  # the loss with which it begins is remembered
        ends += [train.max_steps] if train.max_steps is not None else []
        return min(ends)

    def is_time(self) -> bool:
        """Whether a checkpoint is due, or training over, by the clock."""
        by_save = self.saves.seconds and time.perf_counter() - self.saved_at >= self.saves.seconds
        return bool(by_save) or (self.time is not None and self.elapsed >= self.time)

    def between(self) -> Iterator[Event]:
        """What is due after this step: evaluation, the end of the epoch, a checkpoint."""
        s = self.session
        if not s.step:
            return
        is_end, is_last, better = s.is_epoch_complete, self.is_last(), False
        if s.evaluated != s.step and self.is_evaluation_due(is_end, is_last) and not self.signal:
            sums = s.evaluate(stopped=lambda: bool(self.signal), limit=self.limit)
            if sums is not None:
                better = s.judge(sums)
                yield from map(self.noted, s.unusable)
                if not is_end:
                    yield self.logged(Evaluated(s.epoch + 1, s.step, sums.mean_loss, sums.metrics, better))
        if s.step == 1 and self.health.first is None:
            self.health.first = s.sums.mean_loss
        if is_end and not (self.signal and s.evaluated != s.step and self.is_evaluation_due(is_end, is_last)):
            yield self.end_of_epoch(better)
            yield from map(self.noted, self.health.after_epoch(s.loss))
            still = self.standstill.after_epoch()
            if still is not None:
                self.health.said.add((TOPIC, ""))
                yield self.noted(still)
        if is_last or self.signal or self.is_save_due() or ((is_end or better) and self.is_pause_over()):
            self.save()
        elif better:  # written with the next checkpoint, before it
            self.pending = Snapshot({k: v.copy() for k, v in s.arrays.items()}, self.progress)

    def is_pause_over(self) -> bool:
        """Whether so much time has passed since the last checkpoint that another one costs little."""
        return time.perf_counter() - self.saved_at >= PAUSE

    def is_last(self) -> bool:
        """Whether no step comes after this one."""
        s, train = self.session, self.spec.train
        by_epochs = s.epoch + 1 >= train.epochs and s.is_epoch_complete
        by_steps = train.max_steps is not None and s.step >= train.max_steps
        return by_epochs or by_steps or s.halted >= SETTLED or (self.time is not None and self.elapsed >= self.time)

    def is_evaluation_due(self, is_end: bool, is_last: bool) -> bool:
        every, s = self.evaluations, self.session
        if not self.data.has_validation:
            return False
        by_epoch = bool(every.epochs) and is_end and (s.epoch + 1) % every.epochs == 0
        return is_last or by_epoch or (bool(every.steps) and s.step % every.steps == 0)

    def is_save_due(self) -> bool:
        by_step = bool(self.saves.steps) and self.session.step % self.saves.steps == 0
        return by_step or self.is_time()

    def end_of_epoch(self, better: bool) -> Event:
        s = self.session
        evaluated = s.evaluated == s.step
        now = time.perf_counter()
        event = EpochDone(
            s.epoch + 1,
            s.sums.mean_loss,
            s.sums.metrics,
            s.validation.mean_loss if evaluated else None,
            s.validation.metrics if evaluated else {},
            now - self.epoch_began,
            s.sums.samples,
            s.step,
            s.rate,
            better,
            self.elapsed,
        )
        self.epoch_began = now
        s.next_epoch()
        return self.logged(event)

    def logged(self, event: Evaluated | EpochDone) -> Event:
        self.run.record(event.to_json())
        return event

    def noted(self, note: Note) -> Note:
        self.run.log(note.text)
        return note

    def save(self) -> None:
        """Write a checkpoint, unless this state has one; before it the best one, if that was left for later."""
        s, best = self.session, self.pending
        self.pending = None
        provenance = replace(self.provenance, seconds=self.elapsed)
        if best is not None and best.progress["step"] == s.best.step != s.step:
            self.run.save(best.arrays, best.progress, provenance, s.best.step)
        progress = self.progress
        if self.saved != (progress, provenance):
            self.run.save(s.arrays, progress, provenance, s.best.step)
            self.saved = progress, provenance
        self.saved_at = time.perf_counter()


def train(spec: Spec, out: Path | None = None) -> Iterator[Event]:
    """Train the model of ``spec`` into a new run folder, yielding an event for each thing that happens."""
    yield from Trainer(spec, out)
