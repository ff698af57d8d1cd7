"""Numbers as sums of two floats, of which the second is what the rounding of the first lost.

Products are exact by halves of the digits (Dekker, A floating-point technique for extending the available precision,
1971), so that nothing depends on whether a processor rounds a * b + c once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from .elementary import form_of, lifted, log_terms

if TYPE_CHECKING:
    from .values import Value

    Pair: TypeAlias = tuple[Value, Value]


def head(x: Value) -> Value:
    """The first half of the digits."""
    form = form_of(x)
    bits = x.bitcast(form.bits)
    return bits.instruction("and", bits.like(-1 << (form.mantissa + 2) // 2)).bitcast(x.kind)


def sorted_sum(a: Value, b: Value | float) -> Pair:
    """a + b, where a is not the smaller one, or has the smaller exponent's digits to spare."""
    total = a + b
    return total, b - (total - a)


def two_sum(a: Value, b: Value) -> Pair:
    """a + b in whatever order (Knuth, The art of computer programming, 4.2.2)."""
    total = a + b
    second = total - a
    return total, (a - (total - second)) + (b - second)


def two_product(a: Value, b: Value) -> Pair:
    """a * b."""
    product = a * b
    a1, b1 = head(a), head(b)
    a2, b2 = a - a1, b - b1
    return product, ((a1 * b1 - product) + a1 * b2 + a2 * b1) + a2 * b2


def quotient(a: Pair, b: Pair) -> Pair:
    """a / b, the second number to first order."""
    over = 1.0 / b[0]
    q = a[0] * over
    product, rest = two_product(q, b[0])
    return q, (((a[0] - product) - rest + a[1]) - q * b[1]) * over


def product(a: Pair, b: Pair) -> Pair:
    """a * b, the second number to first order."""
    high, low = two_product(a[0], b[0])
    return high, low + (a[0] * b[1] + a[1] * b[0])


def log(x: Value) -> Pair:
    """log(x) of positive numbers."""
    form = form_of(x)
    e, f = lifted(x, form)
    square, tail = log_terms(f, form)
    high, low = sorted_sum(e * form.ln2[0], f)
    return sorted_sum(high, low - (square - e.fma(form.ln2[1], tail)))


def log_of(x: Pair) -> Pair:
    """The same of a pair."""
    high, low = log(x[0])
    return high, low + x[1] / x[0]


def sqrt(a: Pair) -> Pair:
    """The root of a positive number, the second number to first order."""
    root = a[0].sqrt()
    square, rest = two_product(root, root)
    return root, ((a[0] - square) - rest + a[1]) / (root + root)
