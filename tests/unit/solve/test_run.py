"""Processes: outcomes, streaming, interrupts, nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from xbuild.errors import CancelledError, EngineError
from xbuild.solve.run import Invocation, run, run_all, stream

LONG = 50
"""Seconds that only something that was waited for to its end takes; the sleeps here are of 60 and more."""


def test_an_outcome_is_a_value() -> None:
    done = run(("sh", "-c", "cat; echo err >&2; exit 3"), stdin=b"in")
    assert (done.exit_code, done.text, done.error_text, done.ok) == (3, "in", "err", False)


def test_standard_input_from_a_file_and_from_a_writer(tmp_path: Path) -> None:
    file = tmp_path / "in"
    file.write_bytes(b"from a file")
    assert run(("cat",), stdin=file).text == "from a file"


def test_standard_input_from_a_writer() -> None:
    def write(pipe: IO[bytes]) -> None:
        pipe.write(b"x")

    assert run_all([Invocation(("cat",), write)])[0].text == "x"


def test_a_stray_child_does_not_keep_us() -> None:
    started = time.monotonic()
    assert run(("sh", "-c", "sleep 60 & echo done")).text == "done\n"
    assert time.monotonic() - started < LONG


def test_a_process_that_does_not_read_its_input_is_no_error() -> None:
    assert run(("true",), stdin=b"x" * 1_000_000).ok


def test_a_writer_that_fails_ends_the_process_and_is_raised() -> None:
    def write(pipe: IO[bytes]) -> None:
        pipe.write(b"x")
        raise ValueError("writer")

    started = time.monotonic()
    with pytest.raises(ValueError, match="writer"):
        run_all([Invocation(("sh", "-c", "cat; exec sleep 60"), write)])
    assert time.monotonic() - started < LONG


def test_a_missing_program_is_an_engine_error() -> None:
    with pytest.raises(EngineError, match="not installed"):
        run(("no-such-program-here",))


def test_a_time_out_kills_and_is_said() -> None:
    started = time.monotonic()
    done = run(("sh", "-c", "sleep 60"), timeout=0.3)
    assert done.timed_out
    assert time.monotonic() - started < LONG


def test_several_run_at_the_same_time(tmp_path: Path) -> None:
    """Each waits for the others to have begun."""
    waits = "for _ in $(seq 300); do [ $(ls | wc -l) = 3 ] && exit; sleep 0.1; done; exit 1"
    script = f"cd {tmp_path} && touch $0 && echo $0 && {waits}"
    done = run_all([Invocation(("sh", "-c", script, str(n))) for n in range(3)])
    assert [one.text.strip() for one in done] == ["0", "1", "2"]
    assert all(one.ok for one in done)


def test_lines_come_as_they_are_written() -> None:
    lines: list[tuple[int, str]] = []
    script = "printf 'a\\nb' >&2; echo out; printf 'c\\r\\nlast' >&2"
    done = stream([Invocation(("sh", "-c", script))], lambda index, line: lines.append((index, line)))
    assert lines == [(0, "a"), (0, "bc"), (0, "last")]
    assert done[0].text == "out\n"


def test_when_one_fails_the_others_are_interrupted() -> None:
    started = time.monotonic()
    done = stream([Invocation(("sh", "-c", "exit 4")), Invocation(("sleep", "60"))], lambda *_: None)
    assert done[0].exit_code == 4
    assert done[1].exit_code == -signal.SIGINT
    assert time.monotonic() - started < LONG


def _interrupt_after(seconds: float, *numbers: int, marker: Path | None = None) -> None:
    """Signals to this process, the first when `marker` has two lines, if one is given."""

    def later() -> None:
        while marker is not None and not (marker.exists() and marker.read_text().count("\n") == 2):
            time.sleep(0.05)
        for number in numbers:
            time.sleep(seconds)
            os.kill(os.getpid(), number)

    threading.Thread(target=later).start()


@pytest.fixture
def _not_ignored() -> Iterator[None]:
    """As in a terminal: under nohup, or behind `&`, signals are ignored, and stay so."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(n, signal.default_int_handler) for n in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


@pytest.mark.usefixtures("_not_ignored")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupt_is_forwarded_to_the_whole_group(number: int, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    script = f"sleep 61 & echo $! > {pids}; echo $$ >> {pids}; wait"
    _interrupt_after(0.1, number, marker=pids)
    started = time.monotonic()
    with pytest.raises(CancelledError):
        stream([Invocation(("sh", "-c", script))], lambda *_: None)
    assert time.monotonic() - started < LONG
    time.sleep(0.1)
    for pid in pids.read_text().split():
        assert not _is_alive(int(pid))


@pytest.mark.usefixtures("_not_ignored")
def test_a_second_interrupt_kills() -> None:
    _interrupt_after(0.4, signal.SIGINT, signal.SIGINT)
    started = time.monotonic()
    with pytest.raises(CancelledError):
        stream([Invocation(("sh", "-c", "trap '' INT; sleep 61 & wait; sleep 61"))], lambda *_: None)
    assert time.monotonic() - started < LONG


def test_what_is_over_is_interrupted() -> None:
    """As soon as somebody says so, without a line of output."""
    over = threading.Event()
    threading.Timer(0.3, over.set).start()
    done = stream([Invocation(("sleep", "64")), Invocation(("sleep", "65"))], lambda *_: None, over.is_set)
    assert [each.exit_code for each in done] == [-signal.SIGINT, -signal.SIGINT]


def test_an_error_in_the_callback_leaves_no_process() -> None:
    seen: list[int] = []

    def fail(_index: int, line: str) -> None:
        seen.append(int(line))
        raise ValueError("callback")

    with pytest.raises(ValueError, match="callback"):
        stream([Invocation(("sh", "-c", "echo $$ >&2; exec sleep 62"))], fail)
    assert not _is_alive(seen[0])


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="prctl is Linux")
def test_a_build_is_interrupted_when_xbuild_is_killed(tmp_path: Path) -> None:
    marker = tmp_path / "pid"
    program = (
        "from xbuild.solve.run import Invocation, stream\n"
        f"stream([Invocation(('sh', '-c', 'echo $$ > {marker}; exec sleep 63'))], lambda *_: None)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": "src"})
    for _ in range(100):
        if marker.exists() and marker.read_text().strip():
            break
        time.sleep(0.05)
    process.kill()
    process.wait()
    time.sleep(0.3)
    assert not _is_alive(int(marker.read_text()))


@pytest.mark.parametrize("ending", ["raise SystemExit(3)", "os.kill(os.getpid(), signal.SIGINT)"])
def test_a_call_in_the_background_ends_with_us(ending: str, tmp_path: Path) -> None:
    marker = tmp_path / "pid"
    program = (
        "import os, signal, time\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from xbuild.pipeline.background import Background\n"
        "from xbuild.solve.run import run\n"
        f"asking = Background(lambda: run(('sh', '-c', 'echo $$ > {marker}; exec sleep 64')))\n"
        f"while not os.path.exists({str(marker)!r}): time.sleep(0.05)\n"
        f"time.sleep(0.1)\n{ending}\nasking.result()\n"
    )
    started = time.monotonic()
    subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": "src"}, check=False, timeout=60,
        capture_output=True,
    )  # fmt: skip
    assert time.monotonic() - started < LONG
    assert not _is_alive(int(marker.read_text()))


def _is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
