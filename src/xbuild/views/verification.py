"""A verification for readers: what was looked at, every finding with its layer and line. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from xbuild.verify.checks import Check, Layer, PlatformVerification, Severity, Verification
from xbuild.verify.leaks import Leak, Unseen, Where
from xbuild.views.report import FORMAT, VerifiedPlatform
from xbuild.views.terminal import Cell, Column, Terminal, clean, count, seconds, shorten, table

LineOf = Callable[[str, Check], int | None]
"""The line of the Dockerfile that made the file of a check, on a platform."""

_BEFORE = (
    Column("platform"),
    Column("result"),
    Column("files", right=True),
    Column("programs", right=True),
    Column("libraries", right=True),
)
_BEHIND = (Column("warnings", right=True), Column("failures", right=True))
_STYLES = {Severity.FAILURE: ("red",), Severity.WARNING: ("yellow",), Severity.OK: ("green",)}


def no_line(_platform: str, _check: Check) -> int | None:
    """For images whose Dockerfile is not at hand."""
    return None


def verification_lines(
    verification: Verification, terminal: Terminal, line_of: LineOf = no_line
) -> Iterator[str]:
    """A table of what was checked, then the findings."""
    languages = tuple(dict.fromkeys(name for p in verification.platforms for name, _ in p.counts.built))
    columns = (*_BEFORE, *(Column(name, right=True) for name in languages), *_BEHIND)
    yield from table(columns, (_row(each, languages) for each in verification.platforms), terminal)
    for platform in verification.platforms:
        for check in platform.checks:
            label = terminal.paint(str(check.severity), *_STYLES[check.severity])
            yield f"{platform.platform}: {label}: {check_text(check, line_of(platform.platform, check))}"
    for check in verification.across:
        label = terminal.paint(str(check.severity), *_STYLES[check.severity])
        yield f"across platforms: {label}: {check_text(check)}"
    for skipped in verification.skipped:
        yield f"skipped: {clean(skipped)}"
    verdict = _verdict(verification, terminal)
    digest = f": {clean(verification.digest)}" if verification.digest else ""
    yield f"{verdict} in {seconds(verification.seconds)}{digest}"


def _row(platform: PlatformVerification, languages: tuple[str, ...]) -> tuple[Cell, ...]:
    counts, built = platform.counts, dict(platform.counts.built)
    result = Cell("ok", ("green",)) if platform.passed else Cell("WRONG", ("red", "bold"))
    numbers = (counts.files, counts.programs, counts.libraries, *(built.get(name, 0) for name in languages))
    found = (len(platform.warnings), len(platform.failures))
    return (Cell(platform.platform), result, *(Cell(str(number)) for number in (*numbers, *found)))


def _verdict(verification: Verification, terminal: Terminal) -> str:
    if verification.passed:
        warned = f", {count(len(verification.warnings), 'warning')}" if verification.warnings else ""
        return terminal.paint("verified", "green") + warned
    return terminal.paint(f"{count(len(verification.failures), 'failure')}", "red", "bold")


def check_text(check: Check, line: int | None = None) -> str:
    """One finding: the file, what is wrong with it, the layer, and the line that made it."""
    text = f"{clean(check.path)}: {clean(check.message)}" if check.path else clean(check.message)
    if check.expected and check.found:
        text += f" (expected {clean(check.expected)}, found {clean(check.found)})"
    if check.needed_by:
        text += f", needed by {clean(check.needed_by)}"
    if check.reason:
        text += f"; {clean(check.reason)}"
    if check.layer is not None and check.severity is not Severity.OK:
        text += f" {_layer(check.layer, line)}"
    return text


def _layer(layer: Layer, line: int | None) -> str:
    where = f", line {line}" if line else ""
    return f"[layer {layer.index + 1} {layer.digest[:19]}{where}: {shorten(clean(layer.created_by), 120)}]"


_HOLDS = {
    Where.PATH: "its name has",
    Where.LINK: "it leads to",
    Where.XATTR: "its attributes hold",
    Where.CONTENT: "its content holds",
    Where.MEMBER: "its content holds",
}


def leak_text(leak: Leak, needle: str, line: int | None = None) -> str:
    """One leak: the file, where it holds the text, the layer, and the line that made it."""
    place = f", in {clean(leak.member)}" if leak.member else ""
    return f"/{clean(leak.path)}: {_HOLDS[leak.where]} {needle}{place} {_layer(leak.layer, line)}"


def unseen_text(unseen: Unseen, line: int | None = None) -> str:
    """What was not looked into, and why."""
    place = f", in {clean(unseen.member)}" if unseen.member else ""
    return (
        f"/{clean(unseen.path)}: not looked into{place}: {clean(unseen.reason)} {_layer(unseen.layer, line)}"
    )


def verified_platforms(verification: Verification, line_of: LineOf = no_line) -> tuple[VerifiedPlatform, ...]:
    """What a build's report says about it; failures across platforms count for all of them."""
    across = tuple(check for check in verification.across if check.severity is not Severity.OK)
    return tuple(
        VerifiedPlatform(
            platform.platform,
            platform.passed and not any(check.severity is Severity.FAILURE for check in across),
            platform.counts.elf,
            tuple(
                f"{check.severity}: {check_text(check, line_of(platform.platform, check))}"
                for check in (*platform.failures, *platform.warnings, *across)
            ),
        )
        for platform in verification.platforms
    )


def verification_data(verification: Verification) -> dict[str, object]:
    """The outcome as data (schema: `schemas/verification.schema.json`)."""
    return {"format": FORMAT, "kind": "verification", **verification.to_json()}
