"""What an installer brings for the stage's own use."""

from __future__ import annotations

import pytest

from xbuild.plan.toolchains.python.tools import tool, tools_of


@pytest.mark.parametrize("requirement", ["pip", "Setuptools<70", "wheel == 0.45.1", " pip>=24,!=24.1 "])
def test_text_alone(requirement: str) -> None:
    found = tool(requirement)
    assert found is not None
    assert found.is_pure


@pytest.mark.parametrize(
    ("requirement", "program"),
    [("uv==0.7.22", "uvx"), ("poetry[x]", "poetry"), ("Pip_Tools", "pip-compile"), ("pip[x]", "pip3")],
)
def test_native(requirement: str, program: str) -> None:
    found = tool(requirement)
    assert found is not None
    assert program in found.programs
    assert not found.is_pure


@pytest.mark.parametrize(
    "requirement",
    [
        None,
        "",
        "django",
        "uvicorn",
        "./uv",
        "uv @ https://example.org/uv.whl",
        "uv; python_version<'3'",
        "git+x",
    ],
)
def test_no_tool(requirement: str | None) -> None:
    assert tool(requirement) is None
    assert tools_of(("pip", requirement)) is None


def test_tools_alone() -> None:
    assert len(tools_of(("pip", "uv")) or ()) == 2
    assert tools_of(()) is None
