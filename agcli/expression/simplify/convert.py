"""Tensor -> algebra. All that is done element by element is read, whatever the shapes; the rest becomes atoms.

Broadcasting is left out: the algebra speaks of one element at a time, and ``fitted`` gives a result its shape again.
"""

from __future__ import annotations

from typing import Any

from agcli.engine.graph import Constant, Op, Tensor, call, label, toposort
from agcli.engine.ops.arrays import BroadcastTo, ExpandLike
from agcli.engine.ops.base import Elementwise
from agcli.engine.ops.creation import FullLike
from agcli.engine.ops.special import Sinc
from agcli.engine.origin import origin
from agcli.engine.table import OPS
from agcli.engine.types import TensorType
from agcli.expression.simplify import functions
from agcli.expression.simplify.arithmetic import scale
from agcli.expression.simplify.emit import Emitter, sums_under_roots
from agcli.expression.simplify.nodes import Atom, Expr, Mul, Node, bare, exact
from agcli.expression.simplify.numbers import constant, uniform
from agcli.expression.simplify.search import Search

# Ops that leave a scalar as it is.
IDENTITIES = {
    "expand_like", "broadcast_to", "sum_like", "reshape", "reshape_like", "sum", "mean", "max", "min", "prod",
    "transpose", "logsumexp", "squeeze", "astype",
}  # fmt: skip


