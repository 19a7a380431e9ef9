"""What may differ in Go's cache, and in what its programs count, between two builds of one Dockerfile."""

from __future__ import annotations

import re

from xbuild.verify.excuses import Aspect, Excuse, Version, short

_WEEKDAY = re.compile(rb"[0-6]\n")


def are_weekdays(left: Version, right: Version) -> str | None:
    """golang.org/x/telemetry: the day on which a week of counting ends, made at random once."""
    is_day = all(_WEEKDAY.fullmatch(version.data) for version in (left, right))
    return None if is_day else "not a day of the week on both sides"


_GO_ENTRY = re.compile(rb"(v1 [0-9a-f]{64} [0-9a-f]{64} [ 0-9]{20}) [ 0-9]{20}\n")


def same_but_time_of_entry(left: Version, right: Version) -> str | None:
    """cmd/go `internal/cache`: what was asked for, what it came to, its size, the time in nanoseconds."""
    one, two = _GO_ENTRY.fullmatch(left.data), _GO_ENTRY.fullmatch(right.data)
    if one is None or two is None:
        return "not an entry on both sides"
    return None if one[1] == two[1] else f"{short(one[1])} / {short(two[1])}"


def are_times(left: Version, right: Version) -> str | None:
    """Seconds since 1970, without a newline."""
    is_time = all(re.fullmatch(rb"\d{10}", version.data) for version in (left, right))
    return None if is_time else "not a time on both sides"


_GO_COUNTS = re.compile(
    rb"# telemetry/counter file v1\n....TimeBegin: [^\n]+\nTimeEnd: [^\n]+\n((?:[A-Z]\w+: [^\n]+\n){5})\n.*",
    re.DOTALL,
)


def same_program_counted(left: Version, right: Version) -> str | None:
    """golang.org/x/telemetry `internal/counter`: a header that says which program is counted, and counts."""
    one, two = _GO_COUNTS.fullmatch(left.data), _GO_COUNTS.fullmatch(right.data)
    if one is None or two is None:
        return "not counts on both sides"
    return None if one[1] == two[1] else "counts of different programs"


EXCUSES: tuple[Excuse, ...] = (
    Excuse(
        "/**/go-build/*/*-a",
        Aspect.CONTENT,
        "time of an entry in Go's cache",
        "cmd/go internal/cache: the last of five fields; action, output and size are compared",
        same_but_time_of_entry,
    ),
    Excuse(
        "/**/go-build/trim.txt",
        Aspect.CONTENT,
        "when Go's cache was last trimmed",
        "cmd/go internal/cache: seconds since 1970",
        are_times,
    ),
    Excuse(
        "/**/go/telemetry/local/weekends",
        Aspect.CONTENT,
        "a random day of the week",
        "golang.org/x/telemetry internal/counter: made at random on first use",
        are_weekdays,
    ),
    Excuse(
        "/**/go/telemetry/local/*.count",
        Aspect.CONTENT,
        "how often Go's programs were called, and with which options",
        "golang.org/x/telemetry internal/counter: two builds differ in when counting ends, which is random;"
        " program, version and machine are compared. Native tools count nothing, but that they were asked for"
        " their version",
        same_program_counted,
    ),
)
