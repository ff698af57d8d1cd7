"""Recurrent layers: a cell that goes along the places of a sequence (samples, places, width).

What the inputs contribute to the gates is one product for all places at once; the loop only adds what the state does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, TypeAlias

from agcli.model.layers.dense import activate, width
from agcli.model.ops import call
from agcli.spec.field_types import Flag, Size
from agcli.spec.fields import Field
from agcli.spec.nouns import ACTIVATIONS, INITIALIZERS, LAYERS, ActivationChoice, InitializerChoice, Layer

if TYPE_CHECKING:
    from agcli.engine.graph import Tensor
    from agcli.model.layers.masks import Mask
    from agcli.model.layers.scope import Scope

    State: TypeAlias = tuple[Tensor, ...]


def parts(gates: Tensor, count: int) -> list[Tensor]:
    """The gates side by side, apart."""
    n = gates.shape[-1] // count  # type: ignore[operator]
    return [gates[:, i * n : (i + 1) * n] for i in range(count)]


class Recurrent(Layer):
    """What recurrent layers have in common; `step` is the cell."""

    padded = "masks"
    main = "units"
    noun: ClassVar[str] = ""
    gates: ClassVar[int] = 1
    states: ClassVar[int] = 1
    recurrent_bias: ClassVar[bool] = False
    units: Size = Field(description="length of the state")
    return_sequences: Flag = Field(default=False, description="the states at all places, not only the last")
    bidirectional: Flag = Field(default=False, description="a second one from the end, its states beside the first's")
    init: InitializerChoice = INITIALIZERS.default("glorot_uniform", "the weights before the first step")
    recurrent_init: InitializerChoice = INITIALIZERS.default(
        "orthogonal", "the recurrent weights before the first step"
    )
    bias_init: InitializerChoice = INITIALIZERS.default("zeros", "the biases before the first step")

    def step(self, state: State, z: Tensor, weights: State) -> State:
        """The next state, of what the input gives to the gates and of the recurrent parameters."""
        raise NotImplementedError

    def build(self, x: Tensor, scope: Scope) -> Tensor:
        from agcli.engine.errors import ShapeError

        if x.ndim != 3:
            hint = "; a recurrent layer before it needs return_sequences: true" if x.ndim == 2 else ""
            raise ShapeError(f"{self.noun}: expected sequences of shape (places, width), got {x.shape}{hint}")
        ways = {"forward": False, "backward": True} if self.bidirectional else {"": False}
        mask = scope.mask(x)
        runs = [self.along(x, mask, scope.inner(way) if way else scope, reverse) for way, reverse in ways.items()]
        chosen = [states if self.return_sequences else last for last, states in runs]
        y = chosen[0] if len(chosen) == 1 else call("concatenate", *chosen, axis=-1)
        return scope.with_mask(y, mask if self.return_sequences else None)

    def along(self, x: Tensor, mask: Mask | None, scope: Scope, reverse: bool) -> tuple[Tensor, Tensor]:
        """The last state, and the states at all places, of a cell that goes in one direction.

        Padding leaves the state as it is: so the last one is that of the last token, and from the end the first token
        finds the state 0.
        """
        from agcli.engine.loops.scan import scan

        n, size = self.units, self.gates * self.units
        z = x @ scope.parameter("weight", (width(x, "recurrent"), size), self.init)
        weights: State = (scope.parameter("recurrent_weight", (n, size), self.recurrent_init),)
        z = call("moveaxis", z + scope.parameter("bias", (size,), self.bias_init), 1, 0)
        if self.recurrent_bias:
            weights = (*weights, scope.parameter("recurrent_bias", (size,), self.bias_init))

        def turn(state: State, gates: Tensor) -> tuple[State, Tensor]:
            new = self.step(state, gates, weights)
            return new, new[0]

        def masked_turn(state: State, place: tuple[Tensor, Tensor]) -> tuple[State, Tensor]:
            gates, is_token = place
            new = tuple(
                call("where", is_token, a, b) for a, b in zip(self.step(state, gates, weights), state, strict=True)
            )
            return new, new[0]

        start = (call("zeros_like", z[0, :, :n]),) * self.states
        if mask is None:
            last, states = scan(turn, start, z, reverse=reverse)
        else:
            last, states = scan(masked_turn, start, (z, call("moveaxis", mask.column, 1, 0)), reverse=reverse)
        return last[0], call("moveaxis", states, 0, 1)


@LAYERS.row("lstm")
class Lstm(Recurrent):
    """Long short-term memory (Hochreiter and Schmidhuber 1997); the forget gate's bias is 1 more."""

    noun = "lstm"
    gates = 4
    states = 2

    def step(self, state: State, z: Tensor, weights: State) -> State:
        """Gates in the order input, forget, candidate, output; the forget gate starts open (Jozefowicz et al. 2015)."""
        h, c = state
        i, f, g, o = parts(z + h @ weights[0], 4)
        new = call("sigmoid", f + 1) * c + call("sigmoid", i) * call("tanh", g)
        return call("sigmoid", o) * call("tanh", new), new


@LAYERS.row("gru")
class Gru(Recurrent):
    """Gated recurrent unit (Cho et al. 2014), the reset gate after the product."""

    noun = "gru"
    gates = 3
    recurrent_bias = True

    def step(self, state: State, z: Tensor, weights: State) -> State:
        """Gates in the order reset, update, candidate; the reset gate acts after the product, as in cuDNN."""
        (h,) = state
        (a, b, c), (ra, rb, rc) = parts(z, 3), parts(h @ weights[0] + weights[1], 3)
        update = call("sigmoid", b + rb)
        candidate = call("tanh", c + call("sigmoid", a + ra) * rc)
        return ((1 - update) * candidate + update * h,)


@LAYERS.row("simple_rnn")
class SimpleRnn(Recurrent):
    """`h = activation(x @ weight + h @ recurrent_weight + bias)`, from place to place (Elman 1990)."""

    noun = "simple_rnn"
    activation: ActivationChoice = ACTIVATIONS.default("tanh", "applied to the state")

    def step(self, state: State, z: Tensor, weights: State) -> State:
        return (activate(z + state[0] @ weights[0], self.activation),)
