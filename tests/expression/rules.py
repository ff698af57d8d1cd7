"""The check of rules: `python tests/expression/rules.py FORMS [--seed N] [--jobs N]`.

Every form that a rule of the simplifier makes is compared with what it was made of, in mpmath at 50 digits: at 8 points
at which the origin is real and finite, to 1e-30 of the larger of the two; if they cancel, at 150 or 4,000 digits.
Forms without variables have one point. A form that has a value where its origin has none is counted: only the rules of
``WIDER`` may make it. Then the rules that fired fewer than 200 times get formulas of their own. The end is an error if
a form is wrong, if a rule fired too rarely, or if more than 2 % of the forms of a rule could not be compared.
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import os
import random
import sys
import time
from typing import Any

import matrix_rules
import mpmath as mp
from precise import UnknownError, wider
from precise_graphs import graph_values
from rule_formulas import corpus, formulas, rare_texts
from rule_points import (
    DIGITS,
    Comparison,
    atoms,
    beyond,
    close,
    drawn,
    exponent_beyond,
    is_pole,
    nothing,
    shown,
    value,
)  # fmt: skip
from rule_report import LEAST, WHOLE, Report, Wrong

from agcli.engine.errors import EngineError
from agcli.engine.graph import Constant, toposort
from agcli.engine.leaves import Placeholder
from agcli.expression.api import parse, to_text, variables
from agcli.expression.calculus import differentiate, simplified
from agcli.expression.simplify.nodes import Mul
from agcli.expression.simplify.observe import Call, names, observed

POINTS = 8  # at which a form is compared
CANDIDATES, MORE = 160, 1_000  # points that are tried, and where some of them have a value
PROBED = 10  # of them also where the origin has no value
MORE_DIGITS = 150, 4_000
NOTHING = mp.mpf("1e-90")  # what cancellation leaves of 0 with more digits
LEFT = mp.mpf("1e-40")  # what it leaves in an array, which is computed once
RARE = 8_000  # formulas at most for a rule that fired too rarely
FEW = 400  # of them for one that fired often enough, but makes few different forms
FORMS_A_MODEL = 125  # small models, whose gradients are matrix formulas, are a part of the run
LARGEST = 400  # tensors of a formula that is looked at

# Rules that make another value, or none, at single points, as docs/simplification.md says: where a maximum has a tie,
# where the engine guards a gradient, and where a cosine above a sine is 0, of which 1/tan has no value. They are not
# compared at whole numbers, which meet such points.
APART = {"Fn: step", "Add: choice", "Mul: choice", "Mul: guard at 0", "Fn: guard at 0", "function: tan",
         "Mul: tan = sin/cos", "Mul: tan = sin/cos #2"}  # fmt: skip
APART_OPS = {"where", "tan"}

UNSIGNED = (WHOLE, *matrix_rules.names())  # whose forms are not asked whether they are different


class Sweep:
    """All formulas of one run."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.report = Report()
        self.seen: set[tuple[str, int, int]] = set()
        self.formulas = 0
        self.processor = 0.0  # seconds

    def examine(self, text: str, order: int) -> None:
        """The forms that arise while the derivative of a formula is made shorter."""
        try:
            t = parse(text)
            x = variables(t).get("x")
            for _ in range(order if x is not None else 0):
                t = differentiate(t, x)
        except (ValueError, EngineError):  # no value, or no derivative
            return
        if t.dtype.kind != "f" or len(toposort([t])) > LARGEST:
            return
        self.formulas += 1
        events: dict[tuple[str, Any, Any], None] = {}
        with observed(lambda name, before, after: events.setdefault((name, before, after))):
            short = simplified(t)
        comparison = Comparison(self.seed)
        for name, before, after in events:
            if before is not after and not is_plain(before, after):
                self.form(comparison, text, name, before, after)
        self.whole(text, t, short)

    def form(self, comparison: Comparison, text: str, name: str, before: Any, after: Any) -> None:
        report, of = self.report, comparison.signature
        report.applied[name] += 1
        first = hash((str(before.head), *map(of, before.args))) if isinstance(before, Call) else of(before)
        key = (name, first, of(after))
        if key in self.seen:
            return
        self.seen.add(key)
        report.forms[name] += 1
        wanted = POINTS if next(atoms(before), None) is not None else 1
        good = 0
        try:
            for place in range(MORE if wanted > 1 else 1):
                if place == CANDIDATES and not good:
                    break
                if place % 5 == 4 and name in APART:
                    continue
                at = comparison.point(place)
                a = value(at, before)
                if nothing(a):
                    probed = place < PROBED and wanted > 1 and place % 5 != 4
                    if probed and self.widens(comparison, place, before, after):
                        report.wider[name] += 1
                        report.widened.setdefault(name, f"{shown(before)} -> {shown(after)}")
                    continue
                if beyond(a):
                    continue
                b = value(at, after)
                if nothing(b) and not nothing(self.widely(comparison, place, after)):
                    continue
                for digits in MORE_DIGITS if not close(a, b) else ():
                    more = comparison.precise(place, digits)
                    a, b = value(more, before), value(more, after)
                    a = mp.nan if is_pole(a, digits) else a
                    if nothing(a) or close(a, b, NOTHING):
                        break
                else:
                    if not close(a, b, NOTHING):
                        named = {atom.name: at.point[atom] for atom in dict.fromkeys(atoms(before))}
                        report.wrong.append(Wrong(name, text, shown(before), shown(after), named, (a, b)))
                        return
                if nothing(a):
                    continue
                good += 1
                if good == wanted:
                    return
            if not good and wanted > 1 and not self.anywhere(comparison, after):
                report.nowhere[name] += 1
            elif wanted > 1:  # a number that is none, such as arcsin(2), has nothing to be compared with
                report.missed[name] += 1
                report.examples.setdefault(name, []).append(f"{shown(before)} -> {shown(after)}")
        except UnknownError as error:
            report.missed[name] += 1
            report.unknown[str(error)] += 1

    def anywhere(self, comparison: Comparison, after: Any) -> bool:
        """Whether a form, whose origin has no value at any point that was tried, has one at some of them."""
        return any(not nothing(value(comparison.point(place), after)) for place in range(0, CANDIDATES, 5))

    def widely(self, comparison: Comparison, place: int, after: Any) -> Any:
        """The value of a form with exponents that its origin need not have."""
        with wider():
            return value(comparison.precise(place, DIGITS), after)

    def widens(self, comparison: Comparison, place: int, before: Any, after: Any) -> bool:
        """Whether a form has a value at a point where its origin has none, for all digits and exponents that count."""
        v = value(comparison.point(place), after)
        if nothing(v) or exponent_beyond(v):
            return False
        with wider():
            return nothing(value(comparison.precise(place, MORE_DIGITS[-1]), before))

    def whole(self, text: str, raw: Any, short: Any) -> None:
        """The graph before and after, with reading and writing."""
        report = self.report
        report.applied[WHOLE] += 1
        report.forms[WHOLE] += 1
        pieces = any(is_apart(p) for p in toposort([raw, short]))
        leaves = [p for p in toposort([raw]) if isinstance(p, Placeholder)]
        good = 0
        try:
            for place in range(CANDIDATES):
                if place % 5 == 4 and pieces:
                    continue
                feeds = {p.name: drawn(random.Random(f"{self.seed} {place} {p.name}"), place) for p in leaves}
                (a,), (b,) = self.both(raw, short, feeds, DIGITS)
                if nothing(a):
                    continue
                if nothing(b):
                    with wider():
                        _, (other,) = self.both(raw, short, feeds, DIGITS)
                    if not nothing(other):
                        continue
                for digits in MORE_DIGITS if not close(a, b) else ():
                    (a,), (b,) = self.both(raw, short, feeds, digits)
                    if nothing(a) or close(a, b, NOTHING):
                        break
                if nothing(a):
                    continue
                if not close(a, b, NOTHING):
                    report.wrong.append(Wrong(WHOLE, text, to_text(raw), to_text(short), feeds, (a, b)))
                    return
                good += 1
                if good == (POINTS if leaves else 1):
                    return
            report.missed[WHOLE] += 1
        except UnknownError as error:
            report.missed[WHOLE] += 1
            report.unknown[str(error)] += 1

    def matrices(self, seed: int) -> None:
        """The forms of the gradients of one small model: all elements of arrays at two points."""
        report = self.report
        for name, place, before, after in matrix_rules.forms(seed):
            report.applied[name] += place == 0
            report.forms[name] += place == 0
            for a, b in zip(before.flat, after.flat, strict=True):
                if not nothing(a) and not close(a, b, LEFT):
                    report.wrong.append(Wrong(name, f"model {seed}", "", "", {}, (a, b)))
                    break

    def both(self, raw: Any, short: Any, feeds: dict[str, Any], digits: int) -> list[Any]:
        return [v.reshape(-1)[:1] for v in graph_values([raw, short], feeds, digits)]


