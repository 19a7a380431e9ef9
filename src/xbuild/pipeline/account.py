"""What a build came to, and what it saved: gathers the outcome for the report and keeps the records."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from xbuild.errors import CancelledError, SolveError, XbuildError
from xbuild.pipeline.checking import Checked
from xbuild.pipeline.files import write_whole
from xbuild.pipeline.prepare import Prepared
from xbuild.pipeline.records import Records, Subject, now
from xbuild.pipeline.watching import Watcher, scene_of
from xbuild.platforms import Platform
from xbuild.solve.build import SolveRequest, SolveResult, solve
from xbuild.solve.deliver import Delivery
from xbuild.solve.history import critical_path
from xbuild.solve.isolate import with_own_caches
from xbuild.solve.options import redact
from xbuild.views.baseline import Saved, Timed, busy, by_line, estimated, factors, measured
from xbuild.views.board import mapped_warning
from xbuild.views.data import outcome_data
from xbuild.views.report import Delivered, Outcome, Step, emulation_left, moved, steps_of, timed
from xbuild.views.verification import verified_platforms

if TYPE_CHECKING:
    from xbuild.pipeline.flow import Clock

# What leaves the machine, or belongs to the image that was asked for, has no place in a measurement.
NOT_FOR_MEASURING = (
    "push", "load", "tag", "output", "iidfile", "metadata-file", "cache-to", "cache-from", "attest", "sbom",
    "provenance", "no-cache", "no-cache-filter", "quiet", "annotation",
)  # fmt: skip


def steps_for(prepared: Prepared, result: SolveResult) -> tuple[Step, ...]:
    """The steps of a solve with their places in the user's file."""
    return steps_of(
        result.vertices,
        critical_path(result.vertices),
        prepared.project.dockerfile,
        result.platforms or (result.native,),
    )


def find_saved(prepared: Prepared, result: SolveResult, records: Records, watcher: Watcher) -> Saved:
    """The time saved, by the kind of baseline that was asked for."""
    kind = prepared.project.options.baseline
    if kind == "none":
        return Saved("none")
    if not prepared.is_rewritten or prepared.project.dockerfile is None:
        return Saved("none", basis="nothing was rewritten")
    ours = timed(steps_for(prepared, result))
    if kind == "measure":
        return _measure(prepared, ours, records, watcher)
    earlier = records.baseline(subject_of(prepared))
    if earlier is not None:
        return measured(ours, earlier.lines, total=earlier.total, date=earlier.date)
    return _estimate(prepared, result, records)


def _estimate(prepared: Prepared, result: SolveResult, records: Records) -> Saved:
    native = [str(p) for p in result.platforms if prepared.engine.is_native(p)]
    foreign = [str(p) for p in result.platforms if not prepared.engine.is_native(p)]
    learnt = records.factors(prepared.engine.key)
    steps = moved(steps_for(prepared, result), prepared.plan)
    return estimated(steps, foreign, native, learnt.values, learnt.date)


def _measure(prepared: Prepared, ours: tuple[Timed, ...], records: Records, watcher: Watcher) -> Saved:
    watcher.note("building the original for comparison, without cache")
    try:
        with watcher.showing(scene_of(prepared)) as on_event:
            result = solve(original_request(prepared), on_event)
    except CancelledError:
        raise
    except SolveError as error:
        watcher.warn(f"the original could not be measured: {error.message}")
        return Saved("none", basis="the original Dockerfile does not build")
    except XbuildError as error:
        watcher.warn(f"the original could not be measured: {error.message}")
        return Saved("none", basis="the original could not be measured")
    original = timed(_original_steps(prepared, result))
    lines = {line: busy(steps) for line, steps in by_line(original).items()}
    records.keep_baseline(subject_of(prepared), result.seconds, lines)
    records.learn(prepared.engine.key, factors(ours, original))
    return measured(ours, lines, total=result.seconds)


def _original_steps(prepared: Prepared, result: SolveResult) -> tuple[Step, ...]:
    platforms: tuple[Platform, ...] = result.platforms or (result.native,)
    return steps_of(result.vertices, (), prepared.project.dockerfile, platforms)


