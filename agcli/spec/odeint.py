"""Differential equations whose solution formulas may name."""

from typing import Annotated, Literal, Self

from annotated_types import Ge, Lt
from pydantic import model_validator

from .field_types import Kind, OneOf, Real, Size
from .fields import Field, Fields
from .formula import Formula
from .graph import Formulas
from .validation_errors import failed, fault

Tolerance = Annotated[float, Ge(1e-13), Lt(1), Kind("a number from 1e-13 to below 1")]
TIME = "time"  # what rates call the time


class Odeint(Fields):
    """Differential equations, solved at the times of the samples by steps of Dormand and Prince."""

    rates: Formulas = Field(
        description="the rate of change of each quantity by its name: formulas of variables, quantities and `time`"
    )
    start: Formulas = Field(description="where each quantity starts: formulas of variables, or numbers")
    at: Formula = Field(description="the times of the samples: a column, or a formula of (n,) numbers")
    begin: Real = Field(default=0.0, description="the time of the start, not after any sample")
    rtol: Tolerance = Field(default=1e-8, description="the error of a step beside the quantity")
    atol: Tolerance = Field(default=1e-10, description="the error of a step by itself")
    gradient: Annotated[Literal["discrete", "adjoint"], OneOf("discrete", "adjoint")] = Field(
        default="discrete", description="of the steps that were taken, or by the adjoint equation"
    )
    max_steps: Size = Field(default=10_000, description="after which a solution is given up")

    @model_validator(mode="after")
    def _starts_all(self) -> Self:
        if not self.rates:
            raise failed([fault("expected the rate of a quantity at least, got none", ("rates",))])
        for name in self.rates:
            if name not in self.start:
                raise failed([fault(f"expected where `{name}` starts, as it has a rate", ("start",))])
        for name in self.start:
            if name not in self.rates:
                raise failed([fault(f"expected a quantity that has a rate, got `{name}`", ("start", name))])
        return self
