"""pip's twin where the default tests have it not: with Debian's own Python, and with musl on Alpine."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.solving import docker, engine
from tests.integration.test_twin_pip import MOUNT, STEPS, built, dockerfile

pytestmark = pytest.mark.panel

BASES = ("debian:bookworm-slim", "python:3.13-slim-trixie")
PACKAGES = "python3 python3-pip python3-venv ca-certificates"
INSTALL = "apt-get update && apt-get install -y --no-install-recommends"
OWN = f"RUN rm -rf /usr/local/bin /usr/local/lib && {INSTALL} {PACKAGES}\nENV PIP_BREAK_SYSTEM_PACKAGES=1"

ALPINE = "python:3.13-alpine"
# As in the official image there: a module of Python's without the library that it needs.
TKINTER = """\
RUN <<EOF
#!/usr/local/bin/python
import _ssl
from pathlib import Path
ssl = Path(_ssl.__file__)
(ssl.parent / ssl.name.replace("_ssl", "_tkinter")).write_bytes(
    ssl.read_bytes().replace(b"libssl.so.3", b"libtcl.so.8")
)
EOF
"""
# Wheels for musl in other places, a package that is built from its sources, and pip's cache.
ON_ALPINE = (
    "pip install --no-cache-dir --target /other pydantic-core==2.33.2 PyYAML==6.0.2",
    "pip install --no-cache-dir --user cffi==1.17.1",
    "pip install -I --no-cache-dir --no-binary markupsafe --prefix /third markupsafe==3.0.3",
    "pip wheel --wheel-dir /wheels six==1.17.0 && pip uninstall -y idna",
    f"{MOUNT}/pip/python python -m venv --upgrade-deps --copies /w",
)


@pytest.mark.parametrize("base", BASES)
def test_the_tree_is_that_of_the_emulated_build(base: str, tmp_path: Path) -> None:
    """In trixie's image the other Python is taken away."""
    engine()
    compared = built(tmp_path, dockerfile(base, OWN).replace("python -m", "python3 -m"))
    assert compared.differs == []
    assert compared.refused() == {}
    assert compared.leaks == []
    assert set(compared.twins) == {"pip: native"}


def test_on_alpine(tmp_path: Path) -> None:
    engine()
    if docker("image", "inspect", ALPINE, check=False).returncode:
        pytest.skip(f"no {ALPINE} here (tests/testbed/run images {ALPINE})")
    compared = built(tmp_path, dockerfile(ALPINE, TKINTER, STEPS[:-1] + ON_ALPINE + STEPS[-1:]))
    assert compared.differs == []
    assert compared.refused() == {}
    assert compared.leaks == []
    assert len(compared.paths) > 6000
    assert "third/lib/python3.13/site-packages/markupsafe/__init__.py" in compared.paths
    assert any("/_yaml.cpython-313-" in path and path.endswith("-linux-musl.so") for path in compared.paths)
    assert set(compared.twins) == {"pip: native"}
    assert len(compared.twins) > 15
    _, *opened = (compared.folder / "list").read_text().splitlines()
    assert len(opened) > 5
    assert [path for path in opened if not path.startswith(MOUNT + "/")] == []
