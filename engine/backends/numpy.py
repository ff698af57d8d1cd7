"""Executes a plan with NumPy.

Everything is decided when the plan is bound: arrays, views and kernels. A run is one loop over calls without
arguments. Large feeds are used where they lie, so the few calls that read them are bound again when they move.
"""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..collector import collector_paused
from ..errors import EngineError, ExecutionError
from ..freelist import ALIGN
from ..graph import label
from ..leaves import Placeholder, Variable
from ..ops.program import joined
from ..plan import Plan, Slot, Step
from ..types import Array, TensorType

Call = Callable[[], Any]
Program = list[tuple[int, Call]]  # calls with the number of the step that each begins with
WRAPPING = {"add", "subtract", "multiply", "negative", "abs", "square", "power", "sum", "prod", "matmul"}  # of integers


class Executor:
    """A plan with its memory; ``run`` is the hot loop, which takes one array for each of ``inputs``."""

    def __init__(self, plan: Plan, inputs: Sequence[Placeholder]) -> None:
        self.plan = plan
        self.inputs = inputs
        raw = np.empty(plan.arena + ALIGN, np.uint8)
        shift = -raw.ctypes.data % ALIGN
        self.arena = raw[shift : shift + plan.arena]
        # type -> offset -> array: one a place, as of two alike NumPy asks at every call how they overlap
        self.places: dict[TensorType, dict[int, Array]] = {}
        self.kinds: dict[int, tuple[TensorType, dict[int, Array]]] = {}  # the same by the objects of types, a few
        self.lock = threading.Lock()
        self.quiet = contextvars.Context()  # NumPy's error state belongs to a context; to enter one is cheap
        self.quiet.run(np.seterr, all="ignore")
        self.bind_all()

    def bind_all(self) -> None:
        """Find all arrays and bind all kernels that do not depend on where a feed lies."""
        plan, slots, moves = self.plan, self.plan.slots, Variable.moves
        self.values: list[Any] = [self.array(s) for s in plan.slots]
        views = [s for s in slots if s.kind == "view"]
        self.moving_views = [s for s in views if s.dynamic]
        for s in views:
            if not s.dynamic:
                self.look(s)
        fed = {s.index for s in slots if s.dynamic}
        self.moving_steps = [n for n, step in enumerate(plan.steps) if not fed.isdisjoint(step.inputs)] if fed else []
        moving = set(self.moving_steps)
        self.calls: list[Call] = [self.bind(step) if n not in moving else int for n, step in enumerate(plan.steps)]
        self.sequence: Program | None = None  # made when all calls are bound
        self.alone: dict[int, tuple[Program, int]] = {}  # where those of moving steps stand in it, unless joined
        used = [(n, plan.feeds[p]) for n, p in enumerate(self.inputs) if p in plan.feeds]
        self.feeds = [(n, i, slots[i].dynamic) for n, i in used]
        self.fetches = [(i, slots[i].type.rank > 0) for i in plan.fetches]
        self.moves: int | None = moves

    def array(self, s: Slot) -> Any:
        if s.kind == "constant":
            return s.source
        if s.kind == "variable":
            return s.source.value
        if s.kind in ("buffer", "part"):
            kind = s.type
            if id(kind) not in self.kinds:
                strong = TensorType(kind.shape, kind.dtype)
                self.kinds[id(kind)] = kind, self.places.setdefault(strong, {})
            arrays = self.kinds[id(kind)][1]
            found = arrays.get(s.offset)
            if found is None:
                found = arrays[s.offset] = np.ndarray(kind.shape, kind.dtype, self.arena, s.offset)  # type: ignore[arg-type]
            return found
        return np.zeros(s.type.shape, s.type.dtype) if s.kind == "feed" and not s.dynamic else None

    def look(self, s: Slot) -> None:
        op, inputs = s.source
        self.values[s.index] = op.view(*(self.values[i] for i in inputs))

    def bind(self, step: Step) -> Call:
        values = self.values
        inputs = [values[i] for i in step.inputs]
        outputs = [values[o] for o in step.outputs]
        return step.op.bind(inputs, tuple(outputs) if step.multiple else outputs[0])

    def feed(self, arrays: Sequence[Array]) -> None:
        moved = False
        for n, i, dynamic in self.feeds:
            array = arrays[n]
            if not dynamic:
                self.values[i][...] = array
            elif self.values[i] is not array:
                self.values[i] = array
                moved = True
        if moved:
            for s in self.moving_views:
                self.look(s)
            for n in self.moving_steps:
                self.move(n)

    def move(self, n: int) -> None:
        """Point a call at feeds that lie elsewhere now, where it can be moved, or bind its step again."""
        step, move = self.plan.steps[n], getattr(self.calls[n], "move", None)
        if move is None or not move([self.values[i] for i in step.inputs]):
            self.calls[n] = call = self.bind(step)
            if n in self.alone:
                program, k = self.alone[n]
                program[k] = n, call
            else:
                self.sequence = None

    def join(self) -> None:
        """Make the sequence of calls, of which neighbours may be one."""
        self.sequence = joined(self.calls)
        self.alone = self.standing([self.sequence])

    def standing(self, programs: Sequence[Program]) -> dict[int, tuple[Program, int]]:
        if not self.moving_steps:
            return {}
        moving = set(self.moving_steps)
        return {n: (p, k) for p in programs for k, (n, call) in enumerate(p) if n in moving and call is self.calls[n]}

    def run(self, arrays: Sequence[Array], trap: bool = False) -> list[Any]:
        """Values of the fetches, as arrays of their own; then the updates are committed."""
        with self.lock:
            if self.moves != Variable.moves:
                self.bind_all()
            self.ready(arrays)
            self.quiet.run(self.trapped if trap else self.execute)
            values = self.values
            results = [values[i].copy() if whole else values[i][()] for i, whole in self.fetches]
            if self.plan.commits:
                self.quiet.run(self.commit)
            return results

    def ready(self, arrays: Sequence[Array]) -> None:
        """Point all calls at the feeds; if that stops half-way, the next run binds everything anew."""
        try:
            self.feed(arrays)
            if self.sequence is None:
                with collector_paused():
                    self.join()
        except BaseException:
            self.moves = None
            raise

    def commit(self) -> None:
        """Copy new values into the variables that no step has written itself."""
        news = [self.values[i] for _, i in self.plan.commits]
        if len(news) > 1:
            news = [v.copy() for v in news]
        for (variable, _), new in zip(self.plan.commits, news, strict=True):
            variable.value[...] = new

    def execute(self) -> None:
        """All kernel calls in order."""
        self.go(self.sequence or [])

    def go(self, program: Program) -> None:
        n = 0
        try:
            for n, call in program:  # noqa: B007  # for the error
                call()
        except Exception as error:
            raise self.named(error, n) from error

    def trapped(self) -> None:
        """Run step by step, and stop at the first that makes a NaN or infinity out of finite numbers."""
        for n, step in enumerate(self.plan.steps):
            try:
                self.calls[n]()
                self.check(step)
            except Exception as error:
                raise self.named(error, n) from error

    def check(self, step: Step) -> None:
        """Refuse outputs that are not finite, with what went in."""
        for o in step.outputs:
            value = self.values[o]
            if value.dtype.kind in "iu" and step.op.name in WRAPPING:
                self.check_range(step, value)
            if value.dtype.kind == "f" and not np.isfinite(value).all():
                inputs = ", ".join(f"{self.plan.describe(i)} in {span(self.values[i])}" for i in step.inputs)
                what = "NaN" if np.isnan(value).any() else "infinity"
                values = [[self.values[i] for i in part] for part in (step.inputs, step.outputs)]
                inside = step.op.culprit(*values)
                text = f"{step.op.name} made the first {what}, in {step.tensor.type}; inputs: {inputs}"
                raise ExecutionError(f"{text}; inside: {inside}" if inside else text)

    def check_range(self, step: Step, value: Array) -> None:
        """Refuse integers that wrapped around: the same op in float64 then gives something far away."""
        exact = np.empty(value.shape)
        step.op.bind([self.values[i].astype(np.float64) for i in step.inputs], exact)()
        if (np.abs(exact - value.astype(np.float64)) > 2.0 ** (8 * value.dtype.itemsize - 2)).any():
            inputs = ", ".join(f"{self.plan.describe(i)} in {span(self.values[i])}" for i in step.inputs)
            raise ExecutionError(f"{step.op.name} overflowed {value.dtype}, in {step.tensor.type}; inputs: {inputs}")

    def named(self, error: Exception, n: int) -> Exception:
        """``error`` as an error of the engine that names step ``n`` and where it was built."""
        step = self.plan.steps[n]
        inputs = ", ".join(label(self.plan.slots[i].tensor) for i in step.inputs)
        where = f" (in {step.op.name}({inputs}), built at {step.tensor.origin})"
        if isinstance(error, EngineError):
            return type(error)(f"{error}{where}")
        if isinstance(error, IndexError | ValueError | TypeError | ArithmeticError | MemoryError):
            return ExecutionError(f"{type(error).__name__}: {error}{where}")
        return error  # what a user's own function raised


def span(array: Array) -> str:
    """The range of an array's values, for messages."""
    if array.size == 0:
        return "[]"
    with np.errstate(all="ignore"):
        return f"[{array.min():.6g}, {array.max():.6g}]"
