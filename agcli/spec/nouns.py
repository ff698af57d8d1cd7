"""The nouns of a spec whose names are rows of agcli/model: what a row of each answers, and the tables of all rows.

A row is one class. Its fields are what a spec may write behind the name, its docstring's first line explains the name,
and its methods make of it what the model needs. Methods import the engine when they are called, so that help, schema
and the errors of a spec need no NumPy. A table loads its rows when it is first looked into; a name that is none of them
may be a plug-in's (see `plugins`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from annotated_types import Len
from pydantic import Strict

from .field_types import Kind as KindOf
from .field_types import OneOf, Positive, Weight, Word, Words
from .fields import Field, Fields
from .formula import Formula
from .number_or_choice import NumberOr
from .tables import Choice, Row, Table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agcli.engine.graph import Tensor
    from agcli.engine.types import Array

MAX_LAYERS = 1_000

# What a layer does with padded sequences: works at each place by itself; asks `scope.mask(x)` and leaves the padding
# out, marking with `scope.with_mask` what is padded still; or cannot.
Padded = Literal["at each place", "masks", "refuses"]
# What the data layer may do to the target of a loss: number the classes; keep 0 and 1; leave chances, counts,
# shares and directions as they are; scale numbers, and give them back in their own units; or what it guesses.
Kind = Literal["classes", "labels", "chances", "counts", "shares", "directions", "numbers", "any"]
# How the output is read: scores of classes or labels; logarithms of a mean; a mean beside a logarithm of its variance;
# a vector of which the direction counts; two vectors whose distance counts; vectors; or as it stands.
Link = Literal[
    "softmax", "sigmoid", "margin", "log_softmax", "exp", "gaussian", "direction", "distance", "vectors", "identity",
]  # fmt: skip
Better = Literal["low", "high"]
Direction = Annotated[Better, OneOf("low", "high")]


class Loss(Fields):
    """What training makes small: the mean over a batch of what each sample loses."""

    target: ClassVar[tuple[Kind, ...]] = ("numbers",)  # the kinds that it takes, the usual one first, or none at all
    link: ClassVar[Link] = "identity"
    sigma: ClassVar[bool] = False  # whether it counts errors in the target's standard deviations, where these are known
    metrics: ClassVar[tuple[str, ...]] = ()  # reported where a spec names none

    def of(self, output: Tensor, target: Tensor) -> Tensor:
        """What each sample loses, (n,), of outputs (n, ...) and targets (n, ...). Raises ShapeError or DTypeError."""
        raise NotImplementedError


class Metric(Fields):
    """What is reported beside the loss, of a whole split: exactly the figure of all its samples at once."""

    better: ClassVar[Better | None]  # None: of no direction, such as a table of counts; each row states it
    reads: ClassVar[Literal["scores", "numbers"]] = "scores"  # numbers are given to it in the target's own units
    keep: ClassVar[bool] = False  # whether parts of batches are kept side by side; else they are added up
    folds: ClassVar[Mapping[str, str]] = {}  # parts that are put together in another way, see agcli/model/meters.py
    takes_unseen: ClassVar[bool] = False  # whether its parts may be of targets that are no class of the training data
    undefined: ClassVar[str] = "it has no value"  # why the figure may be NaN

    def parts(self, output: Tensor, target: Tensor, weights: Tensor | None = None) -> dict[str, Tensor]:
        """What is fetched of every batch, by name; ``weights`` (n,) say how much each sample counts, else all alike."""
        raise NotImplementedError

    def finish(self, sums: Mapping[str, Array], samples: int) -> Any:
        """The figure of the sums of all parts: a number, or an array of numbers; NaN where it has no value."""
        raise NotImplementedError

    @property
    def is_number(self) -> bool:
        """Whether the figure is one number."""
        return True


class Layer(Fields):
    """What `model:` may hold."""

    padded: ClassVar[Padded] = "refuses"
    several: ClassVar[bool] = False  # whether it takes several inputs: `combine` makes the output, not `build`

    def build(self, x: Tensor, scope: Any) -> Tensor:
        """The output for an input (n, ...); ``scope`` is where parameters live, see agcli/model/layers/scope.py."""
        raise NotImplementedError

    def combine(self, xs: tuple[Tensor, ...], scope: Any) -> Tensor:
        """The output for all inputs that the spec names."""
        raise NotImplementedError


class Activation(Layer):
    """What `activation:` of a layer may name, and, by the same name, a layer of its own."""

    padded = "at each place"

    def of(self, x: Tensor) -> Tensor:
        """The activation of each element."""
        raise NotImplementedError

    def build(self, x: Tensor, scope: Any) -> Tensor:
        return self.of(x)


class Initializer(Fields):
    """The distribution that a weight is drawn from before the first step."""

    def draw(self, shape: tuple[int, ...], rng: Any, dtype: Any) -> Array:
        """The first value of a parameter; ``rng`` is NumPy's Generator."""
        raise NotImplementedError


