"""Commands that name the machine: in a pinned stage they can be told to name the target's instead.

What they would print on the target is known, so that what stands there instead prints the very same: a `case`
over TARGETARCH. It is for what leaves the stage; what only runs in it is right as it is, for the machine that
runs it.

Sources: uname(1) and arch(1) of GNU coreutils and BusyBox, dpkg(1), apk(8); the columns of
`xbuild.architectures`. Names of 32-bit machines are not told: the kernel of a 64-bit one may say its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase

from xbuild.architectures import ARCHITECTURES, Architecture
from xbuild.dockerfile.script import Command, Script
from xbuild.graph.scope import Scope
from xbuild.plan.facts.filesystem import Kind, Write, join
from xbuild.plan.model import Evidence
from xbuild.plan.programs.program import plain, word_kind
from xbuild.plan.toolchain import Call, Demand, Effect, Need, Surroundings, Variable
from xbuild.platforms import Platform
from xbuild.text import expression

_Naming = Callable[[Architecture], str]


def _kernel(row: Architecture) -> str:
    return row.uname if row.machine.bits == 64 else ""


def _debian(row: Architecture) -> str:
    """What Debian calls the older variants of arm depends on who built it."""
    return row.debian if row.variant not in ("v5", "v6") else ""


_NAMING: Mapping[tuple[str | None, ...], tuple[_Naming, str]] = {
    ("uname", "-m"): (_kernel, ""),
    ("uname", "--machine"): (_kernel, ""),
    ("arch",): (_kernel, ""),
    ("apk", "--print-arch"): (_kernel, "alpine"),
    ("dpkg", "--print-architecture"): (_debian, "debian"),
}
"""What each says, and the distribution that has it: elsewhere it fails, or has names of its own (Alpine's
dpkg)."""
_WORDS = ("uname", "arch")
"""One of these stands in every script that has such a command."""


def may_name(script: Script) -> bool:
    """Whether a script may name the machine in a way that can be told; a quick look."""
    return any(word in script.text for word in _WORDS)


def is_naming(call: Call) -> bool:
    """Whether a command names the machine in a way that can be told."""
    return call.texts in _NAMING


def is_fetching(call: Call) -> bool:
    """Whether a command fetches something by the name of the machine."""
    program = call.around.programs.get(call.program_name)
    is_by_name = Kind.BUILD in (*call.kinds, call.condition)
    return program is not None and program.is_download and is_by_name


def is_told_target(call: Call) -> bool:
    """Whether a compiler is told by the name of the machine for which one to compile."""
    program = call.around.programs.get(call.program_name)
    assigned = (kind for _, kind in call.assignments.values())
    exported = (v.kind for v in call.variables.values() if v.origin == "export")
    is_by_name = Kind.BUILD in (*call.kinds, *assigned, *exported)
    return program is not None and program.takes_target and is_by_name


def is_taking(call: Call) -> bool:
    """Whether a command names what was compiled for the target by the name of the machine."""
    pairs = zip(call.texts[1:], call.kinds[1:], strict=True)
    named = [call.seen(text) for text, kind in pairs if kind is Kind.BUILD and text and "*" in text]
    made = call.writes.where(_is_compiled) if named else ()
    return any(path is not None and fnmatchcase(w.path or "", path) for path in named for w in made)


def _is_compiled(made: Write) -> bool:
    return made.kind is Kind.CROSS and made.is_file


_PLATFORM_ARGS: Mapping[str, Callable[[Platform], str]] = {
    "TARGETARCH": lambda platform: platform.architecture,
    "TARGETPLATFORM": str,
}


def spelled_variable(variable: Variable, name: str, platform: Platform) -> str | None:
    """What a variable holds on a platform, where the name of the target decides it."""
    own = _PLATFORM_ARGS.get(name) if variable.origin == "platform" else None
    return own(platform) if own is not None else variable.by_target.get(platform)


def spelled_command(texts: tuple[str | None, ...], platform: Platform) -> str | None:
    """What a command prints on a platform, if it names the machine."""
    naming, _ = _NAMING.get(texts, (None, ""))
    row = next((row for row in ARCHITECTURES if row.docker == str(platform).removeprefix("linux/")), None)
    return (naming(row) or None) if naming is not None and row is not None else None


def selected(script: Script, command: Command, subject: Mapping[Platform, str]) -> frozenset[Platform] | None:
    """The platforms on which a command runs that stands in a `case`, over a word that is known for each;
    None where it cannot be told.
    """
    around, item = (next(s.span for s in command.scopes if s.kind == kind) for kind in ("case", "item"))
    patterns = [word for word in script.case_words if word.span in around][1:]
    text = script.text[around.start : around.end]
    is_told = all(word.value is not None or word.raw == "*" for word in patterns)
    if not is_told or len(_CASE.findall(text)) != 1 or _UNUSUAL.search(script.text):
        return None
    first = {p: next((w for w in patterns if w.value in (None, name)), None) for p, name in subject.items()}
    return frozenset(p for p, word in first.items() if word is not None and word.span in item)


_CASE = expression(r"\bcase\b")
# A `case` that runs into its next item, and settings of bash by which patterns match otherwise.
_UNUSUAL = expression(r";;?&|\bshopt\b")


def named(call: Call) -> Effect | None:
    """The effect of a command that names the machine; None for others."""
    if not is_naming(call):
        return None
    told = _told_of_target(call) if call.around.names_target else None
    return told if told is not None else plain(call, join((Kind.BUILD, word_kind(call))))


def _told_of_target(call: Call) -> Effect | None:
    """With the target's name in its place; None where that cannot be written."""
    naming, family = _NAMING.get(call.texts, (None, ""))
    platforms = call.around.platforms
    is_plain = call.is_editable and call.words == call.command.words
    if naming is None or not platforms or not is_plain or family not in ("", call.around.image.family):
        return None
    if not is_free("TARGETARCH", call.scope, call.around) or word_kind(call) >= Kind.BUILD:
        return None
    arms = _arms(naming, platforms)
    if arms is None:
        return None
    program = (
        f"case $TARGETARCH in {arms} esac" if not _is_docker_s(naming, platforms) else "echo $TARGETARCH"
    )
    spelled = call.spelled()
    why = f"`{spelled}` would name the build machine"
    effect = plain(call, join((Kind.TARGET, word_kind(call))))
    return Effect(
        output=effect.output,
        reads=(),
        sees_environment=False,
        demand=Demand(words=((call.command.span, program, why),)),
        needs=(Need("TARGETARCH", call.instruction, spelled),),
        evidence=(Evidence(f"what `{spelled}` says on the target is known", call.place),),
    )


