"""Columns: what the columns of a table mean, and how samples are held out for validation and testing.

`datasets/` does the work, under the same names and with the same options.
"""

from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Le, Len, Lt
from pydantic import AfterValidator, AllowInfNan, BeforeValidator, Strict, StringConstraints

from .field_types import Either, Flag, Kind, OneOf, Positive, Seed, Size
from .fields import Field, Fields
from .tables import Choice, Row, Table

ColumnName = Annotated[str, StringConstraints(min_length=1, max_length=1_000), Kind("the name of a column")]
InputName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,79}$"), Kind("a name of letters, digits and `_`")
]
Characters = Annotated[str, StringConstraints(max_length=100), Kind("text of at most 100 characters")]
Share = Annotated[float, Ge(0), Lt(1), Kind("a number from 0 to below 1")]
Amount = Annotated[float, AllowInfNan(False), Ge(0), Kind("a number of 0 or more")]
Angle = Annotated[float, Ge(0), Le(180), Kind("a number from 0 to 180")]
Length = Annotated[int, Gt(0), Le(1_000_000), Kind("a positive integer", less_than_equal="an integer up to 1,000,000")]
Unit = Annotated[Literal["characters", "bytes", "words"], OneOf("characters", "bytes", "words")]
Place = Annotated[Literal["first", "last"], OneOf("first", "last")]
Side = Annotated[Literal["left", "right"], OneOf("left", "right")]
Scale = Annotated[Literal["standard", "minmax", "none"], OneOf("standard", "minmax", "none")]
Clock = Annotated[Literal["h:m", "m:s"], OneOf("h:m", "m:s")]
Encoding = Annotated[Literal["one_hot", "index"], OneOf("one_hot", "index")]
Fill = Annotated[
    Literal["mean", "median", "refuse"] | Annotated[float, AllowInfNan(False)],
    Kind("`mean`, `median`, `refuse` or a number"),
]
_PARTS = ("year", "month", "day", "weekday", "day_of_year", "hour", "minute")
Part = Annotated[Literal["year", "month", "day", "weekday", "day_of_year", "hour", "minute"], OneOf(*_PARTS)]
Parts = Annotated[tuple[Part, ...], Strict(False), Len(1, len(_PARTS)), Kind("a list of parts of a date")]


def _rising(bounds: tuple[float, float]) -> tuple[float, float]:
    if not bounds[0] < bounds[1]:
        raise ValueError
    return bounds


_Number = Annotated[float, AllowInfNan(False), Kind("a number")]
Bounds = Annotated[
    tuple[_Number, _Number], Strict(False), AfterValidator(_rising), Kind("two numbers, the lower one first")
]


class Column(Fields):
    """What all roles have."""

    input: InputName | None = Field(default=None, description="the input of the model that it goes to; `x`, or its own")


class Numeric(Column):
    """A quantity. Columns of numbers go to the input `x` side by side."""

    main = "scale"
    scale: Scale | None = Field(
        default=None,
        description="to mean 0 and variance 1, to 0..1, or not; `standard` if not given, `none` for formulas alone",
    )
    log: Flag = Field(default=False, description="`sign(v) * log(1 + abs(v))` before it is scaled")
    clip: Bounds | None = Field(default=None, description="the lowest and the highest value, applied first")
    missing: Fill | None = Field(
        default=None,
        description="what stands for a missing value; `mean` if not given, of formulas alone `refuse`: an error",
    )
    clock: Clock | None = Field(
        default=None, description="what 12:30 is, hours and minutes or minutes and seconds; found out if not given"
    )
    unit: Characters | None = Field(
        default=None,
        description='what is beside the digits, as in `12.7%`, `$5`, `5 kg`; `""` for nothing; found out if not given',
    )


class Categorical(Column):
    """One of several names."""

    main = "encoding"
    encoding: Encoding = Field(
        default="one_hot", description="a 0 or 1 a name, or a number for an embedding, 0 if unknown"
    )
    limit: Size = Field(default=100, description="how many names are kept, the most frequent first")
    strip: Characters | None = Field(default=None, description="characters to take off both ends of a name")
    whole: Flag = Field(default=False, description="names are whole numbers, however written: `1.0` is `1`")


class Labels(Column):
    """Several names in a cell, as in `red;round`, for a target: labels that do not exclude each other."""

    main = "separator"
    separator: Annotated[str, StringConstraints(min_length=1, max_length=100), Kind("text between two names")] = Field(
        default=";", description="what stands between two names"
    )


class Date(Column):
    """A point in time."""

    main = "parts"
    parts: Parts = Field(
        default=("year", "month", "weekday"), description="each as sine and cosine, the year standardised"
    )
    format: Characters | None = Field(
        default=None,
        description="as in `%d.%m.%Y`, or `epoch_s`, `epoch_ms`: counted since 1970; found out if not given",
    )


class FreeText(Column):
    """Free text, as token numbers of an input of its own."""

    main = "length"
    length: Length = Field(default=100, description="tokens of a sample; longer text is cut, shorter filled with 0")
    padding: Side = Field(default="right", description="where the 0 are, which layers leave out")
    unit: Unit = Field(default="words", description="what a token is")
    vocabulary: Size = Field(default=10_000, description="how many tokens are kept, the most frequent first")


