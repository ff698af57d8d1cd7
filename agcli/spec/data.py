"""Data: what `data:` may name. `datasets/` reads each set, under the same names and with the same options."""

from typing import Annotated, Any

from pydantic import ConfigDict, GetJsonSchemaHandler, StringConstraints, ValidatorFunctionWrapHandler
from pydantic_core import CoreSchema

from agcli.data import formats

from .columns import (
    Amount,
    Augmentation,
    ColumnName,
    Columns,
    DecimalMark,
    Header,
    Length,
    Missing,
    OnePart,
    Separator,
    Share,
    Sigma,
    SplitChoice,
    Target,
    ThousandsMark,
    Unit,
)
from .field_types import Flag, Kind, Seed, Size
from .fields import Field, Fields
from .names import described, shortened, suggestion
from .plugins import PluginError
from .tables import Choice, Row, Table
from .validation_errors import failed, fault


def _expected(file: Any, *kinds: str) -> str:
    """What is said of a name that is none of a file of these kinds."""
    return f"expected {formats.families(*kinds)}, got {described(file)}; {formats.ALL_ENDINGS}"


class FileOf(Kind):
    """The words for the name of a file of some kind; its ending says of which, by the table of formats."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        super().__init__(formats.families(kind, plugged=False))

    def _read(self, value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        name = super()._read(value, handler)
        if kind_of(name) != self.kind:
            raise failed([fault(_expected(name, self.kind))])
        return name

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(schema), "pattern": formats.pattern(self.kind)}


def kind_of(name: str, key: str = "") -> str:
    """What a file holds, by the ending of its name; empty for an ending that nobody knows."""
    if name.endswith(formats.FOLDER):
        return formats.TABLE
    try:
        found = formats.find(name)
    except PluginError as error:
        raise failed([fault(str(error), (key,) if key else ())]) from None
    return found.kind if found is not None else ""


class EncodingName(Kind):
    """The words for the name of an encoding, in any spelling that Python knows."""

    def _read(self, value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        from agcli.datasets.encodings import ENCODINGS, canonical

        name = super()._read(value, handler)
        found = canonical(name)
        if not found:
            raise failed([fault(f"expected {self.phrase}, got {described(name)}{suggestion(name, ENCODINGS)}")])
        return found


DatabaseFile = Annotated[str, StringConstraints(min_length=1, max_length=4096), Kind("the name of a SQLite database")]
Query = Annotated[str, StringConstraints(min_length=1, max_length=10_000), Kind("a SELECT")]
Encoding = Annotated[str, StringConstraints(max_length=40), EncodingName("an encoding such as utf-8, utf-16 or cp1252")]
Comment = Annotated[str, StringConstraints(min_length=1, max_length=10), Kind("the beginning of a line, such as #")]
TableFile = Annotated[str, StringConstraints(max_length=4096), FileOf(formats.TABLE)]
ArrayFile = Annotated[str, StringConstraints(max_length=4096), FileOf(formats.ARRAYS)]
TextFile = Annotated[str, StringConstraints(max_length=4096), FileOf(formats.TEXT)]


class Named(Fields):
    """What all sets by name have."""

    fold: OnePart | None = Field(default=None, description="a part for testing, instead of the set's own test data")
    validation: Share | None = Field(
        default=None,
        description="the share of the training samples by which training chooses; 0.15 and at most 10,000 if not "
        "given, 0 for formulas alone",
    )


class Measurements(Named):
    """A table of numbers."""

    raw: Flag = Field(default=False, description="values as they are stored, not standardised")


class Images(Named):
    """Labelled images."""

    flatten: Flag = Field(default=False, description="each image as one row of pixels")
    raw: Flag = Field(default=False, description="pixels as they are stored, not scaled to 0..1")
    augment: Augmentation | None = Field(
        default=None, description="`flip`, `shift`, `rotate`, `noise` while training, as for the column role `image`"
    )


class FlatImages(Images):
    """Labelled images, by default as rows of pixels."""

    flatten: Flag = Field(default=True, description="each image as one row of pixels")


class Generated(Named):
    """Samples drawn at random."""

    samples: Annotated[int, Field(ge=10, le=10_000_000), Kind("an integer from 10 to 10,000,000")] = Field(
        default=1_000, description="how many, for training, validation and testing together"
    )
    noise: Amount = Field(default=0.1, description="standard deviation of the noise")
    seed: Seed = Field(default=0, description="which samples are drawn")


class Years(Generated):
    """Animals that are counted at random times."""

    samples: Annotated[int, Field(ge=10, le=10_000_000), Kind("an integer from 10 to 10,000,000")] = Field(
        default=50, description="how many, for training, validation and testing together"
    )
    noise: Amount = Field(default=1.0, description="standard deviation of the noise")


class Spirals(Generated):
    """Arms that wind about the middle."""

    noise: Amount = Field(default=0.02, description="standard deviation of the noise")
    classes: Annotated[int, Field(ge=2, le=100), Kind("an integer from 2 to 100")] = Field(
        default=2, description="how many"
    )


class Blobs(Spirals):
    """Round clouds."""

    noise: Amount = Field(default=1.0, description="standard deviation of the noise")
    classes: Annotated[int, Field(ge=2, le=100), Kind("an integer from 2 to 100")] = Field(
        default=3, description="how many"
    )
    features: Annotated[int, Field(ge=1, le=1_000), Kind("an integer from 1 to 1,000")] = Field(
        default=2, description="numbers of a sample"
    )


class TableData(Fields):
    """Columns of a file, or of several; a relative path starts at the spec's folder, or else at $AG_DATA."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [{"required": ["file"]}, {"required": ["sqlite"]}]})
    file: TableFile | None = Field(
        default=None,
        description=f"{formats.names(formats.TABLE)}; several files of one form as a pattern, `data/*.csv`, or as a "
        "folder, `data/`",
    )
    sqlite: DatabaseFile | None = Field(default=None, description="a SQLite database of any name, instead of `file`")
    query: Query | None = Field(
        default=None, description="what a database is asked, a SELECT; all rows of its only table if not given"
    )
    sheet: ColumnName | None = Field(default=None, description="of a workbook; needed if there are several")
    test_file: TableFile | None = Field(default=None, description="samples for testing, instead of a split")
    validation_file: TableFile | None = Field(default=None, description="samples for validation, instead of a split")
    target: Target = Field(description="the column to predict, or several of numbers")
    sigma: Sigma | None = Field(default=None, description="the column with the target's standard deviation")
    weights: ColumnName | None = Field(default=None, description="the column that says how much samples count")
    columns: Columns | None = Field(default=None, description="column roles by name; what is not named is guessed")
    split: SplitChoice | None = Field(
        default=None, description="how samples are held out; stratified for classes, else shuffled"
    )
    separator: Separator | None = Field(default=None, description="between cells; found out if not given")
    header: Header | None = Field(default=None, description="whether the first line names the columns, or the names")
    encoding: Encoding | None = Field(
        default=None, description="of text, such as cp1252; UTF-8, UTF-16 and cp1252 are found out if not given"
    )
    comment: Comment | None = Field(default=None, description="what the lines begin with that are no samples")
    index: Flag = Field(default=False, description="keep a first column that has no name")
    decimal: DecimalMark | None = Field(
        default=None, description="the mark in numbers such as `21,5`; told by the cells if not given"
    )
    thousands: ThousandsMark | None = Field(
        default=None, description="what stands between thousands, as in `1,234.5`; told by the cells if not given"
    )
    missing: Missing | None = Field(
        default=None,
        description="cells that say nothing, beside the usual ones: an empty cell, `?`, `-`, `.`, `NA`, `n/a`, `NaN`, "
        '`null`, `none`, `#N/A`, `<NA>` and their like; a list that has `""` in it is all of them',
    )
    stream: Flag = Field(default=False, description="leave samples on disk, where they do not fit into memory")

    @classmethod
    def lacking(cls, content: dict[str, Any]) -> tuple[str, ...]:
        return () if "sqlite" in content or "file" in content else ("file",)

    @property
    def place(self) -> str:
        """The file that holds the samples."""
        return self.file or self.sqlite or ""