class Reader:
    """Reads the tensors of one dtype; the inputs of what becomes an atom are simplified on their own."""

    def __init__(self, dtype: Any) -> None:
        self.dtype = dtype
        self.search = Search()
        self.emit = Emitter(dtype)
        self.found: dict[int, Expr] = {}
        self.atoms: dict[Any, Atom] = {}
        self.shapes: dict[int, int] = {}  # id of a tensor -> id of one that has its shape for sure

    def read(self, t: Tensor) -> Expr:
        """The expression of ``t``."""
        for x in toposort([t], self.found):
            if x.id not in self.found:
                self.shapes[x.id] = self.shape_of(x)
                self.found[x.id] = self.leaf(x) if x.op is None else self.apply(x, x.op)
        return self.found[t.id]

    def write(self, e: Expr, like: Tensor) -> Tensor:
        """The tensor of ``e``, in the type of ``like``."""
        with origin(like.place):
            self.emit.roots = set(sums_under_roots(e, set()))
            return fitted(self.emit(e), like)

    def leaf(self, t: Tensor) -> Expr:
        if isinstance(t, Constant) and t.dtype.kind != "b":
            value = uniform(t.value)
            found = None if value is None else constant(value)
            if found is not None:
                return found
        return self.atom(t, t.id)

    def atom(self, t: Tensor, key: Any) -> Atom:
        if key not in self.atoms:
            self.atoms[key] = Atom(label(t), t)
        return self.atoms[key]

    def apply(self, t: Tensor, op: Op) -> Expr:
        args = [self.found[x.id] for x in t.inputs]
        if isinstance(op, FullLike) and t.dtype == self.dtype:
            value = constant(op.value)
            return self.boundary(t, op) if value is None else value
        if self.same_elements(t, op) or (op.name in MOVES and not isinstance(args[0], Node)):
            return args[0]
        if op.pure and self.pointwise(t, op):
            return functions.call(head_of(op), *args)
        return self.boundary(t, op)

    def same_elements(self, t: Tensor, op: Op) -> bool:
        """Whether ``op`` only repeats its first input, or leaves it as it is."""
        if isinstance(op, Elementwise) or not t.inputs or not isinstance(t.type, TensorType):
            return False
        x = t.inputs[0]
        if not isinstance(x.type, TensorType) or (x.dtype != t.dtype and not x.type.weak):
            return False
        if isinstance(op, BroadcastTo | ExpandLike):
            return isinstance(op, BroadcastTo) or op.keepdims or not op.axes or x.shape == ()
        if x.shape == () and t.type.known and t.type.size == 1:
            return op.name in IDENTITIES
        equal = self.shapes[x.id] == self.shapes[t.id] or (x.type.known and x.shape == t.shape)
        return op.name in LIKE and x.ndim == t.ndim and equal

    def shape_of(self, t: Tensor) -> int:
        """The id of a tensor that has the shape of ``t`` also where a length is not known yet."""
        op = t.op
        if op is None or not isinstance(t.type, TensorType):
            return t.id
        if op.name in SHAPED_LIKE:
            return self.shapes[t.inputs[-1].id]
        if isinstance(op, Elementwise) or op.name == "where":
            sources = {self.shapes[x.id] for x in t.inputs if x.shape != ()}
            if len(sources) == 1:
                return sources.pop()
        return t.id

    def pointwise(self, t: Tensor, op: Op) -> bool:
        """Whether an element of ``t`` depends on one element of each input, all of this reader's dtype or bool."""
        if not t.inputs or not all(self.readable(x) for x in (t, *t.inputs)):
            return False
        return isinstance(op, Elementwise) or op.name == "where" or all(x.shape == () for x in (t, *t.inputs))

    def readable(self, t: Tensor) -> bool:
        return isinstance(t.type, TensorType) and (t.dtype == self.dtype or t.dtype.kind == "b" or t.type.weak)

    def boundary(self, t: Tensor, op: Op) -> Expr:
        """An op that is not looked into, over simplified inputs."""
        if op.name in LINEAR and t.dtype == self.dtype:
            found = self.reduction(t, op)
            if found is not None:
                return found
        inputs = [self.settled(x) for x in t.inputs]
        if not op.pure:
            return self.atom(t, t.id)
        new = op.simplify(*inputs)
        if new is not None:
            return self.read(new)
        key = (op, tuple(x.id for x in inputs))
        return self.atom(t if inputs == list(t.inputs) else op(*inputs), key)

    def settled(self, x: Tensor) -> Tensor:
        """``x`` after its own simplification."""
        e = self.found[x.id]
        if x.op is None or not isinstance(x.type, TensorType) or x.dtype != self.dtype:
            return e.tensor if type(e) is Atom and e.tensor is not None and e.tensor.type == x.type else x
        return self.write(self.search(e), x)

    def reduction(self, t: Tensor, op: Op) -> Expr | None:
        """Numbers leave sums and means; a product with zeros is zero."""
        exprs = [self.found[x.id] for x in t.inputs]
        if any(e == 0 for e in exprs):
            return 0
        e, x = exprs[0], t.inputs[0]
        if op.name == "mean" and not isinstance(e, Node):
            return e
        if op.name == "sum" and not isinstance(e, Node) and x.type.known and t.type.known:
            return exact(e * (x.type.size // max(t.type.size, 1)))
        if op.name in ("sum", "mean") and type(e) is Mul and e.coefficient != 1:
            inner = op(self.write(self.search(bare(e)), x))
            return scale(e.coefficient, self.read(inner))
        return None


LINEAR = {"sum", "mean", "matmul"}
SHAPED_LIKE = {"expand_like", "full_like", "sum_like", "reshape_like"}
MOVES = {"reshape", "reshape_like", "transpose", "getitem", "expand_like", "squeeze", "expand_dims", "flip"}
LIKE = {"sum_like", "reshape", "reshape_like", "astype"}


def head_of(op: Op) -> Any:
    """The name of an op of the table, or an op with attributes itself."""
    named = (
        op.name == "where"
        or op == Sinc()
        or (isinstance(op, Elementwise) and op.name in OPS and OPS[op.name].function is op)
    )
    return op.name if named else op


def fitted(t: Tensor, like: Tensor) -> Tensor:
    """``t`` in the type of ``like``; ``like`` itself if that cannot be had."""
    if t.type.shape == like.type.shape:
        return t if t.dtype == like.dtype else like
    return call("broadcast_to", t, shape=like.shape) if like.type.known and t.dtype == like.dtype else like
