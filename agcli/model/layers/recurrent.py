"""Recurrent layers: a cell that goes along the places of a sequence (samples, places, width).

What the inputs contribute to the gates is one product for all places at once; the loop only adds what the state does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from agcli.engine.errors import ShapeError
from agcli.engine.graph import Tensor
from agcli.engine.leaves import Variable
from agcli.engine.loops.scan import scan
from agcli.engine.ops.activations import sigmoid
from agcli.engine.ops.arrays import moveaxis
from agcli.engine.ops.creation import zeros_like
from agcli.engine.ops.elementwise import tanh
from agcli.engine.ops.joining import concatenate
from agcli.model.layers.dense import activate, width
from agcli.model.layers.scope import Scope

State = tuple[Tensor, ...]


@dataclass(frozen=True)
class Cell:
    """How many gates and states it has; ``step(state, gates, recurrent, fields)`` gives the next state."""

    gates: int
    states: int
    step: Callable[[State, Tensor, tuple[Variable, ...], Any], State]
    recurrent_bias: bool = False


def parts(gates: Tensor, count: int) -> list[Tensor]:
    """The gates side by side, apart."""
    n = gates.shape[-1] // count  # type: ignore[operator]
    return [gates[:, i * n : (i + 1) * n] for i in range(count)]


def simple_step(state: State, z: Tensor, recurrent: tuple[Variable, ...], fields: Any) -> State:
    return (activate(z + state[0] @ recurrent[0], fields.activation),)


def lstm_step(state: State, z: Tensor, recurrent: tuple[Variable, ...], fields: Any) -> State:
    """Gates in the order input, forget, candidate, output; the forget gate starts open (Jozefowicz et al., 2015)."""
    h, c = state
    i, f, g, o = parts(z + h @ recurrent[0], 4)
    new = sigmoid(f + 1) * c + sigmoid(i) * tanh(g)
    return sigmoid(o) * tanh(new), new


def gru_step(state: State, z: Tensor, recurrent: tuple[Variable, ...], fields: Any) -> State:
    """Gates in the order reset, update, candidate; the reset gate acts after the product, as in cuDNN."""
    (h,) = state
    (a, b, c), (ra, rb, rc) = parts(z, 3), parts(h @ recurrent[0] + recurrent[1], 3)
    update = sigmoid(b + rb)
    candidate = tanh(c + sigmoid(a + ra) * rc)
    return ((1 - update) * candidate + update * h,)


SIMPLE, LSTM, GRU = Cell(1, 1, simple_step), Cell(4, 2, lstm_step), Cell(3, 1, gru_step, recurrent_bias=True)


def along(x: Tensor, fields: Any, scope: Scope, cell: Cell, reverse: bool) -> tuple[Tensor, Tensor]:
    """The last state, and the states at all places, of a cell that goes in one direction."""
    n = fields.units
    size = cell.gates * n
    z = x @ scope.parameter("weight", (width(x, "recurrent"), size), fields.init)
    recurrent = [scope.parameter("recurrent_weight", (n, size), fields.recurrent_init)]
    z = moveaxis(z + scope.parameter("bias", (size,), fields.bias_init), 1, 0)
    if cell.recurrent_bias:
        recurrent.append(scope.parameter("recurrent_bias", (size,), fields.bias_init))

    def step(state: State, gates: Tensor) -> tuple[State, Tensor]:
        new = cell.step(state, gates, tuple(recurrent), fields)
        return new, new[0]

    last, states = scan(step, (zeros_like(z[0, :, :n]),) * cell.states, z, reverse=reverse)
    return last[0], moveaxis(states, 0, 1)


def recurrent(x: Tensor, fields: Any, scope: Scope, cell: Cell, name: str) -> Tensor:
    if x.ndim != 3:
        hint = "; a recurrent layer before it needs return_sequences: true" if x.ndim == 2 else ""
        raise ShapeError(f"{name}: expected sequences of shape (places, width), got {x.shape}{hint}")
    ways = {"forward": False, "backward": True} if fields.bidirectional else {"": False}
    found = [along(x, fields, scope.inner(k) if k else scope, cell, reverse) for k, reverse in ways.items()]
    chosen = [states if fields.return_sequences else last for last, states in found]
    return chosen[0] if len(chosen) == 1 else concatenate(*chosen, axis=-1)


def simple_rnn(x: Tensor, fields: Any, scope: Scope) -> Tensor:
    return recurrent(x, fields, scope, SIMPLE, "simple_rnn")


def lstm(x: Tensor, fields: Any, scope: Scope) -> Tensor:
    return recurrent(x, fields, scope, LSTM, "lstm")


def gru(x: Tensor, fields: Any, scope: Scope) -> Tensor:
    return recurrent(x, fields, scope, GRU, "gru")
