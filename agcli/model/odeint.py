"""The section `odeint` of a spec -> the quantities at the times of the samples."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from agcli.engine.custom import Wrapped
from agcli.engine.graph import Cotangents, Tensor, call, cast
from agcli.engine.loops.odeint import odeint
from agcli.engine.ops.indexing import take
from agcli.engine.ops.joining import concatenate, stack
from agcli.spec.names import Path as Place
from agcli.spec.odeint import TIME, Odeint

Formula = Callable[[str, Place, Mapping[str, Tensor]], Tensor]
SECTION = "odeint"


@dataclass(frozen=True, eq=False)
class Solved(Wrapped):
    """The first input, of which a row follows from the same row of the second, the times, though all are solved at
    once; gone once a graph is compiled."""

    name = "solved"

    def vjp(self, g: Tensor, y: Tensor, *inputs: Tensor) -> Cotangents:
        return [g, None]

    def jvp(self, tangents: Sequence[Tensor | None], y: Tensor, *inputs: Tensor) -> Tensor | None:
        return tangents[0]


def quantities(
    fields: Odeint, names: Mapping[str, Tensor], variables: Mapping[str, Tensor], formula: Formula
) -> dict[str, Tensor]:
    """Each quantity (n,) at the times of the samples, by name.

    Samples may come in any order: the equations are solved at the sorted times. Rates see variables, quantities and the
    time, by the name `time` and by that of the column it is.
    """
    times = formula(fields.at, (SECTION, "at"), names)
    times = cast(times[:, 0] if times.ndim == 2 and times.shape[1] == 1 else times, np.dtype("float64"))
    order = call("argsort", times)
    begin = call("full_like", times[:1], fields.begin)
    states = list(fields.rates)
    starts = [formula(fields.start[name], (SECTION, "start", name), variables) for name in states]

    def rates(y: Tensor, t: Tensor) -> Tensor:
        clock = {TIME: t, fields.at: t} if fields.at.isidentifier() else {TIME: t}
        known = {**clock, **variables, **{name: y[i] for i, name in enumerate(states)}}
        return stack([formula(text, (SECTION, "rates", name), known) for name, text in fields.rates.items()])

    found = odeint(
        rates, stack(starts), concatenate([begin, take(times, order)]),
        rtol=fields.rtol, atol=fields.atol, gradient=fields.gradient, max_steps=fields.max_steps,
    )  # fmt: skip
    back = take(found[1:], call("argsort", order), axis=0)
    return {name: Solved()(back[:, i], times) for i, name in enumerate(states)}
