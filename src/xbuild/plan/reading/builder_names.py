"""Downloads of what only runs in a stage, told to be for the build machine: BuildKit's names of that in
place of the target's, and of an architecture that is written out.

What a vendor calls the other machine is known by the release page (`facts/releases.py`). A whole RUN is told,
or nothing of it: what is fetched, and every word that names the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from xbuild.dockerfile.script import Script, Word
from xbuild.graph.scope import Scope
from xbuild.plan.facts.filesystem import Kind
from xbuild.plan.facts.releases import VendorNames, is_for_one, names_of, spelling_of, told_by
from xbuild.plan.model import Evidence, Reason
from xbuild.plan.reading.machine_names import is_free
from xbuild.plan.table import words
from xbuild.plan.toolchain import Call, Demand, Effect, Need, shortened
from xbuild.text import Span, expression, value

_OF_TARGET = expression(r"TARGET(OS|ARCH|PLATFORM|VARIANT)\b")
_NAMES = frozenset(words("TARGETOS TARGETARCH TARGETPLATFORM TARGETVARIANT"))
_SUM = expression(r"\b(sha\d+sum|shasum|md5sum|b2sum|cksum|dgst)\b|--checksum|\b[0-9a-fA-F]{32,}\b")
_ENDING = expression(r"(\.(tar|gz|tgz|bz2|xz|txz|zst|zip|deb|rpm|apk))+$")
_WHY = "what it fetches is run in this stage alone"


def is_fetching_for_another(call: Call) -> bool:
    """Whether a command fetches something by the name of the target, or of one machine."""
    program = call.around.programs.get(call.program_name)
    names = (Kind.TARGET, Kind.FIXED)
    return (
        program is not None and program.is_download and any(k in names for k in (*call.kinds, call.condition))
    )


def told_of_builder(script: Script, calls: Sequence[Call], scope: Scope, instruction: int) -> Effect | None:
    """What makes a script fetch for the build machine; None where that cannot be written."""
    around = calls[0].around
    fixed = [found for call in calls for found in _addresses(call)]
    target = _target_names(script, scope) if _OF_TARGET.search(script.text) or not fixed else ()
    edits = _fixed_names(script, fixed, scope, instruction) if fixed else ()
    if target is None or edits is None:
        return None
    names = dict.fromkeys(name for name, _, _ in (*target, *edits))
    if not all(is_free(name, scope, around) for name in names) or any(n in script.text for n in names):
        return None
    return Effect(
        reads=(),
        output=Kind.BUILD,
        sees_environment=False,
        demand=Demand(words=tuple((span, text, _WHY) for _, span, text in (*target, *edits))),
        needs=tuple(Need(name, instruction, "the download") for name in names),
        evidence=tuple(Evidence(_known(f.address), f.call.place) for f in fixed),
    )


# -- the names of the target


_Edit = tuple[str, Span, str]  # the ARG that it needs


def _target_names(script: Script, scope: Scope) -> tuple[_Edit, ...] | None:
    """None where one of these stands where no expansion is (a program may read it, or the script set it), or
    a variable of the Dockerfile is made of one.
    """
    found = {e.span: e for word in _all_words(script) for e in word.expansions if e.name in _NAMES}
    if not found or len(found) != len(_OF_TARGET.findall(script.text)):
        return None
    derived = (n for n, v in scope.environment().items() if n not in _NAMES and _NAMES & v.depends_on)
    if any(name in script.text for name in derived):
        return None
    return tuple(
        (
            e.name.replace("TARGET", "BUILD", 1),
            span,
            script.text[span.start : span.end].replace("TARGET", "BUILD", 1),
        )
        for span, e in found.items()
    )


def _all_words(script: Script) -> Iterator[Word]:
    for command in script.commands:
        yield from command.words
        yield from (a.value for a in (*command.assignments, *command.exports))
        outer = (r for scope in command.scopes for r in scope.redirects)
        yield from (r.target for r in (*command.redirects, *outer) if r.target is not None)
    yield from script.case_words
    yield from (word for loop in script.loops for word in loop.words or ())


# -- an architecture that is written out


@value()
class FixedDownload:
    """A word of a download that is for one machine alone."""

    call: Call
    word: Word
    address: str


def _addresses(call: Call) -> Iterator[FixedDownload]:
    program = call.around.programs.get(call.program_name)
    for word, text in zip(call.words, call.texts, strict=True):
        is_download = program is not None and program.is_download
        if is_download and text is not None and is_for_one(text, call.around.machines):
            yield FixedDownload(call, word, text)


def missing_sum(calls: Sequence[Call]) -> Reason | None:
    """Why a RUN is not told that could be but for a sum, which is known of one file alone."""
    fixed = [found for call in calls for found in _addresses(call)]
    is_known = bool(fixed) and all(spelling_of(f.address) is not None for f in fixed)
    if not is_known or _SUM.search(fixed[0].call.around.text) is None:
        return None
    return Reason(
        f"{shortened(fixed[0].address.rpartition('/')[2])} is checked, and no sum is known of the file for "
        "other machines",
        fixed[0].call.place,
        cure="fetch it by $BUILDARCH, and check each file by its own sum: a `case $BUILDARCH in`",
    )


def _known(address: str) -> str:
    return f"what {shortened(address.rpartition('/')[2])} is called for other machines is known"


def _fixed_names(
    script: Script, fixed: Sequence[FixedDownload], scope: Scope, instruction: int
) -> tuple[_Edit, ...] | None:
    """None where a name is not known, or stands elsewhere too; or where a sum is checked."""
    if _SUM.search(fixed[0].call.around.text) or any(f.call.script != script.text for f in fixed):
        return None
    edits: dict[Span, _Edit] = {}
    for download in fixed:
        spelling, word = spelling_of(download.address), download.word
        found = list(_places(word, spelling.word)) if spelling is not None else []
        if spelling is None or len(found) != len(_named(spelling.word).findall(download.address)):
            return None
        file = _literal(word).rpartition("/")[2]
        file = file if _named(spelling.word).search(file) else ""
        for other in _all_words(script):
            if other.span == word.span or _is_of_file(_literal(other), file, spelling):
                edits |= {
                    span: ("BUILDARCH", span, told_by("BUILDARCH", spelling))
                    for span in _places(other, spelling.word)
                }
        if _is_named_elsewhere(scope, instruction, file, spelling):
            return None
    places = [Span(*found.span()) for found in names_of().finditer(script.text)]
    if not all(any(place in span for span in edits) for place in places) or _is_put_together(script, scope):
        return None
    return tuple(edits.values())


def _is_put_together(script: Script, scope: Scope) -> bool:
    """Whether a script names a machine where it does not say so: by a variable of the Dockerfile, or in
    pieces.
    """
    named = (n for n, v in scope.environment().items() if names_of().search(v.text or v.raw or ""))
    parts = ((word.value or "", word.raw) for word in _all_words(script))
    return any(name in script.text for name in named) or any(
        len(names_of().findall(text)) > len(names_of().findall(raw)) for text, raw in parts
    )


def _literal(word: Word) -> str:
    return word.raw.strip("\"'")


@lru_cache(maxsize=64)
def _named(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![A-Za-z0-9]){re.escape(name)}(?![A-Za-z0-9])")


def _places(word: Word, name: str) -> Iterator[Span]:
    """Where a word has a name literally, and an expansion could stand in its place."""
    for found in _named(name).finditer(word.raw):
        span = Span(*found.span()).shift(word.span.start)
        if not _is_quoted(word.raw[: found.start()]) and not any(
            span in e.span or e.span in span for e in word.expansions
        ):
            yield span


def _is_quoted(before: str) -> bool:
    """Whether what stands behind this part of a word is in single quotes."""
    quote, at = "", 0
    while at < len(before):
        sign = before[at]
        if sign == "\\" and quote != "'":
            at += 1
        elif sign in "'\"" and quote in ("", sign):
            quote = "" if quote else sign
        at += 1
    return quote == "'"


def _is_of_file(text: str, file: str, spelling: VendorNames) -> bool:
    """Whether a word names the file that is fetched, or a folder in it that is named like it."""
    stem = _ENDING.sub("", file)
    return any(part and part in text for part in (stem, spelling.inside))


def _is_named_elsewhere(scope: Scope, instruction: int, file: str, spelling: VendorNames) -> bool:
    """Whether another instruction may look for the file, or for what is in it, by its name."""
    start = re.split(r"\$|" + re.escape(spelling.word), _ENDING.sub("", file))[0]
    own = scope.graph.stages[scope.stage].instructions[instruction]
    for other in scope.graph.dockerfile.instructions:
        texts = (other.logical.text, *(document.content for document in other.heredocs))
        for part in (part for text in texts for part in text.split() if "://" not in part):
            is_named = _named(spelling.word).search(part) is not None or (start != "" and "$" in part)
            is_of_file = start in part or (spelling.inside != "" and spelling.inside in part)
            if other is not own and is_named and is_of_file:
                return True
    return False
