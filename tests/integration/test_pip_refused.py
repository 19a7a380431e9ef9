"""pip told of the target, on a real engine: what it would have to build, although its wheels were there, is
built once more on the target platform.
"""

from __future__ import annotations

import io
import tarfile
import uuid
from pathlib import Path

from tests.integration.commands import xbuild
from tests.integration.solving import BOTH, REGISTRY, docker, engine

# Nothing but an archive of its source, among wheels that were made for the target.
DOCKERFILE = """\
FROM python:3.13-slim AS build
RUN python -m venv /opt/venv && /opt/venv/bin/pip install setuptools wheel
RUN pip wheel -w /wheels markupsafe==3.0.3
COPY own-1.tar.gz /wheels/
RUN /opt/venv/bin/pip install --no-index --find-links /wheels --no-build-isolation markupsafe own

FROM python:3.13-slim
COPY --from=build /opt/venv /opt/venv
ENTRYPOINT ["/opt/venv/bin/python", "-c", "import own, markupsafe._speedups; print(own.MACHINE)"]
"""
SETUP = """\
import platform
from setuptools import setup
with open("own.py", "w") as file:
    file.write(f"MACHINE = {platform.machine()!r}")
setup(name="own", version="1", py_modules=["own"])
"""


def archive() -> bytes:
    """A source distribution that writes down the machine on which it is built."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as tar:
        for name, text in (
            ("setup.py", SETUP),
            ("PKG-INFO", "Metadata-Version: 2.1\nName: own\nVersion: 1\n"),
        ):
            entry = tarfile.TarInfo(f"own-1/{name}")
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text.encode()))
    return made.getvalue()


def test_what_pip_would_build_is_built_on_the_target(tmp_path: Path) -> None:
    engine()
    (tmp_path / "Dockerfile").write_text(DOCKERFILE)
    (tmp_path / "own-1.tar.gz").write_bytes(archive())
    reference = f"{REGISTRY}/pip-refused:{uuid.uuid4().hex[:8]}"
    done = xbuild("build", *BOTH, "--tag", reference, "--push", tmp_path)
    assert done.code == 0, done.err
    assert "stage build is built again on the target platform" in done.err
    for platform, machine in (("linux/amd64", "x86_64"), ("linux/arm64", "aarch64")):
        ran = docker("run", "--rm", "--pull", "always", "--quiet", "--platform", platform, reference)
        assert ran.stdout.strip() == machine
    docker("image", "rm", "--force", reference, check=False)
