"""Looks for false alarms of the comparison that every simplified formula passes.

`python tests/expression/self_check.py [N]`

The derivatives of the corpus to order 3, and N random formulas and derivatives, by default 5,000. The end is an error
if one is called wrong, or if more than 2 % of them could not be compared.
"""

from __future__ import annotations

import itertools
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from rule_formulas import corpus, formulas

from agcli.engine.errors import EngineError
from agcli.expression.api import parse, variables
from agcli.expression.calculus import checked, differentiate

MISSED = 0.02
SEED = 11


def derivatives(texts: Iterable[tuple[str, int]]) -> Iterator[tuple[str, Any]]:
    """Each text with its derivative of the order that stands beside it, where it has one."""
    for text, order in texts:
        try:
            t = parse(text)
            for _ in range(order if "x" in variables(t) else 0):
                t = differentiate(t, variables(t)["x"])
        except (KeyError, ValueError, EngineError):  # constant by now, no value, or no derivative
            continue
        if t.dtype.kind == "f":
            yield text, t


def random_formulas(count: int) -> Iterator[tuple[str, int]]:
    """Those that come after the corpus."""
    first = 4 * len(corpus())
    return itertools.islice(formulas(SEED), first, first + count)


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000
    start = time.process_time()
    known = ((text, order) for order in (1, 2, 3) for text in corpus())
    verdicts: Counter[bool | None] = Counter()
    for text, t in derivatives(itertools.chain(known, random_formulas(count))):
        same = checked(t).same
        verdicts[same] += 1
        if same is False:
            print(f"called wrong: {text}")
    total = verdicts.total()
    print(f"{total:,} formulas, {verdicts[False]} called wrong, {verdicts[None]} not compared, "
          f"{time.process_time() - start:.0f} s of processor time")  # fmt: skip
    return 1 if verdicts[False] or verdicts[None] > MISSED * total else 0


if __name__ == "__main__":
    sys.exit(main())
