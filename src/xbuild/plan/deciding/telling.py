"""What a script may write down that is not the same with native twins: numbers of processes, and what others
load into every program.
"""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterator

from xbuild.dockerfile.script import Command, Script
from xbuild.plan.table import words
from xbuild.text import Span, expression

# Wherever it stands in the text, also where a script inside it would read it.
_TEXTS = (
    (r"\$\$", "it uses the number of a process (`$$`), and a twin is more than one process"),
    (r"\b(BASHPID|PPID)\b", "it uses the number of a process, and a twin is more than one process"),
    (
        r"\bLD_(PRELOAD|AUDIT)\b|\bld\.so\.preload\b|\blib(eatmydata|fakeroot|faketime)[\w.-]*\.so\b",
        "it has a library loaded into every program, and that one is the target's",
    ),
    (
        r"/proc/(?!(self|1)/fd/\d)(self|thread-self|mounts|[\d*?\[$\\{])|/dev/fd(?![/\w])",
        "it looks into /proc at processes or at what is mounted",
    ),
    (r"(?<!\d)9>>", "it opens descriptor 9 for appending, as twins know the one that is theirs"),
    (r"\b(dotglob|GLOBIGNORE)\b", "its patterns may fit the folder of the twins"),
    (
        r"\b(walk|listdir|scandir|glob|rglob|iterdir|find|find\w*depth|readdir\w*|opendir|Path|rmtree)\b\W[^;\n]*[\"'](file:)?/[*.]{0,2}[\"']",
        "a program in it may go through the whole root",
    ),
    (
        r"\bENVIRON\b(?!\[\\?\"(?!PATH\b))|\$ENV\{[\\\"']*PATH\b|%ENV\b|getenv\([\\\"']*PATH\b|\bprocess\.env\b(?!\.(?!PATH\b))"
        r"|\benviron\b(?!(\[|\.(get|pop|setdefault)\()[\\\"']+(?!PATH\b))",
        "a program in it tells the environment, which names the folder of the twins",
    ),
    (r"\b(which|find_executable|find_program)\(", "a program in it asks where another one lies"),
)
# Programs, and whether any word may be one of them: those with rare names may stand behind others (`env`).
_PROGRAMS = (
    (
        "eatmydata fakeroot fakeroot-ng fakechroot faketime proot cowbuilder stdbuf",
        True,
        "changes what programs load",
    ),
    ("strace ltrace gdb gdbserver valgrind perf", False, "follows what processes do"),
    ("ps pstree top htop lsof fuser pgrep pidof jobs", False, "tells which processes run"),
    ("df mount findmnt mountpoint lsblk", False, "tells what is mounted"),
    ("updatedb updatedb.mlocate updatedb.plocate", False, "may go through the whole root"),
)
_IN_TEXT = tuple((expression(pattern), why) for pattern, why in _TEXTS)
_NAMED = tuple(
    (frozenset(words(names)), expression(rf"(?<![\w.-])({'|'.join(words(names))})(?![\w.-])"), anywhere, why)
    for names, anywhere, why in _PROGRAMS
)
_LAST = expression(r"\$!|\$\{!\}")
_HARMLESS = ("wait", "kill")


def why_told(script: Script, programs: Collection[str]) -> str | None:
    """Why a script cannot have twins, if so; `programs` are the names of theirs: what stands behind one in a
    command are names of packages.
    """
    found = (why for pattern, why in _IN_TEXT if pattern.search(script.text))
    named = (why for command in script.commands if (why := _why_named(command, programs)) is not None)
    return next(found, None) or next(named, None) or _why_numbered(script)


def _why_named(command: Command, programs: Collection[str]) -> str | None:
    name = posixpath.basename(command.name or "")
    texts = [assignment.value.raw for assignment in command.assignments]
    for word in command.words:
        if word.value in programs:
            break
        texts.append(word.raw)
    for names, pattern, anywhere, why in _NAMED:
        if name in names:
            return f"`{name}` {why}"
        match = next(filter(None, map(pattern.search, texts)), None) if anywhere else None
        if match is not None:
            return f"`{match[1]}` {why}"
    return None


def _why_numbered(script: Script) -> str | None:
    """Refuse `$!` for anything but to wait for the process or to end it, a variable between included."""
    kept = [a for c in script.commands if not c.words for a in c.assignments if _LAST.search(a.value.raw)]
    harmless = list(_harmless(script))
    names = "|".join(dict.fromkeys(a.name for a in kept))
    uses = [m.start() for m in _LAST.finditer(script.text)]
    if names:
        uses += [m.start() for m in expression(rf"\b({names})\b").finditer(script.text)]
    allowed = [*harmless, *(a.span for a in kept if _LAST.fullmatch(a.value.raw.strip('"')))]
    if all(any(span.start <= at < span.end for span in allowed) for at in uses):
        return None
    return "it uses the number of a process (`$!`), and a twin is more than one process"


def _harmless(script: Script) -> Iterator[Span]:
    for command in script.commands:
        if command.name in _HARMLESS:
            yield from (word.span for word in command.words[1:])
