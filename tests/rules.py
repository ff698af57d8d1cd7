"""The check of rules: `python tests/rules.py FORMS [--seed N] [--jobs N]`.

Every form that a rule of the simplifier makes is compared with what it was made of, in mpmath at 50 digits: at 8 points
at which the origin is real and finite, to 1e-30 of the larger of the two; if they cancel, at 150 or 4,000 digits.
Forms without variables have one point. A form that has a value where its origin has none is counted: only the rules of
``WIDER`` may make it. Then the rules that made fewer than 200 different forms get formulas of their own. A function of
which nothing but a few values is known, as arccos of 0, 1/2 and 1, cannot make 200: each of its values must have been
compared, and met 200 times. The end is an error if a form is wrong, if a rule made too few forms, or if more than 2 %
of the forms of a rule could not be compared.
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import matrix_rules
import mpmath as mp
from precise import UnknownError, Values, apply
from precise_graphs import graph_values
from rule_formulas import finite, formulas, rare_texts

from agcli.engine.errors import EngineError
from agcli.engine.graph import toposort
from agcli.engine.leaves import Placeholder
from agcli.expression.api import parse, to_text, variables
from agcli.expression.calculus import differentiate, simplified
from agcli.expression.simplify.nodes import Add, Atom, Fn, Mul, Node
from agcli.expression.simplify.observe import Call, names, observed

POINTS = 8  # at which a form is compared
CANDIDATES = 64  # points that are tried
PROBED = 10  # of them also where the origin has no value
DIGITS, MORE_DIGITS = 50, (150, 4_000)
TOLERANCE = mp.mpf("1e-30")
NOTHING = mp.mpf("1e-90")  # what cancellation leaves of 0 with more digits
LEFT = mp.mpf("1e-40")  # what it leaves in an array, which is computed once
LEAST, MISSED = 200, 0.02  # different forms of a rule; share of them that may go uncompared
RARE = 6_000  # formulas at most for a rule that made too few
FORMS_A_MODEL = 125  # small models, whose gradients are matrix formulas, are a part of the run
LARGEST = 400  # tensors of a formula that is looked at
WHOLE = "whole: raw and simplified graph"

# Rules that make another value, or none, at single points, as docs/simplification.md says: where a maximum has a tie,
# where the engine guards a gradient, and where a cosine above a sine is 0, of which 1/tan has no value. They are not
# compared at whole numbers, which meet such points.
APART = {"Fn: step", "Add: choice", "Mul: choice", "Mul: guard at 0", "Fn: guard at 0", "function: tan",
         "Mul: tan = sin/cos", "Mul: tan = sin/cos #2"}  # fmt: skip
APART_OPS = {"where", "tan"}

# Rules whose forms may have a value where their origin has none: what cancels takes its domain with it, as
# sqrt(x)*sqrt(x) = x, exp(log(x)) = x and sin(sqrt(x))^2 + cos(sqrt(x))^2 = 1; a branch that is not taken; and
# sqrt(x - 1)*sqrt(x + 1) = sqrt(x^2 - 1).
WIDER = {
    *(f"function: {name}" for name in (
        "add", "subtract", "multiply", "divide", "power", "square", "sqrt", "hypot", "exp", "expm1", "sin", "cos",
        "tan", "cosh", "tanh", "erf", "sign", "abs", "where", "negative", "rsqrt", "reciprocal")),
    "power: exponential", "power: Mul", "power: Fn", "power: symbolic",
    "Add: multiply out", "Add: common denominator", "Add: nested fractions", "Add: partial factor",
    "Add: sin^2 + cos^2 = 1", "Add: cosh^2 - sinh^2 = 1", "Add: double argument", "Add: double argument #2",
    "Add: double argument #3", "Add: hyperbolic functions to exponentials", "Add: 1 + tan^2 = 1/cos^2",
    "Add: tan = sin/cos", "Add: sum of angles", "Add: sum of angles #2", "Add: products to sums", "Add: choice",
    "Add: signs", "Add: common factor", "Add: factor",
    "Mul: multiply out", "Mul: multiply out below", "Mul: join roots", "Mul: choice", "Mul: clear fractions",
    "Mul: cancel", "Mul: tan = sin/cos #2", "Mul: double argument #3", "Mul: double argument #4",
    "last Mul: stable quotient #4",
}  # fmt: skip
WIDER.add(WHOLE)
UNSIGNED = (WHOLE, *matrix_rules.names())  # whose forms are not asked whether they are different


@dataclass
class Wrong:
    rule: str
    text: str
    before: str
    after: str
    point: dict[str, Any]
    values: tuple[Any, Any]

    def __str__(self) -> str:
        at = ", ".join(f"{name}={mp.nstr(v, 17)}" for name, v in self.point.items())
        values = " but ".join(mp.nstr(v, 17) if not isinstance(v, bool) else str(v) for v in self.values)
        return f"{self.rule}: {self.before}  ->  {self.after}\n    {values} at {at}\n    in {self.text}"


@dataclass
class Report:
    """What was counted, by rule."""

    applied: Counter[str] = field(default_factory=Counter)
    forms: Counter[str] = field(default_factory=Counter)  # different ones
    missed: Counter[str] = field(default_factory=Counter)
    wider: Counter[str] = field(default_factory=Counter)
    widened: dict[str, str] = field(default_factory=dict)  # an example of each
    examples: dict[str, list[str]] = field(default_factory=dict)  # of forms that could not be compared
    unknown: Counter[str] = field(default_factory=Counter)
    wrong: list[Wrong] = field(default_factory=list)

    def lacking(self, least: int) -> list[str]:
        """The rules that made too few different forms."""
        return [name for name in names() if self.count(name, least) < least]

    def count(self, name: str, least: int) -> int:
        """The forms of a rule; its applications if it cannot make so many and made all."""
        possible = finite(name)
        return self.applied[name] if 0 < possible <= self.forms[name] and possible < least else self.forms[name]

    def take(self, other: Report) -> None:
        """Add what was counted elsewhere; which forms are different is for ``Sweep`` to say."""
        for name in ("applied", "missed", "wider", "unknown"):
            getattr(self, name).update(getattr(other, name))
        self.wrong += other.wrong
        self.widened = other.widened | self.widened
        for name, found in other.examples.items():
            self.examples.setdefault(name, []).extend(found)

    def faults(self, least: int = LEAST) -> list[str]:
        """What makes a run fail, in words."""
        found = [str(w) for w in self.wrong]
        for name in [*names(), *matrix_rules.names(), WHOLE]:
            if (count := self.count(name, least)) < least:
                found.append(f"{name}: {count} forms, expected {least}")
            if self.missed[name] > max(MISSED * self.forms[name], 2):
                examples = "; ".join(self.examples.get(name, [])[:3])
                found.append(
                    f"{name}: {self.missed[name]} of {self.forms[name]} forms not compared, such as {examples}"
                )
            if self.wider[name] and name not in WIDER:
                found.append(
                    f"{name}: {self.wider[name]} forms have a value where there was none: {self.widened[name]}"
                )
        return found


class Point(dict[Any, Any]):
    """Numbers for atoms, drawn when they are asked for: the same for the same name and place."""

    def __init__(self, seed: int, place: int) -> None:
        super().__init__()
        self.seed, self.place = seed, place

    def __missing__(self, atom: Atom) -> Any:
        luck = random.Random(f"{self.seed} {self.place} {atom.name}")
        tensor = atom.tensor
        if tensor is not None and tensor.dtype.kind == "b":
            value: Any = luck.random() < 0.5
        else:
            value = drawn(luck, self.place)
            if tensor is not None and tensor.op is not None and tensor.op.name == "norm":
                value = abs(value)
        self[atom] = value
        return value


def drawn(luck: random.Random, place: int) -> Any:
    """A number of the sizes that domains have; at every fifth place a small whole one."""
    if place % 5 == 4:
        return mp.mpf(luck.choice([-3, -2, -1, 1, 2, 3, 4]))
    kinds = [(0.1, 1), (1, 4), (-2, 2), (0, 3)]
    low, high = kinds[place % 5] if place < 5 else luck.choice([*kinds, (-1, 0), (-5, 5), (1, 1.6), (-1, 1)])
    return mp.mpf(luck.uniform(low, high))


class Comparison:
    """The forms of one formula."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.points: list[Values] = []
        self.signs: dict[Any, int] = {}

    def point(self, place: int) -> Values:
        while len(self.points) <= place:
            self.points.append(Values(Point(self.seed, len(self.points)), DIGITS))
        return self.points[place]

    def precise(self, place: int, digits: int) -> Values:
        return Values(self.point(place).point, digits)

    def signature(self, e: Any) -> int:
        """Equal for equal forms of different formulas."""
        if not isinstance(e, Node):
            return hash(("n", e))
        known = self.signs.get(e)
        if known is None:
            known = self.signs[e] = self.fresh_signature(e)
        return known

    def fresh_signature(self, e: Any) -> int:
        of = self.signature
        if type(e) is Atom:
            return hash(e.name)
        if type(e) is Fn:
            return hash((repr(e.head), *map(of, e.args)))
        if type(e) is Mul:
            return hash((e.coefficient, frozenset((of(b), of(x)) for b, x in e.factors)))
        return hash((e.constant, frozenset((of(t), k) for t, k in e.terms), 0))


