"""Creating and starting builders, through python-on-whales.

It takes longer to import than the calls of a whole build take together, so it is imported only when a builder
is repaired (`doctor --fix`): docs/decisions/0001-docker-client.md.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from xbuild.solve.engine import docker, engine_error

if TYPE_CHECKING:
    from python_on_whales import DockerClient


def create_builder(name: str) -> None:
    """A docker-container builder, started. Raises EngineError."""
    _call(
        name,
        lambda client: client.buildx.create(name=name, driver="docker-container", bootstrap=True),
    )


def start_builder(name: str) -> None:
    """Start the nodes of a builder. Raises EngineError."""
    _call(name, lambda client: client.buildx.inspect(name, bootstrap=True))


def _call(name: str, action: Callable[[DockerClient], object]) -> None:
    """With the user's own client: its contexts, builders and credential helpers."""
    from python_on_whales import ClientNotFoundError, DockerClient, DockerException

    try:
        action(DockerClient(client_call=[*docker()]))
    except DockerException as error:
        raise engine_error(str(error.stderr or error), builder=name) from error
    except (ClientNotFoundError, ValueError) as error:
        # The second where the listing of builders, which it reads afterwards, is not as it knows it.
        raise engine_error(str(error), builder=name) from error
