"""gcc's compilers proper and binutils' as and ld: those of Debian's cross compiler, where its revision is the same."""

from __future__ import annotations

from xbuild.plan.twins.twin import Twin

TWIN = Twin("gcc", (), ("debian",), (1.0, 1.0))
