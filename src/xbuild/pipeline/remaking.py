"""A helper that made no native twins because something failed (the network, the disk) is made anew by the
next build: its step ends well all the same, and would come from the cache from then on.

What it says stands in the output of its step, and in front of the output of every RUN that uses it: so it is
seen also where the helper comes from a cache.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from xbuild.dockerfile.model import Run
from xbuild.graph.model import ImageBase
from xbuild.pipeline.prepare import Prepared
from xbuild.pipeline.records import Records
from xbuild.plan.twins.twin import HELPER
from xbuild.solve.build import SolveRequest, SolveResult
from xbuild.solve.marks import HelperLine, helper_lines


def with_helpers_anew(prepared: Prepared, records: Records) -> SolveRequest:
    """What to solve: the stages of helpers that failed the last time do without the cache."""
    failed = records.failed_helpers(prepared.engine.key)
    names = [name for name, reference in helper_stages(prepared).items() if reference in failed]
    flags = (("no-cache-filter", name) for name in names)
    return replace(prepared.request, options=prepared.request.options.with_flags(*flags))


def remember_helpers(
    prepared: Prepared, logs: Iterable[bytes], records: Records, *, is_whole: bool
) -> tuple[str, ...]:
    """Note whether a helper failed; what to tell of those that made no twins. `is_whole`: these are all the
    logs, so that none failed where none says so. Which of a file's helpers it was is not always told: to make
    one more anew costs seconds.
    """
    helpers = helper_stages(prepared)
    said = tuple(dict.fromkeys(line for log in logs for line in helper_lines(log)))
    is_failed = any(line.is_failed for line in said)
    if helpers and (is_failed or is_whole):
        records.keep_failed_helpers(prepared.engine.key, frozenset(helpers.values()), is_failed=is_failed)
    return tuple(map(_told, said))


def with_notes_of_helpers(prepared: Prepared, result: SolveResult, records: Records) -> SolveResult:
    """The result with a note for each helper that made no twins."""
    notes = remember_helpers(prepared, (vertex.log for vertex in result.vertices), records, is_whole=True)
    return replace(result, notes=(*result.notes, *notes))


def _told(line: HelperLine) -> str:
    of = "" if line.twin == "all" else f" of {line.twin}"
    again = " (the next build tries it again)" if line.is_failed else ""
    return f"native twins{of} were not made: {line.why}{again}"


def helper_stages(prepared: Prepared) -> Mapping[str, str]:
    """By name of a stage in which twins are made its base image."""
    graph = prepared.graph
    found: dict[str, str] = {}
    for stage in graph.stages if graph is not None else ():
        runs = (i for i in stage.instructions if isinstance(i, Run))
        is_helper = any(f"{HELPER}/prepare.sh" in (run.words or ()) for run in runs)
        if is_helper and stage.name is not None and isinstance(stage.base, ImageBase):
            found[stage.name] = stage.base.reference or ""
    return found
