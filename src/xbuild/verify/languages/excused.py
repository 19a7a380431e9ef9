"""The whole table of what may differ between two trees: rows for every image, then those of each language."""

from __future__ import annotations

from xbuild.verify import excuses as common
from xbuild.verify.excuses import Excuse
from xbuild.verify.languages.go import leftovers as go
from xbuild.verify.languages.java import members as java

EXCUSES: tuple[Excuse, ...] = (*common.EXCUSES, *go.EXCUSES, *java.EXCUSES)
