"""The nets below what a build adds: a stage in which a native twin went wrong is built once more without any,
one that was pinned and would have to build something for the target once more there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from xbuild.errors import EditError, SolveError
from xbuild.pipeline.checking import check_leaks
from xbuild.pipeline.prepare import Prepared, prepare, with_new_text
from xbuild.pipeline.project import without_pin
from xbuild.pipeline.records import Records
from xbuild.pipeline.remaking import helper_stages, remember_helpers, with_helpers_anew, with_notes_of_helpers
from xbuild.pipeline.watching import OnEvent, Watcher
from xbuild.plan.model import Assistance, InsertRun, Place, Plan, Reason, StageVerdict, VerdictWord
from xbuild.plan.toolchain import HELPERS
from xbuild.plan.twins.twin import MOUNT
from xbuild.solve.build import SolveResult, solve
from xbuild.solve.deliver import discard
from xbuild.solve.diagnosis import BuildFailedError
from xbuild.solve.marks import mark_in, refusal_in
from xbuild.solve.progress import parse_name
from xbuild.solve.stall import StalledError

_TOLD = 5
_HINT_OF_REFUSAL = (
    "name a release that has a wheel for every platform; or let the stage run on the target platform: take "
    f"--platform=$BUILDPLATFORM out of its FROM, and {HELPERS}/pip.py with what stands in front of it out of "
    "its commands"
)
_HINT = "xbuild build --assist=off builds it without native twins"


def solve_assisted(
    prepared: Prepared, watcher: Watcher, on_event: OnEvent | None, records: Records
) -> tuple[Prepared, SolveResult]:
    """Solve; where a twin left a mark, or a layer names the folder of the twins, once more, without twins in
    that stage.

    What was built is returned with what came of it. Raises what `solve` raises.
    """
    while True:
        try:
            result = solve(with_helpers_anew(prepared, records), on_event, on_raw=watcher.on_raw)
        except StalledError as error:
            found = _stalled(prepared, error)
            if not found:
                raise
        except BuildFailedError as error:
            for note in remember_helpers(prepared, [error.whole_log], records, is_whole=False):
                watcher.warn(note)
            refused = _refused(prepared, error)
            if refused:
                prepared = without_pins(prepared, refused, watcher, on_event)
                continue
            found = wrong_in_failure(prepared, error)
            if not found:
                raise _hinted(prepared, error) from None
        else:
            found = wrong_in(prepared, result, watcher)
            if not found:
                return prepared, with_notes_of_helpers(prepared, result, records)
            discard(result)
        prepared = without_twins(prepared, found, watcher)


def without_pins(
    prepared: Prepared, found: Mapping[str, str], watcher: Watcher, on_event: OnEvent | None
) -> Prepared:
    """The same build with these stages on the target platform, planned anew."""
    for name, why in found.items():
        watcher.warn(f"stage {name} is built again on the target platform: {why}")
    project = without_pin(prepared.project, found)
    again = prepare(project, prepared.engine, prepared.folder / "unpinned", on_event)
    watcher.ready(again)
    return again


def without_twins(prepared: Prepared, found: Mapping[int, str], watcher: Watcher) -> Prepared:
    """The same build with no twins in these stages, and why there are none."""
    plan = prepared.plan
    assert plan is not None
    for stage, why in found.items():
        watcher.warn(
            f"stage {plan.stages[stage].name} is built again without native twins: {why}. Please report this "
            "with the Dockerfile and the output of the step"
        )
    if prepared.has_written_twins:
        return _without_written(prepared, plan, next(iter(found.values())))
    stages = tuple(_unassisted(v, found[v.stage]) if v.stage in found else v for v in plan.stages)
    again = replace(prepared, plan=replace(plan, stages=stages), new=None, line_map=None, added=frozenset())
    return with_new_text(replace(again, folder=prepared.folder / "again"))


def _without_written(prepared: Prepared, plan: Plan, why: str) -> Prepared:
    """The same for twins that are written in the user's file: none is left. Raises SolveError where what
    was written is not of the form that xbuild writes.
    """
    from xbuild.rewrite.undo import without_twins as undo

    assert prepared.built is not None
    hint = "take out of the file what names it"
    try:
        made = undo(prepared.built)
    except EditError as error:
        raise SolveError(f"{why}, and native twins cannot be left out: {error.message}", hint=hint) from error
    if MOUNT in made.text.text:
        raise SolveError(f"{why}, and native twins cannot be left out: they were changed by hand", hint=hint)
    stages = tuple(_unassisted(v, why) if v in assisted_stages(plan) else v for v in plan.stages)
    again = replace(prepared, plan=replace(plan, stages=stages), folder=prepared.folder / "again")
    return replace(again, new=made.text, line_map=lambda line: prepared.user_line(made.line_map(line)))


def assisted_stages(plan: Plan | None) -> tuple[StageVerdict, ...]:
    """The stages in which twins are used."""
    return tuple(v for v in plan.stages if v.word is VerdictWord.ASSISTED) if plan is not None else ()


def stages_at(prepared: Prepared, lines: Mapping[int, str]) -> dict[int, str]:
    """By stage why it has to do without twins, from that by line of the user's file; all where the line is
    not known (0).
    """
    found: dict[int, str] = {}
    for line, why in lines.items():
        before = [v for v in assisted_stages(prepared.plan) if v.line <= line]
        stages = before[-1:] if line else assisted_stages(prepared.plan)
        found.update({v.stage: why for v in stages})
    return found


def _unassisted(verdict: StageVerdict, why: str) -> StageVerdict:
    left = (Reason(f"built again without twins: {why}", Place(verdict.line)),)
    word = VerdictWord.UNSURE if verdict.reasons and not verdict.is_target else VerdictWord.EMULATED
    return replace(verdict, word=word, assistance=Assistance(left=left))


def wrong_in(prepared: Prepared, result: SolveResult, watcher: Watcher) -> dict[int, str]:
    """By stage what went wrong with its twins in a build that ended well: a mark, or a leak."""
    return _marked(prepared, result) or _leaked(prepared, result, watcher)


def _marked(prepared: Prepared, result: SolveResult) -> dict[int, str]:
    """Steps that ended well although a twin left a mark: the author's script goes on behind a failure."""
    marks = {
        (v.user_lines[0] if v.user_lines else 0): mark
        for v in result.vertices
        if (mark := mark_in(v.log)) is not None
    }
    return stages_at(prepared, marks) if marks else {}


