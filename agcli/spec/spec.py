"""The sections of a spec, and `Spec`, the validated whole that knows where in its file each part stands."""

from pathlib import Path as Folder
from typing import Any, Protocol, Self

from pydantic import ModelWrapValidatorHandler, PrivateAttr, model_validator

from .columns import Deviation
from .data import Data
from .dump import dumped
from .errors import Place, Problem, SpecError
from .field_types import FLOATS, Floats, Seed, Title
from .fields import Field, Fields
from .formula import known_names, sentence
from .graph import Formulas, Includes, Metrics, Model, Patterns, Variables, Vars, names_of
from .names import Path, path_text
from .nouns import LOSSES, METRICS, OPTIMIZERS, LossChoice, Metric, OptimizerChoice
from .odeint import Odeint
from .plugins import Plugin
from .tables import Choice
from .training import Train


class Origin(Protocol):
    """Where the values of a spec were written."""

    def place(self, path: Path, *, of_key: bool = False) -> Place:
        """The place of the value (or of its key) at a path."""

    def file(self, section: str) -> str:
        """The file that a section stands in."""


class Spec(Fields):
    """A model, its data and its training."""

    absent = ("odeint",)
    include: Includes = Field(default=(), exclude=True, description="specs that this one completes or changes")
    vars: Vars = Field(default={}, exclude=True, description="values for `${name}` anywhere below")
    name: Title = Field(default="model", description="names the run; the name of the file if not given")
    seed: Seed = Field(default=0, description="where all random numbers start")
    dtype: Floats | None = Field(
        default=None, description="the type of data, parameters and steps; `float64` for formulas alone, else `float32`"
    )
    data: Data = Field(description="what to train and test on")
    model: Model = Field(default={}, description="the layers, from the data to the prediction, or a graph of them")
    variables: Variables = Field(default={}, description="parameters for formulas, by name")
    odeint: Odeint | None = Field(
        default=None, description="differential equations, whose quantities formulas may name"
    )
    let: Formulas = Field(default={}, description="formulas by name, each of the names above it")
    loss: LossChoice = Field(description="what training makes small; a name, or a formula")
    metrics: Metrics = Field(
        default=(), description="what to report beside the loss, or formulas by name; if not given, what fits the loss"
    )
    outputs: Formulas = Field(default={}, description="formulas to be computed of a trained model, by name")
    freeze: Patterns = Field(default=(), description="patterns of parameters that are not trained, as in `embedding*`")
    optimizer: OptimizerChoice = OPTIMIZERS.default("adam", "how a step follows from a gradient")
    train: Train = Field(default=Train(), description="how long and in what portions to train")

    _origin: Origin | None = PrivateAttr(default=None)

    @model_validator(mode="wrap")
    @classmethod
    def _read_with_names(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Formulas may use the names of the spec, and the loss may be one of these by itself."""
        if not isinstance(value, dict):
            return handler(value)
        let, loss, names = value.get("let"), value.get("loss"), names_of(value)
        is_name = isinstance(loss, str) and loss in names
        if isinstance(loss, str) and is_name and LOSSES.knows(loss):
            is_name = isinstance(let, dict) and loss in let
        is_formula = isinstance(loss, str) and not loss.replace("_", "").isalnum()
        content = {**value, "loss": {"expression": loss}} if is_name or is_formula else value
        with known_names(names):
            return handler(content)

    @classmethod
    def lacking(cls, content: dict[str, Any]) -> tuple[str, ...]:
        """There must be something to train: layers, or variables for formulas."""
        return () if content.get("model") not in (None, {}) or content.get("variables") else ("model",)

    @model_validator(mode="after")
    def _fill_in_metrics(self) -> Self:
        if "metrics" not in self.model_fields_set:
            usual = tuple(METRICS.read(name) for name in self.loss.fields.metrics)
            object.__setattr__(self, "metrics", usual)
        return self

    @model_validator(mode="after")
    def _fill_in_dtype(self) -> Self:
        if self.dtype is None:
            object.__setattr__(self, "dtype", FLOATS[1] if self.is_formulas else FLOATS[0])
        return self

    @property
    def is_formulas(self) -> bool:
        """Whether the model is made of formulas alone, without layers: a fit, in the units of the data."""
        return not self.model

    @property
    def sigma(self) -> Deviation | None:
        """The column of the data with the standard deviation of the target, if the spec names one."""
        return getattr(self.data.fields, "sigma", None)

    def metric_items(self) -> list[tuple[str | int, Choice[Metric]]]:
        """The metrics with their places in the section: names of formulas, or numbers."""
        return list(self.metrics.items() if isinstance(self.metrics, dict) else enumerate(self.metrics))

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
        """Where relative paths of the data start: the folder of the file that names it, else the current one."""
        return Folder(self._origin.file("data")).parent if self._origin else Folder()

    def error(self, path: Path, message: str) -> SpecError:
        """The error for a value that only proves wrong later, such as a shape that does not fit."""
        place = self._origin.place(path) if self._origin else Place(self.name)
        return SpecError([Problem(place, path_text(path), message)])

    def formula_error(self, path: Path, error: Any) -> SpecError:
        """The error for a formula that only proves wrong later, such as one with an unknown name."""
        place = self._origin.place(path) if self._origin else Place(self.name)
        if not error.text:
            return self.error(path, sentence(error))
        return SpecError([Problem(place.part(error.text, error.start, error.end), path_text(path), sentence(error))])

    def plugin_at(self, path: Path) -> Plugin | None:
        """The plug-in whose row stands at a path or around it, if there is one."""
        value: Any = self
        found: Plugin | None = None
        for step in path:
            if isinstance(value, Choice) and step == value.name:
                value = value.fields
                continue
            if isinstance(value, tuple):
                value = dict(enumerate(value))
            value = value.get(step) if isinstance(value, dict) else getattr(value, str(step), None)
            found = value.plugin or found if isinstance(value, Choice) else found
        return found

    def located(self, origin: Origin) -> Self:
        """The same spec, knowing where it was written."""
        self._origin = origin
        return self
