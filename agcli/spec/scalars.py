"""YAML 1.2's core schema for plain scalars: `1e-3` is a number, `no` is text, `010` is ten, `0o10` is eight.

Source: YAML 1.2.2, section 10.3.2. PyYAML itself follows YAML 1.1, which differs in all of these.
"""

import re

Scalar = None | bool | int | float | str

NUMBER_CHARACTERS = 100
INTEGER_LIMIT = 2**63

_WORDS: dict[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
    **dict.fromkeys((f"{sign}{word}" for sign in ("", "+") for word in (".inf", ".Inf", ".INF")), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
}
_INTEGER = re.compile(r"[-+]?[0-9]+")
_BASED = {"0o": (8, re.compile(r"0o[0-7]+")), "0x": (16, re.compile(r"0x[0-9a-fA-F]+"))}
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


def resolve(text: str) -> Scalar:
    """The value of a plain (unquoted) scalar. Raises ValueError, with the message to show, for a number too large."""
    if text in _WORDS:
        return _WORDS[text]
    base, pattern = _BASED.get(text[:2], (10, _INTEGER))
    is_integer = pattern.fullmatch(text) is not None
    if not is_integer and _FLOAT.fullmatch(text) is None:
        return text
    if len(text) > NUMBER_CHARACTERS:
        raise ValueError(f"expected a number of at most {NUMBER_CHARACTERS} characters, got {len(text)}")
    if not is_integer:
        return float(text)
    value = int(text, base)
    if abs(value) >= INTEGER_LIMIT:
        raise ValueError(f"expected an integer that fits in 64 bits, got {value}")
    return value


def is_plain_text(text: str) -> bool:
    """Whether a plain scalar of this text would be read back as the same text, and not as a number or a word."""
    return text not in _WORDS and not any(p.fullmatch(text) for p in (_INTEGER, _FLOAT)) and text[:2] not in _BASED
