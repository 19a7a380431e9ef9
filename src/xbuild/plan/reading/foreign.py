"""Which programs a command runs, and whether one of them was made for the target, or for one machine alone:
it cannot run in a pinned stage, or not in every one.

A name without a slash is looked for where PATH may lead. What a package, a base image or an earlier
command put there by that very name is taken for the one that runs; else it may have come with what was
unpacked into one of those folders.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache

from xbuild.plan.facts.filesystem import FOR_ANOTHER, Kind, Write, is_within
from xbuild.plan.recipes.recipe import context_path
from xbuild.plan.table import words
from xbuild.plan.toolchain import Call
from xbuild.text import expression

_FOLDERS = words("/usr/local/sbin /usr/local/bin /usr/sbin /usr/bin /sbin /bin /root/.local/bin")
_CACHE = "/root/.cache"  # nothing is run from there
_PATH = expression(r"\bPATH[= ][\"']?([^\s\"';&]+)")
_PATH_ITSELF = ("$PATH", "${PATH}")


def foreign_program(call: Call) -> tuple[str, Write] | None:
    """A program of the command that was made for the target, and what wrote it."""
    for name in _programs(call):
        made = _made_for_target(call, name)
        if made is not None:
            return name, made
    return None


def foreign_files(call: Call) -> Iterator[Write]:
    """What wrote the program that a command would run, or else the files that it names, if it was made for
    another machine.
    """
    found = foreign_program(call)
    if found is not None:
        yield found[1]
        return
    for path in (call.seen(text) for text in call.texts[1:] if text is not None):
        made = _at_path(call, path)
        if made is not None:
            yield made


def _programs(call: Call) -> Iterator[str]:
    """The program itself, and those that it is told to run."""
    name = call.texts[0]
    if name is None:
        return
    yield name
    program = call.around.programs.get(call.program_name)
    if program is not None and program.starts is not None:
        yield from program.starts(call)


def _made_for_target(call: Call, name: str) -> Write | None:
    if "/" in name:
        return _at_path(call, call.seen(name))
    is_foreign = _test(call)
    named = [w for w in call.writes.called(name) if is_foreign(w) and not is_within(w.path or "", _CACHE)]
    return named[-1] if named else _unpacked(call, name)


def _is_for_target(made: Write) -> bool:
    return made.path is not None and made.kind in (Kind.CROSS, Kind.TARGET)


def _is_for_another(made: Write) -> bool:
    return made.path is not None and made.kind in FOR_ANOTHER


def _test(call: Call) -> Callable[[Write], bool]:
    """What cannot run here; an author who pins a stage has said which machine builds."""
    return _is_for_target if call.around.is_pinned_by_author else _is_for_another


def _at_path(call: Call, path: str | None) -> Write | None:
    if path is None:
        return None
    is_foreign = _test(call)
    found = [w for w in call.writes.exactly(path) if is_foreign(w)]
    around = [w for w in call.writes.covering(path) if is_foreign(w)]
    if not found and around and context_path(call, path) is None:
        found = around
    return found[-1] if found else None


def _unpacked(call: Call, name: str) -> Write | None:
    """What was put into a folder of PATH under names that are not known, and may hold the program."""
    program = call.around.programs.get(name)
    # What a program starts, and no row tells of, is nothing that an image has by itself.
    is_extra = program.is_extra if program is not None else name != call.texts[0]
    folders = search_path(call)
    if not is_extra or _is_provided(call, name, folders):
        return None
    covering = [
        w
        for w in call.writes.where(_test(call))
        if not w.is_listed
        and (has_untold_path(call) or any(is_within(folder, w.path or "/") for folder in folders))
    ]
    return covering[-1] if covering else None


def search_path(call: Call) -> tuple[str, ...]:
    """Where PATH may lead, now or later."""
    told = (*_told_paths(call.around.text), *_told_paths(call.script))
    known = (call.scope.expand_known(part).text or part for part in told)
    own = (p.rstrip("/") for p in known if p.startswith("/") and len(p) > 1)
    return (*call.around.tool_folders, *_FOLDERS, *own)


def has_untold_path(call: Call) -> bool:
    """Whether PATH may lead to folders that the text does not tell: by a variable, or from where it is."""
    told = (*_told_paths(call.around.text), *_told_paths(call.script))
    folders = (call.scope.expand_known(part).text for part in told if part not in _PATH_ITSELF)
    return any(folder is None or not folder.startswith("/") for folder in folders)


@lru_cache(maxsize=64)
def _told_paths(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(path for value in _PATH.findall(text) for path in value.split(":")))


def _is_provided(call: Call, name: str, folders: tuple[str, ...]) -> bool:
    program = call.around.programs.get(name)
    if program is not None and program.brought_by is not None:
        return program.brought_by(call)
    packages = words(program.packages) if program is not None else ()
    if any(p in call.packages for p in (name, *packages)):
        return True
    found = (w for folder in folders for w in call.writes.exactly(f"{folder}/{name}"))
    return any(w.kind not in FOR_ANOTHER for w in found)
