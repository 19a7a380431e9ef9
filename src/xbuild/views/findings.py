"""What `xbuild doctor` found: lines, data, and the exit code of a monitoring check plugin. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from xbuild.views.report import FORMAT
from xbuild.views.terminal import Terminal, clean


class State(IntEnum):
    """How a check came out; the values are exit codes (Monitoring Plugins guidelines)."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


# The worst decides; what could not be looked at weighs more than a warning and less than a failure.
_WEIGHT = (State.OK, State.WARNING, State.UNKNOWN, State.CRITICAL)
_STYLES = {
    State.OK: ("green",),
    State.WARNING: ("yellow",),
    State.CRITICAL: ("red", "bold"),
    State.UNKNOWN: ("cyan",),
}


@dataclass(frozen=True, slots=True)
class Diagnosed:
    """One line: what was checked, how it came out, and what to do. `fix` names what --fix would do."""

    name: str
    state: State
    text: str
    hint: str = ""
    fix: str = ""


def worst(findings: Iterable[Diagnosed]) -> State:
    """The state of all together."""
    return max((finding.state for finding in findings), key=_WEIGHT.index, default=State.UNKNOWN)


def doctor_lines(findings: Sequence[Diagnosed], terminal: Terminal) -> Iterator[str]:
    """A line per check, and below it what to do."""
    width = max((len(finding.name) for finding in findings), default=0)
    for finding in findings:
        state = terminal.paint(f"{finding.state.name.lower():<8}", *_STYLES[finding.state])
        yield f"{state}  {finding.name:<{width}}  {clean(finding.text)}"
        if finding.hint and finding.state is not State.OK:
            yield f"{'':8}  {'':<{width}}  do: {clean(finding.hint)}" + (" (or --fix)" if finding.fix else "")


def status_line(findings: Sequence[Diagnosed], terminal: Terminal) -> str:
    """All findings of one check on one line, the worst first, as monitoring check plugins print it."""
    state = worst(findings)
    ranked = sorted(findings, key=lambda finding: -_WEIGHT.index(finding.state))
    said = []
    for finding in ranked:
        _, _, part = finding.name.partition(" ")
        hint = f" (do: {finding.hint})" if finding.hint and finding.state is not State.OK else ""
        said.append(clean(f"{part}: {finding.text}{hint}" if part else f"{finding.text}{hint}"))
    name = findings[0].name.partition(" ")[0] if findings else ""
    shown = terminal.paint(state.name.lower(), *_STYLES[state])
    return f"{shown} {name}: {'; '.join(said)}"


def doctor_data(findings: Sequence[Diagnosed]) -> dict[str, Any]:
    """The same as data (schema: `schemas/doctor.schema.json`)."""
    return {
        "format": FORMAT,
        "kind": "doctor",
        "state": worst(findings).name.lower(),
        "checks": [
            {
                "name": finding.name,
                "state": finding.state.name.lower(),
                "text": finding.text,
                "hint": finding.hint,
                "can_fix": bool(finding.fix),
            }
            for finding in findings
        ],
    }
