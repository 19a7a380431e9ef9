"""Where the Dockerfile and the context of a build come from, found as buildx finds them.

buildx `build/opt.go`, `loadInputs`: a local folder, `-` (an archive, or a Dockerfile with an empty
context), or a remote reference; the Dockerfile is PATH/Dockerfile (or PATH/dockerfile), `-f FILE`, `-f
-`, or part of a remote context. What comes on standard input is read once and kept, so that it can be
looked at, rewritten and built.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

from xbuild.errors import ContextError, DockerfileError
from xbuild.solve.options import BuildOptions, redact
from xbuild.text import Source, expression

if TYPE_CHECKING:
    import tarfile

    from xbuild.solve.gitcontext import GitTree

_REMOTE = expression(r"https?://|git://|ssh://|git@|github\.com/|.*\.git(?:#.*)?$")
_URL = expression(r"https?://")
# What messages call one that no folder of the user's holds.
_GENERATED = "the generated Dockerfile"

# BuildKit refuses larger ones (`frontend/dockerui/config.go`, `ReadFile`; the limit of a gateway read).
_DOCKERFILE_LIMIT = 4 << 20


@dataclass(frozen=True)
class Inputs:
    """Dockerfile and context of one build.

    `dockerfile` is None when it cannot be read from here, and `reason` says why. `ignore` is the text of the
    per-Dockerfile ignore file, `policy` that of the policy file beside it, when there is one. `context` is
    as it was given, or a git repository at the commit that was read, for buildx only: an address may hold a
    token, which `name` and `reason` leave out. `is_inside`: a remote context holds the Dockerfile.
    """

    dockerfile: Source | None
    name: str
    context: str
    context_dir: Path | None = None
    ignore: bytes | None = None
    policy: bytes | None = None
    reason: str = ""
    is_remote: bool = False
    is_inside: bool = False

    @property
    def path(self) -> str:
        """What messages call the Dockerfile."""
        return self.dockerfile.path if self.dockerfile else self.name


def is_remote(context: str) -> bool:
    """Whether this may be the address of a context."""
    return _REMOTE.match(context) is not None


def read_inputs(options: BuildOptions, stdin: IO[bytes] | None, folder: os.PathLike[str]) -> Inputs:
    """Find and read. What must be unpacked goes below `folder`. Raises DockerfileError, ContextError."""
    if options.context == "-":
        return _from_stdin(options, _read(stdin), Path(folder))
    # os.path, not Path: a name that is too long for a file is no file, and no error
    if os.path.isdir(options.context):  # noqa: PTH112
        return _local(options, stdin, Path(options.context))
    if is_remote(options.context):
        return _remote(options, stdin, folder)
    if os.path.exists(options.context):  # noqa: PTH110
        raise ContextError(
            f"{options.context} is a file, not a build context",
            expected="a folder, a URL or -",
            hint=f"xbuild build -f {options.context} {Path(options.context).parent}",
        )
    raise ContextError(
        f"there is no folder {redact(options.context)}",
        expected="a folder, a URL or -",
        hint="check the path of the context",
    )


def _read_dockerfile_from(stdin: IO[bytes] | None) -> Source:
    data = stdin.read() if stdin is not None else b""
    if not data:
        raise DockerfileError(
            "nothing came on standard input", expected="a Dockerfile", hint="check the pipe"
        )
    return _text("-", data)


def _read(stdin: IO[bytes] | None) -> bytes:
    data = stdin.read() if stdin is not None else b""
    if not data:
        raise ContextError(
            "nothing came on standard input", expected="a Dockerfile or a tar archive", hint="check the pipe"
        )
    return data


def _local(options: BuildOptions, stdin: IO[bytes] | None, context: Path) -> Inputs:
    try:
        next(context.iterdir(), None)
    except OSError as error:
        raise ContextError(
            f"{context} cannot be read: {error.strerror}", hint="check its permissions"
        ) from error
    if options.file == "-":
        # buildx gives it to the frontend as a file `Dockerfile` in a folder of its own: no ignore file
        # beside it
        return Inputs(_read_dockerfile_from(stdin), "Dockerfile", options.context, context)
    if options.file and _URL.match(options.file):
        name = redact(options.file)
        reason = f"the Dockerfile is at {name} and is read by the builder"
        return Inputs(None, name, options.context, context, reason=reason)
    path = _find(Path(options.file) if options.file else context / "Dockerfile")
    found = _read_dockerfile(path)
    return Inputs(
        replace(found, path=_GENERATED) if options.has_generated else found,
        path.name,
        options.context,
        context,
        ignore=_beside(path, ".dockerignore"),
        policy=_beside(path, ".rego"),
    )


def _find(path: Path) -> Path:
    """`dockerfile` is taken when there is no `Dockerfile` (`handleLowercaseDockerfile`)."""
    lower = path.with_name("dockerfile")
    is_lower = path.name == "Dockerfile" and not os.path.exists(path) and lower.exists()  # noqa: PTH110
    return lower if is_lower else path


def _read_dockerfile(path: Path) -> Source:
    if os.path.isdir(path):  # noqa: PTH112
        raise DockerfileError(
            "the Dockerfile is a folder",
            file=str(path),
            expected="a file",
            hint="xbuild build -f FILE CONTEXT",
        )
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise DockerfileError(
            "there is no such Dockerfile",
            file=str(path),
            hint="xbuild generate writes one, xbuild build --generate builds it; or name it with --file",
        ) from error
    except OSError as error:
        raise DockerfileError(
            f"the Dockerfile cannot be read: {error.strerror}", file=str(path), hint="check its permissions"
        ) from error
    return _text(str(path), data)


def _text(name: str, data: bytes) -> Source:
    if len(data) > _DOCKERFILE_LIMIT or b"\0" in data:
        raise DockerfileError("this is not a Dockerfile but binary data", file=name, expected="text")
    return Source.from_bytes(name, data)


def _beside(path: Path, suffix: str) -> bytes | None:
    file = path.with_name(path.name + suffix)
    try:
        return file.read_bytes() if os.path.isfile(file) else None  # noqa: PTH113
    except OSError as error:
        raise ContextError(
            f"{file} cannot be read: {error.strerror}", hint="check its permissions"
        ) from error


def _remote(options: BuildOptions, stdin: IO[bytes] | None, folder: os.PathLike[str]) -> Inputs:
    """With a remote context only an absolute path is a local Dockerfile; others are inside the context."""
    tree, problem = _fetched(options, folder)
    name = redact(options.file or "Dockerfile")
    found = Inputs(None, name, options.context, is_remote=True)
    if tree is not None:
        found = replace(found, context=tree.address, context_dir=tree.folder, ignore=_NOTHING_IGNORED)
    if options.file == "-":
        return replace(found, dockerfile=_read_dockerfile_from(stdin), name="Dockerfile")
    if options.file and Path(options.file).is_absolute():
        path = Path(options.file)
        ignore = found.ignore or _beside(path, ".dockerignore")
        return replace(found, dockerfile=_read_dockerfile(path), name=path.name, ignore=ignore)
    file = _find(tree.folder / name) if tree and not _URL.match(options.file or "") else None
    if tree is None or file is None or not file.is_file() or not tree.inside(file):
        reason = f"the Dockerfile is in {redact(options.context)} and is read by the builder{problem}"
        return replace(found, context_dir=None, ignore=None, reason=reason)
    shown = Source.from_bytes(name, _read_dockerfile(file).to_bytes())
    policy = _beside(file, ".rego") if tree.inside(file.with_name(f"{file.name}.rego")) else None
    return replace(found, dockerfile=shown, name=file.name, policy=policy, is_inside=True)


# BuildKit applies no ignore file to a context that is no local folder (`dockerui/config.go`, `MainContext`).
_NOTHING_IGNORED = b"# the context is no local folder: nothing is left out\n"


def _fetched(options: BuildOptions, folder: os.PathLike[str]) -> tuple[GitTree | None, str]:
    """The tree of a git context, or why there is none."""
    from xbuild.solve.gitcontext import UnreadableGitError, fetch, parse_git_context

    context = parse_git_context(options.context)
    if context is None:
        return None, ""
    try:
        return fetch(context, options, os.environ, Path(folder)), ""
    except UnreadableGitError as error:
        return None, f" (it could not be fetched here: {error.message})"


def _from_stdin(options: BuildOptions, data: bytes, folder: Path) -> Inputs:
    import io
    import tarfile

    try:
        archive = tarfile.open(fileobj=io.BytesIO(data))  # noqa: SIM115 (closed below)
    except tarfile.TarError:
        return _dockerfile_from_stdin(options, data, folder)
    with archive:
        context = folder / "context"
        context.mkdir()
        _unpack(archive, context)
    name = options.file or "Dockerfile"
    path = _find(context / PurePosixPath(name.lstrip("/")))
    shown = Source.from_bytes(f"-:{name}", _read_dockerfile(path).to_bytes())
    # It does to the folder that this has become: an ignore file without patterns, which comes first, keeps
    # the meaning.
    ignore = _beside(path, ".dockerignore") or _NOTHING_IGNORED
    return Inputs(shown, path.name, str(context), context, ignore=ignore)


def _dockerfile_from_stdin(options: BuildOptions, data: bytes, folder: Path) -> Inputs:
    if options.file:
        raise DockerfileError(
            "both standard input and --file give a Dockerfile",
            expected="an archive on standard input when --file is given",
            hint="drop --file, or give a folder as context",
        )
    context = folder / "context"
    context.mkdir()
    return Inputs(_text("-", data), "Dockerfile", str(context), context)


def _unpack(archive: tarfile.TarFile, folder: Path) -> None:
    """Everything, modes kept; nothing outside `folder`."""
    import tarfile

    def inside(member: tarfile.TarInfo, path: str) -> tarfile.TarInfo | None:
        checked = tarfile.tar_filter(member, path)
        # tar_filter takes write bits of others away, which COPY would show
        return checked.replace(mode=member.mode & 0o777, deep=False) if checked else None

    try:
        archive.extractall(folder, filter=inside)
    except (tarfile.TarError, OSError, EOFError) as error:
        raise ContextError(f"the archive on standard input cannot be unpacked: {error}") from error
