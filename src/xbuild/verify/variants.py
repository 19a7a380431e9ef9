"""Platforms as indexes name them: a Linux image is judged also when its variant is not one of `platforms.py`.

An index may say `linux/arm64/v8.2` or `linux/arm/v8`; nothing that a build is asked for, but what is in the
image must run all the same.
"""

from __future__ import annotations

import re
from dataclasses import replace

from xbuild.errors import PlatformError
from xbuild.platforms import Platform

_NUMBER = re.compile(r"v?(\d{1,3})(?!\d)")


def read_platform(text: str) -> Platform | None:
    """The platform, its variant as it stands when it is not a known one; None when it cannot be judged."""
    try:
        return Platform.parse(text)
    except PlatformError:
        pass
    os, _, rest = text.strip().lower().partition("/")
    architecture, _, variant = rest.partition("/")
    try:
        plain = Platform.parse(f"{os}/{architecture}")
    except PlatformError:
        return None
    return replace(plain, variant="" if (plain.architecture, variant) == ("arm64", "v8.0") else variant)


def judged_as(platform: Platform) -> Platform:
    """The platform with a variant that has a meaning: the nearest below for amd64 and arm."""
    found = _NUMBER.match(platform.variant)
    number = int(found[1]) if found else 0
    if platform.architecture == "amd64":
        return replace(platform, variant=f"v{min(number, 4)}" if number > 1 else "")
    if platform.architecture == "arm":
        return replace(platform, variant=f"v{min(max(number, 5), 8)}" if number else "v7")
    return platform
