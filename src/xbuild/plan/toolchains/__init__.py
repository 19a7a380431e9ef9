"""Language plugins: one language, one room. Their order is the order in which they are asked.

A room is imported whole when its `TOOLCHAIN` is first asked for; its kinds of work are told without.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xbuild.plan.toolchains import go, java, node, python, rust, sites

if TYPE_CHECKING:
    from xbuild.plan.toolchains.every import DESCRIBED as DESCRIBED
    from xbuild.plan.toolchains.every import IMAGES as IMAGES
    from xbuild.plan.toolchains.every import TOOLCHAINS as TOOLCHAINS
    from xbuild.plan.toolchains.every import image_facts as image_facts

WORK = (*go.WORK, *java.WORK, *node.WORK, *python.WORK, *rust.WORK, *sites.WORK)


def __getattr__(name: str) -> Any:
    if name in ("DESCRIBED", "IMAGES", "TOOLCHAINS", "image_facts"):
        from xbuild.plan.toolchains import every

        return getattr(every, name)
    raise AttributeError(name)
