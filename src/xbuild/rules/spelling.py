"""How a script spells the platform that it is for: TARGETARCH as Docker does, `uname -m` as the kernel, dpkg
as Debian. What rules about such words share.
"""

from __future__ import annotations

from collections.abc import Mapping

from xbuild.dockerfile.script import Assignment, Command, Expansion, Word
from xbuild.graph.scope import Scope
from xbuild.platforms import Platform
from xbuild.rules.rule import RunScript
from xbuild.text import expression

_PRINTING = (
    (expression(r"[$`(\s\"]*uname (?:-m|--machine|-p|-i)[)`\s\"]*"), "uname"),
    (expression(r"[$`(\s\"]*arch[)`\s\"]*"), "uname"),
    (expression(r"[$`(\s\"]*dpkg --print-architecture[)`\s\"]*"), "debian"),
    (expression(r"[$`(\s\"]*go env GOARCH[)`\s\"]*"), "docker"),
)
_VARIABLES = {"TARGETARCH": "docker", "TARGETPLATFORM": "platform", "TARGETVARIANT": "variant"}
# An operator that changes none of these words: the default of one that is set, Debian's `##*-`.
_HARMLESS = expression(r"|##\*-|:?-.*|:?\?.*")


def spell(platform: Platform, spelling: str) -> str:
    """The word for a platform in one of the spellings."""
    facts = platform.facts
    return {
        "docker": platform.architecture,
        "platform": str(platform),
        "variant": platform.variant,
        "uname": facts.uname,
        "debian": facts.debian,
        "gnu": facts.gnu.partition("-")[0],
        "npm": facts.npm,
        "protoc": {"arm64": "aarch_64", "ppc64le": "ppcle_64", "s390x": "s390_64"}.get(
            platform.architecture, facts.uname
        ),
    }[spelling]


class Spellings:
    """What the words of one instruction spell; `shell` is its script, if it is a RUN."""

    def __init__(self, scope: Scope, shell: RunScript | None = None) -> None:
        self._scope = scope
        self._text = shell.script.text if shell is not None else ""
        self._own = _assigned(shell.script.commands) if shell is not None else {}

    def of(self, expansion: Expansion) -> str | None:
        """The spelling that an expansion gives, or None."""
        if not _HARMLESS.fullmatch(expansion.operator):
            return None
        if expansion.kind == "substitution":
            return self._printed(self._text[expansion.span.start : expansion.span.end])
        return self.of_variable(expansion.name) if expansion.kind == "variable" else None

    def _printed(self, text: str) -> str | None:
        return next((told for pattern, told in _PRINTING if pattern.fullmatch(text)), None)

    def of_variable(self, name: str) -> str | None:
        """The spelling that a variable holds, or None."""
        if name in self._own:
            word = self._own[name]
            return self.of_word(word) if word is not None else None
        value = self._scope.lookup(name)
        if value is None or value.is_unset:
            return None
        if value.kind == "platform":
            return _VARIABLES.get(name)
        alone = (value.raw or "").strip("\"'").strip("${}")
        return _VARIABLES.get(alone) if alone in value.depends_on else None

    def of_word(self, word: Word) -> str | None:
        """The spelling of a word that is one expansion, perhaps in quotes."""
        if len(word.expansions) != 1:
            return None
        (only,) = word.expansions
        bare = word.raw.strip('"')
        if bare != self._text[only.span.start : only.span.end]:
            return None
        return self.of(only)

    def has_platform(self, word: Word) -> bool:
        """Whether what a word expands to differs with the platform, as far as it is seen."""
        return any(self._differs(expansion) for expansion in word.expansions)

    def _differs(self, expansion: Expansion) -> bool:
        text = self._text[expansion.span.start : expansion.span.end]
        if expansion.kind == "substitution":
            return any(asked in text for asked in ("uname -m", "print-arch", "TARGETARCH", "TARGETPLATFORM"))
        if expansion.name in self._own:
            word = self._own[expansion.name]
            return word is None or self.has_platform(word)
        value = self._scope.lookup(expansion.name)
        return value is not None and any(name.startswith("TARGET") for name in value.depends_on)

    def text_for(self, platform: Platform, word: Word) -> str | None:
        """What a word comes to for a platform; None where more is in it than literal text and spellings."""
        text, at = "", 0
        for expansion in word.expansions:
            told = self.of(expansion)
            if told is None:
                return None
            text += word.raw[at : expansion.span.start - word.span.start] + spell(platform, told)
            at = expansion.span.end - word.span.start
        return (text + word.raw[at:]).strip("\"'")


def _assigned(commands: tuple[Command, ...]) -> Mapping[str, Word | None]:
    """What each name is given by the script itself; None where that is more than one thing."""
    found: dict[str, Word | None] = {}
    for command in commands:
        if command.words and not command.exports:
            continue  # in front of a command, for that command alone
        for assignment in (*command.assignments, *command.exports):
            is_plain = assignment.name not in found and not _names_itself(assignment)
            found[assignment.name] = assignment.value if is_plain else None
    return _without_circles(found)


def _names_itself(assignment: Assignment) -> bool:
    return any(e.name == assignment.name for e in assignment.value.expansions)


def _without_circles(found: dict[str, Word | None]) -> dict[str, Word | None]:
    """Names that are made of each other are given nothing that can be told."""
    ready: dict[str, Word | None] = {}
    while new := {
        name: word
        for name, word in found.items()
        if name not in ready
        and (word is None or all(e.name not in found or e.name in ready for e in word.expansions))
    }:
        ready |= new
    return {name: ready.get(name) for name in found}
