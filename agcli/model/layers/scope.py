"""Scopes: where the parameters of a layer live, and what a layer leaves behind beside its output."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from agcli.engine.errors import EngineError, ShapeError
from agcli.engine.graph import Tensor, call
from agcli.engine.leaves import Variable
from agcli.engine.origin import origin
from agcli.engine.types import Array
from agcli.engine.variables import Variables
from agcli.expression.errors import ExpressionError
from agcli.spec import Spec, SpecError
from agcli.spec.names import Path as Place

if TYPE_CHECKING:
    from agcli.model.layers.masks import Mask

Shape = tuple[int, ...]
Rng = np.random.Generator
Value = TypeVar("Value")


@dataclass(frozen=True)
class Trace:
    """A layer as it was built, for those who look at the model."""

    path: str
    kind: str
    inputs: tuple[Tensor, ...]
    output: Tensor
    place: Place  # in the spec
    depth: int


@dataclass
class Network:
    """One graph of a spec in the making: for training or for evaluation."""

    spec: Spec
    variables: Variables
    training: bool
    names: dict[str, Tensor] = field(default_factory=dict)  # what formulas may name
    updates: dict[Variable, Tensor] = field(default_factory=dict)  # of variables that are no parameters
    penalties: dict[str, Tensor] = field(default_factory=dict)  # by parameter
    traces: list[Trace] = field(default_factory=list)
    masks: dict[int, Mask] = field(default_factory=dict)  # of padded tensors, by id
    tokens: dict[int, int] = field(default_factory=dict)  # of tensors of token numbers, by id: how many there may be

    @contextmanager
    def at(self, path: Place, more: str = "") -> Iterator[None]:
        """What is built inside knows its line in the spec; what goes wrong is reported there."""
        try:
            with origin(self.spec.location(path)):
                yield
        except ExpressionError as e:
            raise self.spec.formula_error(path, e) from None
        except EngineError as e:
            raise self.spec.error(path, f"{e}{more}") from e
        except SpecError:
            raise
        except Exception as e:
            plugin = self.spec.plugin_at(path)
            if plugin is None:
                raise
            raise self.spec.error(path, str(plugin.error_of(e))) from e

    def located(self, path: Place, call: Callable[..., Value]) -> Callable[..., Value]:
        """A function of others, what goes wrong in which is reported at a line of the spec."""

        def guarded(*inputs: Any) -> Value:
            with self.at(path):
                return call(*inputs)

        return guarded


@dataclass(frozen=True)
class Scope:
    """A place in the model: `name` goes before the names of its parameters, `path` is where the spec describes it."""

    network: Network
    name: str = ""
    path: Place = ()
    depth: int = 0
    l1: float = 0.0
    l2: float = 0.0

    @property
    def training(self) -> bool:
        return self.network.training

    @property
    def dtype(self) -> str:
        """Of the parameters."""
        return str(self.network.spec.dtype)

    def inner(self, name: str, *path: Any, l1: float = 0.0, l2: float = 0.0) -> Scope:
        """The scope of a part of this layer."""
        full = f"{self.name}.{name}" if self.name else name
        return replace(
            self, name=full, path=(*self.path, *path), depth=self.depth + 1, l1=self.l1 + l1, l2=self.l2 + l2
        )

    def parameter(self, name: str, shape: Shape, init: Any) -> Variable:
        """The parameter of this layer called ``name``; drawn when it is first asked for."""
        v = self.variable(name, shape, lambda rng: init.fields.draw(shape, rng, self.dtype), trainable=True)
        if len(shape) > 1 and (self.l1 or self.l2):
            self.network.penalties[v.name or ""] = penalty(v, self.l1, self.l2)
        return v

    def statistic(self, name: str, shape: Shape, value: float) -> Variable:
        """A variable of this layer that training measures instead of learning it."""
        return self.variable(name, shape, lambda rng: np.full(shape, value, self.dtype), trainable=False)

    def variable(self, name: str, shape: Shape, make: Callable[[Rng], Array], trainable: bool) -> Variable:
        full, variables = f"{self.name}.{name}", self.network.variables
        if full not in variables:
            rng = np.random.default_rng([self.network.spec.seed, len(variables)])
            variables.add(full, make(rng), trainable=trainable)
        found = variables[full]
        if found.shape != shape:
            raise ShapeError(f"the parameter `{full}` has shape {found.shape}; a layer that shares it needs {shape}")
        return found

    def update(self, v: Variable, new: Tensor) -> None:
        """Give a statistic its next value, at every training step."""
        if self.training:
            self.network.updates[v] = new

    def mask(self, x: Tensor) -> Mask | None:
        """Which places of ``x``, (n, length, ...), hold tokens; None where nothing is padded."""
        return self.network.masks.get(x.id)

    def tokens(self, x: Tensor) -> int:
        """How many different numbers an input of token numbers may hold; 0 where that is not known."""
        return self.network.tokens.get(x.id, 0)

    def with_mask(self, y: Tensor, mask: Mask | None) -> Tensor:
        """``y``, of which the same is known from now on."""
        if mask is not None:
            self.network.masks[y.id] = mask
        return y

    def error(self, message: str) -> SpecError:
        return self.network.spec.error(self.path, message)


def penalty(v: Variable, l1: float, l2: float) -> Tensor:
    """``l1 * sum(|v|) + l2 * sum(v^2)``."""
    terms = [weight * call("sum", call(op, v)) for weight, op in ((l1, "abs"), (l2, "square")) if weight]
    return terms[0] if len(terms) == 1 else terms[0] + terms[1]
