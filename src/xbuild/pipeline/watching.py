"""What a caller may see and hear while the pipeline works."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from xbuild.pipeline.prepare import Prepared
from xbuild.solve.progress import Event
from xbuild.views.board import Scene
from xbuild.views.report import Outcome

OnEvent = Callable[[Event], None]


class Watcher:
    """Is told of what happens; this one keeps it to itself."""

    on_raw: Callable[[str], None] | None = None
    """Gets every line of buildx's rawjson."""

    def showing(self, scene: Scene) -> AbstractContextManager[OnEvent | None]:  # noqa: ARG002
        """While a solve runs: something to give its events to."""
        return nullcontext(None)

    def note(self, text: str) -> None:
        """What is being done now, in a line."""

    def warn(self, text: str) -> None:
        """What did not work, and stops nothing."""

    def ready(self, prepared: Prepared) -> None:
        """What will be built is settled, or settled anew: what it needs may be made ready, or refused."""

    def came_to(self, prepared: Prepared, outcome: Outcome) -> None:
        """What came of it, also of a build that is not delivered."""


def scene_of(prepared: Prepared) -> Scene:
    """What the steps of a build are read against."""
    return Scene.of(prepared.engine, prepared.request.platforms, prepared.pinned, prepared.user_line)
