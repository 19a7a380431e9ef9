"""A folder without a Dockerfile: its files read, the texts made from templates, all written or none."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from xbuild.errors import ConfigError, ContextError, RegistryError, UsageError
from xbuild.generate.choosing import Chosen, choose
from xbuild.generate.drawing import DOCKERFILE, IGNORE, WORKFLOW, Generated, generate, repository_address
from xbuild.generate.shape import UnreadyError
from xbuild.generate.template import Load
from xbuild.pipeline.config import Config, load_config, repository
from xbuild.pipeline.files import write_whole
from xbuild.plan.model import Plan
from xbuild.solve.directory import DirectoryContext
from xbuild.solve.inputs import is_remote
from xbuild.solve.options import BuildOptions

# What no project is recognised by; all else is looked at, whatever `.dockerignore` says.
_NOISE = b"\n".join(
    b"**/" + name
    for name in (b".git", b"node_modules", b".venv", b"venv", b"__pycache__", b".tox", b"target", b".next")
)

_PLATFORMS = ("linux/amd64", "linux/arm64")


@dataclass(frozen=True)
class Order:
    """What `xbuild generate` is asked for. `language` and `entry` choose where several could be meant."""

    folder: Path
    language: str | None = None
    entry: str | None = None
    config: str | None = None
    workflow: bool = False
    online: bool = False


def generate_files(order: Order) -> Generated:
    """All texts for a folder; nothing is written. Raises XbuildError."""
    folder = order.folder
    _check_folder(folder)
    config = load_config(order.config, folder)
    tree = DirectoryContext(folder, _NOISE)
    chosen = choose(tree, order.language, order.entry)
    _check_sent(folder, chosen)
    made = generate(
        tree, chosen, templates(config), _remote(folder), runtime=config.runtime, workflow=order.workflow
    )
    return _with_digests(made) if order.online else made


def _check_sent(folder: Path, chosen: Chosen) -> None:
    """What the image is made of may not be left out by an existing `.dockerignore`. Raises UnreadyError."""
    ignore = folder / IGNORE
    if not ignore.is_file():
        return
    sent = DirectoryContext(folder, ignore.read_bytes())
    entry = (chosen.entry.seen.file,) if chosen.entry is not None else ()
    for path in (chosen.candidate.marker, *entry):
        if (folder / path).is_file() and sent.read(path) is None:
            raise UnreadyError(
                f"{path} is left out here, and the image is made of it",
                file=IGNORE,
                hint="let it in, or remove the file: xbuild generate writes one",
            )


def templates(config: Config) -> Load:
    """Texts of templates by name: a team's own first, then those of xbuild."""
    folders = [template_folder()]
    if config.templates is not None:
        own = Path(config.templates)
        if not own.is_dir():
            raise ConfigError(
                f"there is no folder {own} with templates", file=config.path, hint="check generate.templates"
            )
        folders.insert(0, own)

    def load(name: str) -> str | None:
        paths = (folder / f"{name}.Dockerfile" for folder in folders)
        path = next((path for path in paths if path.is_file()), None)
        return None if path is None else str(path.read_bytes(), "utf-8", "replace")

    return load


