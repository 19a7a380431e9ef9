"""Node: what bundlers make of a project is the same on every machine; what is installed for them is not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xbuild.plan.table import Work

if TYPE_CHECKING:
    from xbuild.plan.toolchains.node.node_toolchain import TOOLCHAIN as TOOLCHAIN

WORK: tuple[Work, ...] = ()


def __getattr__(name: str) -> Any:
    if name == "TOOLCHAIN":
        from xbuild.plan.toolchains.node.node_toolchain import TOOLCHAIN

        return TOOLCHAIN
    raise AttributeError(name)
