"""Optimizers: how a step follows from a gradient. `engine/optimizers.py` computes them, under the same names."""

from typing import Annotated, Self

from pydantic import model_validator

from .faults import failed, fault
from .fields import Field, Fields
from .kinds import Flag, Fraction, Positive
from .tables import Choice, Table


class Sgd(Fields):
    """Stochastic gradient descent, with momentum if wanted."""

    main = "lr"
    lr: Positive = Field(default=0.01, description="learning rate: the length of a step")
    momentum: Fraction = Field(default=0.0, description="the share of the last step that goes on")
    nesterov: Flag = Field(default=False, description="take the gradient where the momentum leads")

    @model_validator(mode="after")
    def _nesterov_needs_momentum(self) -> Self:
        if self.nesterov and not self.momentum:
            raise failed([fault("expected a momentum above 0 beside it, got none", ("nesterov",))])
        return self


class Adam(Fields):
    """Steps scaled by running moments of the gradient (Kingma and Ba 2015)."""

    main = "lr"
    lr: Positive = Field(default=0.001, description="learning rate: about the length of a step of each parameter")
    beta1: Fraction = Field(default=0.9, description="decay of the running mean of gradients")
    beta2: Fraction = Field(default=0.999, description="decay of the running mean of squared gradients")
    eps: Positive = Field(default=1e-8, description="keeps the division by a small moment finite")


OPTIMIZERS = Table("optimizer", {"sgd": Sgd, "adam": Adam})

Optimizer = Annotated[Choice, OPTIMIZERS]
