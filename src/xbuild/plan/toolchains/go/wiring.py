"""GOOS, GOARCH, GOARM and GOAMD64: what must change so that a go command compiles for the target.

Sources: `go help environment`, Go `src/internal/buildcfg/cfg.go` (GOARM, GOAMD64; an empty value is the
default). Docker's architecture names are the GOARCH names for all platforms known here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from xbuild.dockerfile.script import Expansion, Word
from xbuild.plan.facts.filesystem import Kind
from xbuild.plan.model import Reason
from xbuild.plan.toolchain import Call, Need, Surroundings
from xbuild.plan.toolchains.go.arguments import flag, value
from xbuild.text import expression

# What each variable must be for the target, and the ARG that it comes from. The `case` forms are for
# platform lists in which both arm and an amd64 variant may occur: Go 1.21 refuses GOARM=3 for amd64 and
# GOAMD64=v7 for arm.
_ARM = "${TARGETVARIANT#v}"
_ARM_ONLY = '$(case "$TARGETARCH" in (arm) echo "${TARGETVARIANT#v}";; esac)'
_AMD64 = "$TARGETVARIANT"
_AMD64_ONLY = '$(case "$TARGETARCH" in (amd64) echo "$TARGETVARIANT";; esac)'

# What every Linux answers alike.
_LINUX = expression(
    r"""^["']?\$\((?:uname -s *\| *tr ['"]?(?:A-Z|\[:upper:\]|\[A-Z\])['"]? """
    r"""['"]?(?:a-z|\[:lower:\]|\[a-z\])['"]?|go env GOOS)\)["']?$"""
)
SUBSTITUTION = expression(r"^(?:\$\(|`)\s*go\s+env\s+(GOARCH|GOOS)\s*(?:\)|`)$")


@dataclass(frozen=True, slots=True)
class Wiring:
    """What must change so that a command compiles for the target."""

    added: tuple[tuple[str, str], ...] = ()
    needs: tuple[Need, ...] = ()
    reasons: tuple[Reason, ...] = ()
    notes: tuple[str, ...] = ()
    is_independent: bool = False


def wire(call: Call) -> Wiring:
    parts = [_wire_os(call), _wire_architecture(call)]
    if any(p.reasons for p in parts):
        return parts[0] if parts[0].reasons else parts[1]
    if parts[0].is_independent and value(call, "GOARCH")[1]:
        return _fixed(call)
    if parts[1].is_independent or parts[0].is_independent:
        return _independent(call, parts)
    parts += [_wire_variant(call, "GOARM"), _wire_variant(call, "GOAMD64")]
    return Wiring(
        tuple(a for p in parts for a in p.added),
        tuple(n for p in parts for n in p.needs),
        (),
        tuple(n for p in parts for n in p.notes),
    )


def _independent(call: Call, parts: Sequence[Wiring]) -> Wiring:
    if parts[1].is_independent and not any(p.reasons for p in parts):
        return _fixed(call)
    reason = Reason(
        f"`{call.spelled()}` builds for another system or for several architectures in one stage",
        call.place,
        cure="give each its own stage, or set both GOOS and GOARCH",
    )
    return Wiring(reasons=(reason,))


def _fixed(call: Call) -> Wiring:
    """A build for a platform that is written out: the same wherever it runs, once it is written out in
    full.
    """
    if value(call, "GOARCH")[1] == "arm" and not value(call, "GOARM")[1]:
        reason = Reason(
            f"`{call.spelled()}` names GOARCH=arm without GOARM, whose default depends on the builder image",
            call.place,
            cure="set GOARM",
        )
        return Wiring(reasons=(reason,))
    system = value(call, "GOOS")[1] or "linux"
    note = (
        f"line {call.place.line}: `{call.spelled()}` is for {system}/{value(call, 'GOARCH')[1]}, "
        "whatever the platform of the image is"
    )
    return Wiring(notes=(note,), is_independent=True)


def _wire_os(call: Call) -> Wiring:
    word, text = value(call, "GOOS")
    if text == "linux" or (word is None and text is None and "GOOS" not in call.variables):
        # A stage that its author pinned runs on Linux, which is then Go's default.
        if text == "linux" or (call.around.is_pinned_by_author and _names(call, "GOARCH", "TARGETARCH")):
            return Wiring()
        return Wiring(added=(("GOOS", "$TARGETOS"),), needs=(Need("TARGETOS", call.instruction, "go build"),))
    if word is not None and _LINUX.match(word.raw):
        return Wiring()
    if _names(call, "GOOS", "TARGETOS"):
        return Wiring(needs=(Need("TARGETOS", call.instruction, "GOOS"),))
    if text is not None:
        return Wiring(is_independent=True)
    return Wiring(
        reasons=(
            Reason(
                f"what GOOS is in `{call.spelled()}` cannot be told", call.place, cure="write GOOS=$TARGETOS"
            ),
        )
    )


