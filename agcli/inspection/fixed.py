"""The graph of a model for batches of one size, in the precision of the model or in double precision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from agcli.engine.graph import Tensor
from agcli.engine.leaves import Placeholder, Variable, placeholder, variable
from agcli.engine.substitution import substitute
from agcli.engine.types import DType
from agcli.model.build import Model
from agcli.model.precision import widened


@dataclass(frozen=True)
class Fixed:
    """Tensors of a model with all shapes known; leaves by the names that they have in the model."""

    tensors: list[Tensor]
    inputs: dict[str, Placeholder]
    variables: dict[str, Variable]


def fixed(model: Model, tensors: Sequence[Tensor], batch: int, *, copy: bool = False, double: bool = False) -> Fixed:
    """``tensors`` of the model for batches of ``batch`` samples.

    With ``copy`` they have variables of their own, with ``double`` such in float64; it raises EngineError where an
    op computes in one precision only.
    """

    def wide(dtype: DType) -> DType:
        return np.dtype(np.float64) if double and dtype.kind == "f" else dtype

    inputs = {name: placeholder(name, (batch, *p.shape[1:]), wide(p.dtype)) for name, p in model.inputs.items()}
    held = {name: v for name, v in model.parameters.items() if isinstance(v, Variable)}
    copy = copy or double
    copies = {name: variable(v.value.astype(wide(v.dtype)), name, trainable=v.trainable) for name, v in held.items()}
    variables = copies if copy else held
    replace: dict[Tensor, Tensor] = {p: inputs[name] for name, p in model.inputs.items()}
    replace |= {held[name]: copies[name] for name in held} if copy else {}
    make = widened if double else substitute
    return Fixed(make(tensors, replace), inputs, variables)
