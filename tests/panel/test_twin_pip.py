"""pip's twin with Debian's own Python, which the default tests have not: its pip, its environments."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.integration import test_twin_pip
from tests.integration.solving import engine
from tests.integration.test_twin_pip import BASE

pytestmark = pytest.mark.panel

BASES = ("debian:bookworm-slim", "python:3.13-slim-trixie")
PACKAGES = "python3 python3-pip python3-venv ca-certificates"
INSTALL = "apt-get update && apt-get install -y --no-install-recommends"
OWN = f"RUN rm -rf /usr/local/bin /usr/local/lib && {INSTALL} {PACKAGES}"


@pytest.mark.parametrize("base", BASES)
def test_the_tree_is_that_of_the_emulated_build(base: str, tmp_path: Path) -> None:
    """In trixie's image the other Python is taken away."""
    engine()
    text = re.sub(
        rf"^FROM (.*){re.escape(BASE)} AS (target|native)$", rf"FROM \1{base} AS \2\n{OWN}",
        test_twin_pip.DOCKERFILE, flags=re.MULTILINE,
    )  # fmt: skip
    text = text.replace("ENV PIP_", "ENV PIP_BREAK_SYSTEM_PACKAGES=1 PIP_").replace("python -m", "python3 -m")
    compared = test_twin_pip.built(tmp_path, text)
    assert compared.differs == []
    assert compared.refused() == {}
    assert compared.leaks == []
    assert set(compared.twins) == {"pip: native"}
