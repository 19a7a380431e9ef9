"""Running docker: the one place in solve/ where a process is started.

`run` is for short client calls, `stream` for builds: their standard error is handed on line by line, an
interrupt is forwarded to them once, and nothing is left behind, whatever happens.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO, Any

from xbuild.errors import CancelledError, EngineError

# After an interrupt a RUN process is gone within 3 s (measured); what still runs after this is killed.
GRACE_SECONDS = 15.0
# How long a process that has ended may keep us reading through children that hold its streams open.
_LINGER_SECONDS = 1.0
_CHUNK = 65536
# How long an interrupted process has when nobody waits for what it says.
_END_SECONDS = 3.0
_PR_SET_PDEATHSIG = 1  # prctl(2)


@dataclass(frozen=True, slots=True)
class Invocation:
    """What will run. Standard input is empty unless bytes, a file, or what writes it are given."""

    argv: tuple[str, ...]
    stdin: bytes | Path | Callable[[IO[bytes]], None] | None = None
    environment: tuple[tuple[str, str | None], ...] = ()  # on top of our own; None takes away
    cwd: str | None = None


@dataclass(frozen=True, slots=True)
class Completed:
    """What came of it."""

    argv: tuple[str, ...]
    exit_code: int
    stdout: bytes
    stderr: bytes
    seconds: float
    timed_out: bool = False

    @property
    def ok(self) -> bool:
        return self.exit_code == 0

    @property
    def text(self) -> str:
        return self.stdout.decode("utf-8", "replace")

    @property
    def error_text(self) -> str:
        return self.stderr.decode("utf-8", "replace").strip()


def run(
    argv: Sequence[str],
    *,
    stdin: bytes | Path | None = None,
    timeout: float | None = None,
    environment: Mapping[str, str | None] | None = None,
) -> Completed:
    """Run a client call to its end. A missing program is an EngineError; a failure is an outcome."""
    return run_all([Invocation(tuple(argv), stdin, tuple((environment or {}).items()))], timeout=timeout)[0]


def run_all(
    commands: Sequence[Invocation], *, timeout: float | None = None, given_up: Set[int] = frozenset()
) -> tuple[Completed, ...]:
    """Run client calls at the same time, to their end, or until their number appears in `given_up`."""
    return _Group(commands, on_line=None, timeout=timeout, given_up=given_up).run()


def stream(
    commands: Sequence[Invocation],
    on_line: Callable[[int, str], None],
    is_over: Callable[[], bool] = lambda: False,
) -> tuple[Completed, ...]:
    """Run builds at the same time; `on_line` gets (which command, one line of its standard error).

    When one fails the others are interrupted, and so are all once `is_over` says so. Raises CancelledError
    when the user interrupts.
    """
    return _Group(commands, on_line=on_line, timeout=None, is_over=is_over).run()


def pass_through(argv: Sequence[str]) -> int:
    """Run with our own standard streams; the exit code."""
    try:
        process = subprocess.Popen(argv)
    except OSError as error:
        raise _not_startable(argv[0], error) from error
    with process:
        try:
            return process.wait()
        except KeyboardInterrupt as interrupt:
            # The terminal has sent it the same signal; `kill` has not.
            try:
                process.wait(_END_SECONDS)
            except subprocess.TimeoutExpired:
                process.terminate()
                process.wait()
            raise CancelledError("cancelled") from interrupt


def _not_startable(program: str, error: OSError) -> EngineError:
    if isinstance(error, FileNotFoundError):
        return EngineError(
            f"{program!r} is not installed, or not on PATH",
            expected="the docker command line client with the buildx plugin",
            hint="install docker-cli and docker-buildx (https://docs.docker.com/engine/install/)",
        )
    return EngineError(f"{program!r} cannot be started: {error.strerror}", hint="check its permissions")


class InterruptedCallsError(CancelledError):
    """The user interrupted client calls; `completed` says how far each came."""

    def __init__(self, completed: Sequence[Completed]) -> None:
        super().__init__("cancelled")
        self.completed = tuple(completed)


class _Running:
    """One process and what it has said so far."""

    def __init__(self, index: int, command: Invocation, *, tied: bool) -> None:
        self.index = index
        self.command = command
        self.started = time.monotonic()
        self.stdout = bytearray()
        self.stderr = bytearray()
        self.partial = b""
        self.seconds = 0.0
        self.ended: float | None = None
        self.timed_out = False
        source = command.stdin.open("rb") if isinstance(command.stdin, Path) else None
        try:
            self.process = subprocess.Popen(
                command.argv,
                stdin=source or (subprocess.DEVNULL if command.stdin is None else subprocess.PIPE),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=_environment(command),
                cwd=command.cwd,
                # A session of its own: the terminal's Ctrl-C reaches us only, and we forward it once.
                start_new_session=True,
                preexec_fn=_die_with_parent if tied and _LIBC is not None else None,
            )
        except OSError as error:
            raise _not_startable(command.argv[0], error) from error
        finally:
            if source is not None:
                source.close()

    def signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, number)

    def take_lines(self, data: bytes) -> list[str]:
        *lines, self.partial = (self.partial + data).split(b"\n")
        return [line.decode("utf-8", "replace").rstrip("\r") for line in lines]


def _environment(command: Invocation) -> dict[str, str]:
    variables = {**os.environ, **dict(command.environment)}
    return {name: value for name, value in variables.items() if value is not None}


def _libc() -> Any:
    if not sys.platform.startswith("linux"):
        return None
    try:
        return ctypes.CDLL(None)
    except OSError:
        return None


_LIBC = _libc()


def _die_with_parent() -> None:
    """In the child: be interrupted when xbuild is killed and cannot do it itself (prctl(2), Linux)."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGINT, 0, 0, 0)


