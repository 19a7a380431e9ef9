"""Programs of the project that javac runs while it compiles: annotation processors, and plugins that start
by themselves. javac finds them by files of the name of a service, on the class path where no other is given.

Sources: Oracle "The javac Command" (annotation processing); `javax.annotation.processing.Processor`;
`com.sun.source.util.Plugin` (autoStart).
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence

from xbuild.plan.context import Context
from xbuild.plan.facts.filesystem import Write, overlaps
from xbuild.plan.recipes.own_files import told_once
from xbuild.plan.table import words
from xbuild.plan.toolchain import Call
from xbuild.plan.toolchains.java.untold import BoundError

SERVICES = words("javax.annotation.processing.Processor com.sun.source.util.Plugin")
"""Names of the files by which javac finds programs that it runs."""
_CURE = "compile with -proc:none, or leave the processor to a published jar and to Maven or Gradle"


def check_services(call: Call, class_path: Sequence[str | None], *, runs_processors: bool) -> None:
    """Raises BoundError where a program of the project's own may lie on the class path of javac.

    Where processors are off, archives are taken as they are, and so is the file of a processor.
    """
    files = call.around.context.files()
    names = SERVICES if runs_processors else SERVICES[1:]
    if any(posixpath.basename(path) in names for path in files):
        raise BoundError("it runs a program of the project's own while it compiles", _CURE)
    for part in class_path:
        place = call.seen(part)
        if part is None or place is None:
            raise BoundError("what lies on its class path cannot be told", _CURE)
        if part.endswith("*") or posixpath.splitext(posixpath.basename(part))[1].strip("."):
            if runs_processors:
                raise BoundError(f"{part} may hold a program that it runs while it compiles", _CURE)
            continue
        made = next((w for w in call.writes if _may_bring(w, place, names, is_seen=bool(files))), None)
        if made is not None:
            raise BoundError(
                f"line {made.place.line} may put a program that it runs while it compiles into {place}", _CURE
            )


def check_project(call: Call, folder: str, *, runs_processors: bool) -> None:
    """The same where any archive of the project may lie on the class path, or be led to from there
    (`Class-Path` of a manifest): archives of the build context are looked into.
    """
    names = SERVICES if runs_processors else SERVICES[1:]
    files = call.around.context.files()
    own = next((path for path in files if posixpath.basename(path) in names), None)
    own = own or told_once(call, _holder, *names)
    if own is not None:
        raise BoundError(f"{own} may be a program that it runs while it compiles", _CURE)
    may_bring = _may_bring_any if runs_processors else _is_own_service
    made = next((w for w in call.writes if may_bring(w, folder)), None)
    if made is not None:
        raise BoundError(
            f"line {made.place.line} may put a program that it runs while it compiles into {folder}", _CURE
        )


def is_service(text: str) -> bool:
    """Whether a path may be that of a file by which javac finds programs."""
    return any(name in text for name in SERVICES)


def _holder(context: Context, *names: str) -> str | None:
    """A file of the build context that is an archive with such a file in it, whatever its own name is, or may
    be one. The names of what an archive holds stand in it as they are (APPNOTE.TXT, 4.3.12).
    """
    left = _MOST_TEXT
    for path in context.files():
        text = context.read(path)
        left -= len(text or "")
        if text is None or left < 0 or (_END_OF_ARCHIVE in text and any(name in text for name in names)):
            return path
    return None


_MOST_TEXT = 32 << 20
_END_OF_ARCHIVE = "PK\x05\x06"


def _is_own_service(made: Write, _folder: str) -> bool:
    return is_service(made.path or "")


def _may_bring_any(made: Write, folder: str) -> bool:
    """Whether a write may bring a program to the project: it is neither the build context's, nor javac's."""
    if made.path is None or _is_own_service(made, folder):
        return not made.is_package
    is_own = made.by[:2] == ("RUN", "javac") or (made.by[:2] == ("RUN", "ant") and made.is_listed)
    is_none = (
        made.is_package or made.is_empty or made.is_change or (made.is_context and made.by[:1] != ("ADD",))
    )
    return overlaps(made.path, folder) and not (is_own or is_none)


def _may_bring(made: Write, place: str, names: Sequence[str], *, is_seen: bool) -> bool:
    """Whether a write may bring the file of a service to a folder of the class path; the build context, where
    it is seen, has none.
    """
    if made.path is None:
        return not made.is_package
    if not overlaps(made.path, place) or made.is_package or made.is_empty or made.is_change:
        return False
    if posixpath.basename(made.path) in names:
        return True
    is_seen = is_seen and made.is_context and made.by[:1] != ("ADD",)
    return not is_seen and made.by[:2] != ("RUN", "javac") and not made.is_file
