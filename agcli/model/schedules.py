"""Schedules: how the learning rate changes while training goes on. `engine/optimizers/schedules.py` computes them."""

from typing import Annotated, Any

from annotated_types import Ge, Gt, Le, Lt
from pydantic import AllowInfNan, StringConstraints, field_validator

from agcli.spec.field_types import SIZE_LIMIT, Count, Fraction, Kind, Positive, Weight
from agcli.spec.fields import Field
from agcli.spec.formula import Formula
from agcli.spec.nouns import SCHEDULES, Rate, Schedule
from agcli.spec.tables import Choice
from agcli.spec.validation_errors import failed, fault

Share = Annotated[float, Ge(0), Le(1), Kind("a number from 0 to 1")]
Factor = Annotated[float, Gt(0), Lt(1), Kind("a number between 0 and 1")]
Growth = Annotated[float, AllowInfNan(False), Ge(1), Kind("a number of 1 or more")]
_EPOCHS = r"([1-9][0-9]{0,5}(\.[0-9]{1,3})?|0\.[0-9]{0,2}[1-9]) ?epochs?"
Span = Annotated[
    Annotated[int, Gt(0), Le(SIZE_LIMIT)]
    | Annotated[str, StringConstraints(pattern=rf"^({_EPOCHS}|[1-9][0-9]{{0,8}} ?steps?)$")],
    Kind("a positive integer (steps), or such as `500 steps` or `10 epochs`"),
]

PEAK = "learning rate at the start"
WHOLE = "how long it takes; the whole training if not given"


@SCHEDULES.row("step")
class StepSchedule(Schedule):
    """Multiplied by `factor` every so often."""

    main = "lr"
    lr: Positive = Field(description=PEAK)
    every: Span = Field(default="10 epochs", description="from one change to the next")
    factor: Factor = Field(default=0.1, description="what is left of the rate")


@SCHEDULES.row("exponential")
class Exponential(Schedule):
    """Multiplied by `factor` in every epoch, smoothly."""

    main = "lr"
    lr: Positive = Field(description=PEAK)
    every: Span = Field(default="1 epoch", description="in which time the rate falls by the factor")
    factor: Factor = Field(default=0.95, description="what is left of the rate")


@SCHEDULES.row("polynomial", "linear")
class Polynomial(Schedule):
    """From `lr` to `end` as `(1 - step/steps)^degree`: a straight line for degree 1."""

    main = "lr"
    lr: Positive = Field(description=PEAK)
    steps: Span | None = Field(default=None, description=WHOLE)
    end: Weight = Field(default=0.0, description="the rate then and after")
    degree: Positive = Field(default=1.0, description="how curved")


@SCHEDULES.row("cosine")
class Cosine(Schedule):
    """From `lr` to `end` along half a cosine wave (Loshchilov and Hutter 2017)."""

    main = "lr"
    lr: Positive = Field(description=PEAK)
    steps: Span | None = Field(default=None, description=WHOLE)
    end: Weight = Field(default=0.0, description="the rate then and after")


@SCHEDULES.row("cosine_restarts")
class CosineRestarts(Schedule):
    """Half a cosine wave again and again, each time longer (Loshchilov and Hutter 2017)."""

    main = "lr"
    lr: Positive = Field(description="learning rate at the start of each wave")
    steps: Span = Field(default="10 epochs", description="length of the first wave")
    growth: Growth = Field(default=1.0, description="how many times as long each wave is as the one before")
    end: Weight = Field(default=0.0, description="the rate at the end of each wave")


@SCHEDULES.row("one_cycle")
class OneCycle(Schedule):
    """Up to `lr` and further down than it began (Smith and Topin 2018)."""

    main = "lr"
    lr: Positive = Field(description="the highest learning rate")
    steps: Span | None = Field(default=None, description=WHOLE)
    rising: Fraction = Field(default=0.3, description="the share of the steps that lead up")
    start: Factor = Field(default=0.04, description="the first rate, as a share of the highest")
    end: Factor = Field(default=0.0001, description="the last rate, as a share of the first")


@SCHEDULES.row("warmup")
class Warmup(Schedule):
    """Rises in a straight line to `lr`, a number or the schedule that follows (Goyal et al. 2017)."""

    lr: Rate = Field(description="what comes after the warm-up")
    steps: Span = Field(default="1 epoch", description="how long it takes")
    start: Share = Field(default=0.0, description="the first rate, as a share of the rate after the warm-up")

    @field_validator("lr")
    @classmethod
    def _no_plateau(cls, value: Any) -> Any:
        return _step_schedule(value, "write the warm-up inside of it: {plateau: {lr: {warmup: ...}}}")


@SCHEDULES.row("plateau")
class Plateau(Schedule):
    """`lr`, a number or a schedule, multiplied by `factor` whenever the validation loss stops falling."""

    main = "lr"
    lr: Rate = Field(description="learning rate as long as the loss falls")
    factor: Factor = Field(default=0.1, description="what is left of the rate")
    patience: Count = Field(default=10, description="evaluations to wait for a smaller loss")
    threshold: Fraction = Field(default=0.0001, description="the share by which a loss must be smaller to count")
    cooldown: Count = Field(default=0, description="evaluations after a change that are not judged")
    least: Weight = Field(default=0.0, description="the rate does not fall below it")

    @field_validator("lr")
    @classmethod
    def _no_plateau(cls, value: Any) -> Any:
        return _step_schedule(value, "one is enough")


@SCHEDULES.row("expression")
class Expression(Schedule):
    """A formula of `step` (from 0), `epoch` (with fraction), and their totals `steps` and `epochs`."""

    main = "formula"
    formula: Formula = Field(description="such as `0.1 / sqrt(1 + step/100)`")


def _step_schedule(value: Any, instead: str) -> Any:
    if isinstance(value, Choice) and value.name == "plateau":
        raise failed([fault(f"expected a number or a schedule of the step, got `plateau`; {instead}")])
    return value