def _wire_architecture(call: Call) -> Wiring:
    word, text = value(call, "GOARCH")
    need = (Need("TARGETARCH", call.instruction, "go build"),)
    if word is None and "GOARCH" not in call.variables:
        return Wiring(added=(("GOARCH", "$TARGETARCH"),), needs=need)
    if _names(call, "GOARCH", "TARGETARCH"):
        return Wiring(needs=need)
    if text is not None and len(_written_out(call.around.text)) > 1:
        return Wiring(is_independent=True)
    if text and value(call, "GOOS")[1] in (None, "", "linux"):
        signs = _signs_of_purpose(call, text, is_prefix=word is not None)
        if len(signs) > 1:
            return Wiring(is_independent=True)
        if signs:
            what = f"`{call.spelled()}` names GOARCH={text}, and {signs[0]}: it may be meant for {text} alone"
            cure = "write GOARCH=$TARGETARCH, or build it in a stage of its own"
            return Wiring(reasons=(Reason(what, call.place, cure=cure),))
    if word is not None and (text is not None or _is_substitution(call, word)):
        note = f"line {call.place.line}: GOARCH={word.raw} was fixed; it follows the target now"
        return Wiring(added=(("GOARCH", "$TARGETARCH"),), needs=need, notes=(note,))
    variable = call.variables.get("GOARCH")
    if word is None and variable is not None and text is not None:
        note = (
            f"line {call.place.line}: GOARCH={text} was fixed by {_origin(variable.origin)}; it "
            "follows the target now"
        )
        return Wiring(added=(("GOARCH", "$TARGETARCH"),), needs=need, notes=(note,))
    return Wiring(
        reasons=(
            Reason(
                f"what GOARCH is in `{call.spelled()}` cannot be told",
                call.place,
                cure="write GOARCH=$TARGETARCH",
            ),
        )
    )


@lru_cache(maxsize=64)
def _written_out(text: str) -> frozenset[str]:
    """The values of GOARCH that stand in a stage."""
    return frozenset(re.findall(r"\bGOARCH=[\"']?([a-z][a-z0-9]+)\b", text))


_SPELLINGS = {"amd64": "amd64|x86[_-]64|x64", "arm64": "arm64|aarch64", "386": "386|i386|i686|x86"}
_OTHER_SYSTEM = expression(r"\bGOOS=[\"']?(?!linux\b)[a-z]")
_OWN_BUILD = expression(r"\bgo\s+(build|install)\b(?!.*@)")


def _signs_of_purpose(call: Call, text: str, *, is_prefix: bool) -> tuple[str, ...]:
    """What speaks against a mere slip where one architecture is written out."""
    found: list[str] = []
    output = flag(call, "-o")[1] or ""
    if re.search(rf"(?<![a-z0-9])({_SPELLINGS.get(text, re.escape(text))})(?![a-z0-9])", output):
        found.append("so does its output")
    if _OTHER_SYSTEM.search(call.around.text):
        found.append("the stage builds for other systems too")
    pieces = re.split(r"&&|\|\||[;|\n]", call.around.text)
    if is_prefix and any(_OWN_BUILD.search(p) and "GOARCH" not in p for p in pieces):
        found.append("another build of the stage does not")
    return tuple(found)


def _origin(origin: str) -> str:
    return {"env": "an ENV", "arg": "an ARG", "export": "an export"}.get(origin, "the script")


def _is_substitution(call: Call, word: Word) -> bool:
    """GOARCH=$(go env GOARCH), $(dpkg --print-architecture): what the target itself would have said."""
    return bool(word.expansions) and all(
        e.kind == "substitution" and call.kind_of(e) is Kind.BUILD for e in word.expansions
    )


