"""The original Dockerfile against the rewritten one and one made by hand: built in turns, cold and warm.

Each has cache mounts of its own, so that the user's are neither used nor emptied.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path

from xbuild.dockerfile.check import read
from xbuild.dockerfile.parser import parse
from xbuild.errors import ContextError, DockerfileError, SolveError
from xbuild.pipeline.account import NOT_FOR_MEASURING, steps_for, subject_of
from xbuild.pipeline.checking import allowed
from xbuild.pipeline.equivalence import compare
from xbuild.pipeline.prepare import Prepared
from xbuild.pipeline.rebuilding import wrong_in, wrong_in_failure
from xbuild.pipeline.records import Records, now
from xbuild.pipeline.remaking import remember_helpers
from xbuild.pipeline.watching import Watcher
from xbuild.plan.toolchain import SourceFiles
from xbuild.plan.toolchains import TOOLCHAINS
from xbuild.plan.twins.twin import MOUNT
from xbuild.solve.build import SolveRequest, SolveResult, solve
from xbuild.solve.diagnosis import BuildFailedError
from xbuild.solve.directory import DirectoryContext
from xbuild.solve.inputs import Inputs
from xbuild.solve.isolate import with_own_caches
from xbuild.solve.options import redact
from xbuild.solve.progress import Event
from xbuild.text import Source
from xbuild.verify.image import verify_layout
from xbuild.verify.trees import compare_layouts
from xbuild.views.baseline import busy, by_line, factors
from xbuild.views.measurement import (
    AGAINST,
    ORIGINAL,
    REWRITTEN,
    ComparedTrees,
    Comparison,
    Measurement,
    Sample,
)
from xbuild.views.report import timed
from xbuild.views.terminal import seconds

# Those of the toolchains, and of languages that have none yet.
_SOURCES = (
    *(files for toolchain in TOOLCHAINS for files in toolchain.sources),
    SourceFiles(".py", 'XBUILD_BENCH = "{}"'),
    SourceFiles(".js", 'globalThis.xbuildBench = "{}";'),
    SourceFiles(".ts", 'export const xbuildBench = "{}";'),
    SourceFiles(".c", 'const char xbuild_bench[] = "{}";'),
    SourceFiles(".java", "// {}"),
)
_CLOCKS_APART = 3600.0
"""Seconds by which a builder's clock may differ: what is no older than that counts as made by a build."""
_LANGUAGES = {files.suffix: files for files in _SOURCES}


@dataclass(frozen=True)
class Variant:
    """A Dockerfile to measure; `request` builds it with the user's context."""

    name: str
    request: SolveRequest


@dataclass(frozen=True)
class Measured:
    """A build that was timed."""

    sample: Sample
    result: SolveResult


def variants(prepared: Prepared, against: Path | None, *, skip_original: bool) -> tuple[Variant, ...]:
    """The Dockerfiles to measure, the original first."""
    source = prepared.project.source
    found = [] if skip_original else [_variant(prepared, ORIGINAL, source)]
    # Nothing to rewrite: the original stands on both sides, and the ratio says so.
    found.append(_variant(prepared, REWRITTEN, prepared.new or source, rewritten=True))
    if against is not None:
        found.append(_variant(prepared, AGAINST, _read(against)))
    return tuple(found)


def _read(path: Path) -> Source:
    try:
        return read(Source.from_bytes(str(path), path.read_bytes())).source
    except OSError as error:
        raise DockerfileError(
            f"cannot be read: {error.strerror}", file=str(path), hint="correct --against"
        ) from error


def _variant(prepared: Prepared, name: str, source: Source, *, rewritten: bool = False) -> Variant:
    text = with_own_caches(parse(source), f"xbuild-bench-{name}")
    request = SolveRequest(
        options=prepared.project.options.without(*NOT_FOR_MEASURING),
        inputs=prepared.project.inputs,
        engine=prepared.engine,
        folder=prepared.folder / name,
        text=text,
        line_map=prepared.line_map if rewritten else None,
        added=prepared.added if rewritten else frozenset(),
    )
    return Variant(name, request)


def run_cold(
    variant: Variant,
    prepared: Prepared,
    number: int,
    on_event: Callable[[Event], None] | None,
    watcher: Watcher,
) -> Measured:
    """Without cache; `--no-cache` replaces the variant's own cache mounts, so these are cold too."""
    options = variant.request.options.with_flags(("no-cache", "true"))
    folder = variant.request.folder / f"cold-{number}"
    request = replace(variant.request, options=options, folder=folder)
    return _run(variant, request, prepared, "cold", number, on_event, watcher)


