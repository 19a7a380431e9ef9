"""`xbuild lint`: which files, what is known around each, and the rules over all of them, on all processors.

Nothing here starts a process of another program or asks the network. One file that cannot be read or parsed
never stops the others: it is an entry of its own.
"""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from xbuild.dockerfile.check import read
from xbuild.dockerfile.model import Copy, Dockerfile
from xbuild.errors import ContextError, XbuildError
from xbuild.graph.build import build_graph
from xbuild.graph.model import Options
from xbuild.plan.context import Context, NoContext
from xbuild.platforms import Platform, parse_platforms
from xbuild.rules import RULES
from xbuild.rules.linter import Judged, Linted, Unlinted, fixed, judge, narrowed
from xbuild.rules.rule import Level, Rule, RuleContext
from xbuild.solve.directory import DirectoryContext
from xbuild.text import Source

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

    from xbuild.plan.model import Plan

DEFAULT = parse_platforms(["linux/amd64", "linux/arm64"])
NAMES = re.compile(r"(?:.*[._-])?(?:dockerfile|containerfile)(?:[._-].*)?", re.IGNORECASE)
"""What a Dockerfile is called: the same pattern as in `.pre-commit-hooks.yaml`."""
_NOT = re.compile(
    r".*\.(?:dockerignore|md|rst|txt|py|sh|go|js|ts|json|ya?ml|toml|j2|jinja2?|tmpl|tpl|erb)$", re.IGNORECASE
)
_LARGEST = 1 << 20
_ROUNDS = 10
_MANY = 24


@dataclass(frozen=True)
class Wanted:
    """What is asked of the linter; `platforms` None: those of the settings, or the default."""

    platforms: tuple[Platform, ...] | None = None
    target: str | None = None
    context: str | None = None
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    severity: Level = Level.INFO
    exclude: tuple[str, ...] = ()
    force_exclude: bool = False

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules that run: those selected, or those that are on by default, without the ignored ones."""
        names = self.select or tuple(rule.name for rule in RULES if rule.is_on)
        return tuple(r for r in RULES if r.name in names and r.name not in self.ignore)


@dataclass(frozen=True)
class _Job:
    path: str
    wanted: Wanted
    text: bytes | None = None
    fix: bool = False
    unsafe: bool = False


# -- which files


def find(paths: Sequence[str], wanted: Wanted) -> Iterator[str | Linted]:
    """The files to lint: those named by hand, and those below folders that are called like Dockerfiles.

    What is not there is an entry of its own. Each file once, in the order of the paths.
    """
    seen: set[str] = set()
    for path in paths:
        for found in _find_one(path, wanted):
            key = os.path.realpath(found) if isinstance(found, str) else found.path
            if key not in seen:
                seen.add(key)
                yield found


def _find_one(path: str, wanted: Wanted) -> Iterator[str | Linted]:
    if Path(path).is_dir():
        yield from _below(path, wanted)
    elif os.path.lexists(path):
        if not (wanted.force_exclude and _is_excluded(path, wanted.exclude)):
            yield path
    elif any(sign in path for sign in "*?["):
        is_absolute = path.startswith("/")
        found = sorted(Path("/" if is_absolute else ".").glob(path.lstrip("/")))
        for one in found:
            yield from _find_one(str(one), wanted)
        if not found:
            yield Linted(path, problem=Unlinted("no file matches"))
    else:
        yield Linted(path, problem=Unlinted("there is no such file", hint="correct the path"))


def _below(folder: str, wanted: Wanted) -> Iterator[str | Linted]:
    """Files below a folder; what git ignores is left out, links to folders are not followed."""
    problems: list[Linted] = []

    def told(error: OSError) -> None:
        problems.append(Linted(str(error.filename), problem=Unlinted(f"cannot be read: {error.strerror}")))

    ignored = _git_ignore(folder)

    def is_left_out(path: Path, *, is_folder: bool) -> bool:
        return ignored(path, is_folder) or _is_excluded(str(path), wanted.exclude)

    for base, folders, files in os.walk(folder, onerror=told):
        here = Path(base)
        folders[:] = sorted(f for f in folders if f != ".git" and not is_left_out(here / f, is_folder=True))
        for name in sorted(files):
            is_named = NAMES.fullmatch(name) is not None and _NOT.fullmatch(name) is None
            if is_named and not is_left_out(here / name, is_folder=False):
                yield str(here / name)
    yield from problems


def _is_excluded(path: str, patterns: Iterable[str]) -> bool:
    clean = Path(path)
    parts = [str(clean), *(str(p) for p in clean.parents), clean.name]
    return any(fnmatch.fnmatch(part, pattern.rstrip("/")) for pattern in patterns for part in parts)


def _git_ignore(folder: str) -> Callable[[Path, bool], bool]:
    """Whether git ignores a path below `folder`, by the `.gitignore` files from the repository's root on."""
    root = repository(Path(folder).resolve()) or Path(folder).resolve()

    @lru_cache(maxsize=4096)
    def spec(of: Path) -> GitIgnoreSpec | None:
        file = of / ".gitignore"
        if not file.is_file():
            return None
        from pathspec import GitIgnoreSpec

        return GitIgnoreSpec.from_lines(file.read_text("utf-8", "replace").splitlines())

    def ignored(path: Path, is_folder: bool) -> bool:
        full = path.parent.resolve() / path.name
        suffix = "/" if is_folder else ""
        for parent in full.parents:
            rules = spec(parent)
            if rules is not None and rules.match_file(full.relative_to(parent).as_posix() + suffix):
                return True
            if parent == root:
                return False
        return False

    return ignored


