"""Python: installers take wheels for the target, and virtual environments are the same everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xbuild.plan.table import Work

if TYPE_CHECKING:
    from xbuild.plan.toolchains.python.python_toolchain import TOOLCHAIN as TOOLCHAIN

WORK = (
    Work("uv sync", "uv sync"),
    Work(
        "pip install",
        "pip install, pip wheel, uv pip install, uv pip sync, python -m pip install, python -m pip wheel",
    ),
)


def __getattr__(name: str) -> Any:
    if name == "TOOLCHAIN":
        from xbuild.plan.toolchains.python.python_toolchain import TOOLCHAIN

        return TOOLCHAIN
    raise AttributeError(name)
