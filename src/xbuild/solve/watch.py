"""Uploads that take long: does the registry still answer?

An upload may rightly take an hour, and buildx waits without end for a registry that took the connection
and then says nothing (with TLS it tries again and again). So beside an upload that takes long a small
question is put to the same registry through the same client: any answer will do, also a refusal.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Sequence
from types import TracebackType

from xbuild.errors import XbuildError
from xbuild.solve.run import Invocation, run_all

PATIENCE_SECONDS = 45.0
ANSWER_SECONDS = 45.0
_MISSED = 2


class Watch:
    """While it is open, `silent` gathers which of the questions have no answer, twice in a row."""

    def __init__(self, questions: Sequence[tuple[str, ...]]) -> None:
        self.silent: set[int] = set()
        self._questions = [Invocation(argv) for argv in questions]
        self._over = threading.Event()

    def __enter__(self) -> Watch:
        if self._questions:
            threading.Thread(target=self._run, daemon=True).start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        self._over.set()

    def _run(self) -> None:
        missed = [0] * len(self._questions)
        with contextlib.suppress(XbuildError):
            while not self._over.wait(PATIENCE_SECONDS):
                for number, answer in enumerate(run_all(self._questions, timeout=ANSWER_SECONDS)):
                    missed[number] = missed[number] + 1 if answer.timed_out else 0
                self.silent.update(number for number, count in enumerate(missed) if count >= _MISSED)
