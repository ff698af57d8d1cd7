"""Unknown lengths as letters.

While a formula is made, an unknown length is a large prime, so that the engine's rules for known shapes apply: what
only fits shapes together goes, and a mean becomes a division. As no other length is such a prime, each can be read
back as its letter, also from a product like 10*n.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

from agcli.engine.graph import Tensor, toposort
from agcli.engine.leaves import Placeholder, placeholder
from agcli.engine.origin import origin
from agcli.engine.types import Shape

LETTERS = {"n": 1_000_003, "t": 1_000_033, "s": 1_000_037, "r": 1_000_039}  # of the axes 0, 1, ...
PRIMES = list(LETTERS.values())


class Lengths:
    """The letters of a formula as tensors, made when they are first used."""

    def __init__(self) -> None:
        self.tensors: dict[str, Placeholder] = {}

    def tensor(self, letter: str) -> Placeholder:
        if letter not in self.tensors:
            self.tensors[letter] = placeholder(letter, (), "float32")
        return self.tensors[letter]

    def product(self, number: int) -> tuple[int, list[Placeholder]]:
        """A whole number as a plain one times letters."""
        letters = []
        for letter, prime in LETTERS.items():
            while number and number % prime == 0:
                number //= prime
                letters.append(self.tensor(letter))
        return number, letters


def fixed(outputs: Sequence[Tensor], names: Mapping[Tensor, str]) -> list[Tensor]:
    """The same graph over placeholders with these names, in which every length is known."""
    made: dict[int, Tensor] = {}
    for t in toposort(outputs):
        if t in names:
            shape = tuple(PRIMES[axis] if d is None else d for axis, d in enumerate(t.shape))
            made[t.id] = placeholder(names[t], shape, t.dtype)
        elif t.op is None:
            made[t.id] = t
        else:
            with origin(t.place):
                make = t.op if t.op.name == "matmul" else t.op.simplest  # which makes a product of a column and a row
                made[t.id] = make(*(made[x.id] for x in t.inputs))
    return [made[t.id] for t in outputs]


def lettered(shape: Shape) -> list[int | str]:
    """A shape with letters for the lengths that are not known."""
    return [part(d) for d in shape if d is not None]


def part(length: int) -> int | str:
    """A length as a number, a letter, or a product such as `28*n`."""
    letters = []
    for letter, prime in LETTERS.items():
        while length and length % prime == 0:
            length //= prime
            letters.append(letter)
    if not letters:
        return length
    return "*".join([*([str(length)] if length != 1 else []), *letters])


def letters_in(factor: Fraction) -> Fraction:
    """The part of a factor that is made of letters, such as 1/n."""
    found = Fraction(1)
    for prime in PRIMES:
        while factor.denominator % prime == 0:
            factor, found = factor * prime, found / prime
    return found
