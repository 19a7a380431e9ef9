"""Languages that judge an image as a whole, not only each program in it. They are asked in this order."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from xbuild.verify.checks import Objections, PlatformImage
from xbuild.verify.languages.java import native_libraries as java
from xbuild.verify.languages.node import addons
from xbuild.verify.languages.node import machine_bound as node
from xbuild.verify.languages.python import judging as python

ROOMS: tuple[Callable[[Sequence[PlatformImage]], Objections], ...] = (
    java.judge_images,
    node.judge_files,
    addons.judge_images,
    python.judge_images,
)
