"""Initializers: the distribution that a weight is drawn from before the first step.

`fan_in` and `fan_out` are the numbers of inputs and outputs that a weight connects.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agcli.spec.field_types import Positive, Real
from agcli.spec.fields import Field
from agcli.spec.nouns import INITIALIZERS, Initializer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import DTypeLike

    from agcli.engine.types import Array

Shape = tuple[int, ...]


def bare(name: str, sentence: str) -> None:
    """A row without fields: the engine's initializer of its name."""

    class Bare(Initializer):
        __doc__ = sentence

        def draw(self, shape: Shape, rng: np.random.Generator, dtype: DTypeLike) -> Array:
            from agcli.engine.initializers import initial

            return initial(name, shape, rng, dtype)

    INITIALIZERS.row(name)(Bare)


bare("glorot_uniform", "Uniform, limit `sqrt(6 / (fan_in + fan_out))` (Glorot and Bengio 2010).")
bare("glorot_normal", "Normal, variance `2 / (fan_in + fan_out)` (Glorot and Bengio 2010).")
bare("he_uniform", "Uniform, limit `sqrt(6 / fan_in)` (He et al. 2015).")
bare("he_normal", "Normal, variance `2 / fan_in` (He et al. 2015).")
bare("lecun_uniform", "Uniform, limit `sqrt(3 / fan_in)` (LeCun et al. 1998).")
bare("lecun_normal", "Normal, variance `1 / fan_in` (LeCun et al. 1998).")


@INITIALIZERS.row("orthogonal")
class Orthogonal(Initializer):
    """Orthogonal rows or columns, whichever are fewer (Saxe et al. 2014)."""

    main = "gain"
    gain: Positive = Field(default=1.0, description="length of a row or column")

    def draw(self, shape: Shape, rng: np.random.Generator, dtype: DTypeLike) -> Array:
        from agcli.engine.initializers import orthogonal

        return orthogonal(shape, rng, self.gain).astype(dtype)


bare("zeros", "All 0.")
bare("ones", "All 1.")


@INITIALIZERS.row("constant")
class ConstantValue(Initializer):
    """All of one value."""

    main = "value"
    value: Real = Field(description="that value")

    def draw(self, shape: Shape, rng: np.random.Generator, dtype: DTypeLike) -> Array:
        import numpy as np

        return np.full(shape, self.value, dtype)


@INITIALIZERS.row("normal")
class Normal(Initializer):
    """Normal with the given mean and standard deviation."""

    main = "std"
    mean: Real = Field(default=0.0, description="mean")
    std: Positive = Field(default=0.05, description="standard deviation")

    def draw(self, shape: Shape, rng: np.random.Generator, dtype: DTypeLike) -> Array:
        from agcli.engine.initializers import normal

        return normal(shape, rng, self.std, self.mean).astype(dtype)


@INITIALIZERS.row("truncated_normal")
class TruncatedNormal(Normal):
    """The same, of those within two standard deviations."""

    def draw(self, shape: Shape, rng: np.random.Generator, dtype: DTypeLike) -> Array:
        from agcli.engine.initializers import truncated

        return truncated(shape, rng, self.std, self.mean).astype(dtype)


@INITIALIZERS.row("uniform")
class Uniform(Initializer):
    """Uniform between `-limit` and `limit`."""

    main = "limit"
    limit: Positive = Field(default=0.05, description="largest magnitude")

    def draw(self, shape: Shape, rng: np.random.Generator, dtype: DTypeLike) -> Array:
        return rng.uniform(-self.limit, self.limit, shape).astype(dtype)
