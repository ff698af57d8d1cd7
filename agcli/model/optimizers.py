"""Optimizers: how a step follows from a gradient. `engine/optimizers/` computes them, under the same names.

A row gives the engine's optimizer for its fields. What goes around every rule (weight decay, clipping, running means)
stands in `Shared`; of those, a row says its rule alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Self

from annotated_types import Ge, Le, Len
from pydantic import Strict, StringConstraints, model_validator

from agcli.model.clipping import rule_of
from agcli.spec.clock import Clock
from agcli.spec.field_types import Flag, Fraction, Kind, Positive, Size, Weight
from agcli.spec.fields import Field
from agcli.spec.nouns import OPTIMIZERS, Clip, Optimizer, Rate, rate_of
from agcli.spec.validation_errors import failed, fault

if TYPE_CHECKING:
    from agcli.engine.optimizers import Lbfgs as EngineLbfgs
    from agcli.engine.optimizers import LevenbergMarquardt as EngineLevenbergMarquardt
    from agcli.engine.optimizers import Optimizer as EngineOptimizer
    from agcli.engine.optimizers import Rate as EngineRate

Memory = Annotated[int, Ge(1), Le(1000), Kind("an integer from 1 to 1,000")]
_Pattern = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Patterns = Annotated[
    _Pattern | Annotated[tuple[_Pattern, ...], Strict(False), Len(0, 100)],
    Kind('a pattern in quotes such as "*.bias", or a list of them'),
]

RATE = "learning rate, or a schedule: about the length of a step of each parameter"


class Shared(Optimizer):
    """What every optimizer takes, except lbfgs and levenberg_marquardt."""

    main = "lr"
    lr: Rate = Field(default=0.001, description=RATE)
    weight_decay: Weight = Field(default=0.0, description="how strongly parameters are pulled towards 0")
    no_decay: Patterns = Field(default=(), description="parameters that are not pulled, as in `*.bias`")
    clip: Clip | None = Field(default=None, description="where gradients are cut; a number is for their global norm")
    accumulate: Size = Field(default=1, description="batches whose gradients are averaged before a step")
    average: Fraction = Field(default=0.0, description="decay of running means of the parameters, used for evaluation")

    def with_rate(self, lr: EngineRate) -> EngineOptimizer:
        """The engine's optimizer of this name for a learning rate, without what every optimizer takes."""
        raise NotImplementedError

    def in_steps(self, clock: Clock) -> Clock:
        """A clock of batches in steps, of which there is one in `accumulate` batches."""
        return Clock(clock.per_epoch / self.accumulate, max(clock.total / self.accumulate, 1.0), clock.epochs)

    def make(self, clock: Clock) -> EngineOptimizer:
        return self.with_rate(rate_of(self.lr, self.in_steps(clock))).using(
            weight_decay=self.weight_decay,
            no_decay=(self.no_decay,) if isinstance(self.no_decay, str) else self.no_decay,
            clip=rule_of(self.clip),
            accumulate=self.accumulate,
            average=self.average,
        )


@OPTIMIZERS.row("sgd")
class Sgd(Shared):
    """Stochastic gradient descent, with momentum if wanted."""

    lr: Rate = Field(default=0.01, description="learning rate, or a schedule: the length of a step")
    momentum: Fraction = Field(default=0.0, description="the share of the last step that goes on")
    nesterov: Flag = Field(default=False, description="take the gradient where the momentum leads")

    @model_validator(mode="after")
    def _nesterov_needs_momentum(self) -> Self:
        if self.nesterov and not self.momentum:
            raise failed([fault("expected a momentum above 0 beside it, got none", ("nesterov",))])
        return self

    def with_rate(self, lr: EngineRate) -> EngineOptimizer:
        from agcli.engine.optimizers import sgd

        return sgd(lr, self.momentum, self.nesterov)


@OPTIMIZERS.row("adagrad")
class Adagrad(Shared):
    """Steps that shrink with the sum of all squared gradients so far (Duchi et al. 2011)."""

    lr: Rate = Field(default=0.01, description=RATE)
    eps: Positive = Field(default=1e-10, description="keeps the division by a small sum finite")

    def with_rate(self, lr: EngineRate) -> EngineOptimizer:
        from agcli.engine.optimizers import adagrad

        return adagrad(lr, self.eps)


@OPTIMIZERS.row("rmsprop")
class Rmsprop(Shared):
    """The gradient over the root of its running mean square (Tieleman and Hinton 2012)."""

    lr: Rate = Field(default=0.01, description=RATE)
    decay: Fraction = Field(default=0.99, description="decay of the running mean of squared gradients")
    eps: Positive = Field(default=1e-8, description="keeps the division by a small mean finite")
    momentum: Fraction = Field(default=0.0, description="the share of the last step that goes on")
    centered: Flag = Field(default=False, description="divide by the running standard deviation instead")

    def with_rate(self, lr: EngineRate) -> EngineOptimizer:
        from agcli.engine.optimizers import rmsprop

        return rmsprop(lr, self.decay, self.eps, self.momentum, self.centered)


