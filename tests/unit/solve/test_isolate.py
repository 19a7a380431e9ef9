"""A measurement has cache mounts of its own."""

from __future__ import annotations

from xbuild.dockerfile.parser import parse
from xbuild.solve.isolate import with_own_caches
from xbuild.text import Source


def test_every_cache_mount_gets_an_id_of_its_own() -> None:
    text = (
        "FROM a\n"
        "RUN --mount=type=cache,target=/c --mount=type=bind,target=/b true\n"
        "RUN --mount=type=cache,id=x,target=/d true\n"
        "ONBUILD RUN --mount=type=cache,target=/e true\n"
    )
    assert with_own_caches(parse(Source.from_bytes("Dockerfile", text.encode())), "own").splitlines()[1:] == [
        "RUN --mount=type=cache,target=/c,id=own:/c --mount=type=bind,target=/b true",
        "RUN --mount=type=cache,id=x,target=/d,id=own:x true",
        "ONBUILD RUN --mount=type=cache,target=/e,id=own:/e true",
    ]
