"""Data: what `data:` may name. `datasets/` reads each set, under the same names and with the same options."""

from typing import Annotated

from .fields import Field, Fields
from .kinds import Flag
from .tables import Choice, Row, Table


class Measurements(Fields):
    """A table of numbers."""

    raw: Flag = Field(default=False, description="values as they are stored, not standardised")


class Images(Fields):
    """Labelled images."""

    flatten: Flag = Field(default=False, description="each image as one row of pixels")
    raw: Flag = Field(default=False, description="pixels as they are stored, not scaled to 0..1")


class FlatImages(Images):
    """Labelled images, by default as rows of pixels."""

    flatten: Flag = Field(default=True, description="each image as one row of pixels")


DATA = Table(
    "data set",
    {
        "digits": Row(FlatImages, "1,797 handwritten digits of 8 by 8 pixels, in the package."),
        "iris": Row(Measurements, "150 flowers of three species, four measurements each, in the package."),
        "mnist": Row(Images, "70,000 handwritten digits of 28 by 28 pixels, downloaded once."),
        "fashion-mnist": Row(Images, "70,000 pictures of clothing of 28 by 28 pixels, downloaded once."),
    },
    tag="name",
)

Data = Annotated[Choice, DATA]