def run_warm(
    variant: Variant,
    prepared: Prepared,
    inputs: Inputs,
    number: int,
    on_event: Callable[[Event], None] | None,
    watcher: Watcher,
) -> Measured:
    """With everything that the builds before left in the caches, on a changed context."""
    folder = variant.request.folder / f"warm-{number}"
    request = replace(variant.request, inputs=inputs, folder=folder)
    return _run(variant, request, prepared, "warm", number, on_event, watcher)


def _run(
    variant: Variant,
    request: SolveRequest,
    prepared: Prepared,
    kind: str,
    number: int,
    on_event: Callable[[Event], None] | None,
    watcher: Watcher,
) -> Measured:
    has_twins = prepared.needs_nets and variant.name != AGAINST and MOUNT in (request.text or "")
    try:
        result = solve(request, on_event)
    except BuildFailedError as error:
        if has_twins:
            _refuse(prepared, f"{kind} {number}, {variant.name}", wrong_in_failure(prepared, error))
        raise
    if has_twins and kind == "cold":
        for note in remember_helpers(prepared, (v.log for v in result.vertices), Records(), is_whole=True):
            watcher.warn(note)
    if has_twins:
        _refuse(prepared, f"{kind} {number}, {variant.name}", wrong_in(prepared, result, watcher))
    known = prepared if variant.name != AGAINST else replace_dockerfile(prepared)
    executed = tuple(
        f"{step.stage or '?'}:{step.line or '?'} {step.target or 'all'} {step.how} {step.seconds:.2f} s"
        for step in steps_for(known, result)
        if step.executed and step.how
    )
    sample = Sample(variant.name, kind, number, result.seconds_in_client, result.seconds, executed)
    return Measured(sample, result)


def _refuse(prepared: Prepared, where: str, found: Mapping[int, str]) -> None:
    """What went wrong with native twins `xbuild build` would not deliver: there is nothing to measure."""
    if found:
        assert prepared.plan is not None
        stages = "; ".join(f"stage {prepared.plan.stages[n].name}: {why}" for n, why in found.items())
        raise SolveError(
            f"{where}: a native twin went wrong. {stages}",
            expected="a build that xbuild would deliver; please report this with the Dockerfile and the "
            "output of the step",
            hint="xbuild build builds that stage without twins; bench --compare pins measures without",
        )


def replace_dockerfile(prepared: Prepared) -> Prepared:
    """For a Dockerfile that is not the user's own: its lines mean nothing in theirs."""
    inputs = replace(prepared.project.inputs, dockerfile=None)
    return replace(prepared, project=replace(prepared.project, inputs=inputs))


@dataclass(frozen=True)
class ChangingContext:
    """A copy of the context in which one line of one source file changes each round."""

    inputs: Inputs
    file: Path
    name: str
    original: bytes

    def change(self, number: int) -> None:
        line = _LANGUAGES[self.file.suffix].line.format(f"round {number}")
        self.file.write_bytes(self.original.rstrip(b"\n") + f"\n{line}\n".encode())


def changing_context(prepared: Prepared) -> ChangingContext:
    """Copy the context, and choose the source file. Raises ContextError."""
    inputs = prepared.project.inputs
    if inputs.context_dir is None:
        raise ContextError(
            f"{redact(inputs.context)} is no local folder",
            expected="a folder, for the warm rebuild after a change",
        )
    name = choose_source(DirectoryContext(inputs.context_dir, inputs.ignore))
    if name is None:
        raise ContextError(
            "the context has no source file to change for the warm rebuild",
            expected=f"a file that ends in {', '.join(_LANGUAGES)}",
        )
    copy = prepared.folder / "context"
    shutil.copytree(inputs.context_dir, copy, symlinks=True, ignore_dangling_symlinks=True)
    file = copy / name
    return ChangingContext(
        replace(inputs, context=str(copy), context_dir=copy), file, name, file.read_bytes()
    )


def choose_source(context: DirectoryContext) -> str | None:
    """A file of a program that is built: one with which a program starts first, then whatever source there
    is.
    """
    names = [name for name in context.files() if Path(name).suffix in _LANGUAGES]
    shipped = [name for name in names if not _is_aside(name)]
    starts = (name for name in shipped if _is_start(name, context))
    return next(chain(starts, shipped, names), None)


def _is_start(name: str, context: DirectoryContext) -> bool:
    start = _LANGUAGES[Path(name).suffix].start
    return bool(start) and start in (context.read(name) or "")


