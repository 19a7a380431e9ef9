"""What a word in FROM comes to for each platform: platform ARGs taken as known, one pair of platforms at a
time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from xbuild.graph.expand import expand_known
from xbuild.graph.model import StageGraph, Value
from xbuild.graph.scope import global_values
from xbuild.platforms import Platform, known_names
from xbuild.text import expression, replace

Pair = tuple[Platform, Platform]

_KNOWN = tuple(Platform.parse(f"linux/{name}") for name in known_names())
_AMD64 = Platform.parse("amd64")
# Operating systems and architectures that may stand alone (`database.go`, `isKnownOS`, `isKnownArch`).
_ALONE = expression(
    r"aix|android|darwin|dragonfly|freebsd|hurd|illumos|ios|js|linux|nacl|netbsd|openbsd|plan9|solaris|windows|zos"
    r"|386|amd64|amd64p32|arm|armbe|arm64|arm64be|ppc64|ppc64le|loong64|mips|mipsle|mips64|mips64le|mips64p32"
    r"|mips64p32le|ppc|riscv|riscv64|s390|s390x|sparc|sparc64|wasm|i386|x86_64|x86-64|aarch64|armhf|armel",
    re.IGNORECASE,
)
_PART = expression(r"[A-Za-z0-9_.-]+")
_ARM64 = Platform.parse("arm64")


def platform_values(build: Platform, target: Platform) -> dict[str, str]:
    """The automatic platform ARGs of a build on `build` for `target` (`dockerfile2llb/platform.go`,
    `defaultArgs`).
    """
    return {
        f"{side}{part}": value
        for side, platform in (("BUILD", build), ("TARGET", target))
        for part, value in (
            ("PLATFORM", str(platform)),
            ("OS", platform.os),
            ("ARCH", platform.architecture),
            ("VARIANT", platform.variant),
        )
    }


def is_platform(text: str) -> bool:
    """Whether containerd can read `text` as a platform (`platforms.go`, `Parse`), known here or not."""
    parts = text.split("/")
    if len(parts) == 1:
        return _ALONE.fullmatch(text) is not None
    return len(parts) <= 3 and all(_PART.fullmatch(part) for part in parts)


def every_pair() -> Iterator[Pair]:
    """Build and target platforms enough to see every value that a word in FROM can take."""
    for target in _KNOWN:
        yield _AMD64, target
        yield _ARM64, target
    for build in _KNOWN:
        yield build, _AMD64


def expand_for(graph: StageGraph, text: str, pair: Pair) -> str | None:
    """`text`, a word of a FROM, on a pair of platforms; None when it depends on something else that is
    unknown.
    """
    return expand_known(text, _values_for(graph, pair).get, graph.dockerfile.escape).text


def _values_for(graph: StageGraph, pair: Pair) -> dict[str, Value]:
    memo: dict[Pair, dict[str, Value]] = graph.memo.setdefault("platforms", {})
    if pair not in memo:
        options = replace(graph.options, platform_values=platform_values(*pair))
        escape = graph.dockerfile.escape
        memo[pair] = global_values(
            graph.global_instructions, options, escape, graph.global_values["TARGETSTAGE"].text
        )
    return memo[pair]