class Augmentation(Fields):
    """What may happen to an image while training, at random up to the amounts given."""

    flip: Flag = Field(default=False, description="mirror left and right in half of the cases")
    shift: Amount = Field(default=0.0, description="pixels to move by")
    rotate: Angle = Field(default=0.0, description="degrees to turn by")
    noise: Amount = Field(default=0.0, description="standard deviation of noise, in units of what is fed")


class Image(Column, Augmentation):
    """A picture, from a file of arrays."""

    divide: Positive | None = Field(default=None, description="what pixels are divided by; 255 for bytes, else 1")
    channels: Place | None = Field(default=None, description="where channels stand in the array; they are fed last")
    normalise: Flag = Field(default=False, description="mean 0 and variance 1 instead")


COLUMNS: Table[Fields] = Table(
    "column role",
    {
        "numeric": Numeric,
        "categorical": Categorical,
        "labels": Labels,
        "date": Date,
        "text": FreeText,
        "image": Image,
        "ignore": Row(doc="Not shown to the model."),
    },
)


class Drawn(Fields):
    """What all splits have."""

    seed: Seed = Field(default=0, description="which samples are drawn")


class Validated(Drawn):
    """A split that holds out samples for validation."""

    validation: Share | None = Field(
        default=None,
        description="the share of the samples that are not for testing by which training chooses; 0.15 and at most "
        "10,000 if not given, 0 for formulas alone",
    )


class HeldOut(Validated):
    """A split that holds out a share."""

    main = "test"
    test: Share | None = Field(
        default=None, description="the share of all samples for testing; 0.2 if not given, 0 beside a `test_file`"
    )


class ByColumn(HeldOut):
    """A split by what a column says."""

    main = "column"
    column: ColumnName = Field(description="which one")


class ByTime(ByColumn):
    """A split by when samples were taken."""

    format: Characters | None = Field(
        default=None, description="how the dates are written, as in the role `date`; found out if not given"
    )


class OnePart(Drawn):
    """One part of several of the same size, as `split: fold`, of samples without columns."""

    of: Annotated[int, Ge(2), Le(1_000), Kind("an integer from 2 to 1,000")] = Field(
        default=5, description="how many parts"
    )
    number: Annotated[int, Ge(1), Le(1_000), Kind("an integer from 1 to 1,000")] = Field(
        default=1, description="the part for testing"
    )


class OneFold(OnePart, Validated):
    """One part of several of the same size, for cross-validation; `ag train --folds` trains on each."""

    group: ColumnName | None = Field(default=None, description="a column; samples of one name stay together")


SPLITS: Table[Fields] = Table(
    "split",
    {
        "shuffled": Row(HeldOut, "Any samples."),
        "stratified": Row(HeldOut, "The same share of every class."),
        "group": Row(ByColumn, "Whole groups: all samples of one name in a column are in one part."),
        "time": Row(
            ByTime,
            "The latest samples for testing, those before them for validation, by a column of dates or numbers; "
            "samples of one moment stay together.",
        ),
        "tail": Row(HeldOut, "The last samples of the file for testing, those before them for validation."),
        "fold": OneFold,
    },
    example="{shuffled: 0.2}, {stratified: {validation: 0.15, test: 0.2}}, or {tail: {validation: 0, test: 0}} to "
    "train on all samples",
)

ColumnChoice = Annotated[Choice[Any], COLUMNS]
SplitChoice = Annotated[Choice[Any], SPLITS]
Columns = Annotated[dict[ColumnName, ColumnChoice], Len(0, 10_000), Kind("a mapping from columns to roles")]


def _as_list(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Target = Annotated[
    tuple[ColumnName, ...],
    Strict(False),
    Len(1, 1_000),
    BeforeValidator(_as_list, json_schema_input_type=str | list[str]),
    Kind("the name of a column, or a list of names"),
]


class Deviation(Fields):
    """The standard deviation of each sample's target, as `sigma` and `absolute_sigma` of scipy.optimize.curve_fit."""

    main = "column"
    column: ColumnName = Field(description="which one; numbers above 0, in units of the target")
    absolute: Flag = Field(
        default=False,
        description="whether they are the errors of the measurement themselves, or only say how samples compare",
    )


def _as_column(value: object) -> object:
    if not isinstance(value, str | dict | Deviation):
        raise ValueError
    return {"column": value} if isinstance(value, str) else value


Sigma = Annotated[
    Deviation,
    BeforeValidator(_as_column, json_schema_input_type=str | Deviation),
    Kind("the name of a column, or a mapping with `column` and `absolute`"),
]
DecimalMark = Annotated[str, StringConstraints(pattern=r"^[.,]$"), Kind('"." or ","')]
ThousandsMark = Annotated[
    str, StringConstraints(pattern=r"^([., ']|)$"), Kind('one of "," "." " " and "\'", or "" for nothing')
]
Missing = Annotated[tuple[Characters, ...], Strict(False), Len(0, 100), Kind("a list of texts")]
Header = Annotated[
    bool | Annotated[tuple[ColumnName, ...], Strict(False)], Either("true, false, or a list of the columns' names")
]
Separator = Annotated[str, StringConstraints(pattern=r"^[,;\t| :]$"), Kind('one of "," ";" "\\t" "|" ":" and " "')]