_alive: set[_Running] = set()
_starting = threading.Lock()
_over = threading.Event()


class _Group:
    """Processes that run together and end together."""

    def __init__(
        self,
        commands: Sequence[Invocation],
        on_line: Callable[[int, str], None] | None,
        timeout: float | None,
        given_up: Set[int] = frozenset(),
        is_over: Callable[[], bool] = lambda: False,
    ) -> None:
        self.commands = commands
        self.is_over = is_over
        self.on_line = on_line
        self.deadline = None if timeout is None else time.monotonic() + timeout
        self.running: list[_Running] = []
        self.interrupts: list[int] = []
        self.forwarded = 0
        self.kill_at: float | None = None
        self.given_up = given_up
        self.timed_out = False
        self.selector = selectors.DefaultSelector()
        self.failures: list[BaseException] = []  # of what writes standard input

    def run(self) -> tuple[Completed, ...]:
        with self._signals(), self.selector:
            try:
                self._start()
                while self.selector.get_map():
                    self._step()
                self._reap()
            finally:
                self._leave_nothing()
        completed = self._completed()
        if self.interrupts:
            raise InterruptedCallsError(completed)
        if self.failures:
            raise self.failures[0]
        return completed

    def _completed(self) -> tuple[Completed, ...]:
        return tuple(
            Completed(
                one.command.argv,
                one.process.returncode,
                bytes(one.stdout),
                bytes(one.stderr),
                one.seconds,
                one.timed_out,
            )
            for one in self.running
        )

    def _start(self) -> None:
        for index, command in enumerate(self.commands):
            with _starting:
                if _over.is_set():
                    raise CancelledError("cancelled")
                one = _Running(index, command, tied=self.on_line is not None)
                _alive.add(one)
            self.running.append(one)
            for pipe in (one.process.stdout, one.process.stderr):
                assert pipe is not None
                self.selector.register(pipe, selectors.EVENT_READ, one)
        # Threads only now: a process that has threads must not fork with code of ours in the child.
        for one in self.running:
            source = one.command.stdin
            if one.process.stdin is not None and source is not None and not isinstance(source, Path):
                arguments = (one.process.stdin, source, self.failures)
                threading.Thread(target=_feed, args=arguments, daemon=True).start()

    def _step(self) -> None:
        for key, _ in self.selector.select(timeout=0.2):
            one: _Running = key.data
            data = os.read(key.fd, _CHUNK)
            if not data:
                self._end_of(one, key.fileobj)
            elif key.fileobj is one.process.stdout:
                one.stdout += data
            else:
                one.stderr += data
                self._hand_on(one, one.take_lines(data))
        self._attend()

    def _end_of(self, one: _Running, pipe: Any) -> None:
        self.selector.unregister(pipe)
        if pipe is one.process.stderr and one.partial:
            self._hand_on(one, one.take_lines(b"\n"))
        if all(key.data is not one for key in self.selector.get_map().values()):
            one.process.wait()
            one.seconds = time.monotonic() - one.started
            if self.on_line is not None and one.process.returncode != 0 and not self.interrupts:
                self._stop(signal.SIGINT)

    def _hand_on(self, one: _Running, lines: list[str]) -> None:
        if self.on_line is not None:
            for line in lines:
                self.on_line(one.index, line)

    def _attend(self) -> None:
        """Forward the first interrupt, kill on the second, on time-out and when the grace is over."""
        if self.interrupts and not self.forwarded:
            self.forwarded = 1
            # docker and buildx clean up on SIGINT and SIGTERM, not on SIGHUP
            first = self.interrupts[0]
            self._stop(signal.SIGINT if first == signal.SIGHUP else first)
        elif len(self.interrupts) > 1 and self.forwarded == 1:
            self.forwarded = 2
            self._stop(signal.SIGKILL)
        if (self.failures or self.is_over()) and self.kill_at is None and not self.interrupts:
            self._stop(signal.SIGINT)
        now = time.monotonic()
        self._let_go(now)
        late = self.deadline is not None and now > self.deadline
        for one in self.running:
            if (late or one.index in self.given_up) and not one.timed_out and one.process.poll() is None:
                self.timed_out = one.timed_out = True
                one.signal(signal.SIGKILL)
        if self.kill_at is not None and now > self.kill_at:
            self.kill_at = None
            self._stop(signal.SIGKILL)

    def _let_go(self, now: float) -> None:
        """Stop reading what only stray children still hold open; after an interrupt, end them."""
        for key in list(self.selector.get_map().values()):
            one: _Running = key.data
            if one.process.poll() is None:
                continue
            one.ended = one.ended or now
            if self.interrupts:
                one.signal(signal.SIGKILL)
            if now > one.ended + _LINGER_SECONDS:
                self._end_of(one, key.fileobj)

    def _stop(self, number: int) -> None:
        if number != signal.SIGKILL and self.kill_at is None:
            self.kill_at = time.monotonic() + GRACE_SECONDS
        for one in self.running:
            if one.process.poll() is None:
                one.signal(number)

    def _reap(self) -> None:
        for one in self.running:
            one.process.wait()

    def _leave_nothing(self) -> None:
        """On the way out, also of an exception: no process, no open pipe."""
        for one in self.running:
            if one.process.poll() is None:
                one.signal(signal.SIGINT)
                try:
                    one.process.wait(GRACE_SECONDS)
                except subprocess.TimeoutExpired:
                    one.signal(signal.SIGKILL)
                    one.process.wait()
            _alive.discard(one)
            if self.interrupts or self.timed_out:
                one.signal(signal.SIGKILL)  # what the client may have left in its session
            for pipe in (one.process.stdin, one.process.stdout, one.process.stderr):
                if pipe is not None:
                    with contextlib.suppress(OSError):
                        pipe.close()

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        """Note interrupts instead of dying of them. Only the main thread may (signal(7) in Python)."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def note(number: int, _frame: FrameType | None) -> None:
            self.interrupts.append(number)

        numbers = stopping_signals()
        before = [signal.signal(number, note) for number in numbers]
        try:
            yield
        finally:
            for number, handler in zip(numbers, before, strict=True):
                signal.signal(number, handler)


def _feed(
    pipe: IO[bytes], source: bytes | Callable[[IO[bytes]], None], failures: list[BaseException]
) -> None:
    """Write standard input; that the process stopped reading is its own affair.

    Whatever happens the pipe is closed: the process waits for its end.
    """
    try:
        if isinstance(source, bytes):
            pipe.write(source)
        else:
            source(pipe)
    except BaseException as error:
        if not isinstance(error, BrokenPipeError) and not pipe.closed:
            failures.append(error)  # raised where the outcome is waited for
    finally:
        with contextlib.suppress(OSError, ValueError):
            pipe.close()


def stopping_signals() -> tuple[signal.Signals, ...]:
    """Signals that end xbuild; without SIGHUP when it is ignored, as below nohup(1)."""
    if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
        return (signal.SIGINT, signal.SIGTERM)
    return (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def end_all() -> None:
    """End what still runs: calls made in threads, which nobody waits for any more."""
    with _starting:
        _over.set()
    left = [one for one in list(_alive) if one.process.poll() is None]
    for one in left:
        one.signal(signal.SIGINT)
    deadline = time.monotonic() + _END_SECONDS
    for one in left:
        try:
            one.process.wait(max(0.0, deadline - time.monotonic()))
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            one.signal(signal.SIGKILL)


# Threads that wait for processes are daemons: they end with us, and the processes would not.
atexit.register(end_all)
