"""Running programs, and saying what happens."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from . import files


class BedError(Exception):
    """The bed cannot go on; the message says what to do."""


Argument = str | Path


def say(text: str) -> None:
    """A whole line at once: several threads speak."""
    sys.stderr.write(f"testbed: {text}\n")
    sys.stderr.flush()


@contextlib.contextmanager
def step(title: str) -> Iterator[None]:
    """Say what is being waited for, and how long it took once it is done."""
    say(f"{title} ...")
    begin = time.monotonic()
    yield
    say(f"{title}: {time.monotonic() - begin:.1f} s")


def run(
    *command: Argument,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    feed: bytes | None = None,
    timeout: float | None = None,
) -> str:
    """Run, return what it printed; a failure is a BedError with the end of its output."""
    words = [str(word) for word in command]
    shown = " ".join(words[:6]) + (" ..." if len(words) > 6 else "")
    try:
        done = subprocess.run(
            words,
            env=_environment(env),
            cwd=cwd,
            input=feed,
            capture_output=True,
            check=False,
            timeout=timeout,
        )
    except subprocess.TimeoutExpired:
        raise BedError(f"{shown} gave no answer within {timeout:.0f} s") from None
    except OSError as error:
        raise BedError(f"{words[0]} cannot be run: {error.strerror}") from error
    if done.returncode != 0:
        tail = (done.stderr or done.stdout).decode(errors="replace").strip()[-2000:]
        raise BedError(f"{shown} failed ({done.returncode}): {tail}")
    return done.stdout.decode(errors="replace")


def succeeds(*command: Argument, env: Mapping[str, str] | None = None, timeout: float | None = None) -> bool:
    try:
        run(*command, env=env, timeout=timeout)
    except BedError:
        return False
    return True


def daemon(
    name: str, folder: Path, command: Sequence[Argument], env: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start something that stays; its process id and log are kept under `folder`."""
    with (folder / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            [str(word) for word in command],
            env=_environment(env),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    files.write(folder / f"{name}.pid", f"{process.pid} {_started(process.pid)}")
    return process


def running(name: str, folder: Path) -> int | None:
    """The process id under that name, if that very process is still there."""
    try:
        number, started = (folder / f"{name}.pid").read_text().split()
    except (OSError, ValueError):
        return None
    return int(number) if started == _started(int(number)) != "gone" else None


def end(name: str, folder: Path, patience: float = 20) -> None:
    number = running(name, folder)
    if number is not None:
        _signal(number, signal.SIGTERM)
        if not wait_until(lambda: running(name, folder) is None, patience):
            _signal(number, signal.SIGKILL)
    (folder / f"{name}.pid").unlink(missing_ok=True)


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Ask again and again until the callable says yes, or time is up."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@contextlib.contextmanager
def lock(path: Path) -> Iterator[None]:
    """One start, stop or image build at a time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _environment(extra: Mapping[str, str] | None) -> dict[str, str]:
    return {**os.environ, **(extra or {})}


def _signal(number: int, which: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(number, which)


def _started(number: int) -> str:
    """When a process began, in clock ticks: process ids are used again, this pair is not."""
    try:
        fields = Path(f"/proc/{number}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return "gone"
    return "gone" if fields[0] == "Z" else fields[19]
