"""A base image by the digest of the image for one platform, not of the index with all.

Why: `FROM debian@sha256:…` takes exactly what the digest names. Where that is a manifest, every platform gets
the files of the one that it is for. `docker buildx imagetools inspect NAME` shows the digest of the index
first. Asked for with `--online` alone.

Fix: none: the digest that was meant is the registry's to tell, and newer than the one that is pinned.
"""

from __future__ import annotations

from collections.abc import Iterator

from xbuild.rules.registry import base_images, missing, told_of
from xbuild.rules.rule import Finding, Level, Rule, RuleContext


def check(context: RuleContext) -> Iterator[Finding]:
    for stage, reference in base_images(context.graph):
        told = told_of(context, reference)
        if "@" not in reference or told is None:
            continue
        there, is_index = told
        lacking = missing(context, stage, there)
        if there and lacking and not is_index:
            text = f"the digest is that of the image for {there[0]}, and {_names(lacking)} is asked for"
            yield Finding(stage.from_.image_span, text)


def _names(lacking: tuple[object, ...]) -> str:
    return " and ".join(map(str, lacking))


RULE = Rule(
    "digest-of-one-platform",
    Level.WARNING,
    "a base image by the digest of one platform's image",
    check,
    __doc__,
    is_online=True,
    buildkit="InvalidBaseImagePlatform",
)
