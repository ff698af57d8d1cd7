"""Mutated specs: `python tests/fuzz/fuzz_specs.py COUNT [FIRST]`.

The specs that ship and those of the documentation are changed as texts and as trees. Each is refused with a place, or
read; what is read is written out and read again as the same.
"""

from __future__ import annotations

import random
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import harness  # noqa: E402  # in this folder
import yaml  # noqa: E402

from agcli.spec import SpecError, parse_spec  # noqa: E402

TOKENS = (
    ":", "-", "[", "]", "{", "}", ",", "#", "&a", "*a", "!!python/object:x", "|", ">", "'", '"', "\t", "\n", "  ", "%",
    "null", "true", ".nan", ".inf", "-1", "0", "1e999", "9" * 40, "0x", "\u0000", "\ufeff", "\U0001f600", "é", "<<:",
    "2**", "x^2", "include: a.yaml", "${x}", "~", "---\n", "...\n", "!!binary aGk=", "2001-01-01", "1_000", "0b1", "'",
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, False, -1, 0, 1, 2.5, 1e300, float("nan"), float("inf"), "", "x", "relu", "adam", [], {}, [[]], [{}],
    {"": 1}, {"a": {"b": []}}, "9" * 50, 10**30, "\ud7ff", "x" * 3000, ["dense"] * 50, {"dense": None}, {1: 2},
)  # fmt: skip


def texts() -> list[str]:
    """The specs of the models and of the documentation."""
    found = [path.read_text("utf-8") for path in sorted((ROOT / "models").glob("*.yaml"))]
    for page in sorted((ROOT / "docs").glob("*.md")):
        found += re.findall(r"```yaml\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    return found


def as_text(text: str, rng: random.Random, others: list[str]) -> str:
    """A text with something put in, left out, doubled, or taken from another."""
    at = rng.randrange(len(text) + 1)
    end = min(len(text), at + rng.choice((1, 1, 3, 10, 40)))
    lines = text.splitlines(keepends=True)
    match rng.randrange(7):
        case 0:
            return text[:at] + rng.choice(TOKENS) + text[at:]
        case 1:
            return text[:at] + text[end:]
        case 2:
            return text[:at] + text[at:end] * rng.choice((2, 3, 50)) + text[end:]
        case 3:
            return text[:at] + chr(rng.choice((rng.randrange(128), rng.randrange(0xD800)))) + text[end:]
        case 4:
            rng.shuffle(lines)
            return "".join(lines)
        case 5:
            other = rng.choice(others).splitlines(keepends=True)
            return "".join([*lines[: rng.randrange(len(lines) + 1)], *other[rng.randrange(len(other) + 1) :]])
        case _:
            line = rng.randrange(len(lines)) if lines else 0
            lines[line : line + 1] = [" " * rng.randrange(5) + moved for moved in lines[line : line + 1]]
            return "".join(lines)


def places(tree: Any) -> list[tuple[Any, Any]]:
    """All holders of a tree with their keys; what an alias names stands there once."""
    found: list[tuple[Any, Any]] = []
    seen, left = set(), [tree]
    while left:
        node = left.pop()
        if isinstance(node, dict | list) and id(node) not in seen:
            seen.add(id(node))
            keys = list(node) if isinstance(node, dict) else list(range(len(node)))
            found += [(node, key) for key in keys]
            left += [node[key] for key in keys]
    return found


def as_tree(text: str, rng: random.Random, others: list[str]) -> str:
    """The same for the tree: values replaced, removed, renamed, moved."""
    try:
        tree, other = yaml.safe_load(text), yaml.safe_load(rng.choice(others))
    except yaml.YAMLError:
        return as_text(text, rng, others)
    for _ in range(rng.choice((1, 1, 2, 4))):
        spots, foreign = places(tree), places(other)
        if not spots:
            break
        holder, key = rng.choice(spots)
        what = rng.randrange(4)
        if what == 0:
            holder[key] = rng.choice(VALUES)
        elif what == 1:
            del holder[key]
        elif what == 2 and isinstance(holder, dict):
            holder[rng.choice((f"{key}s", "name", "dense", "loss", 3, None))] = holder.pop(key)
        elif foreign:
            source, at = rng.choice(foreign)
            holder[key] = source[at]
    return yaml.safe_dump(tree, sort_keys=False, allow_unicode=True)


KNOWN = texts()


def work(seed: int) -> str:
    """Try one seed."""
    rng = random.Random(seed)
    text = rng.choice(KNOWN)
    for _ in range(rng.choice((1, 1, 2, 5))):
        text = rng.choice((as_text, as_tree))(text, rng, KNOWN)
    try:
        spec = parse_spec(text)
    except SpecError as error:
        return "" if str(error) and error.problems else f"an error without a word for\n{text}"
    again = spec.dump()
    try:
        return "" if parse_spec(again).dump() == again else f"read otherwise when written again:\n{text}\n---\n{again}"
    except SpecError as error:
        return f"what was written is refused:\n{text}\n---\n{again}\n{error}"


if __name__ == "__main__":
    sys.exit(harness.main(work, "specs"))