def value(at: Values, e: Any) -> Any:
    if isinstance(e, Call):
        with mp.workdps(at.digits):
            found = apply(e.head, *(at(a) for a in e.args))
            return mp.nan if not isinstance(found, bool) and abs(found) > at.largest else found
    return at(e)


def nothing(v: Any) -> bool:
    return not isinstance(v, bool) and bool(mp.isnan(v))


def close(a: Any, b: Any, least: Any = 0) -> bool:
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if mp.isnan(a) or mp.isnan(b):
        return False
    return bool(abs(a - b) <= max(TOLERANCE * max(abs(a), abs(b)), least))


def atoms(e: Any) -> Iterator[Atom]:
    if type(e) is Atom and e.name not in ("e", "pi"):
        yield e
    parts: Any = ()
    if isinstance(e, Call) or type(e) is Fn:
        parts = e.args
    elif type(e) is Mul:
        parts = [p for pair in e.factors for p in pair]
    elif type(e) is Add:
        parts = [t for t, _ in e.terms]
    for part in parts:
        yield from atoms(part)


def shown(e: Any) -> str:
    """A form as a person reads it."""
    if isinstance(e, Call):
        return f"{e.head}({', '.join(map(shown, e.args))})"
    if type(e) is Atom:
        return e.name
    if type(e) is Fn:
        return f"{e.head if isinstance(e.head, str) else e.head.name}({', '.join(map(shown, e.args))})"
    if type(e) is Mul:
        return "*".join([str(e.coefficient), *(f"[{shown(b)}]^{shown(x)}" for b, x in e.factors)])
    if type(e) is Add:
        return "(" + " + ".join([*(f"{k}*{shown(t)}" for t, k in e.terms), str(e.constant)]) + ")"
    return str(e)


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
            for place in range(CANDIDATES if wanted > 1 else 1):
                if place % 5 == 4 and name in APART:
                    continue
                at = comparison.point(place)
                a = value(at, before)
                if nothing(a):
                    if place < PROBED and wanted > 1 and place % 5 != 4 and not nothing(value(at, after)):
                        report.wider[name] += 1
                        report.widened.setdefault(name, f"{shown(before)} -> {shown(after)}")
                    continue
                b = value(at, after)
                for digits in MORE_DIGITS if not close(a, b) else ():
                    more = comparison.precise(place, digits)
                    a, b = value(more, before), value(more, after)
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
            report.missed[name] += 1
            report.examples.setdefault(name, []).append(f"{shown(before)} -> {shown(after)}")
        except UnknownError as error:
            report.missed[name] += 1
            report.unknown[str(error)] += 1

    def whole(self, text: str, raw: Any, short: Any) -> None:
        """The graph before and after, with reading and writing."""
        report = self.report
        report.applied[WHOLE] += 1
        report.forms[WHOLE] += 1
        pieces = any(p.op is not None and p.op.name in APART_OPS for p in toposort([raw, short]))
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
    """The shares of all processes; then more for rules that made too few forms, and until there are enough in all."""
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
        for text in itertools.islice(rare_texts(name, luck), RARE):
            if sweep.report.count(name, LEAST) >= LEAST:
                break
            sweep.examine(text, luck.choice([0, 0, 0, 1]))
    for text, order in formulas(seed + 1) if len(sweep.report.wrong) <= 100 else ():
        if sweep.report.forms.total() >= forms:
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
    print(f"{'rule':<58}{'applied':>9}{'forms':>9}{'missed':>8}{'wider':>7}")
    for name in [*names(), *matrix_rules.names(), WHOLE]:
        counts = report.applied[name], report.forms[name], report.missed[name], report.wider[name]
        print(f"{name:<58}{counts[0]:>9,}{counts[1]:>9,}{counts[2]:>8,}{counts[3]:>7,}")
    total = report.forms.total()
    print(f"\n{total:,} forms of {sweep.formulas:,} formulas, {len(report.wrong)} wrong, {report.missed.total():,} not "
          f"compared ({report.missed.total() / total:.2%}; ops without a twin: {dict(report.unknown)}), "
          f"{time.perf_counter() - start:.0f} s, {sweep.processor:.0f} s of processor time")  # fmt: skip
    faults = report.faults()
    print(*faults, sep="\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
