"""Places in one arena: what is free, and the best fit for what comes."""

from __future__ import annotations

from bisect import bisect_left, insort

ALIGN = 64  # bytes; a cache line


class FreeList:
    """Places in one arena: best fit, neighbours joined."""

    def __init__(self) -> None:
        self.end = 0
        self.holes: dict[int, int] = {}  # offset -> length
        self.stops: dict[int, int] = {}  # where a hole ends -> its offset
        self.sizes: list[tuple[int, int]] = []  # (length, offset), sorted

    def take(self, nbytes: int) -> int:
        need = -(-max(nbytes, 1) // ALIGN) * ALIGN
        best = bisect_left(self.sizes, (need, -1))
        if best == len(self.sizes):
            offset, self.end = self.end, self.end + need
            return offset
        offset = self.sizes[best][1]
        length = self.remove(offset)
        if length > need:
            self.give(offset + need, length - need)
        return offset

    def give(self, offset: int, nbytes: int) -> None:
        length = -(-max(nbytes, 1) // ALIGN) * ALIGN
        if offset in self.stops:
            offset = self.stops[offset]
            length += self.remove(offset)
        if offset + length in self.holes:
            length += self.remove(offset + length)
        self.holes[offset] = length
        self.stops[offset + length] = offset
        insort(self.sizes, (length, offset))

    def remove(self, offset: int) -> int:
        """Forget a hole; returns its length."""
        length = self.holes.pop(offset)
        del self.stops[offset + length], self.sizes[bisect_left(self.sizes, (length, offset))]
        return length
