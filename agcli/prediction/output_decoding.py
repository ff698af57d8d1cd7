"""A model's outputs, read as probabilities of classes or as numbers in the target's units."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from scipy.special import expit, log_softmax, softmax

from agcli.datasets import Recipe
from agcli.datasets.kinds import CHANCES
from agcli.engine.types import Array
from agcli.model.units import margin_of
from agcli.spec.nouns import Link, Loss

from .target_encoding import TableTerms, Terms

Probabilities = Callable[[Array], tuple[Array, Array]]  # scores -> probabilities and their logarithms


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
    of: tuple[str, ...] = ()  # labels that do not exclude each other, of which each row answers one
    mark: str = ""  # between the names of labels, where a cell of the data holds all that are 1
    seen: int = 0  # of the names, those of classes of the training data, which are first; 0 if all are

    @property
    def known(self) -> tuple[str, ...]:
        """The classes of the training data; a model may have more scores than these."""
        return self.names[: self.seen or None]

    def __len__(self) -> int:
        return len(self.probabilities)

    def none(self) -> Classes:
        """The same of no samples."""
        return replace(self, probabilities=self.probabilities[:0], log_probabilities=self.log_probabilities[:0])

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

    @property
    def sets(self) -> Array:
        """The names of the labels of each sample, (samples,), as a cell holds them."""
        chosen = self.chosen.reshape(-1, self.each)
        return np.array([self.mark.join(np.array(self.of)[row == 1]) for row in chosen], dtype=object).astype(str)

    @property
    def chances(self) -> Array:
        """Probabilities (samples, classes); of labels, (samples, labels), of a 1 for each."""
        return self.probabilities[:, 1].reshape(-1, self.each) if self.of else self.probabilities


@dataclass(frozen=True, eq=False)
class Numbers:
    """``values`` (rows, targets) in units of the targets, and their standard deviations where the model gives them."""

    names: tuple[str, ...]
    values: Array
    deviations: Array | None = None

    def __len__(self) -> int:
        return len(self.values)

    def none(self) -> Numbers:
        """The same of no samples."""
        return replace(
            self, values=self.values[:0], deviations=None if self.deviations is None else self.deviations[:0]
        )


Answers: TypeAlias = Classes | Numbers


def _softmax(z: Array) -> tuple[Array, Array]:
    return softmax(z, axis=-1), log_softmax(z, axis=-1)


def _sigmoid(z: Array) -> tuple[Array, Array]:
    """Of one score above 0 for the second of two classes: the probabilities of both."""
    both = np.concatenate([-z, z], axis=-1)
    return expit(both), -np.logaddexp(0, -both)


def _logarithms(z: Array) -> tuple[Array, Array]:
    return np.exp(z), z


# How an output is read -> (probabilities of several scores, whether they are probabilities).
SEVERAL: Mapping[Link, tuple[Probabilities, bool]] = {
    "softmax": (_softmax, True),
    "log_softmax": (_logarithms, True),
    "margin": (_softmax, False),
}
ONE: Mapping[Link, bool] = {"softmax": True, "sigmoid": True, "margin": False, "distance": False}  # of a single score


@dataclass(frozen=True)
class Reading:
    """How the outputs of a spec's model are read, which its loss and the target decide."""

    loss: Loss
    terms: Terms

    @property
    def recipe(self) -> Recipe | None:
        """What is known of a table's target."""
        return self.terms.recipe if isinstance(self.terms, TableTerms) else None

    @property
    def targets(self) -> tuple[str, ...]:
        """The names of the numbers that are predicted."""
        return self.recipe.targets if self.recipe else self.terms.targets

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of labels that do not exclude each other."""
        return self.recipe.labels if self.recipe else ()

    @property
    def shares(self) -> tuple[str, ...]:
        """The names of shares, which are numbers though the output has scores."""
        return self.recipe.shares if self.recipe else ()

    @property
    def is_soft(self) -> bool:
        """Whether labels are numbers between 0 and 1."""
        return self.recipe is not None and self.recipe.kind == CHANCES

    def __call__(self, output: Array) -> Answers:
        """Answers for outputs (samples, ...).

        Of a loss that is a formula, as many outputs as there are classes are taken for their scores.
        """
        with np.errstate(over="ignore", invalid="ignore"):  # what is not finite, the answers show
            return self._read_as(np.asarray(output, np.float64), self.loss.link)

    def _read_as(self, output: Array, link: Link) -> Answers:
        if link == "distance":
            output, link = self._closeness(output), "distance"
        several = output.ndim > 1 and output.shape[-1] > 1
        if self.shares:
            return self._numbers(softmax(output, axis=-1), self.shares)
        if self.is_soft:
            return self._numbers(expit(output), self.targets)
        if link in SEVERAL and several and not self.labels:
            return self._classes(output, *SEVERAL[link])
        if link in ONE:
            return self._classes(output[..., None] if several else output.reshape(-1, 1), _sigmoid, ONE[link])
        if several and link == "identity" and len(self.terms.classes) == output.shape[-1]:
            return self._classes(output, _softmax, False)
        return self._read(output)

    def _closeness(self, output: Array) -> Array:
        """Of pairs of vectors (n, 2, width): above 0 where they are closer than half of the margin."""
        found: Array = margin_of(self.loss) / 2 - np.linalg.norm(output[:, 0] - output[:, 1], axis=-1)
        return found

    def _classes(self, scores: Array, link: Probabilities, certain: bool) -> Classes:
        rows = scores.reshape(-1, scores.shape[-1])
        probabilities, logarithms = link(rows)
        each, count = max(1, len(rows) // max(1, len(scores))), probabilities.shape[1]
        if self.recipe is not None and len(self.labels) == each:
            mark = self.recipe.separator
            return Classes(self.recipe.answers, probabilities, logarithms, each, certain, self.labels, mark)
        known = self.terms.classes
        names = (*known[:count], *map(str, range(len(known), count)))  # scores that no class has keep their numbers
        return Classes(names, probabilities, logarithms, each, certain, seen=len(known) if len(known) > 1 else 0)

    def _read(self, output: Array) -> Numbers:
        flat, link = output.reshape(len(output), -1), self.loss.link
        targets = self.targets
        if link == "gaussian" and flat.shape[1] == 2 * len(targets):
            mean, half = flat[:, : len(targets)], np.exp(flat[:, len(targets) :] / 2)
            spread = self._restored(mean + half) - self._restored(mean - half)
            return Numbers(targets, self._restored(mean), spread / 2)
        if link == "exp":
            return self._numbers(np.exp(flat), targets)
        if link == "direction":
            return self._numbers(_direction(flat), targets)
        if flat.shape[1] != len(targets):
            return Numbers(tuple(f"output_{i}" for i in range(flat.shape[1])), flat)
        return Numbers(targets, self._restored(flat))

    def _numbers(self, values: Array, names: tuple[str, ...]) -> Numbers:
        """Numbers that are in their own units; without names of their own, if these are not as many."""
        flat = values.reshape(len(values), -1)
        return Numbers(
            names if len(names) == flat.shape[1] else tuple(f"output_{i}" for i in range(flat.shape[1])), flat
        )

    def _restored(self, values: Array) -> Array:
        return np.asarray(self.terms.restore(values), np.float64).reshape(values.shape)

    def truth(self, target: Array) -> Array:
        """The encoded target as the answers have it: numbers of classes (rows,), or units (rows, targets)."""
        is_number = bool(self.shares) or self.is_soft
        if not is_number and (self.loss.link in SEVERAL or self.loss.link in ONE or self.terms.classes):
            return np.rint(target).astype(np.int64).reshape(-1)
        flat = np.asarray(target, np.float64).reshape(len(target), -1)
        if self.loss.link == "direction":
            return _direction(flat)
        return self._restored(flat) if flat.shape[1] == len(self.targets) and not is_number else flat


def _direction(flat: Array) -> Array:
    """Vectors of length 1."""
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    return flat / np.where(length > 0, length, 1.0)


def plain(answers: Answers) -> Array:
    """The short form of answers: names of classes, or numbers; one a sample, a row of them if it has several."""
    if isinstance(answers, Classes):
        if answers.mark:
            return answers.sets
        return answers.named if answers.each == 1 else answers.named.reshape(-1, answers.each)
    return answers.values[:, 0] if answers.values.shape[1] == 1 else answers.values