def original_request(prepared: Prepared, name: str = "xbuild-baseline") -> SolveRequest:
    """The user's own text, without cache and with cache mounts of its own; its lines are the user's."""
    assert prepared.project.dockerfile is not None
    options = prepared.project.options.without(*NOT_FOR_MEASURING).with_flags(("no-cache", "true"))
    return SolveRequest(
        options=options,
        inputs=prepared.project.inputs,
        engine=prepared.engine,
        folder=prepared.folder / name,
        text=with_own_caches(prepared.project.dockerfile, name),
        output="none",
    )


def subject_of(prepared: Prepared) -> Subject:
    """What must be the same for a measured baseline to count."""
    project = prepared.project
    folder = project.inputs.context_dir
    text = project.inputs.dockerfile.to_bytes() if project.inputs.dockerfile else b""
    return Subject(
        project=str(folder.resolve()) if folder else redact(project.options.context),
        dockerfile=hashlib.sha256(text).hexdigest(),
        platforms=tuple(map(str, prepared.request.platforms)),
        target=project.options.target,
        build_args=tuple(sorted(project.options.build_args.items())),
        builder=prepared.engine.builder.name,
        engine=prepared.engine.key,
    )


def gather(
    prepared: Prepared,
    result: SolveResult,
    checked: Checked | None,
    delivery: Delivery | None,
    saved: Saved,
    clock: Clock,
) -> Outcome:
    """Everything for the report."""
    steps = steps_for(prepared, result)
    plan = prepared.plan
    builder = prepared.engine.builder
    options = prepared.project.options
    return Outcome(
        dockerfile=prepared.project.inputs.path,
        platforms=tuple(map(str, result.platforms or (result.native,))),
        created=now(),
        total=clock.elapsed,
        phases=tuple(clock.phases),
        target=options.target,
        builder=f"{builder.name} ({builder.driver})",
        engine=prepared.engine.key,
        rewritten=prepared.is_rewritten,
        why_not=prepared.why_not,
        digest=delivery.digest if delivery else (result.layout.digest if result.layout else None),
        steps=steps,
        critical_seconds=sum(step.seconds for step in steps if step.is_critical),
        emulation=emulation_left(steps, None if options.no_rewrite else plan, prepared.why_not),
        verdicts=tuple((stage.name, str(stage.word), stage.line) for stage in plan.stages) if plan else (),
        verified=None if checked is None else verified_platforms(checked.verification, checked.line_of),
        delivered=_delivered(delivery),
        saved=saved,
        warnings=(*result.notes, *(delivery.notes if delivery else ())),
        lint=tuple(
            mapped
            for text in result.warnings
            if (mapped := mapped_warning(text, prepared.user_line)) is not None
        ),
    )


def _delivered(delivery: Delivery | None) -> tuple[Delivered, ...]:
    if delivery is None:
        return ()
    pushed = (
        Delivered("push", outcome.reference, outcome.digest, outcome.ok, outcome.error)
        for outcome in delivery.pushed
    )
    loaded = (Delivered("load", "the engine's image store", delivery.digest),) if delivery.loaded else ()
    failed = (
        Delivered(each.kind, each.name, ok=False, error=each.error.message) for each in delivery.failures
    )
    return (*pushed, *loaded, *(Delivered("file", place) for place in delivery.written), *failed)


def keep(prepared: Prepared, outcome: Outcome, records: Records) -> None:
    """Remember the last report of this project."""
    records.keep_build(subject_of(prepared), outcome_data(outcome))


def write_reports(outcome: Outcome, files: tuple[str, ...], watcher: Watcher) -> bool:
    """`--report FILE`, in the form that its name asks for; whether all could be written."""
    from xbuild.views.outcome import markdown

    written = True

    for name in files:
        text = (
            json.dumps(outcome_data(outcome), indent=2) + "\n"
            if name.endswith(".json")
            else markdown(outcome)
        )
        try:
            _write_report(Path(name), text.encode("utf-8", "backslashreplace"))
        except OSError as error:
            watcher.warn(f"the report {name} cannot be written: {error.strerror or error}")
            written = False
    return written


def _write_report(path: Path, data: bytes) -> None:
    """A file whole or not at all; a pipe or device as it is."""
    if path.exists() and not path.is_file():
        path.write_bytes(data)
    else:
        write_whole(path, data)
