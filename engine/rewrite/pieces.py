"""A rewrite for gradients of slices: pieces that are each padded with zeros and added are joined instead.

Every use of a slice sends back a whole array of zeros with one piece in it. Where pieces are neighbours along one
axis, as those of the gates of an LSTM or of queries, keys and values are, they are one concatenation.
"""

from __future__ import annotations

from itertools import pairwise

from ..graph import Tensor
from ..ops.elementwise import add
from ..ops.joining import Concatenate
from ..ops.slicing import PutItem
from .rules import rule

WHOLE = (None, None, None)
MOST = 64  # terms of a sum that are looked at
Span = tuple[int, int, int]  # axis, first position, position behind the last


def span(t: Tensor) -> Span | None:
    """Where the piece lies that ``t`` pads with zeros, if it lacks nothing along all axes but one."""
    if not isinstance(t.op, PutItem) or not t.type.known or len(t.op.index) != t.ndim:
        return None
    cut = [(a, i) for a, i in enumerate(t.op.index) if i != WHOLE]
    if len(cut) != 1 or not isinstance(cut[0][1], tuple) or cut[0][1][2] not in (None, 1):
        return None
    axis, index = cut[0]
    start, stop, _ = slice(*index).indices(t.shape[axis] or 0)
    return axis, start, stop


def terms(t: Tensor) -> list[Tensor]:
    """What is added up in ``t``, up to ``MOST`` terms."""
    found: list[Tensor] = []
    stack = [t]
    while stack and len(found) <= MOST:
        t = stack.pop()
        if t.op is add:
            stack.extend(t.inputs)
        else:
            found.append(t)
    return found


def factors(t: Tensor, axis: int) -> tuple[Tensor, ...]:
    """The pieces of a concatenation along ``axis``, or ``t`` alone."""
    return t.inputs if isinstance(t.op, Concatenate) and t.op.axis == axis else (t,)


@rule("add", inputs=("putitem",))
def join_pieces(t: Tensor, a: Tensor, b: Tensor) -> Tensor | None:
    """putitem(x, :k) + putitem(y, k:) -> concatenate(x, y), in whatever order they are added"""
    pieces = terms(t) if span(a) or span(b) else []
    spans = {x: span(x) for x in pieces}
    if not pieces or len(pieces) > MOST or any(s is None or x.type != t.type for x, s in spans.items()):
        return None
    order = sorted(pieces, key=lambda x: spans[x] or ())
    places = [spans[x] or (0, 0, 0) for x in order]
    axis, start, stop = places[0][0], places[0][1], places[-1][2]
    if any(p[0] != q[0] or p[2] != q[1] for p, q in pairwise(places)):
        return None
    joined = Concatenate(axis)(*(y for x in order for y in factors(x.inputs[0], axis)))
    if (start, stop) == (0, t.shape[axis]):
        return joined
    index = tuple((start, stop, None) if i == axis else WHOLE for i in range(t.ndim))
    return PutItem(index)(joined, order[0].inputs[1])
