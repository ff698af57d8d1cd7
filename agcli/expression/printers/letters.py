"""How the names of variables are spelt in the formats."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from unicodedata import combining, normalize
from unicodedata import name as unicode_name

GREEK_LETTERS = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "zeta": "ζ", "eta": "η", "theta": "θ",
    "iota": "ι", "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν", "xi": "ξ", "omicron": "ο", "pi": "π", "rho": "ρ",
    "sigma": "σ", "tau": "τ", "upsilon": "υ", "phi": "φ", "chi": "χ", "psi": "ψ", "omega": "ω",
}  # fmt: skip
GREEK_NAMES = {letter: name for name, letter in GREEK_LETTERS.items()}


def split_name(name: str) -> tuple[str, str]:
    """A name as its letter and what is written below it: `x_1` and `x1` give x and 1."""
    letter, _, index = name.partition("_")
    if not index:
        letter = name.rstrip("0123456789")
        index = name[len(letter) :]
    return (letter, index) if letter else (name, "")


def spelt(name: str) -> str:
    """A name in ASCII letters, digits and underscores; a letter with an accent is that letter."""
    plain = (c for letter in name for c in normalize("NFKD", letter) if not combining(c))
    return "".join(c if c.isascii() and (c.isalnum() or c == "_") else letter_name(c) for c in plain)


def letter_name(letter: str) -> str:
    if letter in GREEK_NAMES:
        return GREEK_NAMES[letter]
    if letter.isascii():
        return "_"
    words = unicode_name(letter, "").split()
    return "_".join(words[-1:]).lower() if words and words[-1].isalnum() else f"u{ord(letter):04x}"


def identifiers(names: Iterable[str], reserved: Collection[str]) -> dict[str, str]:
    """A different identifier for each name, none of them reserved; most names are their own."""
    taken = set(reserved)
    found: dict[str, str] = {}
    for name in names:
        word = base = spelt(name)
        number = 0
        while word in taken:
            number += 1
            word = f"{base}_" if number == 1 else f"{base}_{number}"
        taken.add(word)
        found[name] = word
    return found


def fresh(prefix: str, taken: Collection[str]) -> str:
    """A prefix for the names of parts that no variable has."""
    while any(name.startswith(prefix) and name[len(prefix) :].isdigit() for name in taken):
        prefix += "_"
    return prefix
