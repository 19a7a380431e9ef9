"""Twins: the programs of which a native copy stands in for the emulated one. One twin, one room."""

from __future__ import annotations

from xbuild.plan.twins import apk, apt, gcc, go, node, pip
from xbuild.plan.twins.twin import Twin

TWINS: tuple[Twin, ...] = (apt.TWIN, apk.TWIN, node.TWIN, pip.TWIN, gcc.TWIN, go.TWIN)
