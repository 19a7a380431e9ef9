"""Language plugins: one language, one file. Their order is the order in which they are asked."""

from __future__ import annotations

from xbuild.plan.toolchain import Toolchain
from xbuild.plan.toolchains import go

TOOLCHAINS: tuple[Toolchain, ...] = (go.TOOLCHAIN,)
