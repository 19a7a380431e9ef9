"""Files of the project that a command reads where it runs: what stands in them, if that can be told."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Hashable, Iterator
from dataclasses import replace
from typing import TypeVar, cast

from xbuild.dockerfile.model import Mount
from xbuild.plan.facts.filesystem import Kind, Write, absolute, is_within, resolved
from xbuild.plan.recipes.recipe import context_path, copied_path, may_be_copied
from xbuild.plan.toolchain import Call


class UntoldError(Exception):
    """What of a command cannot be told, so that it is not followed, and what would help."""

    def __init__(self, text: str, cure: str | None = None) -> None:
        super().__init__(text)
        self.cure = cure


Told = TypeVar("Told")


def told_once(call: Call, find: Callable[..., Told], *given: Hashable) -> Told:
    """What `find` tells of the build context, which does not change while a plan is made. It is called with
    the context and what is `given`, and may raise UntoldError, once for a plan.
    """
    memo, key = call.scope.graph.memo, (find, given)
    if key not in memo:
        try:
            memo[key] = find(call.around.context, *given)
        except UntoldError as error:
            memo[key] = error
    told = memo[key]
    if isinstance(told, UntoldError):
        raise told
    return cast("Told", told)


def mount_target(call: Call, mount: Mount) -> str | None:
    """Where a mount stands; None where it cannot be told."""
    told = mount.get("target") or ("/run/secrets" if mount.type in ("secret", "ssh") else "")
    return absolute(call.scope.expand_known(told).text or "", call.scope.workdir()) if told else None


def context_file(call: Call, path: str | None) -> str | None:
    """The file of the build context that stands at `path`, by a COPY or a mount."""
    for mount in call.run.mounts:
        target = mount_target(call, mount)
        is_context = mount.type in ("", "bind") and mount.get("from") is None
        if is_context and target is not None and path is not None and is_within(path, target):
            told = call.scope.expand_known(mount.get("source") or ".").text
            source = posixpath.normpath(told.lstrip("/") or ".") if told is not None else None
            rest = posixpath.relpath(path, target)
            return posixpath.normpath(posixpath.join(source, rest)) if source is not None else None
    return context_path(call, path)


def context_text(call: Call, path: str) -> str | None:
    """The text of a file of the build context that stands at `path`: copied, or mounted for this RUN."""
    found = context_file(call, path)
    return call.around.context.read(found) if found is not None else None


def own_text(call: Call, path: str) -> str | None:
    """The text of the file that stands at `path`, from the build context; None where none stands there.
    Raises UntoldError where that cannot be told, or the stage may have made it.
    """
    text = context_text(call, path)
    if text is not None:
        return text
    found = resolved(call.writes, path)
    is_unseen = context_file(call, path) is not None and not call.around.context.files()
    if found is None or is_unseen or may_be_copied(call, found):
        raise UntoldError(f"{path} is not in the build context, or may have been changed", _AS_IT_IS)
    made = next((w for w in call.writes.covering(found) if _may_be_there(w)), None)
    if made is not None:
        raise UntoldError(f"`{made.text}` of line {made.place.line} may have made {path}")
    return None


def path_folders(call: Call) -> Iterator[str]:
    """The folders that PATH names, wherever it is set; relative ones from where the command runs."""
    told = [call.scope.lookup("PATH"), call.variables.get("PATH")]
    texts = [(v.text or getattr(v, "raw", None) or "") for v in told if v is not None]
    if "PATH" in call.assignments:
        word = call.assignments["PATH"][0]
        texts.append(word.value or word.raw)
    for part in (f.strip("\"'").rstrip("/") for text in texts for f in text.split(":")):
        folder = call.scope.expand_known(part).text if "$" in part else part
        if folder:
            yield posixpath.normpath(posixpath.join(call.directory or "/", folder))


def written_by_tests(call: Call, folder: str | None) -> Write:
    """What a program of the project's own may leave below the folder in which it works: any file but those
    of the build context.
    """
    made = Write(folder, Kind.PORTABLE if folder is not None else Kind.BUILD, call.place, call.spelled())
    if folder is None:
        return made
    kept = frozenset(_copied_below(call, folder))
    return replace(
        made, adds=True, is_listed=True, is_aside=True, spared=kept, by=("RUN", *call.command_words[:1])
    )


def _copied_below(call: Call, folder: str) -> Iterator[str]:
    """The files of the build context in a folder of the stage, by their paths there."""
    files = call.around.context.files()
    for file in files[:_FEW]:
        names = file.split("/")
        for depth in range(len(names)):
            if copied_path(call, posixpath.join(folder, *names[depth:])) == file:
                start = "/".join(names[:depth])
                for other in call.around.context.files(start):
                    yield posixpath.join(folder, posixpath.relpath(other, start or "."))
                return


_FEW = 50
"""Of so many files one is in the folder that is copied, if it is."""


def link_out(call: Call, folder: str, start: str) -> tuple[str, str] | None:
    """A symbolic link of the project that leads to the image's own files, and what it holds; None where there
    is none. The project lies in `folder`, and at `start` in the build context.
    """
    files = call.around.context.files()
    for path, told in (call.around.context.links(start or ".") or {}).items():
        place = posixpath.normpath(posixpath.join(folder, posixpath.dirname(path), told))
        inner = posixpath.normpath(posixpath.join(start, posixpath.dirname(path), told))
        is_sent = any(f == inner or f.startswith(f"{inner}/") for f in files)
        is_own = "node_modules/" in path or is_within(place, folder)
        if not is_own and (told.startswith("/") or not is_sent):
            return posixpath.join(start, path), told
    return None


_AS_IT_IS = "COPY it from the build context, as it is, or leave it out by .dockerignore"


def _may_be_there(made: Write) -> bool:
    """Whether a write over a file may be a file; behind one that may be anything, nothing is sure anyhow."""
    if made.path is None:
        return made.kind.is_right
    return not (made.is_package or made.is_empty or made.is_change or made.is_context or made.is_aside)