def _wire_variant(call: Call, name: str) -> Wiring:
    """GOARM and GOAMD64: only for their own architecture, and only when a platform of the list has the
    variant.
    """
    wants_arm, wants_amd64 = _variants(call.around)
    wanted = wants_arm if name == "GOARM" else wants_amd64
    word, text = value(call, name)
    if not wanted:
        return Wiring()
    both = wants_arm and wants_amd64
    expression = _variant_expression(name, text, only=both)
    needs: tuple[Need, ...] = (Need("TARGETVARIANT", call.instruction, name),)
    if both:
        needs = (Need("TARGETARCH", call.instruction, name), *needs)
    if word is None and name not in call.variables:
        return Wiring(added=((name, expression),), needs=needs)
    raw = word.raw if word is not None else ""
    if name == "GOARM" and _has_letter(call, word):
        given = raw or "$TARGETVARIANT"
        note = f"line {call.place.line}: GOARM={given} is v7 there, which Go refuses; the v is left out now"
        return Wiring(added=((name, expression),), needs=needs, notes=(note,))
    if "TARGETVARIANT" in raw or _names(call, name, "TARGETVARIANT"):
        if both and word is not None and "case" not in raw:
            return Wiring(added=((name, expression),), needs=needs)
        return Wiring(needs=needs)
    if text is not None and _is_only_variant(call.around, name, text):
        return Wiring()
    if text and name == "GOAMD64" and call.around.platforms is None:
        return Wiring()  # What its author chose for every amd64 alike.
    given = raw or text or "a value that cannot be told"
    kept = ", and stays where a platform names no level" if _LEVEL.fullmatch(text or "") else ""
    notes = (f"line {call.place.line}: {name}={given} was fixed; it follows the target now{kept}",)
    return Wiring(added=((name, expression),), needs=needs, notes=notes)


# TARGETVARIANT as it is, with the `v` that GOARM has none of.
_WITH_LETTER = expression(r"""["']?\$(TARGETVARIANT|\{TARGETVARIANT\})["']?""")


def _has_letter(call: Call, word: Word | None) -> bool:
    """Whether GOARM is TARGETVARIANT itself, by an assignment, an `export`, an ENV or an ARG."""
    if word is not None:
        return _WITH_LETTER.fullmatch(word.raw) is not None
    variable = call.variables.get("GOARM")
    if variable is None or variable.origin == "shell" or "TARGETVARIANT" not in variable.depends_on:
        return False
    if variable.origin == "export":
        return re.search(rf"\bGOARM={_WITH_LETTER.pattern}(?![^\s;&|)])", call.script) is not None
    value = call.scope.lookup("GOARM")
    return value is not None and _WITH_LETTER.fullmatch(value.raw or "") is not None


_LEVEL = expression(r"v[1-4]")


def _variant_expression(name: str, text: str | None, *, only: bool) -> str:
    """What GOARM or GOAMD64 has to be; `only` when the list has both architectures.

    The variant of plain linux/amd64 is empty: there the level stays that the author gave as `text`.
    """
    if name == "GOARM":
        return _ARM_ONLY if only else _ARM
    expression = _AMD64_ONLY if only else _AMD64
    return (
        expression.replace(_AMD64, "${TARGETVARIANT:-" + text + "}")
        if text and _LEVEL.fullmatch(text)
        else expression
    )


def _variants(around: Surroundings) -> tuple[bool, bool]:
    """Whether the platform list has arm, and whether it has an amd64 variant; any list has both."""
    if around.platforms is None:
        return True, True
    return (
        any(p.architecture == "arm" for p in around.platforms),
        any(p.architecture == "amd64" and p.variant for p in around.platforms),
    )


def _is_only_variant(around: Surroundings, name: str, text: str) -> bool:
    architecture = "arm" if name == "GOARM" else "amd64"
    variants = {p.variant for p in around.platforms or () if p.architecture == architecture}
    return around.platforms is not None and variants <= {"v" + text.removeprefix("v").split(",")[0]}


def _names(call: Call, name: str, platform_arg: str) -> bool:
    """Whether `name` gets its value from `platform_arg`: directly, or through variables that were made from
    it.
    """
    if name in call.assignments:
        word, _ = call.assignments[name]
        return any(
            (e.kind == "variable" and (e.name == platform_arg or _depends(call, e.name, platform_arg)))
            or asks_go_told(call, e, platform_arg)
            for e in word.expansions
        ) or ("case" in word.raw and platform_arg in word.raw)
    variable = call.variables.get(name)
    is_exported = variable is not None and variable.origin != "shell"
    return is_exported and _depends(call, name, platform_arg)


def asks_go_told(call: Call, expansion: Expansion, platform_arg: str) -> bool:
    """`$(go env GOARCH)` where GOARCH is exported: go answers with what the environment says."""
    match = SUBSTITUTION.match(call.script[expansion.span.start : expansion.span.end])
    variable = call.variables.get(match[1]) if match is not None else None
    return variable is not None and variable.origin != "shell" and platform_arg in variable.depends_on


def _depends(call: Call, name: str, platform_arg: str) -> bool:
    variable = call.variables.get(name)
    return variable is not None and variable.kind.is_right and platform_arg in variable.depends_on
