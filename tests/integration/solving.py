"""What the tests of solving share: an engine to build on, a project to build, and short names for both."""

from __future__ import annotations

import base64
import io
import json
import os
import subprocess
import urllib.request
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from xbuild.errors import EngineError
from xbuild.solve.build import SolveRequest, SolveResult, solve
from xbuild.solve.engine import Engine, inspect_engine
from xbuild.solve.inputs import read_inputs
from xbuild.solve.options import BuildOptions, parse_build_arguments
from xbuild.solve.progress import Event

REGISTRY = os.environ.get("XBUILD_TESTBED_REGISTRY", "127.0.0.1:5601")
AUTH_REGISTRY = os.environ.get("XBUILD_TESTBED_AUTH_REGISTRY", "")
CONTAINER_BUILDER = os.environ.get("XBUILD_TESTBED_CONTAINER_BUILDER", "xbuild-testbed")
BUILDERS = ("default", CONTAINER_BUILDER)
BOTH = ("--platform", "linux/amd64,linux/arm64")

DOCKERFILE = """\
# syntax=docker/dockerfile:1
FROM --platform=$BUILDPLATFORM busybox AS builder
COPY . /src
ARG TARGETARCH
RUN echo "for $TARGETARCH on $(uname -m)" > /out; ls -A /src > /list
FROM busybox
COPY --from=builder /out /list /
CMD ["cat", "/out"]
"""


@cache
def engine(builder: str = "default") -> Engine:
    try:
        return inspect_engine(builder)
    except EngineError as error:
        if "XBUILD_TESTBED" in os.environ:
            raise
        pytest.skip(f"no builder {builder}: {error.message}")


def project(folder: Path, files: Mapping[str, str] | None = None, dockerfile: str = DOCKERFILE) -> Path:
    for name, text in {"Dockerfile": dockerfile, "main.txt": "source", **(files or {})}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def build(
    folder: Path,
    *arguments: str,
    builder: str = "default",
    text: str | None = None,
    line_map: Callable[[int], int | None] | None = None,
    output: str = "layout",
    stdin: bytes | None = None,
    on_event: Callable[[Event], None] | None = None,
) -> tuple[SolveResult, BuildOptions]:
    options = parse_build_arguments(["--builder", builder, *arguments])
    folder.mkdir(parents=True, exist_ok=True)
    inputs = read_inputs(options, None if stdin is None else io.BytesIO(stdin), folder)
    request = SolveRequest(options, inputs, engine(builder), folder, text, line_map, output)
    return solve(request, on_event), options


def file_in(result: SolveResult, name: str, platform: str) -> str:
    """A text file of the image for one platform."""
    from xbuild.solve.export import merged

    assert result.layout is not None
    image = next(image for image in result.layout.images if str(image.platform) == platform)
    for member, content in merged(result.layout, image):
        if PurePosixPath("/", member.name) == PurePosixPath("/", name) and content is not None:
            return content.read().decode()
    pytest.fail(f"no {name} for {platform}")


def docker(*arguments: str, check: bool = True, **more: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["docker", *arguments], check=check, capture_output=True, text=True, **more)


def served_digest(reference: str) -> str | None:
    """What the registry says a tag names; None when there is no such tag."""
    host, _, rest = reference.partition("/")
    name, _, tag = rest.rpartition(":")
    accept = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json"
    request = urllib.request.Request(
        f"http://{host}/v2/{name}/manifests/{tag}", method="HEAD", headers={"Accept": accept}
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return str(answer.headers["Docker-Content-Digest"])
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return None
        raise


def with_login(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A docker configuration of our own that has a login for the registry that wants one."""
    own_configuration(folder, monkeypatch)
    user, password = os.environ["XBUILD_TESTBED_AUTH_USER"], os.environ["XBUILD_TESTBED_AUTH_PASSWORD"]
    auth = base64.b64encode(f"{user}:{password}".encode()).decode()
    login = json.dumps({"auths": {AUTH_REGISTRY: {"auth": auth}}})
    (folder / "docker-config/config.json").write_text(login)


def own_configuration(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A docker configuration without settings, but with the plugins of the one in use."""
    if not AUTH_REGISTRY:
        pytest.skip("XBUILD_TESTBED_AUTH_REGISTRY names no registry that wants a login")
    config = folder / "docker-config"
    config.mkdir()
    plugins = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker") / "cli-plugins"
    if plugins.is_dir():
        (config / "cli-plugins").symlink_to(plugins)
    monkeypatch.setenv("DOCKER_CONFIG", str(config))


_HELPER = """\
#!/bin/sh
read -r server
echo "$1 $server" >> {asked}
[ "$1" = get ] && [ "$server" = {registry} ] || {{ echo "credentials not found in native keychain"; exit 1; }}
user=$XBUILD_TESTBED_AUTH_USER
printf '{{"ServerURL":"%s","Username":"%s","Secret":"%s"}}' "$server" "$user" "$HELPER_PASSWORD"
"""


def with_credential_helper(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A docker configuration without a login, a helper on PATH that has it, and where it notes requests."""
    programs, asked = folder / "bin", folder / "asked"
    own_configuration(folder, monkeypatch)
    (folder / "docker-config/config.json").write_text(
        json.dumps({"credHelpers": {AUTH_REGISTRY: "xbuild-test"}})
    )
    programs.mkdir()
    helper = programs / "docker-credential-xbuild-test"
    helper.write_text(_HELPER.format(asked=asked, registry=AUTH_REGISTRY))
    helper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("HELPER_PASSWORD", os.environ["XBUILD_TESTBED_AUTH_PASSWORD"])
    return asked


def old_buildx(monkeypatch: pytest.MonkeyPatch) -> Engine:
    """The engine driven by the buildx of a year ago."""
    config = os.environ.get("XBUILD_TESTBED_OLD_BUILDX")
    if not config:
        pytest.skip("XBUILD_TESTBED_OLD_BUILDX names no older buildx")
    monkeypatch.setenv("DOCKER_CONFIG", config)
    found = inspect_engine("default")
    assert found.buildx_version < (0, 33, 0)
    return found


def read_json(path: Path) -> Any:
    return json.loads(path.read_text())
