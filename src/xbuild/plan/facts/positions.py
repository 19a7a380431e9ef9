"""Which positions of a sequence of paths have to do with a path, found without going through the sequence."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

# Ascending positions, and where to stop: those from there on do not count.
Found = tuple[Sequence[int], int]


@lru_cache(maxsize=4096)
def ancestors(path: str) -> tuple[str, ...]:
    """`path` without a slash at its end, then the folders around it, the innermost first."""
    path = path.rstrip("/") or "/"
    found = [path]
    while path != "/" and "/" in path:
        path = path.rpartition("/")[0] or "/"
        found.append(path)
    return tuple(found)


class PathIndex:
    """Positions by path, to be added in ascending order. The path None is anywhere."""

    __slots__ = ("anywhere", "at", "below")

    def __init__(self) -> None:
        self.anywhere: list[int] = []
        self.at: dict[str, list[int]] = {}
        self.below: dict[str, list[int]] = {}

    def add(self, path: str | None, position: int) -> None:
        if path is None:
            self.anywhere.append(position)
            return
        own, *folders = ancestors(path)
        self.at.setdefault(own, []).append(position)
        for folder in folders:
            self.below.setdefault(folder, []).append(position)

    def covering(self, path: str) -> Iterator[list[int]]:
        """Those at `path` and at the folders around it."""
        for folder in ancestors(path):
            if (positions := self.at.get(folder)) is not None:
                yield positions

    def inside(self, path: str) -> Iterator[list[int]]:
        """Those below `path`, itself excluded."""
        if (positions := self.below.get(ancestors(path)[0])) is not None:
            yield positions

    def overlapping(self, path: str) -> Iterator[list[int]]:
        yield from self.covering(path)
        yield from self.inside(path)


def first(found: Iterable[Found], start: int = 0) -> int | None:
    """The lowest position from `start` on."""
    lowest = None
    for positions, stop in found:
        at = bisect_left(positions, start)
        if at < len(positions) and positions[at] < stop and (lowest is None or positions[at] < lowest):
            lowest = positions[at]
    return lowest


def last(found: Iterable[Found]) -> int:
    """The highest position, or -1."""
    cut = ((positions, bisect_left(positions, stop)) for positions, stop in found)
    return max((positions[at - 1] for positions, at in cut if at), default=-1)
