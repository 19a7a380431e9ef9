"""`xbuild lint`: the rules over all files, on all processors, with what is known around each file.

Nothing here starts a process of another program or asks the network. One file that cannot be read or parsed
never stops the others: it is an entry of its own.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from xbuild.dockerfile.check import read
from xbuild.dockerfile.model import Copy, Dockerfile
from xbuild.errors import ConfigError, ContextError, XbuildError
from xbuild.graph.build import build_graph
from xbuild.graph.model import Options
from xbuild.pipeline.config import repository
from xbuild.pipeline.known import KnownFindings
from xbuild.pipeline.lintees import find
from xbuild.pipeline.wishes import Configs, Wanted, wrong_config
from xbuild.plan.context import Context, NoContext
from xbuild.platforms import Platform, parse_platforms
from xbuild.rules.linter import Judged, Linted, Unlinted, fixed, judge, narrowed
from xbuild.rules.rule import RuleContext
from xbuild.solve.directory import DirectoryContext
from xbuild.text import Source, apply_edits, fresh, replace, value

if TYPE_CHECKING:
    from xbuild.pipeline.config import Config
    from xbuild.plan.model import Plan

DEFAULT = parse_platforms(["linux/amd64", "linux/arm64"])
_LARGEST = 1 << 20
_ROUNDS = 10
Tell = Callable[[str], None]
_MANY = 24


@value()
class _Job:
    """A file and what is wanted of it, settled; `known` are the fingerprints in the baseline, `answers` those
    of registries.
    """

    path: str
    wanted: Wanted
    config: Config
    known: frozenset[str] = frozenset()
    text: bytes | None = None
    answers: Mapping[str, str] = fresh(dict)

    @property
    def platforms(self) -> tuple[Platform, ...]:
        return self.wanted.platforms or DEFAULT


def _silent(_note: str) -> None:
    """Nobody is told."""


# -- one file


def lint_file(job: _Job) -> Linted:
    """All rules over one file; nothing is raised."""
    try:
        data = job.text if job.text is not None else _read(job.path)
        source = Source.from_bytes(job.path, data)
        return _changed(source, job) if job.wanted.is_changing else _linted(source, job)[0]
    except XbuildError as error:
        return Linted(job.path, problem=Unlinted(error.message, error.line, error.hint or error.expected))
    except OSError as error:
        return Linted(job.path, problem=Unlinted(f"cannot be read: {error.strerror}"))


def _read(path: str) -> bytes:
    with Path(path).open("rb") as file:
        data = file.read(_LARGEST + 1)
    if len(data) > _LARGEST:
        raise ContextError(f"is larger than {_LARGEST >> 20} MiB", hint="is it a Dockerfile?")
    if b"\0" in data[:8192]:
        raise ContextError("is no text", hint="is it a Dockerfile?")
    return data


def _shown(judged: Judged, source: Source, job: _Job) -> Judged:
    """Without what is too light, and what is in the baseline."""
    worst = job.wanted.shown.rank
    judged = narrowed(judged, lambda one: one.severity.rank <= worst)
    if not job.known:
        return judged
    from xbuild.views.exchange import fingerprints

    prints = fingerprints(Linted(job.path, judged, source=source))
    known = {id(one) for one, it in zip(judged.told, prints, strict=True) if it in job.known}
    new = narrowed(judged, lambda one: id(one) not in known)
    return replace(new, known=len(known))


def _linted(source: Source, job: _Job) -> tuple[Linted, Dockerfile]:
    subject = _subject(source, job)
    judged = _shown(judge(subject, job.wanted.rules), source, job)
    return Linted(job.path, judged, source=source, fail_on=job.wanted.fails), subject.dockerfile


def _changed(source: Source, job: _Job) -> Linted:
    """All fixes, in rounds: what overlaps is made in a later one. Then comments that ignore the rest. Raises
    XbuildError if the text breaks.
    """
    done, dockerfile = _linted(source, job)
    first, fixes, ignored = done.judged, 0, 0
    for _ in range(_ROUNDS if job.wanted.fix else 0):
        new, made = fixed(dockerfile, done.judged.told, unsafe=job.wanted.unsafe)
        if not made or new == dockerfile.source.text:
            break
        fixes += made
        done, dockerfile = _linted(Source(source.path, new), job)
    if job.wanted.add_ignores:
        from xbuild.rules.ignoring import ignores

        edits = ignores(dockerfile, done.judged.told, job.wanted.reason)
        before = len(done.judged.told)
        done, dockerfile = _linted(Source(source.path, apply_edits(dockerfile.source.text, edits)), job)
        ignored = before - len(done.judged.told)
    return replace(done, first=first, after=dockerfile.source.text, fixes=fixes, ignores=ignored)


def _subject(source: Source, job: _Job) -> RuleContext:
    dockerfile = read(source)
    folder = _context_folder(dockerfile, job)
    context: Context = NoContext() if folder is None else DirectoryContext(folder, _own_ignore(job.path))
    options = Options(target=job.wanted.target)
    graph = build_graph(dockerfile, options)

    def plan() -> Plan:
        from xbuild.plan.deciding.planner import make_plan

        # As `xbuild rewrite` plans: right for any platforms where none are told, without files of helpers.
        settings = job.config.settings(assist=False, helpers=False, is_brief=True)
        return make_plan(dockerfile, options, job.wanted.platforms, context, settings)

    platforms = job.platforms
    has_context = folder is not None
    return RuleContext(dockerfile, graph, platforms, platforms[0], context, has_context, plan, job.answers)


def _own_ignore(path: str) -> bytes | None:
    try:
        return Path(f"{path}.dockerignore").read_bytes()
    except OSError:
        return None


def _context_folder(dockerfile: Dockerfile, job: _Job) -> Path | None:
    """The build context: the file's folder, or the repository's root where what is copied lies there; None
    where it lies in neither, or the text came from standard input.
    """
    if job.wanted.context is not None:
        told = Path(job.wanted.context)
        if not told.is_dir():
            raise ContextError(f"its context {told} is no folder")
        return told
    if job.text is not None:
        return None
    folder = Path(job.path).resolve().parent
    root = repository(folder)
    for candidate in (folder, root):
        if candidate is not None and all(_is_there(candidate, s) for s in _local_sources(dockerfile)):
            return candidate
    return None


def _local_sources(dockerfile: Dockerfile) -> Iterator[str]:
    for instruction in dockerfile.instructions:
        if isinstance(instruction, Copy) and instruction.from_ is None:
            yield from (s for s in instruction.sources if "$" not in s and "://" not in s and "@" not in s)


def _is_there(folder: Path, source: str) -> bool:
    clean = source.lstrip("/")
    if any(sign in clean for sign in "*?["):
        return next(folder.glob(clean), None) is not None
    return (folder / clean).exists()


# -- all files


def lint(
    paths: Sequence[str],
    wanted: Wanted,
    baseline: KnownFindings | None = None,
    tell: Tell = _silent,
) -> list[Linted]:
    """What came of every file, in the order in which they were found. `tell` takes a note about who was asked
    and did not answer.
    """
    known = baseline or KnownFindings()
    configs = Configs(wanted)
    entries = list(find(paths, wanted, configs))
    named = (entry for entry in entries if isinstance(entry, str))
    jobs = [_Job(path, *configs.settled(path), known.of(path)) for path in named]
    done = {linted.path: linted for linted in _with_others(jobs, wanted, tell)}
    return [done[entry] if isinstance(entry, str) else entry for entry in entries]


def lint_text(
    name: str,
    text: bytes,
    wanted: Wanted,
    baseline: KnownFindings | None = None,
    tell: Tell = _silent,
) -> Linted:
    """The same for a text, under a name."""
    known = baseline or KnownFindings()
    configs = Configs(wanted)
    try:
        if wanted.force_exclude and configs.is_excluded(Path(name)):
            source = Source.from_bytes(name, text)
            return Linted(name, source=source, after=source.text)
        job = _Job(name, *configs.settled(name), known.of(name), text)
        return next(iter(_with_others([job], wanted, tell)))
    except ConfigError as error:
        return wrong_config(error)


def _with_others(jobs: Sequence[_Job], wanted: Wanted, tell: Tell) -> Iterable[Linted]:
    """All files, with what registries and BuildKit say where they are to be asked."""
    if wanted.online:
        from xbuild.pipeline.outside import base_references, look_at_images

        asked = [base_references(_source(job), job.wanted.target) for job in jobs]
        answers = look_at_images((name for names in asked for name in names), tell)
        jobs = [
            replace(job, answers={name: answers[name] for name in names if name in answers})
            for job, names in zip(jobs, asked, strict=True)
        ]
    if not wanted.with_buildkit:
        return _all(jobs)
    from xbuild.pipeline.outside import LintedFor, with_buildkit_checks

    files = [
        LintedFor(done, job.platforms, _context_of(job), job.wanted.target, job.wanted.rules)
        for job, done in zip(jobs, _all(jobs), strict=True)
    ]
    return with_buildkit_checks(files, tell)


def _source(job: _Job) -> Source:
    """The text of a file, none where it cannot be read: that is told when it is linted."""
    try:
        return Source.from_bytes(job.path, job.text if job.text is not None else _read(job.path))
    except (XbuildError, OSError):
        return Source(job.path, "")


def _context_of(job: _Job) -> str | None:
    try:
        folder = _context_folder(read(_source(job)), job)
    except XbuildError:
        return None
    return str(folder) if folder is not None else None


def _all(jobs: Sequence[_Job]) -> Iterator[Linted]:
    count = len(os.sched_getaffinity(0))
    if len(jobs) < _MANY or count == 1:
        yield from map(lint_file, jobs)
        return
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    import xbuild.plan.deciding.planner  # noqa: F401 (once, instead of in each process)

    with ProcessPoolExecutor(count, get_context("fork")) as pool:
        yield from pool.map(lint_file, jobs, chunksize=8)
