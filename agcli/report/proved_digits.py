"""What is proved of values, in words and for JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from agcli.counts import number_of
from agcli.expression.proved.proofs import Digits, NoDigits, Proof
from agcli.expression.questions import Answer
from agcli.report.point_values import MAX_SHOWN, is_value, mapped, words


def each(proof: Any) -> list[Proof]:
    """The proofs of all elements."""
    return list(proof.flat) if isinstance(proof, np.ndarray) else [proof]


def value_words(proof: Any) -> str:
    """` = 0.3` with the digits, or `: undefined ...` where there are none."""
    sign = ": " if isinstance(proof, Proof) and isinstance(proof.found, NoDigits) else " = "
    return sign + element_words(proof)


def array_words(proof: Any) -> str:
    if proof.size > MAX_SHOWN:
        return number_of(proof.size, "number")
    return f"[{', '.join(element_words(p) for p in proof)}]"


def element_words(proof: Any) -> str:
    if isinstance(proof, np.ndarray):
        return array_words(proof)
    found = proof.found
    return str(found.text if isinstance(found, Digits) else found.message)


def remark(proof: Any, found: Any, at: Mapping[str, Any], order: int) -> str:
    """How much is proved, and how many digits of the ordinary answer are right."""
    proofs = each(proof)
    sure = [p.found for p in proofs if isinstance(p.found, Digits)]
    digits = f"{number_of(sure[0].count, 'digit')} proved" if sure else "no digits are proved"
    told = "exact" if sure and all(f.exact for f in sure) else digits
    if not isinstance(proof, np.ndarray):
        beside = f"the ordinary answer {ordinary(proof, found, at, order)}"
        return f"{told}; {beside}" if sure else beside
    compared = [p.right for p in proofs if p.right is not None]
    beside = f"; the ordinary answer has at least {number_of(min(compared), 'right digit')}" if compared else ""
    count = "" if len(sure) == len(proofs) else f" of {len(sure):,} of {number_of(len(proofs), 'number')}"
    return f"{told}{count}{beside}"


def ordinary(proof: Proof, found: Any, at: Mapping[str, Any], order: int) -> str:
    """`0.1 has 16 right digits`, or what the ordinary answer says where it is no number."""
    if proof.right is not None and is_value(found):
        return f"{proof.ordinary!r} has {number_of(proof.right, 'right digit')}"
    return f"is {words(found, at, order)}"


def open_questions(answer: Answer) -> Iterator[str]:
    """What could not be proved."""
    for proof in (answer.proof, *(r.proof for r in answer.results)):
        if proof is not None:
            none = [p.found for p in each(proof) if isinstance(p.found, NoDigits)]
            yield from (found.message for found in none if found.kind != "undefined")


def json_proof(proof: Any) -> Any:
    """The object of one value, or lists of them."""
    return mapped(proof, json_one)


def json_one(proof: Proof) -> dict[str, Any]:
    found = proof.found
    ordinary = proof.ordinary if np.isfinite(proof.ordinary) else None
    beside = {"ordinary": ordinary, "right_digits": proof.right}
    if isinstance(found, Digits):
        return {"value": found.text, "digits": found.count, "exact": found.exact, **beside}
    return {"value": None, "status": found.kind, "reason": found.message, **beside}