def template_folder() -> Path:
    """`dockerfiles/`: in the installed package, or at the root of the checkout."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "dockerfiles"
    return installed if installed.is_dir() else package.parents[1] / "dockerfiles"


def _check_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise ContextError(f"there is no folder {folder}", hint="check the path")
    try:
        next(folder.iterdir(), None)
    except OSError as error:
        raise ContextError(
            f"{folder} cannot be read: {error.strerror}", hint="check its permissions"
        ) from error


def _remote(folder: Path) -> str | None:
    root = repository(folder.resolve())
    if root is None:
        return None
    try:
        return repository_address((root / ".git" / "config").read_text("utf-8", "replace"))
    except OSError:  # a worktree, or a submodule: its .git is a file
        return None


def _with_digests(made: Generated) -> Generated:
    """With base images by what their tags name today. Raises RegistryError."""
    text = made.files[DOCKERFILE]
    lines = text.split("\n")
    for number, line in enumerate(lines):
        words = line.split()
        reference = (
            words[-3] if len(words) > 3 and words[-2].upper() == "AS" else (words[-1] if words else "")
        )
        if words[:1] == ["FROM"] and reference != "scratch":
            lines[number] = line.replace(reference, f"{reference}@{_digest(reference)}")
    return replace(made, files={**made.files, DOCKERFILE: "\n".join(lines)})


def _digest(reference: str) -> str:
    from xbuild.solve.online import inspect_index

    digest = inspect_index(reference)
    if not digest.startswith("sha256:"):
        raise RegistryError(f"{reference}: no digest is told", hint="leave out --online")
    return digest


def plan_generated(order: Order, made: Generated) -> Plan:
    """What `xbuild plan --offline` says of the generated Dockerfile."""
    from xbuild.pipeline.project import Project, plan_project
    from xbuild.platforms import parse_platforms
    from xbuild.solve.inputs import Inputs
    from xbuild.text import Source

    ignore = made.files.get(IGNORE)
    source = Source(DOCKERFILE, made.files[DOCKERFILE])
    inputs = Inputs(
        source, DOCKERFILE, str(order.folder), order.folder, ignore=ignore.encode() if ignore else None
    )
    config = load_config(order.config, order.folder)
    platforms = config.platforms or parse_platforms(_PLATFORMS)
    project = Project(BuildOptions(), inputs, config, config.settings(assist=True), platforms)
    return plan_project(project)


def generate_for_build(options: BuildOptions, folder: Path) -> tuple[Order, Generated, Path] | None:
    """The texts for the context of a build, and the Dockerfile, written below `folder` with its own ignore
    file where the context has none; None where there is a Dockerfile. Raises XbuildError.
    """
    context = Path(options.context)
    if options.file is not None:
        raise UsageError("--generate makes a Dockerfile, and --file names one", hint="drop one of them")
    if options.context == "-" or is_remote(options.context):
        raise UsageError(
            "--generate needs a local folder as its context", hint="fetch it, and name its folder"
        )
    if (context / DOCKERFILE).exists() or (context / "dockerfile").exists():
        return None
    order = Order(context, config=options.config)
    made = generate_files(order)
    path = folder / "generated" / DOCKERFILE
    path.parent.mkdir()
    path.write_text(made.files[DOCKERFILE], "utf-8")
    if IGNORE in made.files:
        path.with_name(f"{DOCKERFILE}{IGNORE}").write_text(made.files[IGNORE], "utf-8")
    return order, made, path


def write_files(folder: Path, files: Mapping[str, str], *, force: bool) -> tuple[str, ...]:
    """Write all or none; what was written. An existing Dockerfile is replaced only by `force`, and any other
    existing file is kept. Raises UsageError, ContextError.
    """
    dockerfile = folder / DOCKERFILE
    if dockerfile.exists() and not force:
        raise UsageError(
            "there is a Dockerfile already",
            file=str(dockerfile),
            hint="--diff compares it, --stdout prints the new one, --force replaces it",
        )
    done: list[tuple[Path, bytes | None]] = []
    try:
        for name in _missing(folder, files):
            path = folder / name
            before = path.read_bytes() if path.exists() else None
            made = _make_folders(path.parent)
            done += [(each, None) for each in made]
            write_whole(path, files[name].encode())
            done.append((path, before))
    except OSError as error:
        _undo(done)
        raise ContextError(
            f"{folder} cannot be written to: {error.strerror}; nothing was written",
            hint="check its permissions",
        ) from error
    except BaseException:
        _undo(done)
        raise
    return tuple(str(path.relative_to(folder)) for path, _ in done if path.is_file())


def _missing(folder: Path, files: Mapping[str, str]) -> Iterator[str]:
    for name in files:
        if name == DOCKERFILE or not os.path.lexists(folder / name):
            yield name


def _make_folders(folder: Path) -> list[Path]:
    """Make a folder and those above it; what was made, the uppermost first."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()][::-1]
    folder.mkdir(parents=True, exist_ok=True)
    return missing


def _undo(done: list[tuple[Path, bytes | None]]) -> None:
    for path, before in reversed(done):
        if before is not None:
            write_whole(path, before)
        elif path.is_dir():
            path.rmdir()
        else:
            path.unlink(missing_ok=True)


def kept_workflow(folder: Path) -> str:
    """What an existing workflow lacks, in one line; empty where there is none, or nothing is lacking."""
    try:
        text = (folder / WORKFLOW).read_text("utf-8", "replace")
    except OSError:
        return ""
    return "" if "/xbuild@" in text else f"{WORKFLOW} is kept: it does not use xbuild's action"