def is_free(name: str, scope: Scope, around: Surroundings) -> bool:
    """Whether a platform ARG is BuildKit's own here, or declaring it changes nothing: no text names it."""
    value = scope.environment().get(name)
    if value is not None:
        return value.kind == "platform"
    return name not in around.text and not around.has_children


def _arms(naming: _Naming, platforms: Sequence[Platform]) -> str | None:
    """The arms of a `case` over TARGETARCH; None where a platform has no name, or two share one arm."""
    found: dict[str, set[str]] = {}
    for platform in platforms:
        rows = (r for r in ARCHITECTURES if r.docker == str(platform).removeprefix("linux/"))
        name = next((naming(row) for row in rows), "")
        found.setdefault(platform.architecture, set()).add(name)
    if any(len(names) != 1 or "" in names for names in found.values()):
        return None
    return " ".join(f"({docker}) echo {names.pop()} ;;" for docker, names in found.items())


def _is_docker_s(naming: _Naming, platforms: Sequence[Platform]) -> bool:
    """Whether each platform is called as Docker calls its architecture."""
    rows = {row.docker: row for row in ARCHITECTURES}
    found = (rows[str(platform).removeprefix("linux/")] for platform in platforms)
    return all(naming(row) == row.architecture for row in found)


def leaves_wrong(made: Sequence[Write], is_shipped: Callable[[str], bool]) -> bool:
    """Whether something that a RUN wrote gets into an image and is not right for the target."""
    return any(not w.kind.is_right and (w.path is None or is_shipped(w.path)) for w in made)