@OPTIMIZERS.row("adadelta")
class Adadelta(Shared):
    """Steps in the units of the parameters, without a learning rate to choose (Zeiler 2012)."""

    lr: Rate = Field(default=1.0, description="a factor for all steps, or a schedule")
    decay: Fraction = Field(default=0.9, description="decay of the running means of squared gradients and steps")
    eps: Positive = Field(default=1e-6, description="how the first steps begin")

    def with_rate(self, lr: EngineRate) -> EngineOptimizer:
        from agcli.engine.optimizers import adadelta

        return adadelta(lr, self.decay, self.eps)


@OPTIMIZERS.row("adam")
class Adam(Shared):
    """Steps scaled by running moments of the gradient (Kingma and Ba 2015)."""

    beta1: Fraction = Field(default=0.9, description="decay of the running mean of gradients")
    beta2: Fraction = Field(default=0.999, description="decay of the running mean of squared gradients")
    eps: Positive = Field(default=1e-8, description="keeps the division by a small moment finite")

    def with_rate(self, lr: EngineRate) -> EngineOptimizer:
        from agcli.engine.optimizers import adam

        return adam(lr, self.beta1, self.beta2, self.eps)


@OPTIMIZERS.row("adamw")
class Adamw(Adam):
    """Adam with weight decay as part of the step instead of the gradient (Loshchilov and Hutter 2019)."""

    weight_decay: Weight = Field(default=0.01, description="how strongly parameters are pulled towards 0")

    def with_rate(self, lr: EngineRate) -> EngineOptimizer:
        from agcli.engine.optimizers import adamw

        return adamw(lr, self.beta1, self.beta2, self.eps)


@OPTIMIZERS.row("amsgrad")
class Amsgrad(Adam):
    """Adam with the largest second moment so far (Reddi et al. 2018)."""

    def with_rate(self, lr: EngineRate) -> EngineOptimizer:
        from agcli.engine.optimizers import amsgrad

        return amsgrad(lr, self.beta1, self.beta2, self.eps)


@OPTIMIZERS.row("nadam")
class Nadam(Adam):
    """Adam with Nesterov's momentum (Dozat 2016)."""

    lr: Rate = Field(default=0.002, description=RATE)
    momentum_decay: Fraction = Field(default=0.004, description="how fast the momentum grows towards beta1")

    def with_rate(self, lr: EngineRate) -> EngineOptimizer:
        from agcli.engine.optimizers import nadam

        return nadam(lr, self.beta1, self.beta2, self.eps, self.momentum_decay)


@OPTIMIZERS.row("radam")
class Radam(Adam):
    """Adam that starts as momentum while its second moment is uncertain (Liu et al. 2020)."""

    def with_rate(self, lr: EngineRate) -> EngineOptimizer:
        from agcli.engine.optimizers import radam

        return radam(lr, self.beta1, self.beta2, self.eps)


@OPTIMIZERS.row("lion")
class Lion(Shared):
    """Steps of one length in the direction of the sign of the momentum (Chen et al. 2023)."""

    lr: Rate = Field(default=0.0001, description="learning rate, or a schedule: the length of a step of each parameter")
    beta1: Fraction = Field(default=0.9, description="the share of the momentum in the direction of a step")
    beta2: Fraction = Field(default=0.99, description="decay of the momentum")

    def with_rate(self, lr: EngineRate) -> EngineOptimizer:
        from agcli.engine.optimizers import lion

        return lion(lr, self.beta1, self.beta2)


@OPTIMIZERS.row("lamb")
class Lamb(Adam):
    """Adam with the step of each parameter scaled to the parameter's norm, for large batches (You et al. 2020)."""

    eps: Positive = Field(default=1e-6, description="keeps the division by a small moment finite")

    def with_rate(self, lr: EngineRate) -> EngineOptimizer:
        from agcli.engine.optimizers import lamb

        return lamb(lr, self.beta1, self.beta2, self.eps)


class FullBatch(Optimizer):
    """Optimizers that compute each step from all of the training data, and find its length by themselves."""

    main = "iterations"
    full_batch = True


@OPTIMIZERS.row("lbfgs")
class Lbfgs(FullBatch):
    """L-BFGS with a line search; each step sees all of the training data (Liu and Nocedal 1989)."""

    bounded = False

    iterations: Size = Field(default=20, description="iterations in one step, which is one epoch")
    memory: Memory = Field(default=10, description="past iterations from which the curvature is estimated")
    tolerance: Weight = Field(default=1e-7, description="stop where no gradient is larger")

    def make(self, clock: Clock) -> EngineLbfgs:
        from agcli.engine.optimizers import lbfgs

        return lbfgs(memory=self.memory, iterations=self.iterations, tolerance=self.tolerance)


@OPTIMIZERS.row("levenberg_marquardt", "lm")
class LevenbergMarquardt(FullBatch):
    """Least squares, for losses that are sums or means of squares (Levenberg 1944, Marquardt 1963, Moré 1978)."""

    iterations: Size = Field(default=100, description="iterations in one step, which is one epoch")
    ftol: Weight = Field(default=1e-15, description="stop where the loss is about to fall by less than this share")
    xtol: Weight = Field(default=1e-11, description="stop where the parameters move by less than this share")
    gtol: Weight = Field(default=1e-15, description="stop where residuals and derivatives have no larger cosine")

    def make(self, clock: Clock) -> EngineLevenbergMarquardt:
        from agcli.engine.optimizers import levenberg_marquardt

        return levenberg_marquardt(iterations=self.iterations, ftol=self.ftol, xtol=self.xtol, gtol=self.gtol)
