"""The image stores that a build loads into: which, whether they can take the image, and how it gets there."""

from __future__ import annotations

import json
from dataclasses import replace

from xbuild.errors import EngineError
from xbuild.solve.engine import Engine, docker, engine_error
from xbuild.solve.options import BuildOptions
from xbuild.solve.push import context_flag
from xbuild.solve.run import run

_ANSWER_SECONDS = 30.0


def loads_into_engine(options: BuildOptions, engine: Engine) -> bool:
    """`--load`, `type=docker`; with the docker driver also `type=image` and no output at all.

    Not with `push-by-digest`: what has no tag at the registry gets none here.
    """
    if options.loads:
        return True
    if engine.builder.driver != "docker":
        return False
    images = (output for output in options.outputs if output.type == "image")
    nothing_else = not (options.push or options.outputs)
    return nothing_else or any(not output.is_set("push-by-digest") for output in images)


def check_stores(options: BuildOptions, engine: Engine, platforms: int) -> dict[str, Engine]:
    """The engines whose stores the image goes into, by docker context; "" is the selected one.

    Raises EngineError when one does not answer or cannot hold the image.
    """
    if not loads_into_engine(options, engine):
        return {}
    contexts = options.load_contexts or ("",)
    if not engine.can_export_layout and any(contexts):
        raise EngineError(
            "the docker driver with the classic image store loads into its own engine only",
            expected="type=docker without context=, or a docker-container builder",
            hint="docker buildx create --use --driver docker-container",
        )
    stores = {context: _in_context(engine, context) for context in contexts}
    for store in stores.values():
        _check_store(store, platforms)
    return stores


def _in_context(engine: Engine, context: str) -> Engine:
    """The engine that a docker context leads to."""
    if not context:
        return engine
    command = (*docker(*context_flag(context)), "info", "--format", "{{json .}}")
    answer = run(command, timeout=_ANSWER_SECONDS)
    try:
        info = json.loads(answer.text)
    except ValueError:
        info = {}
    if not isinstance(info, dict) or not info.get("ServerVersion"):
        raise engine_error(answer.error_text or f"context {context}: Cannot connect to the Docker daemon")
    return replace(engine, info=info)


def _check_store(engine: Engine, platforms: int) -> None:
    if not engine.server_version:
        raise engine_error("Cannot connect to the Docker daemon")
    if not engine.containerd_store and platforms > 1:
        raise EngineError(
            "the classic image store cannot hold an image for several platforms",
            expected="the containerd image store, or one --platform with --load",
            hint='set {"features": {"containerd-snapshotter": true}} in /etc/docker/daemon.json',
        )