def _leaked(prepared: Prepared, result: SolveResult, watcher: Watcher) -> dict[int, str]:
    """Layers in which the folder of the twins is named. A copy out of a stage leads to no line of that stage:
    then all do without.
    """
    if not assisted_stages(prepared.plan):
        return {}
    checked = check_leaks(prepared, result, MOUNT.encode())
    for unseen in checked.scan.unseen[:_TOLD]:
        watcher.warn(f"{unseen.path} was not looked into for traces of native twins: {unseen.reason}")
    found = {
        line if line in _lines(prepared.plan) else 0: f"/{leak.path.lstrip('/')} names {MOUNT} ({leak.where})"
        for leak, line in checked.lines()
    }
    return stages_at(prepared, found) if found else {}


def _lines(plan: Plan | None) -> frozenset[int]:
    """The lines of RUNs with twins."""
    return frozenset(
        line for v in assisted_stages(plan) if v.assistance is not None for line, _ in v.assistance.runs
    )


def wrong_in_failure(prepared: Prepared, error: BuildFailedError) -> dict[int, str]:
    """The same for a build that failed; nothing where the failure is the author's own. A helper whose step
    fails (there is no shell in the base image) is of no use to any stage.
    """
    if parse_name(error.step).stage in helper_stages(prepared):
        return stages_at(prepared, {0: f"they could not be made: {error.message}"})
    mark = mark_in(error.whole_log, error.message)
    if mark is None or not assisted_stages(prepared.plan):
        return {}
    return stages_at(prepared, {error.line or 0: mark})


def _refused(prepared: Prepared, error: BuildFailedError) -> dict[str, str]:
    """The stages that xbuild has pinned and that cannot be, by their names."""
    why = refusal_in(error.whole_log)
    plan = prepared.plan
    if why is None or plan is None or prepared.new is None:
        return {}
    told = [v for v in plan.stages if v.is_pinned and any(isinstance(c, InsertRun) for c in v.changes)]
    before = [v for v in plan.stages if error.line and v.line <= error.line]
    return {v.name: why for v in told if not before or v is before[-1]}


def _stalled(prepared: Prepared, error: StalledError) -> dict[int, str]:
    """The stages in which a step with twins ran; all where they are not known."""
    stages = prepared.graph.stages if prepared.graph is not None else ()
    names = {stage.name or f"stage-{stage.index}": stage.from_.first_line for stage in stages}
    lines = {prepared.user_line(names[name]) or 0 for name in error.stages if name in names} or {0}
    return stages_at(prepared, dict.fromkeys(lines, error.message))


def _hinted(prepared: Prepared, error: SolveError) -> SolveError:
    is_refused = isinstance(error, BuildFailedError) and refusal_in(error.whole_log) is not None
    if error.hint is None and is_refused:
        error.hint = _HINT_OF_REFUSAL
    if error.hint is None and assisted_stages(prepared.plan) and not prepared.has_written_twins:
        error.hint = _HINT
    return error