class ArrayData(Fields):
    """Arrays with a row a sample: `x`, `y` of an NPZ file (or `x_train`, `x_val`, `x_test`, ...), or a file each."""

    file: ArrayFile = Field(description="NPZ, or the inputs as NPY or IDX")
    target_file: ArrayFile | None = Field(default=None, description="the targets, if the inputs have their own file")
    test_file: ArrayFile | None = Field(default=None, description="inputs for testing, instead of a split")
    test_target_file: ArrayFile | None = Field(default=None, description="targets for testing")
    validation_file: ArrayFile | None = Field(default=None, description="inputs for validation, instead of a split")
    validation_target_file: ArrayFile | None = Field(default=None, description="targets for validation")
    target: Target = Field(default=("y",), description="the array to predict")
    sigma: Sigma | None = Field(default=None, description="the array with the target's standard deviation")
    weights: ColumnName | None = Field(default=None, description="the array that says how much samples count")
    columns: Columns | None = Field(default=None, description="column roles by name; what is not named is guessed")
    split: SplitChoice | None = Field(
        default=None, description="how samples are held out; stratified for classes, else shuffled"
    )


class PythonData(Fields):
    """Samples that a program has in memory: `ag.train(spec, data=...)`."""

    target: Target | None = Field(default=None, description="the column to predict, or several of numbers")
    sigma: Sigma | None = Field(default=None, description="the column with the target's standard deviation")
    weights: ColumnName | None = Field(default=None, description="the column that says how much samples count")
    columns: Columns | None = Field(default=None, description="column roles by name; what is not named is guessed")
    split: SplitChoice | None = Field(default=None, description="stratified for classes, else shuffled")


