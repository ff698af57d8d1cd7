"""Training: how long, in what portions, and what is done between two steps."""

from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le
from pydantic import StringConstraints

from .field_types import SIZE_LIMIT, Flag, Kind, Size, Weight, Word
from .fields import Field, Fields

SHARDS = 256
_Number = Annotated[int, Gt(0), Le(SIZE_LIMIT)]
_TIME = r"(s|seconds?|min|minutes?|h|hours?)"

Rhythm = Annotated[
    _Number | Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,8} ?(steps?|epochs?)$")],
    Kind("a positive integer (epochs), or such as `100 steps`"),
]
Pause = Annotated[
    _Number | Annotated[str, StringConstraints(pattern=rf"^[1-9][0-9]{{0,8}} ?(steps?|{_TIME})$")],
    Kind("a positive integer (steps), or such as `100 steps`, `30 s` or `5 minutes`"),
]
Duration = Annotated[
    _Number | Annotated[str, StringConstraints(pattern=rf"^[1-9][0-9]{{0,8}} ?{_TIME}$")],
    Kind("a positive integer (seconds), or such as `90 s`, `10 minutes` or `2 h`"),
]
Ahead = Annotated[int, Ge(0), Le(64), Kind("an integer from 0 to 64")]
Shards = Annotated[
    Annotated[int, Gt(0), Le(SHARDS)] | Literal["auto"],
    Kind(f"a positive integer up to {SHARDS}, or `auto`"),
]


class Train(Fields):
    """How long and in what portions to train."""

    epochs: Size = Field(default=10, description="passes over the training data")
    max_steps: Size | None = Field(default=None, description="stop after this many steps")
    max_time: Duration | None = Field(default=None, description="stop after this time")
    batch_size: Size = Field(default=32, description="samples in a step")
    shuffle: Flag = Field(default=True, description="a new order of the samples in each epoch")
    drop_last: Flag = Field(default=False, description="leave out a last batch that is smaller than the others")
    balanced: Flag = Field(default=False, description="draw samples of every class equally often")
    prefetch: Ahead = Field(default=0, description="batches that a thread makes ahead while the model computes")
    eval_every: Rhythm = Field(default=1, description="epochs or steps between two evaluations on the validation data")
    checkpoint_every: Pause = Field(
        default="60 s",
        description="time or steps between two checkpoints; epochs end with one too, if the last is a second old",
    )
    watch: Word = Field(
        default="loss", description="the figure of the validation data that says which weights are best"
    )
    patience: Size | None = Field(default=None, description="stop when that has not improved for this many evaluations")
    shards: Shards = Field(
        default="auto",
        description="parts of a batch computed side by side; `auto`: where that should be faster",
    )
    min_delta: Weight = Field(default=0.0, description="a change of this size or less is no improvement")
