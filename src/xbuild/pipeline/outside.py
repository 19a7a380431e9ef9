"""What `xbuild lint` asks others, where it is told to: registries, and BuildKit. That one does not answer is
told once, and changes no exit code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from xbuild.dockerfile.check import read
from xbuild.errors import EngineError, RegistryError, XbuildError
from xbuild.graph.build import build_graph
from xbuild.graph.model import Options
from xbuild.platforms import Platform
from xbuild.rules.comments import read_comments
from xbuild.rules.linter import Linted
from xbuild.rules.rule import Rule
from xbuild.text import Source

Tell = Callable[[str], None]
_THREADS = 8


@dataclass(frozen=True)
class LintedFor:
    """A file that was linted, and for what: BuildKit's checks are to look at it too."""

    linted: Linted
    platforms: tuple[Platform, ...]
    context: str | None
    target: str | None
    rules: tuple[Rule, ...]


def base_references(source: Source, target: str | None) -> tuple[str, ...]:
    """The base images that a registry could be asked of; none where the file cannot be read."""
    from xbuild.rules.registry import base_images

    try:
        return tuple(name for _, name in base_images(build_graph(read(source), Options(target=target))))
    except XbuildError:
        return ()


def look_at_images(references: Iterable[str], tell: Tell) -> Mapping[str, str]:
    """What registries say of images, by reference."""
    from concurrent.futures import ThreadPoolExecutor

    from xbuild.solve.online import inspect_image

    def ask(reference: str) -> str | RegistryError:
        try:
            return inspect_image(reference)
        except RegistryError as error:
            return error
        except EngineError as error:
            return RegistryError(error.message)

    names = sorted(set(references))
    with ThreadPoolExecutor(_THREADS) as pool:
        answers = dict(zip(names, pool.map(ask, names), strict=True))
    failed = [answer for answer in answers.values() if not isinstance(answer, str)]
    if failed:
        tell(f"{_several(len(failed), 'base image')} could not be looked at: {failed[0].message}")
    return {name: answer for name, answer in answers.items() if isinstance(answer, str)}


def with_buildkit_checks(files: Sequence[LintedFor], tell: Tell) -> list[Linted]:
    """With what BuildKit's own checks say of each file, for each platform."""
    from tempfile import TemporaryDirectory

    from xbuild.rules.buildkit import BuildkitWarning, merged, read_warnings
    from xbuild.solve.buildcheck import CheckRequest, run_checks

    with TemporaryDirectory(prefix="xbuild-") as empty:
        requests = [
            CheckRequest(source.to_bytes(), file.context or empty, str(platform), file.target)
            for file in files
            if (source := file.linted.source) is not None
            for platform in file.platforms
        ]
        try:
            answers = iter(run_checks(requests))
        except EngineError as error:
            tell(f"BuildKit's checks were not made: {error.message}")
            return [file.linted for file in files]
    done: list[Linted] = []
    reasons: list[str] = []
    for file in files:
        linted, source = file.linted, file.linted.source
        if source is None:
            done.append(linted)
            continue
        said: dict[str, tuple[BuildkitWarning, ...]] = {}
        for platform in file.platforms:
            answer, reason = next(answers)
            warnings = read_warnings(answer) if answer else None
            if warnings is None:
                reasons.append(f"{linted.path} for {platform}: {reason or 'an answer that cannot be read'}")
            else:
                said[str(platform)] = warnings
        comments = [c for c in read_comments(read(source)) if c.is_ignore and not c.problem]
        done.append(replace(linted, judged=merged(linted.judged, source, file.rules, comments, said)))
    if reasons:
        tell(f"{_several(len(reasons), 'check')} of BuildKit could not be made: {reasons[0]}")
    return done


def _several(count: int, what: str) -> str:
    return f"{count} {what}{'s' if count != 1 else ''}"
