"""The graph: ops, tensors and leaves. Nothing here computes a value.

A ``Tensor`` is a node: the op that makes it and the tensors that it is made from. Leaves have no op:
``Constant``, ``Placeholder`` (fed at every run) and ``Variable`` (state that lives between runs).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import numpy as np

from .errors import DTypeError, GradientError, Refused, ShapeError
from .foreign import LazyError, endless, made_elsewhere, numbers
from .methods import Methods
from .methods import call as call
from .orders import toposort as toposort
from .origin import here, origin
from .types import Array, DType, Shape, TensorType, TupleType, as_dtype, number_type, promote, type_holding

if TYPE_CHECKING:
    from .table import Sample

Number: TypeAlias = "bool | int | float | Fraction"
Like: TypeAlias = "Tensor | Array | Number | np.generic | Sequence[Any]"
Cotangents: TypeAlias = "Sequence[Tensor | Refused | None]"

_ids = itertools.count()


class Op:
    """One kind of operation: a type rule, a kernel and a gradient rule.

    A subclass is ``@frozen`` or a frozen dataclass; its fields are the attributes of the operation (axes, shape),
    so that equal ops compare, hash and print alike; common subexpressions need nothing else.

    >>> x = ag.placeholder("x", (2, 3))
    >>> x.sum(axis=0).op, x.sum(axis=0).op == x.sum(axis=0).op
    (Sum(axes=(0,), keepdims=False), True)
    """

    name: str
    internal: ClassVar[bool] = False  # nobody calls it by its name, which messages leave out
    samples: ClassVar[tuple[Sample, ...]] = ()
    inplace: ClassVar[tuple[int, ...]] = ()  # inputs whose buffer `out` may share
    shape_only: ClassVar[tuple[int, ...]] = ()  # inputs of which only the shape is read
    commutative: ClassVar[bool] = False
    stops: ClassVar[bool] = False  # derivatives take the output for a constant
    pure: ClassVar[bool] = True  # equal inputs give equal outputs, and nothing else happens
    dynamic: ClassVar[bool] = False  # the shape of the output depends on values: `compute` makes it, no kernel

    def infer(self, *types: Any) -> TensorType | TupleType:
        """Types of the inputs -> type of the output."""
        raise NotImplementedError(f"{self.name} has no type rule")

    def kernel(self, *arrays: Any, **out: Any) -> None:
        """Fill the array ``out`` (a tuple of arrays for a tuple type), a keyword; or else ``bind`` does."""
        if type(self).bind is Op.bind:
            raise NotImplementedError(f"{self.name} has no kernel")
        self.bind(arrays, **out)()

    def compute(self, *arrays: Any) -> Array:
        """The output of a dynamic op, as an array of its own."""
        raise NotImplementedError(f"{self.name} is not dynamic")

    def vjp(self, g: Any, y: Tensor, *inputs: Any) -> Cotangents:
        """Cotangents of the inputs for the cotangent ``g`` of the output ``y``, as graph."""
        raise GradientError(f"{self.name} has no derivative")

    def jvp(self, tangents: Sequence[Tensor | None], y: Tensor, *inputs: Any) -> Any:
        """Tangent of ``y``; None here says: transpose ``vjp``, which is linear in ``g``."""
        return NotImplemented

    def view(self, *arrays: Any) -> Array | None:
        """The output as a view of an input, for ops that only look at memory in another way."""
        return None

    def bind(self, inputs: Sequence[Array], out: Any) -> Callable[[], Any]:
        """A call without arguments that runs the kernel; whatever can be decided before, is decided here."""
        kernel = self.kernel
        return lambda: kernel(*inputs, out=out)

    def scalar(self, *values: Any) -> Any:
        """The op for one element, as a formula over ``values``; None: there is none, and no loop is compiled."""
        return None

    def aligned(self, inputs: Sequence[Array], out: Any) -> Any:
        """Views for which ``scalar`` holds element by element, for ops that are not elementwise on whole arrays."""
        return None

    def simplify(self, *inputs: Any) -> Tensor | None:
        """A cheaper tensor of the same value, once the types of the inputs are known."""
        return None

    def prune(self, used: frozenset[int], inputs: Sequence[Tensor]) -> tuple[Tensor, dict[int, int]] | None:
        """An op of several outputs with only those in ``used``, and their new numbers; None if nothing is saved."""
        return None

    def culprit(self, inputs: Sequence[Array], out: Any) -> str | None:
        """Where inside of this op a NaN or infinity was made, for ops that run others."""
        return None

    def simplest(self, *inputs: Tensor) -> Tensor:
        """``simplify`` where that is possible already, else this op applied."""
        new = self.simplify(*inputs)
        return self(*inputs) if new is None else new

    def unify(self, inputs: list[Tensor]) -> list[Tensor]:
        """Give weak inputs (Python numbers) the dtype of the others; ops with index inputs override this."""
        return unify(inputs)

    def __call__(self, *args: Like) -> Tensor:
        inputs = [a if isinstance(a, Tensor) else as_tensor(a) for a in args]
        try:
            if len(inputs) > 1:
                inputs = self.unify(inputs)
            types = [x.type for x in inputs]
            result = self.infer(*types)
        except (ShapeError, DTypeError) as e:
            raise type(e)(explain(self, inputs, e)) from None
        if types and isinstance(result, TensorType) and all([getattr(t, "weak", False) for t in types]):  # noqa: C419  # quicker
            result = TensorType(result.shape, result.dtype, weak=True)
        return Tensor(result, self, tuple(inputs))


class Tensor(Methods):
    """A node of the graph. Immutable; compared and hashed by identity.

    >>> x = ag.placeholder("x", (None, 3))
    >>> y = (2 * x).sum(axis=1)
    >>> print(y, y.shape, y.dtype)
    <Tensor sum(multiply): float32(None,)> (None,) float32
    >>> print(y.eval({x: np.ones((2, 3))}))
    [6. 6.]
    """

    __slots__ = ("__weakref__", "id", "inputs", "name", "op", "place", "type")
    display: ClassVar[Callable[[Tensor], str | None] | None] = None  # tensor -> LaTeX, by who knows formulas

    type: Any

    def __init__(
        self,
        type: TensorType | TupleType,
        op: Op | None = None,
        inputs: tuple[Tensor, ...] = (),
        place: Any = None,
        name: str | None = None,
    ) -> None:
        if op is None and not isinstance(type, TensorType | TupleType):
            raise made_elsewhere(self)
        self.type, self.op = type, op
        self.inputs, self.name = inputs, name
        self.id = next(_ids)
        self.place = place or here()

    def on(self, inputs: Sequence[Tensor]) -> Tensor:
        """The same op at the same place on other inputs."""
        for x, y in zip(inputs, self.inputs, strict=True):
            if x.type is not y.type and x.type != y.type:
                break
        else:
            return Tensor(self.type, self.op, tuple(inputs), self.place, self.name)
        with origin(self.place):
            new = self.op(*inputs)  # type: ignore[misc]
        new.name = self.name
        return new

    @property
    def shape(self) -> Shape:
        """Lengths of the axes; None where unknown until the graph runs."""
        return self.type.shape  # type: ignore[no-any-return]

    @property
    def dtype(self) -> DType:
        return self.type.dtype  # type: ignore[no-any-return]

    @property
    def ndim(self) -> int:
        return len(self.type.shape)

    @property
    def origin(self) -> str:
        """Where this tensor was built, as ``file:line``."""
        return self.place if isinstance(self.place, str) else "{}:{}".format(*self.place or ("constant", 0))

    def named(self, name: str) -> Tensor:
        """This tensor, with a name for messages and printing."""
        self.name = name
        return self

    def eval(self, feeds: Mapping[Any, Any] | None = None) -> Any:
        """The value of this tensor for ``feeds`` (placeholder or its name -> array)."""
        from .function import evaluate

        return evaluate(self, feeds)

    def __repr__(self) -> str:
        what = f"{self.op.name}({', '.join(label(x) for x in self.inputs)})" if self.op else type(self).__name__.lower()
        return f"<Tensor {self.name + ' = ' if self.name else ''}{what}: {self.type}>"

    def _repr_latex_(self) -> str | None:
        """What a notebook shows; None says that it shows the text of ``repr``."""
        return None if Tensor.display is None else Tensor.display(self)

    def __iter__(self) -> Iterator[Tensor]:
        return (self[i] for i in range(len(self)))

    def __len__(self) -> int:
        if not self.shape or self.shape[0] is None:
            raise endless(self.type)
        return self.shape[0]


class Constant(Tensor):
    """A leaf whose value is part of the graph: an array, or an exact Python number.

    >>> third = ag.constant([1.0, 2.0]) / 3
    >>> print(third.inputs[0].array, third.inputs[1].value)
    [1. 2.] 3
    """

    __slots__ = ("_array", "value")

    def __init__(self, value: Array | Number, type: TensorType) -> None:
        self.type = type
        self.op = self.name = self.place = None
        self.inputs = ()
        self.id = next(_ids)
        self.value = value
        self._array: Array | None = None

    @property
    def array(self) -> Array:
        """The value as a read-only array of this tensor's dtype."""
        if self._array is None:
            value = float(self.value) if isinstance(self.value, Fraction) else self.value
            array = np.asarray(value, self.dtype)
            if array is self.value and array.flags.writeable:
                array = array.view()
            array.flags.writeable = False
            self._array = array
        return self._array


