"""The sections of a spec, and `Spec`, the validated whole that knows where in its file each part stands."""

from pathlib import Path as Folder
from typing import Annotated, Protocol, Self

from annotated_types import Len
from pydantic import AfterValidator, PrivateAttr, Strict, model_validator

from .data import Data
from .dump import dumped
from .errors import Place, Problem, SpecError
from .fields import Field, Fields
from .kinds import Kind, Seed, Title
from .layers import Layer
from .losses import USUAL_METRICS, Loss
from .metrics import METRICS, Metric
from .names import Path, path_text
from .optimizers import OPTIMIZERS, Optimizer
from .tables import Choice
from .training import Train

MAX_LAYERS = 1_000


def _each_once(metrics: tuple[Choice, ...]) -> tuple[Choice, ...]:
    if len({metric.name for metric in metrics}) < len(metrics):
        raise ValueError
    return metrics


Layers = Annotated[
    tuple[Layer, ...],
    Strict(False),
    Len(1, MAX_LAYERS),
    Kind("a list of layers", too_short="at least one layer", too_long=f"at most {MAX_LAYERS:,} layers"),
]
Metrics = Annotated[
    tuple[Metric, ...],
    Strict(False),
    AfterValidator(_each_once),
    Kind("a list of metrics", value_error="each metric once"),
]


class Origin(Protocol):
    """Where the values of a spec were written."""

    def place(self, path: Path, *, of_key: bool = False) -> Place:
        """The place of the value (or of its key) at a path."""


class Spec(Fields):
    """A model, its data and its training."""

    name: Title = Field(default="model", description="names the run; the name of the file if not given")
    seed: Seed = Field(default=0, description="where all random numbers start")
    data: Data = Field(description="what to train and test on")
    model: Layers = Field(description="the layers, from the data to the prediction")
    loss: Loss = Field(description="what training makes small")
    metrics: Metrics = Field(default=(), description="what to report beside the loss; if not given, what fits the loss")
    optimizer: Optimizer = OPTIMIZERS.default("adam", "how a step follows from a gradient")
    train: Train = Field(default=Train(), description="how long and in what portions to train")

    _origin: Origin | None = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _fill_in_metrics(self) -> Self:
        if "metrics" not in self.model_fields_set:
            usual = tuple(METRICS.read(name) for name in USUAL_METRICS[self.loss.name])
            object.__setattr__(self, "metrics", usual)
        return self

    def __eq__(self, other: object) -> bool:
        """Equal in content; where it was written does not count."""
        return isinstance(other, Spec) and self.__dict__ == other.__dict__

    __hash__ = None  # type: ignore[assignment]  # a spec is no key

    def dump(self) -> str:
        """The spec as YAML with every default written out; reads back to an equal spec."""
        return dumped(self)

    def location(self, path: Path) -> str:
        """Where the value at a path was written, as in `models/mlp.yaml:14:9`; the path itself if nowhere."""
        return str(self._origin.place(path)) if self._origin else path_text(path)

    @property
    def folder(self) -> Folder:
        """Where relative paths in the spec start: the folder of its file, else the current one."""
        return Folder(self._origin.place(()).file).parent if self._origin else Folder()

    def error(self, path: Path, message: str) -> SpecError:
        """The error for a value that only proves wrong later, such as a shape that does not fit."""
        place = self._origin.place(path) if self._origin else Place(self.name)
        return SpecError([Problem(place, path_text(path), message)])

    def located(self, origin: Origin) -> Self:
        """The same spec, knowing where it was written."""
        self._origin = origin
        return self
