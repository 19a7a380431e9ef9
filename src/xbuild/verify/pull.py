"""Bring an image to this machine without running it: from a registry, or out of an engine's store.

The tools that users have do the talking (decision 0010): `docker buildx imagetools create` from a registry
into an OCI layout (buildx 0.33 or later; no engine is needed), else `skopeo copy`. Both know the user's
docker logins, credential helpers, tokens and loopback registries.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from xbuild.errors import EngineError, ImageError, RegistryError, XbuildError
from xbuild.platforms import Platform
from xbuild.solve.engine import docker

_TIMEOUT = 900

# distribution/reference, `ReferenceRegexp`: [host[:port]/]path[:tag][@digest]; only the host has capitals
_PART = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_REFERENCE = re.compile(
    rf"(?:(?:[A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\])(?::\d+)?/)?{_PART}(?:/{_PART})*"
    r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@[a-z0-9]+:[0-9a-f]{32,})?"
)

# What registries and the tools say → what to do; the first that fits counts
_REASONS: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (
        ("unauthorized", "authentication required", "no basic auth", "denied", "401", "403"),
        "the registry refuses access",
        "log in with `docker login`, or check that the account may pull this repository",
    ),
    (
        ("manifest unknown", "not found", "404", "name unknown"),
        "there is no such image in the registry",
        "check the name and the tag",
    ),
    (
        ("429", "toomanyrequests", "rate limit"),
        "the registry limits how often one may pull",
        "log in with `docker login`, or try again later",
    ),
    (
        ("timeout", "deadline exceeded", "timed out"),
        "the registry does not answer in time",
        "check the network and proxy settings, then try again",
    ),
    (
        ("connection refused", "no such host", "dial tcp", "lookup ", "network is unreachable"),
        "the registry cannot be reached",
        "check the registry's name and port, and the network",
    ),
    (
        ("x509", "certificate", "tls:", "server gave http response to https client"),
        "the registry's certificate is not trusted",
        "install its certificate, or list it as insecure in the builder's configuration",
    ),
)


@contextmanager
def pulled(reference: str, platforms: Sequence[Platform] | None = None) -> Iterator[Path]:
    """An OCI layout with the image of a registry, removed at the end."""
    if not _REFERENCE.fullmatch(reference):
        raise ImageError(f"{reference!r} is not an image reference", expected="for example registry/name:tag")
    with tempfile.TemporaryDirectory(prefix="xbuild-pull-") as folder:
        layout = Path(folder) / "layout"
        _pull(reference, layout, platforms)
        yield layout


def _pull(reference: str, layout: Path, platforms: Sequence[Platform] | None) -> None:
    skopeo = shutil.which("skopeo")
    if shutil.which(docker()[0]) is not None:
        error = _imagetools(reference, layout, platforms)
        if error is None:
            return
        if not _too_old(error):
            raise _registry_error(reference, error)
    if skopeo is not None:
        error = _skopeo(skopeo, reference, layout)
        if error is None:
            return
        raise _registry_error(reference, error)
    raise EngineError(
        "no tool to pull images with",
        expected="docker with buildx 0.33 or later, or skopeo",
        hint="install or upgrade docker buildx, or verify a layout or an archive instead",
    )


def _too_old(error: str) -> bool:
    """Before 0.33 imagetools takes the layout for a reference; without buildx `docker buildx` is unknown."""
    signs = ("invalid reference format", "is not a docker command", "unknown command", "unknown flag")
    return any(sign in error for sign in signs)


def _imagetools(reference: str, layout: Path, platforms: Sequence[Platform] | None) -> str | None:
    command = [*docker(), "buildx", "imagetools", "create", "--prefer-index=false"]
    for platform in platforms or ():
        command += ["--platform", str(platform)]
    return _run([*command, "--tag", f"oci-layout://{layout}:latest", reference])


def _skopeo(skopeo: str, reference: str, layout: Path) -> str | None:
    host = reference.partition("/")[0]
    command = [skopeo, "copy", "--all", "--quiet"]
    if host.partition(":")[0] in ("localhost", "127.0.0.1") or host.startswith("[::1]"):
        command.append("--src-tls-verify=false")  # as docker treats loopback registries
    return _run([*command, f"docker://{reference}", f"oci:{layout}:latest"])


def _run(command: list[str]) -> str | None:
    """None when the command succeeds, else what it said."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=_TIMEOUT)
    except subprocess.TimeoutExpired:
        return f"timed out after {_TIMEOUT} seconds"
    except OSError as error:
        raise EngineError(f"{command[0]} cannot be started: {error.strerror}") from error
    if done.returncode == 0:
        return None
    return done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}"


def _registry_error(reference: str, text: str) -> XbuildError:
    last = text.splitlines()[-1].removeprefix("ERROR: ") if text else ""
    lowered = text.lower()
    for signs, message, hint in _REASONS:
        if any(sign in lowered for sign in signs):
            return RegistryError(f"{reference}: {message} ({last})", hint=hint)
    return RegistryError(f"{reference}: cannot be pulled: {last}", hint="try `docker pull` for more")


@contextmanager
def saved(reference: str) -> Iterator[Path]:
    """A `docker save` archive of an image in the engine's store, removed at the end."""
    # Late: importing python-on-whales takes half a second.
    from python_on_whales import DockerClient
    from python_on_whales.exceptions import DockerException, NoSuchImage

    with tempfile.TemporaryDirectory(prefix="xbuild-save-") as folder:
        archive = Path(folder) / "image.tar"
        try:
            DockerClient(client_call=[*docker()]).image.save(reference, output=archive)
        except NoSuchImage as error:
            raise ImageError(
                f"the engine has no image {reference}", hint="check `docker image ls`"
            ) from error
        except DockerException as error:
            said = (error.stderr or "").strip().splitlines()
            detail = said[-1] if said else f"exit code {error.return_code}"
            raise EngineError(
                f"`docker save {reference}` failed: {detail}", hint="check that the engine runs"
            ) from error
        yield archive