def _is_aside(name: str) -> bool:
    parts = Path(name).parts
    aside = ("vendor", "testdata", "test", "tests", "hack", "tools", "scripts", "node_modules", "examples")
    tests = _LANGUAGES[Path(name).suffix].tests
    is_test = bool(tests) and name.endswith(tests)
    return is_test or any(part in aside or part.startswith(".") for part in parts[:-1])


@dataclass
class _Bench:
    """The run: samples so far, and the layouts of the first round."""

    prepared: Prepared
    chosen: tuple[Variant, ...]
    watcher: Watcher
    samples: list[Sample] = field(default_factory=list)
    first: dict[str, Measured] = field(default_factory=dict)

    def add(self, measured: Measured) -> None:
        sample = measured.sample
        self.samples.append(sample)
        self.watcher.note(f"{sample.kind} {sample.round}, {sample.variant}: {seconds(sample.seconds)}")
        if sample.kind == "cold" and sample.round == 1:
            self.first[sample.variant] = measured
        elif measured.result.layout is not None:
            shutil.rmtree(measured.result.layout.path, ignore_errors=True)

    def cold(self, rounds: int) -> None:
        for number in range(1, rounds + 1):
            for variant in _turn(self.chosen, number):
                self.add(run_cold(variant, self.prepared, number, None, self.watcher))

    def warm(self, rounds: int) -> str:
        """The name of the file that was changed."""
        changing = changing_context(self.prepared)
        for number in range(1, rounds + 1):
            changing.change(number)
            for variant in _turn(self.chosen, number):
                self.add(run_warm(variant, self.prepared, changing.inputs, number, None, self.watcher))
        return changing.name


def _turn(chosen: tuple[Variant, ...], number: int) -> Iterator[Variant]:
    """Another one begins each round: what the first of a round warms up for the others evens out."""
    start = (number - 1) % len(chosen)
    yield from chosen[start:]
    yield from chosen[:start]


def measure(
    prepared: Prepared,
    against: Path | None,
    rounds: int,
    watcher: Watcher,
    *,
    skip_original: bool = False,
    is_warm: bool = True,
    compared: tuple[str, str] | None = None,
) -> Measurement:
    """Build all variants in turns; what is learnt is remembered for estimates of the time saved.

    `compared`: the two variants whose whole trees are compared.
    """
    begun = time.time()
    run = _Bench(prepared, variants(prepared, against, skip_original=skip_original), watcher)
    run.cold(rounds)
    changed = run.warm(rounds) if is_warm else None
    _learn(run)
    builder = prepared.engine.builder
    return Measurement(
        dockerfile=prepared.project.inputs.path,
        platforms=tuple(map(str, prepared.request.platforms)),
        created=now(),
        builder=f"{builder.name} ({builder.driver})",
        against=str(against) if against else None,
        changed=changed,
        samples=tuple(run.samples),
        comparisons=tuple(_comparisons(run)),
        verified={name: _is_right(run, measured) for name, measured in run.first.items()},
        trees=None if compared is None else _trees(run, *compared, since=begun - _CLOCKS_APART),
    )


def _comparisons(run: _Bench) -> Iterator[Comparison]:
    for left, right in ((ORIGINAL, REWRITTEN), (AGAINST, REWRITTEN)):
        layouts = [run.first[name].result.layout for name in (left, right) if name in run.first]
        if len(layouts) == 2 and layouts[0] is not None and layouts[1] is not None:
            yield compare(left, layouts[0], right, layouts[1])


def _trees(run: _Bench, left: str, right: str, since: float) -> ComparedTrees:
    layouts = [run.first[name].result.layout for name in (left, right)]
    assert layouts[0] is not None
    assert layouts[1] is not None
    return ComparedTrees(left, right, compare_layouts(layouts[0].path, layouts[1].path, since=since))


def _is_right(run: _Bench, measured: Measured) -> bool:
    layout = measured.result.layout
    assert layout is not None
    allow = allowed(run.prepared.project.config.allow)
    return verify_layout(layout.path, measured.result.platforms or None, allow).passed


def _learn(run: _Bench) -> None:
    """Slowdown factors and the baseline, for the estimates of later builds."""
    if ORIGINAL not in run.first or not run.prepared.is_rewritten:
        return
    original = run.first[ORIGINAL].result
    before = timed(steps_for(run.prepared, original))
    ours = timed(steps_for(run.prepared, run.first[REWRITTEN].result))
    records = Records()
    lines = {line: busy(steps) for line, steps in by_line(before).items()}
    records.keep_baseline(subject_of(run.prepared), original.seconds, lines)
    records.learn(run.prepared.engine.key, factors(ours, before))
