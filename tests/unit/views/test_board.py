"""Live progress: what a terminal and a log show, made from events."""

from __future__ import annotations

from xbuild.platforms import Platform
from xbuild.solve.progress import Event, LogEvent, StatusEvent, TextEvent, VertexEvent, WarningEvent
from xbuild.views.board import Board, Log, Scene, mapped_warning
from xbuild.views.terminal import Terminal, width_of

AMD64, ARM64, I386 = (Platform.parse(name) for name in ("amd64", "arm64", "386"))
SCENE = Scene((AMD64,), (AMD64, ARM64), frozenset({"b"}))
NATIVE = "[linux/amd64 b 2/2] RUN go build"
CROSS = "[linux/amd64->arm64 b 2/2] RUN go build"
EMULATED = "[linux/arm64 run 2/2] RUN apt-get install"


def begin(name: str, at: float = 0.0) -> VertexEvent:
    return VertexEvent(name, name, started=at)


def end(name: str, at: float, error: str = "") -> VertexEvent:
    return VertexEvent(name, name, started=0.0, completed=at, error=error)


def lines(*events: Event, scene: Scene = SCENE) -> list[str]:
    log = Log(scene)
    return [line for event in events for line in log.take(event)]


def test_a_log_says_what_runs_where_and_how() -> None:
    assert lines(begin(NATIVE), begin(CROSS), begin(EMULATED), end(CROSS, 2.0)) == [
        "[linux/amd64 b 2/2] RUN go build (native)",
        "[linux/arm64 b 2/2] RUN go build (cross)",
        "[linux/arm64 run 2/2] RUN apt-get install (emulated)",
        "[linux/arm64 b 2/2] done in 2.0 s",
    ]


def test_a_log_prints_output_line_by_line() -> None:
    out = (LogEvent(NATIVE, 1, b"one\ntw"), LogEvent(NATIVE, 2, b"o\r\n10%\r20%\nrest \xff"))
    assert lines(begin(NATIVE), *out, end(NATIVE, 1.0))[1:] == [
        "[linux/amd64 b 2/2] | one",
        "[linux/amd64 b 2/2] | two",
        "[linux/amd64 b 2/2] | 20%",
        "[linux/amd64 b 2/2] | rest \ufffd",
        "[linux/amd64 b 2/2] done in 1.0 s",
    ]


def test_a_log_is_calm() -> None:
    copy = "[linux/amd64 b 1/2] COPY . ."
    cached = VertexEvent(copy, copy, started=0.0, completed=0.0, cached=True)
    assert lines(begin("[internal] load context"), TextEvent("x"), StatusEvent(copy, "s", 1, 2, False)) == []
    assert lines(begin(copy), end(copy, 0.1), end(copy, 0.1)) == [
        "[linux/amd64 b 1/2] COPY . .: done in 0.1 s"
    ]
    assert lines(cached) == ["[linux/amd64 b 1/2] COPY . .: from the cache"]
    failed = lines(begin(NATIVE), end(NATIVE, 1.0, "exit code: 1"), end(CROSS, 1.0, "context canceled"))
    assert [line.rpartition("] ")[2] for line in failed[1:]] == [
        "failed",
        "RUN go build (cross)",
        "cancelled",
    ]


def test_warnings_name_lines_of_the_users_file() -> None:
    mapped = {17: 15}
    assert mapped_warning("x (line 17)", mapped.get) == "x (line 15)"
    assert mapped_warning("x (line 18)", mapped.get) is None
    assert mapped_warning("x", mapped.get) == "x"
    scene = Scene((AMD64,), (AMD64,), frozenset(), mapped.get)
    assert lines(WarningEvent("v", "x (line 17)", 17, ""), scene=scene) == ["warning: x (line 15)"]


def test_single_platform_builds_do_not_say_where_a_step_runs() -> None:
    scene = Scene((AMD64,), (ARM64,), frozenset({"b"}))
    assert lines(begin("[b 2/2] RUN go build"), begin("[run 2/2] RUN x"), scene=scene) == [
        "[linux/arm64 b 2/2] RUN go build (cross)",
        "[linux/arm64 run 2/2] RUN x (emulated)",
    ]
    old = Scene((AMD64,), (I386,))
    assert lines(begin("[run 2/2] RUN x"), scene=old) == ["[linux/386 run 2/2] RUN x (native)"]


def test_control_characters_never_reach_the_terminal() -> None:
    name = "[linux/amd64 b 2/2] RUN \x1b[31mred\n\tand more"
    assert lines(begin(name)) == ["[linux/amd64 b 2/2] RUN ?[31mred and more (native)"]


def test_the_board_shows_what_is_running() -> None:
    board = Board(SCENE, started=100.0)
    for event in (begin(NATIVE, 101.0), begin(CROSS, 102.0), begin(EMULATED, 103.0)):
        board.take(event)
    shown = board.lines(112.0, Terminal())
    assert shown[0] == "building for 12 s: 0 of 3 steps, 1 emulated"
    assert [line.split() for line in shown[1:]] == [
        ["linux/amd64", "b", "RUN", "go", "build", "native", "11", "s"],
        ["linux/arm64", "b", "RUN", "go", "build", "cross", "10", "s"],
        ["linux/arm64", "run", "RUN", "apt-get", "install", "emulated", "9.0", "s"],
    ]


def test_the_board_fits_any_terminal() -> None:
    board = Board(SCENE, started=0.0)
    for number in range(20):
        name = f"[linux/arm64 stage-with-a-long-name {number}/20] RUN {'x' * 200}"
        board.take(begin(name, number))
    for width in (20, 30, 40, 80):
        shown = board.lines(50.0, Terminal(width=width))
        assert len(shown) == 10
        assert all(width_of(line) <= width for line in shown)
    assert board.lines(50.0, Terminal())[-1] == "and 12 more"


def test_the_board_shows_how_much_is_loaded() -> None:
    board = Board(SCENE, started=0.0)
    name = "[linux/amd64 b 1/2] FROM golang"
    board.take(begin(name))
    board.take(StatusEvent(name, "layer", 12_000_000, 80_000_000, False))
    assert "FROM golang 12/80 MB" in board.lines(1.0, Terminal())[1]
