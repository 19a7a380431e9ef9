"""Offsets of a logical line made of several physical ones, without storing a number for each character."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import overload


class Offsets(Sequence[int]):
    """Source offsets of joined pieces; behaves like a tuple of them, the end included.

    `starts` holds where each piece begins in the joined text, `sources` where in the source.
    """

    __slots__ = ("_begin", "_end", "_sources", "_starts")

    def __init__(self, starts: list[int], sources: list[int], begin: int, end: int) -> None:
        self._starts = starts
        self._sources = sources
        self._begin = begin
        self._end = end

    def __len__(self) -> int:
        return self._end - self._begin

    @overload
    def __getitem__(self, at: int) -> int: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[int]: ...
    def __getitem__(self, at: int | slice) -> int | Sequence[int]:
        if isinstance(at, slice):
            start, stop, step = at.indices(self._end - self._begin)
            if step != 1:
                return tuple(self)[at]
            return Offsets(self._starts, self._sources, self._begin + start, self._begin + max(start, stop))
        index = at + (self._begin if at >= 0 else self._end)
        if not self._begin <= index < self._end:
            raise IndexError(at)
        piece = bisect_right(self._starts, index) - 1
        return self._sources[piece] + index - self._starts[piece]

    def __iter__(self) -> Iterator[int]:
        at = self._begin
        while at < self._end:
            piece = bisect_right(self._starts, at) - 1
            following = self._starts[piece + 1] if piece + 1 < len(self._starts) else self._end
            shift = self._sources[piece] - self._starts[piece]
            stop = min(following, self._end)
            yield from range(at + shift, stop + shift)
            at = stop

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return repr(tuple(self))
