"""A spec in training, as a side of a benchmark: the loop of `ag train` without what it writes and shows."""

from __future__ import annotations

from agcli.datasets import Dataset, Split
from agcli.datasets.dataset import Column, Scaling
from agcli.spec import parse_spec
from agcli.training.session import Session
from benchmarks.problem import params
from benchmarks.row import Problem, Side


def session(spec: str, p: Problem, threads: int = 1) -> Session:
    """The training of a spec on the arrays of a problem, from its parameters, in at most so many shards."""
    x = Column(p["x"], Scaling.by(255) if p["x"].dtype == "uint8" else None)
    split = Split({"x": x, "y": Column(p["y"])})
    data = Dataset("problem", "", "", "", splits={"train": split, "test": split})
    made = Session(parse_spec(spec), data)
    made.step_function.threads = threads
    for variable, start in zip(made.model.parameters.trainable, params(p), strict=True):
        variable.value[...] = start
    return made


def trained(spec: str, p: Problem, threads: int) -> Side:
    s = session(spec, p, threads)

    def call(i: int) -> float:
        if s.is_epoch_complete:
            s.next_epoch()
        batch, before = s.next_batch(), s.sums.loss
        s.advance(batch)
        return (s.sums.loss - before) / len(batch)

    def many(start: int, stop: int) -> None:
        """The trainer's loop: several steps at once where that is possible."""
        while start < stop:
            if s.is_epoch_complete:
                s.next_epoch()
            done = s.advance_by(stop - start)
            if not done:
                call(start)
            start += max(done, 1)

    return Side(call, many=many, value=call, function=s.step_function)


def joined(p: Problem) -> Problem:
    """The batches of a problem as one split, in their order."""
    return {**p, **{name: p[name].reshape(-1, *p[name].shape[2:]) for name in "xy"}}
