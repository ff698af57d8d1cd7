"""How often something is due: `3` or `3 epochs`, `100 steps`, `5 minutes`."""

from __future__ import annotations

import re
from dataclasses import dataclass

SECONDS = {"s": 1, "second": 1, "min": 60, "minute": 60, "h": 3600, "hour": 3600}


@dataclass(frozen=True)
class Rhythm:
    """So many steps, epochs or seconds; the other two are 0."""

    steps: int = 0
    epochs: int = 0
    seconds: int = 0

    @classmethod
    def read(cls, text: int | str, unit: str) -> Rhythm:
        """The rhythm that a spec wrote; ``unit`` is that of a bare number."""
        count, _, word = re.sub(r"(?<=\d)(?=[a-z])", " ", str(text)).partition(" ")
        word = word or unit
        if word.rstrip("s") in ("step", "epoch"):
            return cls(**{f"{word.rstrip('s')}s": int(count)})
        return cls(seconds=int(count) * SECONDS[word if word == "s" else word.rstrip("s")])
