"""What the generators of sites have in common: text comes out that is made of the files where they run.

What such a program computes depends on these files, on its options and on its environment. What may bring
something else in is what it is told to run beside: plugins, scripts, programs. These are looked for, and what
no row knows is not trusted.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from xbuild.plan.facts.filesystem import TOOL_FOLDERS, Kind, Write, is_in_any, join, overlaps
from xbuild.plan.model import Evidence, Reason
from xbuild.plan.programs.grammar import Reading, Takes
from xbuild.plan.programs.printing import sees_all
from xbuild.plan.programs.program import Does, anything, plain, source_kind, told_kind, where, write
from xbuild.plan.recipes.own_files import UntoldError, context_file
from xbuild.plan.table import words
from xbuild.plan.toolchain import Call, Effect, shortened
from xbuild.text import expression, value

NAME = "sites"
LONGEST = 256 * 1024
"""Characters of a file of settings; a longer one is not read."""
IMAGES = (
    "what it computes when it scales or draws images comes from the build machine; the target's processor "
    "may round otherwise"
)


PYTHON = words("PYTHONPATH PYTHONHOME PYTHONSTARTUP")
"""Variables by which a Python program may load modules of the project in place of others."""


@value()
class Found:
    """What was seen in the files of a site: what is to be said about it, and which other folders it is made
    of.
    """

    notes: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()


Look = Callable[[Call, Reading, str], Found]
"""From the call, its words and the folder of the site. Raises UntoldError for what is not trusted."""


def builds(
    look: Look, *, source: str | int | None = None, output: int | None = None, without: tuple[str, ...] = ()
) -> Does:
    """A site, the same for every platform if all that it is made of is, and nothing strange has a say.

    `source` is the option or the number of the operand that tells where the site lies, `output` the number of
    that which tells where it goes; without a word it lies where the command runs, and goes into a folder
    below. `without` are names in its folder that it does not read.
    """

    def does(call: Call, given: Reading) -> Effect | None:
        try:
            said = given.value(source, ".") if isinstance(source, str) else _operand(given, source)
            folder = call.seen(said)
            if folder is None:
                raise UntoldError("where the site lies cannot be told")
            found = look(call, given, folder)
            check_places(call, folder)
            outputs = [o.value for o in given.options if o.kind in (Takes.INTO, Takes.WRITES)]
            outputs += [_operand(given, output)] if output is not None else []
            read = [*found.sources, *(o.value for o in given.options if o.kind is Takes.READS)]
            unread = tuple(posixpath.join(folder, name) for name in without)
            written = (folder, *outputs, *_below(folder, outputs))
            return made(call, (folder, *read), written, found.notes, unread)
        except UntoldError as error:
            return refused(call, error)

    return does


# What files of a site may name outside of it, to be taken into its pages: by settings, and where a page
# includes a file.
_SETTINGS = expression(r"^(?:config/.*|[^/]*)\.(?:toml|ya?ml|json|py)$")
_PAGES = expression(r"\.(?:md|markdown|rst|txt|inc|adoc|html)$")
_NAMED = expression(r"(?<![\w.$/:-])(?:(?:\.\./)+|/(?=usr/|(?:proc|sys|s?bin|lib\w*)\b))[\w./-]*")
_INCLUDED = expression(
    r"\{\{#\w+\s+([^\s}:]+)|\.\.\s+(?:literal)?(?:include|figure|image|raw|csv-table|highlight)::\s*(\S+)"
    r"|:file:\s*(\S+)|:download:`(?:[^`<\n]*<)?([^`>\n]+)|^`{3,}\{(?:literal)?(?:include|figure|image)\}\s*(\S+)"
    r"|--8<--\s*[\"']([^\"']+)[\"']",
    re.MULTILINE,
)
_OF_MACHINE = (
    *(f for f in TOOL_FOLDERS if posixpath.basename(f).startswith(("bin", "sbin", "lib"))),
    "/proc",
    "/sys",
)
_MOST_PAGES = 5000


def check_places(call: Call, folder: str) -> None:
    """No settings and no page of a site take in a program, a library or what the kernel tells. Raises
    UntoldError.
    """
    start = context_file(call, folder) or "."
    named = ((f, posixpath.relpath(f, start)) for f in call.around.context.files(start))
    files = [(f, inside) for f, inside in named if _SETTINGS.search(inside) or _PAGES.search(inside)]
    if len(files) > _MOST_PAGES:
        raise UntoldError(f"it has more than {_MOST_PAGES} pages, and what they include is not looked into")
    for file, inside in files:
        text = call.around.context.read(file) or ""
        beside = posixpath.join(folder, posixpath.dirname(inside))
        found = _NAMED.findall(text) if _SETTINGS.search(inside) else []
        for name in (*found, *("".join(groups) for groups in _INCLUDED.findall(text))):
            places = (posixpath.join(folder, name.lstrip("/")), posixpath.join(beside, name))
            place = next((p for p in map(posixpath.normpath, places) if is_in_any(p, _OF_MACHINE)), None)
            if place is not None:
                raise UntoldError(f"{file} names {place}, which is the machine's", "COPY it into the site")


_MODULES = expression(r"(?:^|/)lib/python\d[^/]*/")


def check_modules(call: Call) -> None:
    """No module of the project lies where Python takes its own from. Raises UntoldError."""
    made = next((w for w in call.writes if w.is_context and _MODULES.search(f"{w.path or ''}/")), None)
    if made is not None:
        raise UntoldError(f"line {made.place.line} puts modules of the project among Python's own")
    brought = next((f for f in call.around.context.files() if _MODULES.search(f)), None)
    if brought is not None:
        raise UntoldError(f"{brought} may be a module of the project among Python's own")


def _operand(given: Reading, number: int | None) -> str | None:
    return given.operands[number] if number is not None and number < len(given.operands) else "."


def _below(folder: str, paths: Iterable[str | None]) -> Iterator[str]:
    """Where a path leads that is told from the site's folder."""
    yield from (posixpath.join(folder, path) for path in paths if path is not None)