def constant(value: Any, dtype: Any = None) -> Constant:
    """A constant tensor.

    Python numbers (and fractions) stay exact and take the dtype of what they meet, unless ``dtype`` is given;
    NumPy values and sequences keep their own dtype. Arrays are not copied: do not write to them afterwards.

    >>> print(ag.constant([1, 2]).type, ag.constant(2.5, "float32").type)
    int64(2,) float32()
    >>> x = ag.placeholder("x")
    >>> print((x * ag.constant(2.5)).dtype, (x * ag.constant(np.float64(2.5))).dtype)
    float32 float64
    """
    if isinstance(value, bool | int | float | Fraction) and not isinstance(value, np.generic):
        if dtype is not None:
            return Constant(value, type_holding(value, as_dtype(dtype)))
        whole = isinstance(value, int) and -(2**63) <= value < 2**63
        kind = "bool" if isinstance(value, bool) else "int64" if whole else "float64"
        return Constant(value, number_type(kind, weak=True))
    array = numbers(value, None if dtype is None else as_dtype(dtype))
    return Constant(array, TensorType(array.shape, as_dtype(array.dtype)))


def as_tensor(value: Like) -> Tensor:
    """``value`` itself, a constant of it, or the stack of a list that holds tensors.

    >>> x = ag.placeholder("x")
    >>> print(ag.as_tensor(x) is x, ag.as_tensor([[1, 2]]).shape, ag.as_tensor([x, 1]).shape)
    True (1, 2) (2,)
    """
    if isinstance(value, Tensor):
        return value
    try:
        return constant(value)
    except LazyError:
        if not isinstance(value, Sequence):
            raise
        return call("stack", *map(as_tensor, value))


