"""How long each thing took that xbuild did."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Clock:
    """Names and seconds of what xbuild did, in order."""

    started: float = field(default_factory=time.monotonic)
    phases: list[tuple[str, float]] = field(default_factory=list)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        begun = time.monotonic()
        try:
            yield
        finally:
            self.phases.append((name, time.monotonic() - begun))

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self.started
