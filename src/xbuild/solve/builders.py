"""Builders as objects: list, create, start, remove, through python-on-whales.

python-on-whales takes half a second to import, so it is imported only when one of these is called
(`doctor --fix`, the test bed): docs/decisions/0020-client-calls.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from xbuild.solve.engine import docker, engine_error

if TYPE_CHECKING:
    from python_on_whales import DockerClient


def client() -> DockerClient:
    """The user's client, contexts and credential helpers included."""
    from python_on_whales import DockerClient

    return DockerClient(client_call=[docker()])


def builder_names() -> tuple[str, ...]:
    """Names of all builders."""
    from python_on_whales.exceptions import DockerException

    try:
        return tuple(sorted({builder.name for builder in client().buildx.list() if builder.name}))
    except DockerException as error:
        raise engine_error(str(error.stderr or error)) from error


def create_builder(
    name: str,
    *,
    use: bool = False,
    options: Mapping[str, str] | None = None,
    config: str | None = None,
) -> None:
    """A docker-container builder, started. Raises EngineError."""
    from python_on_whales.exceptions import DockerException

    try:
        client().buildx.create(
            name=name,
            driver="docker-container",
            bootstrap=True,
            use=use,
            driver_options=dict(options or {}),
            config=config,
        )
    except DockerException as error:
        raise engine_error(str(error.stderr or error), builder=name) from error


def remove_builder(name: str) -> None:
    """Remove a builder and its cache. Raises EngineError."""
    from python_on_whales.exceptions import DockerException

    try:
        client().buildx.remove(name)
    except DockerException as error:
        raise engine_error(str(error.stderr or error), builder=name) from error
