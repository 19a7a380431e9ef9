"""Programs of the project that javac runs while it compiles: annotation processors, and plugins that start
by themselves. javac finds them by files of the name of a service, on the class path where no other is given.

Sources: Oracle "The javac Command" (annotation processing); `javax.annotation.processing.Processor`;
`com.sun.source.util.Plugin` (autoStart).
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence

from xbuild.plan.facts.filesystem import Write, overlaps
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
