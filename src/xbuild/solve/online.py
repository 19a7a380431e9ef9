"""What is asked online: a page or an index, and what a registry says of a base image. Answers are kept for a
day.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from xbuild.errors import RegistryError
from xbuild.solve.engine import docker
from xbuild.solve.run import run

_SECONDS = 30.0
_KEPT_SECONDS = 24 * 3600
_LARGEST = 32 * 1024 * 1024


def look_up(url: str) -> str:
    """The text at an https address. Raises RegistryError."""
    return _kept(url, lambda: _fetch(url))


def inspect_image(reference: str) -> str:
    """The JSON that buildx prints of an image: its config, or several by platform. Raises RegistryError."""
    return _kept(f"image {reference}", lambda: _inspect(reference))


def inspect_index(reference: str) -> str:
    """The digest of what a tag names today, `sha256:…`. Raises RegistryError."""
    argv = (*docker(), "buildx", "imagetools", "inspect", reference, "--format", "{{.Manifest.Digest}}")
    done = run(argv, timeout=_SECONDS)
    if not done.ok:
        last = (done.error_text.splitlines() or ["no answer"])[-1]
        raise RegistryError(f"{reference} cannot be looked at: {last}")
    return done.text.strip()


def _fetch(url: str) -> str:
    if not url.startswith("https://"):
        raise RegistryError(f"{url} is no https address")
    try:
        with urllib.request.urlopen(url, timeout=_SECONDS) as page:
            data = page.read(_LARGEST + 1)
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise RegistryError(
            f"{url} cannot be read: {error}", hint="check the network, or leave out --online"
        ) from error
    if len(data) > _LARGEST:
        raise RegistryError(f"{url} is larger than {_LARGEST // 1024**2} MiB")
    return str(data, "utf-8", "replace")


def _inspect(reference: str) -> str:
    argv = (*docker(), "buildx", "imagetools", "inspect", reference, "--format", "{{json .Image}}")
    done = run(argv, timeout=_SECONDS)
    if not done.ok:
        last = (done.error_text.splitlines() or ["no answer"])[-1]
        raise RegistryError(f"{reference} cannot be looked at: {last}")
    return done.text


def _kept(name: str, fetch: Callable[[], str]) -> str:
    """What was fetched less than a day ago, else what `fetch` returns; kept whole or not at all."""
    home = Path(os.environ.get("XDG_CACHE_HOME", ""))
    folder = (home if home.is_absolute() else Path("~/.cache").expanduser()) / "xbuild" / "answers"
    file = folder / hashlib.sha256(name.encode()).hexdigest()
    try:
        if time.time() - file.stat().st_mtime < _KEPT_SECONDS:
            return file.read_text("utf-8")
    except OSError:
        pass
    text = fetch()
    part = file.with_suffix(f".{os.getpid()}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        part.write_text(text, "utf-8")
        part.replace(file)
    except OSError:  # an answer that cannot be kept is fetched again
        with contextlib.suppress(OSError):
            part.unlink()
    return text