class Optimizer(Fields):
    """How a step follows from a gradient."""

    full_batch: ClassVar[bool] = False  # whether each step sees all of the training data, and finds its own length


class Schedule(Fields):
    """How the learning rate changes while training goes on."""

    def rate(self, clock: Any) -> Any:
        """The engine's rate; ``clock`` turns spans of a spec into steps, see agcli/model/optimizers.py."""
        raise NotImplementedError


class Beside(Fields):
    """Keys that may stand beside the name of any layer: `{dense: 10, name: scores, l2: 1e-4}`."""

    name: Word | None = Field(default=None, description="names the layer, its parameters and its output")
    input: Words | None = Field(default=None, description="the layers or inputs it reads; else the layer before it")
    weights: Word | None = Field(default=None, description="the layer whose parameters it uses, instead of its own")
    l1: Weight = Field(default=0.0, description="adds this much of the sum of its weights' magnitudes to the loss")
    l2: Weight = Field(default=0.0, description="adds this much of the sum of its weights' squares to the loss")


class NamedFormula(Metric):
    """A formula over the whole split: a mean or sum over samples, or made of such. `metrics: {NAME: FORMULA}`."""

    name: Word = Field(description="what it is called")
    formula: Formula = Field(description="such as `mean(argmax(z, -1) == y)`")
    better: Direction | None = Field(  # type: ignore[misc]  # each formula has its own
        default=None, description="which way is better, `low` or `high`; `watch` wants to know"
    )


LOSSES = Table("loss", kind=Loss, module="agcli.model.losses", group="agcli.losses")
METRICS = Table("metric", kind=Metric, module="agcli.model.metrics", group="agcli.metrics")
LAYERS = Table("layer", kind=Layer, module="agcli.model.layers", group="agcli.layers", beside=Beside)
ACTIVATIONS = Table("activation", kind=Activation, module="agcli.model.activations")
INITIALIZERS = Table("initializer", kind=Initializer, module="agcli.model.initializers")
OPTIMIZERS = Table("optimizer", kind=Optimizer, module="agcli.model.optimizers")
SCHEDULES = Table("schedule", kind=Schedule, module="agcli.model.schedules")

LossChoice = Annotated[Choice[Loss], LOSSES]
MetricChoice = Annotated[Choice[Metric], METRICS]
LayerChoice = Annotated[Choice[Layer], LAYERS]
ActivationChoice = Annotated[Choice[Activation], ACTIVATIONS]
InitializerChoice = Annotated[Choice[Initializer], INITIALIZERS]
Layers = Annotated[
    tuple[LayerChoice, ...],
    Strict(False),
    Len(1, MAX_LAYERS),
    KindOf("a list of layers", too_short="at least one layer", too_long=f"at most {MAX_LAYERS:,} layers"),
]
OptimizerChoice = Annotated[Choice[Optimizer], OPTIMIZERS]
Rate = Annotated[float | Choice[Schedule], NumberOr("schedule", lambda: SCHEDULES)]


class Limit(Fields):
    """A limit."""

    main = "limit"
    limit: Positive = Field(default=1.0, description="the largest that is left alone")


CLIPPING = Table(
    "clipping",
    {
        "global_norm": Row(Limit, "The norm of all gradients together; a bare number is its limit."),
        "norm": Row(Limit, "The norm of the gradient of each parameter."),
        "value": Row(Limit, "The magnitude of each number of a gradient."),
    },
    kind=Limit,
)
Clip = Annotated[float | Choice[Limit], NumberOr("clipping", lambda: CLIPPING)]
