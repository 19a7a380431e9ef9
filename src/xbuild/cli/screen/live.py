"""Shows progress while a solve runs: redraws the terminal, prints lines, or passes on what buildx says."""

from __future__ import annotations

import contextlib
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import TextIO

from xbuild.cli.screen.output import say, terminal_of, warn
from xbuild.pipeline.watching import Watcher
from xbuild.solve.options import BuildOptions
from xbuild.solve.progress import Event
from xbuild.views.board import Board, Log, Scene

_REDRAW_SECONDS = 0.2
OnEvent = Callable[[Event], None]


class Screen(Watcher):
    """Says on standard error what happens; shows a build as its options ask for it."""

    def __init__(self, options: BuildOptions | None = None) -> None:
        self._kind = "quiet" if options is None else progress_kind(options, sys.stderr)
        self._is_quiet = options is not None and options.quiet
        if self._kind == "rawjson":
            self.on_raw = _pass_raw

    def showing(self, scene: Scene) -> AbstractContextManager[OnEvent | None]:
        return _showing(self._kind, scene)

    def note(self, text: str) -> None:
        if not self._is_quiet:
            say(f"xbuild: {text}")

    def warn(self, text: str) -> None:
        warn(text)


def progress_kind(options: BuildOptions, stream: TextIO) -> str:
    """`tty`, `plain`, `rawjson` or `quiet`, from --progress, BUILDKIT_PROGRESS, --quiet and the terminal."""
    if options.quiet or options.progress == "none":
        return "quiet"
    if options.progress in ("rawjson", "plain"):
        return options.progress
    return "tty" if terminal_of(stream).is_interactive else "plain"


@contextlib.contextmanager
def _showing(kind: str, scene: Scene) -> Iterator[OnEvent | None]:
    if kind == "plain":
        yield _plain(scene)
    elif kind == "tty":
        drawing = _Drawing(Board(scene, time.time()))
        try:
            yield drawing.take
        finally:
            drawing.stop()
    else:
        yield None


def _pass_raw(line: str) -> None:
    """buildx's own line, for `--progress=rawjson`."""
    print(line, file=sys.stderr, flush=True)


def _plain(scene: Scene) -> OnEvent:
    log = Log(scene)

    def take(event: Event) -> None:
        for line in log.take(event):
            print(line.encode("utf-8", "backslashreplace").decode(), file=sys.stderr, flush=True)

    return take


class _Drawing:
    """A board on standard error, drawn again while time goes by, wiped at the end.

    The thread starts with the first event: before, buildx may not have been forked yet.
    """

    def __init__(self, board: Board) -> None:
        self.board = board
        self.lock = threading.Lock()
        self.over = threading.Event()
        self.thread: threading.Thread | None = None
        self.height = 0

    def take(self, event: Event) -> None:
        with self.lock:
            self.board.take(event)
        if self.thread is None:
            self.thread = threading.Thread(target=self._run, daemon=True)
            self.thread.start()

    def stop(self) -> None:
        self.over.set()
        if self.thread is not None:
            self.thread.join()
        self._write([])

    def _run(self) -> None:
        while not self.over.wait(_REDRAW_SECONDS):
            terminal = terminal_of(sys.stderr)
            with self.lock:
                lines = self.board.lines(time.time(), terminal)
            # One less than the screen is high: a block that scrolls cannot be wiped any more.
            self._write(lines[: max(1, shutil.get_terminal_size().lines - 1)])

    def _write(self, lines: list[str]) -> None:
        up = f"\x1b[{self.height}A\r" if self.height else "\r"
        text = up + "\x1b[J" + "".join(f"{line}\n" for line in lines)
        if self.height or lines:
            sys.stderr.write(text)
            sys.stderr.flush()
        self.height = len(lines)