def unify(inputs: list[Tensor]) -> list[Tensor]:
    """Give weak inputs the dtype that they take beside the strong ones."""
    weak = [x for x in inputs if x.type.weak]
    if len(weak) in (0, len(inputs)):
        return inputs
    dtype = promote(*((x.dtype, x.type.weak) for x in inputs))
    return [cast(x, dtype) if x.type.weak else x for x in inputs]


def cast(x: Tensor, dtype: DType) -> Tensor:
    """``x`` in another dtype; exact numbers stay exact."""
    if isinstance(x, Constant) and not isinstance(x.value, np.ndarray):
        return Constant(x.value, type_holding(x.value, dtype))
    return x if x.dtype == dtype and not x.type.weak else call("astype", x, dtype=dtype)


def label(t: Tensor) -> str:
    """A short name of a tensor for messages."""
    if t.name:
        return t.name
    if isinstance(t, Constant):
        return str(t.value) if t.shape == () else f"constant{t.shape}"
    return t.op.name if t.op else type(t).__name__.lower()


def explain(op: Op, inputs: Sequence[Tensor], error: Exception) -> str:
    """``error`` with the op's name before it and the names of its inputs behind."""
    shown = (t for t in inputs if not isinstance(t, Constant) or t.shape)
    kinds = ((label(t), type(t).__name__.lower() if t.op is None else t.op.name) for t in shown)
    names = ", ".join(name if name == kind else f"{name}: {kind}" for name, kind in kinds)
    begun = op.internal or str(error).startswith(f"{op.name}:")
    text = f"{error}" if begun else f"{op.name}: {error}"
    return f"{text} ({names})" if names and not text.endswith(f"({names})") else text
