"""A model's outputs, read as probabilities of classes or as numbers in the target's units."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from scipy.special import expit, log_softmax, softmax

from agcli.engine.types import Array

from .target_encoding import Terms

Link = Callable[[Array], tuple[Array, Array]]  # scores -> probabilities and their logarithms


@dataclass(frozen=True, eq=False)
class Classes:
    """One choice a row of ``probabilities`` (rows, classes); a sample has ``each`` of them, such as its tokens.

    Where the loss gives no probabilities, as the hinge does, ``certain`` is false and the rows are scores.
    """

    names: tuple[str, ...]
    probabilities: Array
    log_probabilities: Array
    each: int = 1
    certain: bool = True

    def __len__(self) -> int:
        return len(self.probabilities)

    @property
    def chosen(self) -> Array:
        """The number of the likeliest class of each row."""
        best: Array = self.probabilities.argmax(axis=1)
        return best

    @property
    def named(self) -> Array:
        """The name of the likeliest class of each row."""
        names: Array = np.array(self.names)[self.chosen]
        return names


@dataclass(frozen=True, eq=False)
class Numbers:
    """``values`` (rows, targets) in units of the targets, and their standard deviations where the model gives them."""

    names: tuple[str, ...]
    values: Array
    deviations: Array | None = None

    def __len__(self) -> int:
        return len(self.values)


Answers: TypeAlias = Classes | Numbers


def _softmax(z: Array) -> tuple[Array, Array]:
    return softmax(z, axis=-1), log_softmax(z, axis=-1)


def _sigmoid(z: Array) -> tuple[Array, Array]:
    """Of one score above 0 for the second of two classes: the probabilities of both."""
    both = np.concatenate([-z, z], axis=-1)
    return expit(both), -np.logaddexp(0, -both)


def _logarithms(z: Array) -> tuple[Array, Array]:
    return np.exp(z), z


# Loss -> (probabilities of several scores, whether they are probabilities). What is not here predicts numbers.
SEVERAL: Mapping[str, tuple[Link, bool]] = {
    "softmax_cross_entropy": (_softmax, True),
    "focal": (_softmax, True),
    "negative_log_likelihood": (_logarithms, True),
    "hinge": (_softmax, False),
}
ONE = {"sigmoid_cross_entropy": True, "focal": True, "hinge": False}


@dataclass(frozen=True)
class Reading:
    """How the outputs of a spec's model are read, which its loss and the target decide."""

    loss: str
    terms: Terms

    def __call__(self, output: Array) -> Answers:
        """Answers for outputs (samples, ...).

        Of a loss that is a formula, as many outputs as there are classes are taken for their scores.
        """
        output = np.asarray(output, np.float64)
        several = output.ndim > 1 and output.shape[-1] > 1
        by_loss = self.loss in SEVERAL or self.loss in ONE
        fits = len(self.terms.classes) == output.shape[-1] if output.ndim else False
        if several and (self.loss in SEVERAL or (fits and not by_loss)):
            link, certain = SEVERAL.get(self.loss, (_softmax, False))
            return self._classes(output, link, certain)
        if self.loss in ONE:
            scores = output[..., None] if several else output.reshape(-1, 1)
            return self._classes(scores, _sigmoid, ONE[self.loss])
        return self._numbers(output)

    def _classes(self, scores: Array, link: Link, certain: bool) -> Classes:
        rows = scores.reshape(-1, scores.shape[-1])
        probabilities, logarithms = link(rows)
        known = self.terms.classes
        count = probabilities.shape[1]
        names = known if len(known) == count else tuple(map(str, range(count)))
        return Classes(names, probabilities, logarithms, max(1, len(rows) // max(1, len(scores))), certain)

    def _numbers(self, output: Array) -> Numbers:
        flat = output.reshape(len(output), -1)
        targets = self.terms.targets
        if self.loss == "gaussian" and flat.shape[1] == 2 * len(targets):
            mean, half = flat[:, : len(targets)], np.exp(flat[:, len(targets) :] / 2)
            spread = self._restored(mean + half) - self._restored(mean - half)
            return Numbers(targets, self._restored(mean), spread / 2)
        if self.loss == "poisson":
            flat = np.exp(flat)
        if flat.shape[1] != len(targets):
            return Numbers(tuple(f"output_{i}" for i in range(flat.shape[1])), flat)
        return Numbers(targets, self._restored(flat))

    def _restored(self, values: Array) -> Array:
        return np.asarray(self.terms.restore(values), np.float64).reshape(values.shape)

    def truth(self, target: Array) -> Array:
        """The encoded target as the answers have it: numbers of classes (rows,), or units (rows, targets)."""
        if self.loss in SEVERAL or self.loss in ONE or self.terms.classes:
            return np.rint(target).astype(np.int64).reshape(-1)
        flat = np.asarray(target, np.float64).reshape(len(target), -1)
        return self._restored(flat) if flat.shape[1] == len(self.terms.targets) else flat


def plain(answers: Answers) -> Array:
    """The short form of answers: names of classes, or numbers; one a sample, a row of them if it has several."""
    if isinstance(answers, Classes):
        return answers.named if answers.each == 1 else answers.named.reshape(-1, answers.each)
    return answers.values[:, 0] if answers.values.shape[1] == 1 else answers.values
