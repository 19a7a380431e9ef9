"""How a build is shown while it runs, in the words of what will be built."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager

from xbuild.cli.live import OnEvent, pass_raw, progress_kind, showing
from xbuild.cli.prepare import Prepared
from xbuild.solve.options import BuildOptions
from xbuild.views.board import Scene


def raw_of(options: BuildOptions) -> Callable[[str], None] | None:
    return pass_raw if options.progress == "rawjson" and not options.quiet else None


def showing_build(prepared: Prepared) -> AbstractContextManager[OnEvent | None]:
    kind = progress_kind(prepared.project.options, sys.stderr)
    return showing(kind, _scene(prepared))


def _scene(prepared: Prepared) -> Scene:
    return Scene.of(prepared.engine, prepared.request.platforms, _pinned(prepared), prepared.user_line)


def _pinned(prepared: Prepared) -> frozenset[str]:
    """Stages of the new text that run on the build platform."""
    from xbuild.graph.platform import runs_on

    graph = prepared.graph
    if graph is None:
        return frozenset()
    names = {
        stage.name or f"stage-{stage.index}"
        for stage in graph.stages
        if runs_on(graph, stage.index) == "build"
    }
    return frozenset(names)
