"""``function``: tensors -> a callable with one plan for each combination of fed shapes."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from .arguments import described
from .backends.jit import active, fusion
from .backends.numpy import Executor
from .backends.scalarize import suits
from .backends.threads import ThreadedExecutor, processors
from .backends.tiered import SmallExecutor
from .collector import collector_paused
from .dynamic_shapes import compute, dynamic_tensors
from .errors import FeedError, StateError, UsageError
from .graph import Tensor, label, toposort
from .leaves import Placeholder, Variable, variable
from .loops.loop import TurnPlanner
from .ops.keys import FUNCTION_KEY, make_key
from .orders import orders_kept
from .plan import Plan
from .planner import make_plan
from .rewrite.cost import pays
from .rewrite.rewriter import specialise
from .rewrite.shards import Sharder
from .rewrite.stability import stabilise
from .types import Array, Shape, TensorType, fits, loses

TurnPlanner.fusion = staticmethod(fusion)  # a turn of a loop is compiled as the graph around it
AUTO = "auto"
COMPILE = "call the function with placeholders, and compile what it returns: ag.function(f(x), inputs=[x])"
PLANS = 64  # plans that a function keeps; the oldest goes first


class Function:
    """A compiled function: ``f({placeholder: array, ...})`` or ``f(name=array, ...)``.

    The result has the structure of ``fetches``: one array, a list, or a dict. Updates are committed together after
    the last step, and every call uses fresh random numbers: the key holds the seed and counts the calls.

    >>> x, y = ag.placeholder("x", (None,)), ag.placeholder("y")
    >>> f = ag.function({"scaled": x * y, "total": x.sum()}, inputs=[x, y])
    >>> print(f([1.0, 2.0], 10.0))
    {'scaled': array([10., 20.], dtype=float32), 'total': np.float32(3.0)}
    >>> print(f.plan)
    2 steps, 128 bytes of buffers (12 without reuse), 0 copies at the end
       0  %2@0 float32(2,) = multiply(x, y)
       1  %3@64 float32() = sum(x)
    """

    def __init__(
        self,
        fetches: Tensor | Sequence[Tensor] | Mapping[str, Tensor],
        updates: Mapping[Variable, Tensor] | None = None,
        *,
        inputs: Sequence[Placeholder] | None = None,
        seed: int = 0,
        key: Variable | None = None,
        debug_nans: bool = False,
        shards: int | str = 1,
    ) -> None:
        if shards != AUTO and (not isinstance(shards, int) or shards < 1):
            raise StateError(f"function: shards is a positive integer or {AUTO!r}, got {shards!r}")
        self.fetches = fetches
        self.shards = shards
        self.threads = processors()  # for which "auto" chooses; a run that is resumed elsewhere sets it
        if not isinstance(updates or {}, Mapping):
            raise UsageError("function: updates are {variable: its new value}; placeholders go into inputs=[x]")
        self.updates = dict(updates or {})
        self.debug_nans = debug_nans
        self.outputs = outputs_of(fetches)
        self.single = isinstance(fetches, Tensor)
        self.names_of_results = list(fetches) if isinstance(fetches, Mapping) else None
        check_updates(self.updates)
        order = toposort([*self.outputs, *self.updates.values()])
        leaves = [t for t in order if t.op is None]
        found = [t for t in leaves if isinstance(t, Placeholder)]
        self.random = FUNCTION_KEY in found
        self.inputs = list(inputs) if inputs is not None else [p for p in found if p is not FUNCTION_KEY]
        missing = [label(p) for p in found if p not in self.inputs and p is not FUNCTION_KEY]
        if missing:
            raise FeedError(f"function: inputs= lacks the placeholder{'s' * (len(missing) > 1)} {', '.join(missing)}")
        self.key = key if key is not None else variable(make_key(seed), "random key", trainable=False)
        self.by_name = {p.name: p for p in self.inputs}
        self.executors: dict[tuple[Shape, ...], Executor] = {}
        self.plan: Plan | None = None
        self.dynamic = dynamic_tensors(order)
        self.before: Function | None = None
        known = not self.dynamic and all(p.type.known for p in self.inputs)
        self.shapes = tuple([p.shape for p in self.inputs]) if known else ()  # of what is fed, where that is clear
        if self.dynamic:
            sources = [x for t in self.dynamic for x in t.inputs]
            self.before = Function(sources, inputs=self.inputs, key=self.key, debug_nans=debug_nans)

    def __call__(self, feeds: Mapping[Any, Any] | Any = None, /, *args: Any, **named: Any) -> Any:
        results = self.run(self.arrays(feeds, args, named))
        if self.random:
            self.key.value[1] += 1
        if self.names_of_results is not None:
            return dict(zip(self.names_of_results, results, strict=True))
        return results[0] if self.single else results

    def run(self, arrays: list[Array]) -> list[Any]:
        """Values of the fetches for one array an input; what dynamic ops need is computed before."""
        if self.before is not None:
            arrays = [*arrays, *compute(self.dynamic, self.before.run(arrays))]
        shapes = self.shapes or tuple([a.shape for a in arrays])
        executor = self.executors.get(shapes) or self.compile(shapes)
        return executor.run(arrays, self.debug_nans)

    def arrays(self, feeds: Any, args: tuple[Any, ...], named: Mapping[str, Any]) -> list[Array]:
        """One array an input, of its dtype; whatever does not fit is an error that names the placeholder."""
        count = len(self.inputs)
        if named:
            pass
        elif type(feeds) is dict:
            if not args and len(feeds) == count:
                try:
                    return [conform(p, feeds[p]) for p in self.inputs]
                except KeyError:  # fed by name, or not at all
                    pass
        elif len(args) + 1 == count and feeds is not None and not isinstance(feeds, Mapping):
            return [conform(p, v) for p, v in zip(self.inputs, (feeds, *args), strict=True)]
        if feeds is not None and not isinstance(feeds, Mapping):
            if len(args) + 1 > len(self.inputs):
                raise FeedError(f"function: takes {len(self.inputs)} inputs, got {len(args) + 1}")
            feeds = dict(zip(self.inputs, (feeds, *args), strict=False))
        elif args:
            raise FeedError("function: give the feeds as one mapping, by name, or all by position")
        values = {self.resolve(k): v for k, v in feeds.items()} if feeds else {}
        for name, v in named.items():
            values[self.resolve(name)] = v
        missing = [p for p in self.inputs if p not in values]
        if missing:
            names = ", ".join(f"{label(p)} ({p.type})" for p in missing)
            raise FeedError(f"placeholder{'s' * (len(missing) > 1)} not fed: {names}")
        return [conform(p, values[p]) for p in self.inputs]

    def resolve(self, key: Any) -> Placeholder:
        if isinstance(key, Placeholder):
            if key in self.inputs:
                return key
            raise FeedError(f"function: does not depend on the placeholder {label(key)}; it takes {self.names()}")
        p = self.by_name.get(key) if isinstance(key, str) else None
        if p is None:
            raise FeedError(f"function: no placeholder is called {key!r}; it takes {self.names()}")
        return p

    def names(self) -> str:
        return ", ".join(label(p) for p in self.inputs) or "no feeds"

    @collector_paused()
    @orders_kept()
    def compile(self, shapes: tuple[Shape, ...]) -> Executor:
        """The executor for feeds of these shapes."""
        targets, dynamic = stabilise([*self.outputs, *self.updates.values()], self.dynamic)
        leaves = [*self.inputs, *dynamic]
        inputs = [fixed(t, shape) for t, shape in zip(leaves, shapes, strict=True)]
        replace: dict[Tensor, Tensor] = {p: new for p, new in zip(leaves, inputs, strict=True) if p is not new}
        if self.random:
            replace[FUNCTION_KEY] = self.key
        roots = specialise(targets, replace)
        n = len(self.outputs)
        batch = [new for p, new in zip(leaves, inputs, strict=True) if p.shape[:1] == (None,)]
        roots, shard_of = self.split(roots, batch)
        small = not (self.updates or self.random or self.debug_nans or shard_of) and suits(roots, products=active())
        if not (small or self.debug_nans):  # which looks at every op by itself
            roots = fusion(roots, shard_of)
        updates = dict(zip(self.updates, roots[n:], strict=True))
        plan = make_plan(roots[:n], updates, direct=not self.debug_nans, shard_of=shard_of)
        executor: Executor
        if small:
            executor = SmallExecutor(plan, inputs).prepare(roots)
        else:
            executor = ThreadedExecutor(plan, inputs) if shard_of else Executor(plan, inputs)
        if len(self.executors) >= PLANS:
            del self.executors[next(iter(self.executors))]
        self.executors[shapes] = executor
        self.plan = plan
        return executor

    def split(self, roots: list[Tensor], batch: Sequence[Tensor]) -> tuple[list[Tensor], dict[int, int]]:
        """``roots`` in shards of the batch that begins each of the inputs ``batch``, and the shard of each tensor."""
        count = self.threads if self.shards == AUTO else int(self.shards)
        lengths = {x.shape[0] for x in batch}
        length = lengths.pop() if len(lengths) == 1 else 0
        if count < 2 or not length or length < count:
            return roots, {}
        sharder = Sharder(length, count, batch)
        new = sharder(roots)
        if self.shards == AUTO and not pays(roots, new, sharder.shard_of, count):
            return roots, {}
        return new, sharder.shard_of


def function(
    fetches: Tensor | Sequence[Tensor] | Mapping[str, Tensor],
    updates: Mapping[Variable, Tensor] | None = None,
    *,
    inputs: Sequence[Placeholder] | None = None,
    seed: int = 0,
    key: Variable | None = None,
    debug_nans: bool = False,
    shards: int | str = 1,
) -> Function:
    """Compile ``fetches`` and ``updates`` (variable -> its next value) into one callable.

    ``inputs`` orders positional arguments. ``seed``, or a ``key`` variable that is saved with a model, makes the
    random ops repeat. With ``debug_nans`` the first op that makes a NaN or infinity, or an integer that
    wraps around, stops the call by name.
    ``shards`` splits the batch (the first axis, of unknown length, of the placeholders) among as many threads; what
    couples the samples of a batch is still computed over all of them, so only the order of sums changes. ``"auto"``
    does so on all processors where a model of the cost expects a gain; on as many processors it chooses the same.

    >>> x, total = ag.placeholder("x"), ag.variable(0.0)
    >>> f = ag.function(2 * x, updates={total: total + x})
    >>> print(f(x=3.0), f({x: 4.0}), total.value)
    6.0 8.0 7.0
    """
    return Function(fetches, updates, inputs=inputs, seed=seed, key=key, debug_nans=debug_nans, shards=shards)


_evaluators: weakref.WeakKeyDictionary[Tensor, Function] = weakref.WeakKeyDictionary()


def evaluate(t: Tensor, feeds: Mapping[Any, Any] | None = None) -> Any:
    """The value of one tensor; its plan is kept as long as the tensor lives."""
    f = _evaluators.get(t)
    if f is None:
        f = Function([t])
        f.outputs = [t]
        _evaluators[t] = f
    if feeds is not None and not isinstance(feeds, Mapping):
        raise UsageError(f"eval: expected what placeholders are fed, as in .eval({{x: 2.0}}); found {described(feeds)}")
    known = feeds if feeds is None else {k: v for k, v in feeds.items() if relevant(k, f)}
    return f(known)[0]


def relevant(key: Any, f: Function) -> bool:
    """A placeholder that a simplified tensor no longer needs may still be fed by a caller who has it at hand."""
    return not isinstance(key, Placeholder | str) or key in f.inputs or key in f.by_name


def outputs_of(fetches: Any) -> list[Tensor]:
    if not isinstance(fetches, Tensor | Iterable) or isinstance(fetches, str):
        raise UsageError(f"function: a fetch is a tensor, found {described(fetches)}; {COMPILE}")
    found: Iterable[Any]
    found = [fetches] if isinstance(fetches, Tensor) else fetches.values() if isinstance(fetches, Mapping) else fetches
    outputs = list(found)
    for t in outputs:
        if not isinstance(t, Tensor):
            raise UsageError(f"function: a fetch is a tensor, found {described(t)}; {COMPILE}")
    return outputs


def check_updates(updates: Mapping[Variable, Tensor]) -> None:
    for v, new in updates.items():
        if not isinstance(v, Variable):
            raise StateError(f"function: only variables can be updated, not {label(v)}")
        if not fits(v.shape, new.shape) or (new.dtype != v.dtype and not new.type.weak):
            raise StateError(f"function: variable {label(v)} is {v.type}, its update is {new.type}")


def fixed(t: Tensor, shape: Shape) -> Placeholder:
    """A placeholder of this shape in the place of ``t``: itself, if its shape was known before it was fed."""
    if isinstance(t, Placeholder) and t.shape == shape and not t.type.weak:
        return t
    p = Placeholder(TensorType(shape, t.dtype))
    p.name = t.name
    return p


def conform(p: Placeholder, value: Any) -> Array:
    """``value`` as an array that may be fed to ``p``."""
    declared = p.type
    if type(value) is np.ndarray:  # what fits needs few questions
        same = value.dtype is declared.dtype
        if same and (value.shape == declared.shape or fits(declared.shape, value.shape)) and value.flags.c_contiguous:
            return value
    elif type(value) is float and declared.shape == () and declared.dtype.kind == "f":
        return np.array(value, declared.dtype)
    elif isinstance(value, Tensor):
        raise FeedError(f"placeholder {label(p)}: feed an array, not the lazy tensor {label(value)}")
    array = value if isinstance(value, np.ndarray) else np.asarray(value)
    if array.dtype != p.dtype:
        lost = loses(array, p.dtype)
        if lost:
            why = f": {lost}" if array.dtype.kind in "iu" and p.dtype.kind in "iu" else ""
            raise FeedError(f"placeholder {label(p)}: expected {p.type}, got {array.dtype}{array.shape}{why}")
        array = array.astype(p.dtype)
    if not fits(p.shape, array.shape):
        raise FeedError(f"placeholder {label(p)}: expected {p.type}, got {array.dtype}{array.shape}")
    return array if array.flags.c_contiguous else np.ascontiguousarray(array)
