"""BuildKit's own checks of a Dockerfile: `docker buildx build --call=check`, which builds nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xbuild.solve.engine import docker
from xbuild.solve.run import Invocation, run_all

_AT_ONCE = 4
_SECONDS = 120.0


@dataclass(frozen=True)
class CheckRequest:
    """A text to be checked for one platform, in a context."""

    text: bytes
    context: str
    platform: str
    target: str | None = None


def run_checks(requests: Sequence[CheckRequest]) -> list[tuple[str, str]]:
    """For each request what is printed as JSON, or "" and why there is nothing.

    Raises EngineError without docker.
    """
    found: list[tuple[str, str]] = []
    for start in range(0, len(requests), _AT_ONCE):
        commands = [Invocation(_command(r), r.text) for r in requests[start : start + _AT_ONCE]]
        for done in run_all(commands, timeout=_SECONDS):
            # With warnings the exit code is 1, as for a check that could not be made.
            is_told = done.text.lstrip().startswith("{")
            reason = (done.error_text.splitlines() or ["no answer"])[-1] if not is_told else ""
            found.append((done.text if is_told else "", reason))
    return found


def _command(request: CheckRequest) -> tuple[str, ...]:
    target = ("--target", request.target) if request.target else ()
    call = ("--call=check,format=json", "--platform", request.platform)
    return (*docker(), "buildx", "build", "--progress=quiet", *call, *target, "-f", "-", request.context)
