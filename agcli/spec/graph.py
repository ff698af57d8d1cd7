"""The free form of a model: variables, formulas by name, layers as a graph; and what a file says of other files."""

from typing import Annotated, Any, Self

from annotated_types import Len
from pydantic import (
    AfterValidator,
    AllowInfNan,
    BeforeValidator,
    Strict,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import InitErrorDetails, core_schema

from .field_types import Flag, Kind, Size
from .fields import Field, Fields
from .formula import Formula
from .names import described, shortened
from .nouns import LAYERS, MAX_LAYERS, METRICS, InitializerChoice, Layer, Layers, Metric, MetricChoice, NamedFormula
from .tables import Choice
from .validation_errors import failed, fault, refault

MAX_NAMES = 1_000

Schema = dict[str, Any]
Lengths = Annotated[tuple[Size, ...], Strict(False), Len(0, 16), Kind("a list of positive integers")]


def _numbers(value: object) -> object:
    """Numbers in lists of equal lengths, of any depth."""
    if _shape(value) is None:
        raise ValueError
    return value


def _shape(value: Any) -> tuple[int, ...] | None:
    """The lengths of nested lists; None if they are not those of an array of finite numbers."""
    if isinstance(value, list | tuple):
        inner = {_shape(item) for item in value}
        (one,) = inner if len(inner) == 1 else (None,)
        return None if one is None else (len(value), *one)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return () if is_number and abs(value) < 1e300 else None


Numbers = Annotated[
    Any,
    AfterValidator(_numbers),
    WithJsonSchema({"type": ["number", "array"]}),
    Kind("a number, or lists of numbers of equal lengths"),
]


def _word(name: object) -> str:
    """What is wrong with a name, or nothing."""
    if not isinstance(name, str) or not name.isidentifier() or not name.isascii() or len(name) > 80:
        hint = "; within {...} a comma ends a value, so put a formula in quotes" if ")" in str(name) else ""
        return f"expected a name of letters, digits and `_`, got `{shortened(str(name))}`{hint}"
    return ""


class Named:
    """Metadata of a mapping whose keys are names of the user's own; a subclass says what `item`s it holds."""

    phrase = ""
    reserved: tuple[str, ...] = ()  # names that mean something else
    listed = False  # whether a list may stand for the mapping

    def schema(self) -> Schema:
        """The JSON Schema of an item."""
        raise NotImplementedError

    def wrapped(self, schema: Schema) -> Schema:
        """The JSON Schema of the whole, of that of the mapping."""
        return schema

    def item(self, name: str, value: object) -> Any:
        """A value read. Raises ValidationError, made of faults."""
        raise NotImplementedError

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(self.read)

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> Schema:
        names = {"pattern": "^[A-Za-z_][A-Za-z0-9_]*$"}
        return self.wrapped({"type": "object", "additionalProperties": self.schema(), "propertyNames": names})

    def read(self, value: Any) -> Any:
        """The mapping read; all that is wrong with it at once."""
        if value is None:
            return {}
        if not isinstance(value, dict) or len(value) > MAX_NAMES:
            hint = f"; write [{shortened(value)}]" if self.listed and isinstance(value, str) else ""
            raise failed([fault(f"expected {self.phrase}, got {described(value)}{hint}")])
        faults: list[InitErrorDetails] = []
        found = {}
        for name, item in value.items():
            problem = _word(name) or (f"expected a name of your own, got `{name}`" if name in self.reserved else "")
            if problem:
                faults.append(fault(problem, (str(name),), at_key=True))
                continue
            try:
                found[name] = self.item(name, item)
            except ValidationError as error:
                faults += [refault(e, (name,)) for e in error.errors(include_url=False)]
        if faults:
            raise failed(faults)
        return found


def _in_order(ends: tuple[float | None, float | None]) -> tuple[float | None, float | None]:
    low, high = ends
    if ends == (None, None) or (low is not None and high is not None and not low < high):
        raise ValueError
    return ends


_End = Annotated[float, AllowInfNan(False)] | None
Interval = Annotated[
    tuple[_End, _End],
    Strict(False),
    AfterValidator(_in_order),
    Kind(
        "two numbers such as [0, 1], or `null` for an open end",
        value_error="the smaller number first, and one of them at least",
    ),
]


class Parameter(Fields):
    """A variable for formulas: a number or an array that training changes."""

    main = "value"
    shape: Lengths = Field(default=(), description="its lengths; of a number, none")
    init: InitializerChoice | None = Field(
        default=None, description="where it starts; if not given, `glorot_uniform` for matrices, else `zeros`"
    )
    value: Numbers | None = Field(default=None, description="where it starts, as a number or nested lists of numbers")
    trainable: Flag = Field(default=True, description="whether training changes it")
    bounds: Interval | None = Field(
        default=None, description="its least and its largest value, in which training keeps it; `null` for an open end"
    )

    @model_validator(mode="after")
    def _starts_once(self) -> Self:
        if self.init is not None and self.value is not None:
            raise failed([fault("expected `init` or `value`, got both", ("value",))])
        return self


class _Parameters(Named):
    phrase = "a mapping from names to variables, such as `w: {shape: [784, 10]}`"
    reserved = ("output", "model")

    def schema(self) -> Schema:
        fields = Parameter.model_json_schema()
        return {"anyOf": [fields, fields["properties"]["value"]]}

    def item(self, name: str, value: object) -> Parameter:
        return Parameter.model_validate(value if isinstance(value, dict) else {"value": value})


class _Formulas(Named):
    phrase = "a mapping from names to formulas"
    reserved = ("model",)

    def schema(self) -> Schema:
        return {"type": ["string", "number"]}

    def item(self, name: str, value: object) -> str:
        return _FORMULA.validate_python(value)


class _Vars(Named):
    phrase = "a mapping from names to values"

    def schema(self) -> Schema:
        return {}

    def item(self, name: str, value: object) -> Any:
        return value


class _Model(Named):
    """Layers in a list, or by name in a mapping."""

    phrase = "a list of layers, or a mapping from names to layers"
    reserved = ("model",)
    listed = True

    def schema(self) -> Schema:
        return {"x-table": LAYERS.noun}

    def wrapped(self, schema: Schema) -> Schema:
        return {"anyOf": [{"type": "array", "items": self.schema(), "minItems": 1, "maxItems": MAX_LAYERS}, schema]}

    def item(self, name: str, value: object) -> Choice[Any]:
        return LAYERS.read(value)

    def read(self, value: Any) -> Any:
        if isinstance(value, list | tuple):
            return _LAYERS.validate_python(value)
        try:
            return super().read(value)
        except ValidationError:
            if isinstance(value, dict) and all(map(LAYERS.knows, value)):  # a list without its dashes
                hint = f"put a dash before each layer: `- {next(iter(value))}: ...`"
                raise failed([fault(f"expected a list of layers, got {described(value)}; {hint}")]) from None
            raise


class _Metrics(Named):
    """Metrics in a list, or by names of the user's own in a mapping, where text that is no metric is a formula."""

    phrase = "a list of metrics, or a mapping from names to formulas"
    listed = True

    def schema(self) -> Schema:
        fields = NamedFormula.model_json_schema()
        known = {name: fields["properties"][name] for name in ("formula", "better")}
        formula = {"type": "object", "additionalProperties": False, "properties": known, "required": ["formula"]}
        return {"anyOf": [{"x-table": METRICS.noun}, formula, {"type": "string"}]}

    def wrapped(self, schema: Schema) -> Schema:
        return {"anyOf": [{"type": "array", "items": {"x-table": METRICS.noun}}, schema]}

    def item(self, name: str, value: object) -> Choice[Any]:
        if isinstance(value, dict) and not value.keys().isdisjoint(("formula", "better")):
            if "name" in value:
                raise failed([fault(f"expected no `name`: the key `{name}` is one", ("name",), at_key=True)])
            return Choice("expression", NamedFormula.model_validate({**value, "name": name}))
        if isinstance(value, dict | Choice) or (isinstance(value, str) and METRICS.knows(value)):
            return METRICS.read(value)
        return Choice(
            "expression", NamedFormula.model_validate({"name": name, "formula": _FORMULA.validate_python(value)})
        )

    def read(self, value: Any) -> Any:
        return _METRICS.validate_python(value) if isinstance(value, list | tuple) else super().read(value) or ()


def label(metric: Choice[Metric]) -> str:
    """What a metric of a list is called in reports."""
    return metric.fields.name if isinstance(metric.fields, NamedFormula) else metric.name


def _each_once(metrics: tuple[Choice[Metric], ...]) -> tuple[Choice[Metric], ...]:
    if len({label(metric) for metric in metrics}) < len(metrics):
        raise ValueError
    return metrics


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


_FORMULA: TypeAdapter[str] = TypeAdapter(Formula)
_LAYERS: TypeAdapter[tuple[Choice[Layer], ...]] = TypeAdapter(Layers)
_METRICS: TypeAdapter[tuple[Choice[Metric], ...]] = TypeAdapter(
    Annotated[
        tuple[MetricChoice, ...],
        Strict(False),
        AfterValidator(_each_once),
        Kind("a list of metrics", value_error="each metric once"),
    ]
)

Model = Annotated[tuple[Choice[Layer], ...] | dict[str, Choice[Layer]], _Model()]
Metrics = Annotated[tuple[Choice[Metric], ...] | dict[str, Choice[Metric]], _Metrics()]
Variables = Annotated[dict[str, Parameter], _Parameters()]
Formulas = Annotated[dict[str, str], _Formulas()]
Vars = Annotated[dict[str, Any], _Vars()]
_Text = Annotated[str, StringConstraints(min_length=1, max_length=1_000), Kind("text")]
Patterns = Annotated[
    tuple[_Text, ...],
    Strict(False),
    Len(0, MAX_NAMES),
    BeforeValidator(_listed),
    Kind("a pattern, or a list of patterns"),
]
Includes = Annotated[
    tuple[_Text, ...], Strict(False), Len(0, MAX_NAMES), BeforeValidator(_listed), Kind("a file, or a list of files")
]


def names_of(content: dict[str, Any]) -> frozenset[str]:
    """The names that a raw spec gives to things, which its formulas may use."""
    found = {"x", "y", "sigma", "output"}
    for section in ("variables", "let", "model"):
        named = content.get(section)
        if isinstance(named, dict):
            found |= {name for name in named if isinstance(name, str)}
    equations = content.get("odeint")
    rates = equations.get("rates") if isinstance(equations, dict) else None
    if isinstance(rates, dict):
        found |= {"time", *(name for name in rates if isinstance(name, str))}
    layers = content.get("model")
    for layer in layers if isinstance(layers, list) else []:
        name = layer.get("name") if isinstance(layer, dict) else None
        found |= {name} if isinstance(name, str) else set()
    return frozenset(found)
