"""The nouns of a spec whose names are rows of agcli/model: what a row of each answers, and the tables of all rows.

A row is one class. Its fields are what a spec may write behind the name, its docstring's first line explains the name,
and its methods make of it what the model needs. Methods import the engine when they are called, so that help, schema
and the errors of a spec need no NumPy. A table loads its rows when it is first looked into; a name that is none of them
may be a plug-in's (see `plugins`).
"""

from collections.abc import Mapping  # plug-ins' classes resolve it
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from annotated_types import Len
from pydantic import PrivateAttr, Strict
from pydantic_core import InitErrorDetails

from .field_types import Kind as KindOf
from .field_types import OneOf, Weight, Word, Words
from .fields import Field, Fields
from .formula import Formula
from .number_or_choice import NumberOr
from .tables import Choice, Table
from .validation_errors import fault

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import DTypeLike

    from agcli.engine.graph import Tensor
    from agcli.engine.optimizers import Lbfgs, LevenbergMarquardt, Rule
    from agcli.engine.optimizers import Optimizer as EngineOptimizer
    from agcli.engine.optimizers import Rate as EngineRate
    from agcli.engine.types import Array

    from .clock import Clock

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
    """What training makes small: the mean over a batch of what each sample loses.

    >>> class Tilted(ag.Loss):
    ...     '''For numbers: misses below cost `quantile`, misses above the rest of 1.'''
    ...     quantile: float = 0.5
    ...     def of(self, output, target):
    ...         miss = target - output
    ...         return ag.maximum(self.quantile * miss, (self.quantile - 1) * miss)
    >>> print(Tilted(quantile=0.75).of(ag.constant([1.0, 5.0]), ag.constant([3.0, 3.0])).eval())
    [1.5 0.5]
    """

    target: ClassVar[tuple[Kind, ...]] = ("numbers",)  # the kinds that it takes, the usual one first, or none at all
    link: ClassVar[Link] = "identity"
    sigma: ClassVar[bool] = False  # whether it counts errors in the target's standard deviations, where these are known
    metrics: ClassVar[tuple[str, ...]] = ()  # reported where a spec names none

    @classmethod
    def answers(cls) -> tuple[str, ...]:
        return ("of",)

    @classmethod
    def _unknown(cls, key: str) -> InitErrorDetails:
        """Of a key that weighs classes, where there are none, what does the same for samples."""
        if key != "class_weights":
            return super()._unknown(key)
        told = (
            f"expected {'a known key' if cls.model_fields else 'no fields'}, got `{key}`; its targets have no classes; "
            "`weights: COLUMN` in `data` names a column that says how much each sample counts"
        )
        return fault(told, (key,), at_key=True)

    def of(self, output: "Tensor", target: "Tensor") -> "Tensor":
        """What each sample loses, (n,), of outputs (n, ...) and targets (n, ...). Raises ShapeError or DTypeError."""
        raise NotImplementedError


class Metric(Fields):
    """What is reported beside the loss, of a whole split: exactly the figure of all its samples at once.

    >>> class Covered(ag.Metric):
    ...     '''The share of samples whose target is not above the output.'''
    ...     def parts(self, output, target):
    ...         return {"covered": ag.sum((target <= output).astype("float64"))}
    ...     def finish(self, sums, samples):
    ...         return sums["covered"] / samples
    >>> covered = Covered()
    >>> parts = covered.parts(ag.constant([1.0, 5.0]), ag.constant([3.0, 3.0]))
    >>> print(covered.finish({name: part.eval() for name, part in parts.items()}, 2))
    0.5
    """

    better: ClassVar[Better | None]  # None: of no direction, such as a table of counts; each row states it
    reads: ClassVar[Literal["scores", "numbers"]] = "scores"  # numbers are given to it in the target's own units
    keep: ClassVar[bool] = False  # whether parts of batches are kept side by side; else they are added up
    folds: ClassVar[Mapping[str, str]] = {}  # parts that are put together in another way, see agcli/model/meters.py
    takes_unseen: ClassVar[bool] = False  # whether its parts may be of targets that are no class of the training data
    counts: ClassVar[bool] = False  # whether it adds up weights, and grows with them; else it is a mean over them
    undefined: ClassVar[str] = "it has no value"  # why the figure may be NaN
    _classes: int = PrivateAttr(default=0)  # of the training data; 0 where it has none, or they are as many as scores

    def over(self, classes: int) -> Self:
        """The same metric for training data of so many classes: a score beyond them is the score of no class."""
        row = self.model_copy()
        row._classes = classes if classes > 1 else 0
        return row

    @classmethod
    def answers(cls) -> tuple[str, ...]:
        return ("parts", "finish")

    def parts(self, output: "Tensor", target: "Tensor", weights: "Tensor | None" = None) -> "dict[str, Tensor]":
        """What is fetched of every batch, by name; ``weights`` (n,) say how much each sample counts, else all alike."""
        raise NotImplementedError

    def finish(self, sums: "Mapping[str, Array]", samples: int) -> Any:
        """The figure of the sums of all parts: a number, or an array of numbers; NaN where it has no value."""
        raise NotImplementedError

    @property
    def is_number(self) -> bool:
        """Whether the figure is one number."""
        return True