def is_apart(t: Any) -> bool:
    """Whether an op may have another value, or none, at single points: one of APART_OPS, or x^n, which is 1/x^-n."""
    if t.op is None:
        return False
    return t.op.name in APART_OPS or (t.op.name == "power" and not isinstance(t.inputs[1], Constant))


def is_plain(before: Any, after: Any) -> bool:
    """Whether a power stayed what it was."""
    if not isinstance(before, Call) or before.head != "power" or type(after) is not Mul:
        return False
    return after.coefficient == 1 and after.factors == (before.args,)


def portion(forms: int, seed: int, first: int, jobs: int) -> Sweep:
    """One process's share of the formulas."""
    start = time.process_time()
    sweep = Sweep(seed)
    for number in range(first, forms // FORMS_A_MODEL, jobs):
        sweep.matrices(seed + number)
    for text, order in itertools.islice(formulas(seed), first, None, jobs):
        sweep.examine(text, order)
        if sweep.report.forms.total() >= forms / jobs or len(sweep.report.wrong) > 100:
            break
    sweep.processor = time.process_time() - start
    return sweep


def whole_run(forms: int, seed: int, jobs: int) -> Sweep:
    """The shares of all processes; then more for rules that fired too rarely, and until there are enough in all."""
    # A forked process has the same hashes of strings, by which forms are known to be different.
    with multiprocessing.get_context("fork").Pool(jobs) as pool:
        shares = pool.starmap(portion, [(forms, seed, first, jobs) for first in range(jobs)])
    sweep = shares[0]
    for share in shares[1:]:
        sweep.report.take(share.report)
        for name, count in share.report.forms.items():
            if name.startswith(UNSIGNED):
                sweep.report.forms[name] += count
        for key in share.seen - sweep.seen:
            sweep.report.forms[key[0]] += 1
        sweep.seen |= share.seen
        sweep.formulas += share.formulas
        sweep.processor += share.processor
    start = time.process_time()
    luck = random.Random(f"{seed} rare")
    for name in sweep.report.lacking(LEAST):
        print(f"{sweep.report.forms.total():,} forms; more of {name}", file=sys.stderr, flush=True)
        for n, text in enumerate(itertools.islice(rare_texts(name, luck), RARE)):
            if sweep.report.count(name) >= LEAST and (sweep.report.forms[name] >= LEAST or n >= FEW):
                break
            sweep.examine(text, luck.choice([0, 0, 0, 1]))
    for text, order in itertools.islice(formulas(seed + 1), 4 * len(corpus()), None):  # the corpus was there
        if sweep.report.forms.total() >= forms or len(sweep.report.wrong) > 100:
            break
        sweep.examine(text, order)
    sweep.processor += time.process_time() - start
    return sweep


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("forms", type=int, help="different forms that are compared at least")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    options = parser.parse_args()
    start = time.perf_counter()
    sweep = whole_run(options.forms, options.seed, options.jobs)
    report = sweep.report
    print(f"{'rule':<58}{'applied':>9}{'forms':>9}{'missed':>8}{'nowhere':>9}{'wider':>7}")
    for name in [*names(), *matrix_rules.names(), WHOLE]:
        counts = [count[name] for count in (report.applied, report.forms, report.missed, report.nowhere, report.wider)]
        print(f"{name:<58}{counts[0]:>9,}{counts[1]:>9,}{counts[2]:>8,}{counts[3]:>9,}{counts[4]:>7,}")
    total = report.forms.total()
    print(f"\n{total:,} forms of {sweep.formulas:,} formulas, {len(report.wrong)} wrong, {report.missed.total():,} not "
          f"compared ({report.missed.total() / total:.2%}), {report.nowhere.total():,} without a value at any of "
          f"{CANDIDATES} points (ops without a twin: {dict(report.unknown)}), "
          f"{time.perf_counter() - start:.0f} s, {sweep.processor:.0f} s of processor time")  # fmt: skip
    faults = report.faults()
    print(*faults, sep="\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
