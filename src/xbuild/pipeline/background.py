"""Using the time in which other processes work: calls and imports made in a thread."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from threading import Thread
from typing import Generic, TypeVar

T = TypeVar("T")


class Background(Generic[T]):
    """A call that waits for other processes, made while we do something else."""

    def __init__(self, call: Callable[[], T]) -> None:
        self._call = call
        self._value: T | None = None
        self._error: BaseException | None = None
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._value = self._call()
        except BaseException as error:
            self._error = error  # raised where the result is asked for

    def result(self) -> T:
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._value  # type: ignore[return-value]


def import_later(name: str) -> None:
    """Import a module while something else is waited for; an error shows when it is imported for use."""

    def load() -> None:
        try:
            import_module(name)
        except Exception:
            return

    Thread(target=load, daemon=True).start()
