"""What Python has to say about an image: of each platform by itself, then across them."""

from __future__ import annotations

from collections.abc import Sequence

from xbuild.verify.checks import Objections, PlatformImage
from xbuild.verify.languages.python.installed import objections
from xbuild.verify.languages.python.likeness import dissimilarities
from xbuild.verify.languages.python.sites import PythonFiles


def judge_images(images: Sequence[PlatformImage]) -> Objections:
    """All objections to these platforms of one image."""
    files = [PythonFiles(image) for image in images]
    alone = tuple(tuple(objections(each)) if each else () for each in files)
    return Objections(alone, tuple(dissimilarities(files)))
