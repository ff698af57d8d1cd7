"""What to write into a spec whose loss takes another kind of target than the data has."""

from __future__ import annotations

from collections.abc import Iterator

from agcli.datasets import KindError, kinds
from agcli.datasets.kinds import Form
from agcli.spec import Spec
from agcli.spec.nouns import LOSSES, Loss

WORDS = {
    kinds.CLASSES: "one class a sample",
    kinds.LABELS: "labels of two values",
    kinds.CHANCES: "numbers from 0 to 1",
    kinds.COUNTS: "counts, numbers of 0 or more",
    kinds.SHARES: "shares of several classes, which add up to 1",
    kinds.DIRECTIONS: "vectors of several numbers",
    kinds.NUMBERS: "numbers",
    kinds.ANY: "any target",
}
RARE = (kinds.COUNTS, kinds.DIRECTIONS)  # who wants these knows it
OFFERS = 2  # losses that are named in a message


def mended(spec: Spec, error: KindError) -> str:
    """What the loss takes, what the target is, and the lines that bring them together."""
    takes = " or ".join(WORDS[kind] for kind in error.wanted)
    offers = [error.form.advice] if error.form.advice else []
    offers += list(losses(error.form))[: OFFERS - len(offers)]
    advice = f"write {', or '.join(offers)}" if offers else "name another `target`, of one column"
    return f"`{spec.loss.name}` takes {takes}, and {error.form.what}; {advice}"


def losses(form: Form) -> Iterator[str]:
    """The usual losses of what a target can be, as lines of a spec, the nearest first."""
    for kind in form.codes:
        name = "" if kind in RARE else usual(kind)
        if name:
            yield f"`loss: {name}`{_scores(form, kind)}"


def usual(kind: str) -> str:
    """The first loss of the table that is there for a kind."""
    takes = {name: row.fields.target for name, row in LOSSES.rows.items() if issubclass(row.fields, Loss)}
    first = [name for name, of in takes.items() if of[:1] == (kind,)]
    return next(iter(first or [name for name, of in takes.items() if kind in of]), "")


def _scores(form: Form, kind: str) -> str:
    """How many numbers the model then has to end in."""
    return f" with `dense: {form.classes if kind == kinds.CLASSES else form.size}`"
