"""What native twins say in the output of a step: taken over, stepped aside and why, or gone wrong.

A line is `xbuild-twin: NAME: native`, `… own: WHY` or `… mark: WHY` (plan/twins/helper/twin.sh). A step with
the mount's name in its output, or that fails because that is read-only, counts as marked. A helper that has
no twin says `xbuild-helper: NAME: WHY`, or `… failed: WHY` where another try may do better
(helper/prepare.sh). A
program that was told of the target says `xbuild: NAME is not started: nothing is built for MACHINE here`
(plan/toolchains/python/told.py), and its step fails.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from xbuild.plan.twins.twin import MOUNT

_LINE = re.compile(rb"^xbuild-twin: ([a-z0-9-]+): (native|own|mark)(?:: (.*))?\r?$", re.MULTILINE)
_HELPER = re.compile(rb"^xbuild-helper: ([a-z0-9-]+): (failed: )?(.*?)\r?$", re.MULTILINE)
# What a shell with -x says of the words that were put there.
_TRACE = re.compile(rb"^\++ .*$", re.MULTILINE)
_SIGNS = (MOUNT.encode(), b"Read-only file system")
_MARKED = "exit code: 97"  # of a step at whose end a mark was found (plan/twins/helper/env.sh)


@dataclass(frozen=True, slots=True)
class TwinLine:
    """`word` is native, own (the author's program ran, and `why`) or mark (what it made is not trusted)."""

    twin: str
    word: str
    why: str = ""


def twin_lines(log: bytes) -> tuple[TwinLine, ...]:
    """What twins said, each thing once."""
    found = (
        TwinLine(m[1].decode(), m[2].decode(), (m[3] or b"").decode("utf-8", "replace"))
        for m in _LINE.finditer(log)
    )
    return tuple(dict.fromkeys(found))


@dataclass(frozen=True, slots=True)
class HelperLine:
    """Which twin a helper did not make ("all": none), why, and whether it may do better the next time."""

    twin: str
    why: str
    is_failed: bool = False


def helper_lines(log: bytes) -> tuple[HelperLine, ...]:
    """What helpers said, each thing once."""
    found = (
        HelperLine(m[1].decode(), m[3].decode("utf-8", "replace"), m[2] is not None)
        for m in _HELPER.finditer(log)
    )
    return tuple(dict.fromkeys(found))


_REFUSAL = re.compile(rb"^xbuild: (\S+) is not started: nothing is built for (\S+) here\r?$", re.MULTILINE)


def refusal_in(log: bytes) -> str | None:
    """What a program that was told of the target would have had to build here, as far as it says."""
    found = _REFUSAL.search(log)
    if found is None:
        return None
    program, machine = (part.decode("utf-8", "replace") for part in found.groups())
    return f"{program} would have built something for {machine}, which a pinned stage does not"


def mark_in(log: bytes, failure: str | None = None) -> str | None:
    """Why a step has to be built again without twins, if it has to. `failure` is what is said of one that
    failed.
    """
    mark = next((line for line in twin_lines(log) if line.word == "mark"), None)
    if mark is not None:
        return f"the twin of {mark.twin}: {mark.why}"
    rest = _TRACE.sub(b"", _HELPER.sub(b"", _LINE.sub(b"", log)))
    if failure is not None:
        if _MARKED in failure and MOUNT in failure:
            return "a twin left a mark, whose line is lost"
        sign = next((s for s in _SIGNS if s in rest), None)
        return None if sign is None else f"it fails, and says {sign.decode()}"
    return f"it says {MOUNT}" if MOUNT.encode() in rest else None