class Layer(Fields):
    """What `model:` may hold.

    >>> class Half(ag.Layer):
    ...     '''Half of its input.'''
    ...     def build(self, x, scope):
    ...         return x / 2
    >>> print(Half().build(ag.constant([[2.0, 4.0]]), None).eval())
    [[1. 2.]]
    """

    padded: ClassVar[Padded] = "refuses"
    several: ClassVar[bool] = False  # whether it takes several inputs: `combine` makes the output, not `build`

    @classmethod
    def answers(cls) -> tuple[str, ...]:
        return ("combine",) if cls.several else ("build",)

    def build(self, x: "Tensor", scope: Any) -> "Tensor":
        """The output for an input (n, ...); ``scope`` is where parameters live, see agcli/model/layers/scope.py."""
        raise NotImplementedError

    def combine(self, xs: "tuple[Tensor, ...]", scope: Any) -> "Tensor":
        """The output for all inputs that the spec names."""
        raise NotImplementedError


class Activation(Layer):
    """What `activation:` of a layer may name, and, by the same name, a layer of its own."""

    padded = "at each place"

    def of(self, x: "Tensor") -> "Tensor":
        """The activation of each element."""
        raise NotImplementedError

    def build(self, x: "Tensor", scope: Any) -> "Tensor":
        return self.of(x)


class Initializer(Fields):
    """The distribution that a weight is drawn from before the first step."""

    def draw(self, shape: tuple[int, ...], rng: "np.random.Generator", dtype: "DTypeLike") -> "Array":
        """The first value of a parameter; ``rng`` is NumPy's Generator."""
        raise NotImplementedError


class Optimizer(Fields):
    """How a step follows from a gradient."""

    full_batch: ClassVar[bool] = False  # whether each step sees all of the training data, and finds its own length
    bounded: ClassVar[bool] = True  # whether it keeps parameters within the bounds of a spec

    def make(self, clock: "Clock") -> "EngineOptimizer | Lbfgs | LevenbergMarquardt":
        """The engine's optimizer; ``clock`` knows how many batches an epoch and the training have."""
        raise NotImplementedError


class Clipping(Fields):
    """Where gradients are cut."""

    def rule(self) -> "Rule":
        """What becomes of a gradient."""
        raise NotImplementedError


class Schedule(Fields):
    """How the learning rate changes while training goes on."""

    def rate(self, clock: "Clock") -> "EngineRate":
        """The engine's rate: a number, or a function of the steps done; ``clock`` turns spans of a spec into steps."""
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


# The files of a table are loaded in this order until a name is found: the usual ones stand first.
METRICS_IN = tuple(
    f"agcli.model.{name}"
    for name in ("class_metrics", "curve_metrics", "number_metrics", "probability_metrics", "metrics")
)
LAYERS_IN = tuple(
    f"agcli.model.layers.{name}"
    for name in (
        "dense", "convolution", "pooling", "normalization", "dropout",
        "embedding", "recurrent", "attention", "shape", "blocks", "interpolation", "volumes",
    )
)  # fmt: skip

LOSSES = Table("loss", kind=Loss, modules=("agcli.model.losses",), group="agcli.losses")
METRICS = Table("metric", kind=Metric, modules=METRICS_IN, group="agcli.metrics")
LAYERS = Table("layer", kind=Layer, modules=LAYERS_IN, group="agcli.layers", beside=Beside)
ACTIVATIONS = Table("activation", kind=Activation, modules=("agcli.model.activations",))
INITIALIZERS = Table("initializer", kind=Initializer, modules=("agcli.model.initializers",))
OPTIMIZERS = Table("optimizer", kind=Optimizer, modules=("agcli.model.optimizers",))
SCHEDULES = Table("schedule", kind=Schedule, modules=("agcli.model.schedules",))
CLIPPING = Table("clipping", kind=Clipping, modules=("agcli.model.clipping",))

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
Clip = Annotated[float | Choice[Clipping], NumberOr("clipping", lambda: CLIPPING)]


def rate_of(rate: float | Choice[Schedule], clock: "Clock") -> "EngineRate":
    """The engine's rate for what a field of the kind `Rate` holds."""
    return rate if isinstance(rate, int | float) else rate.fields.rate(clock)
