"""A build that does nothing any more, by a clock of our own."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from xbuild.solve import stall
from xbuild.solve.engine import Builder, BuilderNode
from xbuild.solve.run import Completed, Invocation
from xbuild.solve.stall import Stall, can_tell, cpu_seconds

LIMIT = 300.0
LOOK = LIMIT / 10


@dataclass
class Scene:
    """Time, what the builder has used, and whether a step with twins runs."""

    now: float = 1000.0
    used: float | None = 50.0
    is_concerned: bool = True
    asked: int = 0
    stall: Stall = field(init=False)

    def __post_init__(self) -> None:
        self.stall = Stall(LIMIT, self._used, lambda: self.is_concerned, lambda: self.now)

    def _used(self) -> float | None:
        self.asked += 1
        return self.used

    def go_on(self, minutes: float, busy: float = 0.0) -> bool:
        """With a look every half minute, and a builder that uses this share of a processor."""
        for _ in range(int(minutes * 2)):
            self.now += LOOK
            if self.used is not None:
                self.used += busy * LOOK
            self.stall.look()
        return self.stall.is_over


def test_neither_output_nor_time() -> None:
    scene = Scene()
    assert not scene.go_on(5)
    assert scene.asked == 1
    assert scene.go_on(1)


def test_a_silent_step_that_works_goes_on() -> None:
    """Emulated work may be silent for an hour, also if it mostly waits."""
    assert not Scene().go_on(60, busy=1.0)
    assert not Scene().go_on(60, busy=0.01)
    assert Scene().go_on(60, busy=0.001)


def test_work_that_ends() -> None:
    scene = Scene()
    assert not scene.go_on(20, busy=1.0)
    assert not scene.go_on(4)
    assert scene.go_on(7)


def test_output_begins_it_anew() -> None:
    scene = Scene()
    for _ in range(10):
        assert not scene.go_on(4.5)
        scene.stall.heard()
    assert scene.go_on(6)


def test_output_while_the_builder_is_asked() -> None:
    scene = Scene()
    assert not scene.go_on(5)

    def talking() -> float:
        scene.stall.heard()
        return 50.0

    scene.stall.used = talking
    assert not scene.go_on(1)


def test_a_builder_that_is_asked_only_when_it_is_silent() -> None:
    scene = Scene()
    for _ in range(100):
        scene.now += 29
        scene.stall.look()
        scene.stall.heard()
    assert scene.asked == 0


def test_what_cannot_be_told_is_no_sign() -> None:
    assert not Scene(used=None).go_on(60)
    scene = Scene()
    assert not scene.go_on(3)
    scene.used = None
    assert not scene.go_on(10)
    scene.used = 50.0
    assert not scene.go_on(4)


def test_no_step_with_twins_no_sign() -> None:
    assert not Scene(is_concerned=False).go_on(60)


NODES = (BuilderNode("b0", "unix:///run/docker.sock"), BuilderNode("b1", "far"))
BUILDER = Builder("b", "docker-container", NODES)


@pytest.mark.parametrize(
    ("outputs", "seconds"),
    [
        ((b"usage_usec 2500000\nuser_usec 1\n", b"19301207710\n"), 2.5 + 19.30120771),
        ((b"usage_usec 2500000\n", b""), None),
        ((b"usage_usec 2500000\n", None), None),
    ],
)
def test_time_from_control_groups(
    monkeypatch: pytest.MonkeyPatch, outputs: tuple[bytes | None, ...], seconds: float | None
) -> None:
    asked: list[tuple[str, ...]] = []

    def run_all(commands: list[Invocation], **_more: Any) -> tuple[Completed, ...]:
        asked.extend(command.argv[1:5] for command in commands)
        return tuple(
            Completed(command.argv, 1 if output is None else 0, output or b"", b"", 0.1)
            for command, output in zip(commands, outputs, strict=True)
        )

    monkeypatch.setattr(stall, "run_all", run_all)
    assert cpu_seconds(BUILDER) == (None if seconds is None else pytest.approx(seconds))
    assert asked == [
        ("--host", "unix:///run/docker.sock", "exec", "buildx_buildkit_b0"),
        ("--context", "far", "exec", "buildx_buildkit_b1"),
    ]


def test_other_drivers_do_not_tell() -> None:
    for driver in ("docker", "remote", "kubernetes"):
        assert not can_tell(replace(BUILDER, driver=driver))
        assert cpu_seconds(replace(BUILDER, driver=driver)) is None
