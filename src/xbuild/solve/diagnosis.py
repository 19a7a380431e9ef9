"""What a failed build tells the user: the reason, in their file, with the end of the failing step's output.

buildx ends a failed build with an excerpt of the Dockerfile (BuildKit `solver/errdefs/source.go`,
`Print`) and `ERROR: ...`. The excerpt shows the text that buildx was given; here it is made again from
the user's own file.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from xbuild.errors import ContextError, EngineError, RegistryError, SolveError, UsageError, XbuildError
from xbuild.solve.engine import engine_error, is_engine_trouble
from xbuild.solve.history import LineMap
from xbuild.solve.inputs import Inputs
from xbuild.solve.progress import Progress, VertexState
from xbuild.text import Source

_LOG_LINES = 30
_RULE = "-" * 20
_EXCERPT_LINE = re.compile(r" *(\d+) \| (>>>|   ) ?(.*)")
_HEAD = re.compile(r"(?:[^\s:]+|\S.*):(\d+)")
_ERROR = re.compile(r"^ERROR: (.*)", re.MULTILINE)
_WRAPPERS = re.compile(r"^(?:failed to build: |failed to solve: |rpc error: code = \w+ desc = )+")


class BuildFailedError(SolveError):
    """buildx ran and the build failed. `excerpt` is of the user's file, `log` the end of the failing step,
    `whole_log` all that is kept of it.
    """

    def __init__(
        self,
        message: str,
        *,
        file: str | None = None,
        line: int | None = None,
        hint: str | None = None,
        excerpt: str = "",
        log: Sequence[str] = (),
        step: str = "",
        exit_code: int = 1,
        whole_log: bytes = b"",
    ) -> None:
        super().__init__(message, file=file, line=line, hint=hint)
        self.excerpt = excerpt
        self.log = tuple(log)
        self.step = step
        self.buildx_exit_code = exit_code
        self.whole_log = whole_log

    def __str__(self) -> str:
        log = [f"{self.step}:", *(f"  | {line}" for line in self.log)] if self.log else []
        return "\n".join(part for part in (*log, self.excerpt, super().__str__()) if part)


@dataclass(frozen=True, slots=True)
class _Cause:
    """A reason that the user can do something about. `error` None keeps it a failed build, with a hint, in
    which `{0}` and so on are the groups of the pattern.
    """

    pattern: str
    hint: str
    error: type[XbuildError] | None = None


_CAUSES = (
    _Cause(
        r"unknown (?:shorthand )?flag|requires (?:exactly )?1 argument", "xbuild build --help", UsageError
    ),
    _Cause(
        r"no space left on device",
        "docker buildx prune, docker image prune, or a larger disk",
        EngineError,
    ),
    _Cause(
        r"exec format error",
        "this step runs under emulation and the engine's machine has no handler for it: "
        "docker run --privileged --rm tonistiigi/binfmt --install all",
    ),
    _Cause(
        r"error from sender: .*(?:permission denied|operation not permitted|input/output error)",
        "check its permissions, or leave it out with .dockerignore",
        ContextError,
    ),
    _Cause(
        r"pull access denied|insufficient_scope|401 Unauthorized|403 Forbidden|no basic auth credentials"
        r"|authorization failed|failed to authorize|failed to fetch (?:oauth|anonymous) token",
        "check the name of the image; if it is private: docker login HOST",
        RegistryError,
    ),
    _Cause(
        r"failed to resolve source metadata.*(?:i/o timeout|connection refused|no such host|deadline exceeded"
        r"|connection reset|unexpected EOF|TLS handshake)",
        "the builder cannot reach the registry: check the network, the proxy and the registry's name",
        RegistryError,
    ),
)

_LACKS = r"(?=[\s\S]*(?:\(no such package\)|\(missing\)|\d (?:unavailable|errors?)))"
# What a step itself said: the first that fits is told. A repository whose index cannot be had is a warning of
# apk's, after which none of its packages is known (apk-tools 3.0.8 by trial, 2 by what users reported).
_STEP_CAUSES = (
    _Cause(
        r"(?:WARNING: (?:Ignoring|fetching|opening|updating and opening)|ERROR:) "
        rf"(\S+/APKINDEX\.tar\.gz|https?://\S+): (?!UNTRUSTED)(.+){_LACKS}",
        "apk could not read the package index {0} ({1}), so that it knows no package of it, be the name "
        "right or not: check the network, the proxy, and the address in /etc/apk/repositories",
    ),
    _Cause(
        rf"WARNING: Ignoring APKINDEX\.\w+\.tar\.gz: .+{_LACKS}",
        "apk has no package index yet: apk add --no-cache, or apk update in front of it",
    ),
    _Cause(
        r"^ +(\S+) \((?:no such package|missing)\):",
        "apk read the package indexes, and none of them has {0}: check the name, and whether a further "
        "repository (community, testing) is to be named; not every package is there for every architecture",
    ),
)


def build_error(progress: Progress, exit_code: int, inputs: Inputs, line_map: LineMap | None) -> XbuildError:
    """The typed form of a failed build."""
    text = "\n".join(progress.text)
    errors = _ERROR.findall(text)
    failed = progress.failed
    said = errors[-1] if errors else (failed.error if failed else text.strip()[-400:])
    message = _WRAPPERS.sub("", said) or f"buildx ended with exit code {exit_code}"
    if failed is None and not progress.vertices:
        usage = re.search(_CAUSES[0].pattern, text)
        if usage:
            return UsageError(message, hint=_CAUSES[0].hint)
        if is_engine_trouble(said) or not errors:
            return engine_error(said)
    cause = next((cause for cause in _CAUSES[1:] if re.search(cause.pattern, text, re.IGNORECASE)), None)
    if cause is None and failed is not None:
        cause = _told_by_step(failed.log.decode("utf-8", "replace"))
    lines = [line for line in marked_lines(progress.text) if line]
    place = sorted({found for line in lines if (found := line_map(line) if line_map else line)})
    first = place[0] if place else None
    if cause is not None and cause.error is not None:
        return cause.error(message, file=inputs.path, line=first, hint=cause.hint)
    return BuildFailedError(
        message,
        file=inputs.path,
        line=first,
        hint=cause.hint if cause else None,
        excerpt=render_excerpt(inputs.dockerfile, place, inputs.path),
        log=_tail(failed),
        step=failed.name if failed else "",
        exit_code=exit_code,
        whole_log=bytes(failed.log) if failed else b"",
    )


def _told_by_step(log: str) -> _Cause | None:
    """The cause that the step's own output names, its hint filled in."""
    for cause in _STEP_CAUSES:
        found = re.search(cause.pattern, log, re.MULTILINE)
        if found is not None:
            return replace(cause, hint=cause.hint.format(*(text.strip() for text in found.groups())))
    return None


def _tail(failed: VertexState | None) -> tuple[str, ...]:
    if failed is None:
        return ()
    return tuple(failed.log.decode("utf-8", "replace").splitlines()[-_LOG_LINES:])


def marked_lines(text: Sequence[str]) -> tuple[int, ...]:
    """The lines that buildx's excerpt marks with `>>>`, in the Dockerfile given to buildx."""
    found = (_EXCERPT_LINE.fullmatch(line) for line in text)
    return tuple(int(match[1]) for match in found if match and match[2] == ">>>")


def render_excerpt(source: Source | None, marked: Sequence[int], path: str) -> str:
    """An excerpt of the user's file in the form that buildx uses."""
    if source is None or not marked:
        return ""
    last = len(source.line_starts) - (1 if source.text.endswith("\n") else 0)
    inside = [line for line in marked if 1 <= line <= last]
    if not inside:
        return ""
    around = 2 if len(inside) == 1 else 1
    numbers = range(max(1, inside[0] - around), min(last, inside[-1] + around) + 1)
    body = [f" {n:3d} | {'>>>' if n in inside else '   '} {source.line_text(n)}" for n in numbers]
    return "\n".join([f"{path}:{inside[0]}", _RULE, *body, _RULE])