def made(
    call: Call,
    sources: Iterable[str | None],
    outputs: Iterable[str | None],
    notes: Iterable[str] = (),
    unread: tuple[str, ...] = (),
) -> Effect:
    """The effect of a command that makes `outputs` of `sources` but for what is `unread` there, its words
    and its environment. Raises UntoldError for a path that cannot be told.
    """
    read, written = tuple(dict.fromkeys(sources)), tuple(dict.fromkeys(outputs))
    if None in (*read, *written):
        raise UntoldError("what it reads, or where its output goes, cannot be told")
    read_kind = _kind_without(call, read, unread) if unread else join(source_kind(call, p) for p in read)
    kind = join((told_kind(call), _elsewhere(call, unread), read_kind))
    effect = sees_all(
        plain(call, kind, (replace(write(call, path, kind), adds=True) for path in written), read)
    )
    if not kind.is_right:  # its settings may tell it to go anywhere
        anywhere = Write(None, kind, call.place, call.spelled())
        return replace(effect, writes=(*effect.writes, anywhere), toolchain=NAME)
    evidence = Evidence(f"`{call.spelled()}` makes text of text, the same on every machine", call.place)
    told = tuple(f"line {call.place.line}, `{call.spelled()}`: {note}" for note in notes)
    return replace(effect, toolchain=NAME, evidence=(evidence,), notes=told)


def _kind_without(call: Call, paths: Iterable[str | None], unread: tuple[str, ...]) -> Kind:
    """The kind of all that was ever written to these places, but for what is not read there."""
    seen = [where(call, path) for path in paths]
    return join(
        w.kind
        for w in call.writes
        if not (w.path is not None and is_in_any(w.path, unread))
        and any(w.path is None or path is None or overlaps(w.path, path) for path in seen)
    )


def _elsewhere(call: Call, unread: tuple[str, ...]) -> Kind:
    """The kind of what a page may include from outside its folder: what the stage made anywhere, but for
    programs and their packages.
    """
    found = (made for made in call.writes.where(_is_wrong) if not is_in_any(made.path or "/", unread))
    return join(made.kind for made in found)


def _is_wrong(made: Write) -> bool:
    if made.kind.is_right or made.is_package or made.path is None:
        return made.path is None and not made.kind.is_right
    is_archive = made.path.endswith(_ARCHIVES) and posixpath.dirname(made.path) in _PASSING
    if is_in_any(made.path, _TOOLS) or is_archive:
        return False
    return made.by[1:3] != ("cargo", "install") and not _INSTALLERS.issuperset(made.by[1:2] or ("",))


_ARCHIVES = (".gz", ".tgz", ".xz", ".bz2", ".zst", ".zip", ".deb", ".apk", ".rpm")
"""What no page includes, where it was only put to be unpacked."""
_PASSING = ("/", "/tmp", "/var/tmp", "/root")
_TEXTS = words("/etc /var /usr/share /usr/local/share /usr/local/etc /root/.config")
_TOOLS = (
    *(folder for folder in TOOL_FOLDERS if folder not in _TEXTS),
    *words("/etc/apt /etc/apk /etc/yum.repos.d /var/cache /var/lib /var/log /var/tmp /usr/share/keyrings"),
)
"""Where programs and their packages lie, and what a package manager keeps; a page may be made of what lies
in other folders of a distribution.
"""
_INSTALLERS = frozenset(words("pip pip3 uv virtualenv bundle bundler gem"))


def refused(call: Call, error: UntoldError) -> Effect:
    """Anything, and why."""
    reason = Reason(f"`{call.spelled()}`: {error}", call.place, cure=error.cure)
    return replace(anything(call), reasons=(reason,), toolchain=NAME)


def known(names: Iterable[object], rows: Container[str], what: str, cure: str) -> None:
    """Raises UntoldError for the first of `names` that no row knows."""
    for name in names:
        if not isinstance(name, str) or name not in rows:
            raise UntoldError(f"what {what} {shortened(str(name))} does is not known", cure)


def is_in_context(call: Call, name: str) -> bool:
    """Whether a file of that name lies anywhere in the build context."""
    return any(file.rpartition("/")[2] == name for file in call.around.context.files())


def toml(text: str, path: str) -> Mapping[str, Any]:
    """The table that a text in TOML holds. Raises UntoldError."""
    import tomllib

    check_length(text, path)
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UntoldError(f"{path} does not parse: {error}") from None


def json_of(text: str, path: str, longest: int = LONGEST) -> Mapping[str, Any]:
    """The object that a text in JSON holds, of at most `longest` characters. Raises UntoldError."""
    import json

    check_length(text, path, longest)
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UntoldError(f"{path} does not parse: {error}") from None
    if not isinstance(found, dict):
        raise UntoldError(f"{path} is no object")
    return found


def check_length(text: str, path: str, longest: int = LONGEST) -> None:
    """Raises UntoldError for a text that is longer than anyone writes by hand."""
    if len(text) > longest:
        raise UntoldError(f"{path} is longer than {longest // 1024} KiB, and is not read")