def repository(folder: Path) -> Path | None:
    """The root of the repository that a folder is in."""
    return next((p for p in (folder, *folder.parents) if (p / ".git").exists()), None)


# -- one file


def lint_file(job: _Job) -> Linted:
    """All rules over one file; nothing is raised."""
    try:
        data = job.text if job.text is not None else _read(job.path)
        source = Source.from_bytes(job.path, data)
        return _with_fixes(source, job) if job.fix else _linted(source, job)[0]
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


def _shown(judged: Judged, wanted: Wanted) -> Judged:
    worst = wanted.severity.rank
    return narrowed(judged, lambda one: one.severity.rank <= worst)


def _linted(source: Source, job: _Job) -> tuple[Linted, Dockerfile]:
    subject = _subject(source, job)
    judged = _shown(judge(subject, job.wanted.rules), job.wanted)
    return Linted(job.path, judged, source=source), subject.dockerfile


def _with_fixes(source: Source, job: _Job) -> Linted:
    """All fixes, in rounds: what overlaps is made in a later one. Raises XbuildError if the text breaks."""
    done, dockerfile = _linted(source, job)
    count = 0
    for _ in range(_ROUNDS):
        new, made = fixed(dockerfile, done.judged.told, unsafe=job.unsafe)
        if not made or new == dockerfile.source.text:
            break
        count += made
        done, dockerfile = _linted(Source(source.path, new), job)
    return replace(done, after=dockerfile.source.text, fixes=count)


def _subject(source: Source, job: _Job) -> RuleContext:
    dockerfile = read(source)
    platforms = job.wanted.platforms or DEFAULT
    folder = _context_folder(dockerfile, job)
    context: Context = NoContext() if folder is None else DirectoryContext(folder, _own_ignore(job.path))
    options = Options(target=job.wanted.target)
    graph = build_graph(dockerfile, options)

    def plan() -> Plan:
        from xbuild.plan.deciding.planner import make_plan
        from xbuild.plan.model import Settings

        # As `xbuild rewrite` plans: right for any platforms where none are told, without files of helpers.
        settings = Settings(assist=True, helpers=False)
        return make_plan(dockerfile, options, job.wanted.platforms, context, settings)

    return RuleContext(dockerfile, graph, platforms, platforms[0], context, folder is not None, plan)


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
        return Path(job.wanted.context)
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


def lint(paths: Sequence[str], wanted: Wanted, *, fix: bool = False, unsafe: bool = False) -> list[Linted]:
    """What came of every file, in the order in which they were found."""
    entries = list(find(paths, wanted))
    jobs = [_Job(entry, wanted, fix=fix, unsafe=unsafe) for entry in entries if isinstance(entry, str)]
    done = {linted.path: linted for linted in _all(jobs)}
    return [done[entry] if isinstance(entry, str) else entry for entry in entries]


def lint_text(name: str, text: bytes, wanted: Wanted, *, fix: bool = False, unsafe: bool = False) -> Linted:
    """The same for a text, under a name."""
    return lint_file(_Job(name, wanted, text, fix, unsafe))


def _all(jobs: Sequence[_Job]) -> Iterator[Linted]:
    count = len(os.sched_getaffinity(0))
    if len(jobs) < _MANY or count == 1:
        yield from map(lint_file, jobs)
        return
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    with ProcessPoolExecutor(count, get_context("fork")) as pool:
        yield from pool.map(lint_file, jobs, chunksize=8)