class TextData(Fields):
    """Windows of tokens, and the next token for each, for language models."""

    file: TextFile = Field(description="running text")
    encoding: Encoding | None = Field(
        default=None, description="of the text, such as cp1252; UTF-8, UTF-16 and cp1252 are found out if not given"
    )
    test_file: TextFile | None = Field(default=None, description="text for testing, instead of the end of the file")
    validation_file: TextFile | None = Field(default=None, description="text for validation, instead of a share")
    unit: Unit = Field(default="characters", description="what a token is")
    length: Length = Field(default=64, description="tokens of a window")
    stride: Length | None = Field(default=None, description="tokens from window to window; `length` if not given")
    vocabulary: Size = Field(default=10_000, description="how many words are kept, the most frequent first")
    test: Share | None = Field(
        default=None, description="the share of the text for testing, its end; 0.1 if not given, 0 beside a `test_file`"
    )
    validation: Share | None = Field(
        default=None,
        description="the share of the text before that by which training chooses, its end; 0.15 and at most 10,000 "
        "windows if not given",
    )


class DataTable(Table[Any]):
    """Data sets: by name, or by a file, whose ending says of what kind it is."""

    def _tagged(self, value: Any) -> tuple[str, Any, tuple[str, ...]]:
        if isinstance(value, str) and "." in value and value not in self.spellings():
            hint = f"; for a file write {{file: {shortened(value)}, ...}}"
            raise failed([fault(f"expected a data set, got {described(value)}{hint}")])
        if isinstance(value, dict) and "name" not in value and "sqlite" in value:
            if "file" in value:
                raise failed([fault("expected `sqlite` or `file`, got both", ("sqlite",), at_key=True)])
            return formats.TABLE, value, ()
        if isinstance(value, dict) and "name" not in value and "file" in value:
            return self._kind(value["file"]), value, ()
        if isinstance(value, dict) and len(value) == 1 and (name := next(iter(value))) in self.spellings():
            raise failed([fault(f"expected the name of a data set beside its options, as in {{name: {name}, ...}}")])
        return super()._tagged(value)

    def _kind(self, file: Any) -> str:
        kind = kind_of(file, "file") if isinstance(file, str) else ""
        if not kind:
            raise failed([fault(_expected(file), ("file",))])
        return kind


DATA = DataTable(
    "data set",
    {
        "digits": Row(FlatImages, "1,797 handwritten digits of 8 by 8 pixels, in the package."),
        "iris": Row(Measurements, "150 flowers of three species, four measurements each, in the package."),
        "moons": Row(Generated, "Two half circles that reach into each other; two classes."),
        "spirals": Row(Spirals, "Arms that wind about the middle, one a class."),
        "blobs": Row(Blobs, "A round cloud a class."),
        "sine": Row(Generated, "One period of a sine with noise, for regression."),
        "lotka_volterra": Row(Years, "Hares and lynxes over twenty years, two targets, for differential equations."),
        "mnist": Row(Images, "70,000 handwritten digits of 28 by 28 pixels, downloaded once."),
        "fashion-mnist": Row(Images, "70,000 pictures of clothing of 28 by 28 pixels, downloaded once."),
        "table": Row(TableData),
        "arrays": Row(ArrayData),
        "text": Row(TextData),
        "python": Row(PythonData),
    },
    tag="name",
)
FILES = formats.KINDS
Samples = TableData | ArrayData | PythonData  # sections that describe rows
UNNAMED = (*FILES, "python")  # what is described by fields, not found by its name
FORM = (  # fields that say how a file is written
    "encoding",
    "comment",
    "index",
    "sheet",
    "query",
    "decimal",
    "thousands",
)

Data = Annotated[Choice[Any], DATA]
