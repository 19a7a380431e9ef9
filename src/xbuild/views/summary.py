"""The report of a build as a GitHub job summary: a table, and a Mermaid gantt per platform. Pure.

GitHub drops a step's summary of more than 1 MiB as a whole, so sections are left out before that. The picture
shows nothing that the table does not say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from xbuild.views.outcome import (
    MARKDOWN_LIMIT,
    escape_markdown,
    markdown_head,
    markdown_row,
    markdown_tail,
    split_steps,
)
from xbuild.views.report import Outcome, Step
from xbuild.views.terminal import clean, count, seconds, shorten

_ROOM_FOR_THE_NOTE = 400
# A chart may have 50,000 characters (Mermaid's `maxTextSize`), and nobody reads one of hundreds of bars.
_BARS = 60
_LABEL = 60
# Mermaid's four ways to draw a bar, for our five ways to run a step
_DRAWN = {"native": "active, ", "cross": "active, ", "assisted": "", "emulated": "crit, ", "cached": "done, "}
_NOT_IN_A_LABEL = re.compile(r"[^\w .,/=+@-]+")


@dataclass(frozen=True)
class SummaryPart:
    """A part of the summary that is shown whole or not at all. Of less `weight`: left out first."""

    name: str
    weight: int
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        return "\n".join(self.lines) + "\n"


def summary(
    outcome: Outcome | None,
    *,
    problem: str = "",
    notes: Sequence[str] = (),
    lint: Sequence[str] = (),
    limit: int = MARKDOWN_LIMIT,
) -> str:
    """The summary. `problem` is why the step fails, `notes` what is to be said beside the report, `lint` what
    the linter found.
    """
    return fitted(list(_sections(outcome, problem, notes, lint)), limit)


def fitted(sections: Sequence[SummaryPart], limit: int) -> str:
    """The sections in their order, as many as there is room for, and which are missing."""
    room = limit - _ROOM_FOR_THE_NOTE
    kept: list[SummaryPart] = []
    for section in sorted(sections, key=lambda each: -each.weight):
        size = len(section.text.encode("utf-8", "backslashreplace"))
        if size <= room:
            kept.append(section)
            room -= size
    missing = [section.name for section in sections if section not in kept]
    text = "\n".join(section.text for section in sections if section in kept)
    if missing:
        text += f"\nLeft out, as a summary may not be larger: {', '.join(missing)}. The report has all.\n"
    return text


def _sections(
    outcome: Outcome | None, problem: str, notes: Sequence[str], lint: Sequence[str]
) -> Iterator[SummaryPart]:
    if problem:
        quoted = [f"> {escape_markdown(line)}  " for line in problem.splitlines()[:100]]
        yield SummaryPart("the error", 9, ("### xbuild: failed", "", *quoted))
    if outcome is not None:
        shown, hidden = split_steps(outcome.steps)
        head = tuple(markdown_head(outcome))
        yield SummaryPart("the headline", 10, head[:3])
        if shown:
            yield SummaryPart("the table of steps", 6, (*head[4:], *map(markdown_row, shown)))
        for platform in outcome.platforms:
            bars = tuple(_gantt(outcome, platform))
            if bars:
                yield SummaryPart(f"the timeline of {platform}", 2, bars)
        yield SummaryPart("the details", 8, tuple(markdown_tail(outcome, hidden))[1:])
    if notes:
        yield SummaryPart("notes", 7, tuple(f"- {escape_markdown(note)}" for note in notes))
    if lint:
        found = f"**{count(len(lint), 'finding')} of the linter**"
        yield SummaryPart("the linter", 4, (found, "", *(f"- {escape_markdown(line)}" for line in lint)))


def _gantt(outcome: Outcome, platform: str) -> Iterator[str]:
    """When the steps for a platform ran. Those that are shared by all are in each picture."""
    in_table, _ = split_steps(outcome.steps)
    timed = [
        step
        for step in outcome.steps
        if step.target in (None, platform)
        and step.intervals
        and (step in in_table or (step.cached and step.how))
    ]
    if not timed:
        return
    begun = min(start for step in outcome.steps for start, _ in step.intervals)
    longest = sorted(timed, key=lambda step: -step.seconds)[:_BARS]
    yield f"<details><summary>Timeline of {escape_markdown(platform)}</summary>"
    yield ""
    yield "```mermaid"
    yield "gantt"
    yield f"    title {_label(platform)}"
    yield "    dateFormat x"
    yield "    axisFormat %M:%S"
    for how in (*_DRAWN, "other"):
        group = [step for step in timed if step in longest and _kind(step) == how]
        if group:
            yield f"    section {how}"
        for step in group:
            yield from _bars(step, begun, _DRAWN.get(how, ""))
    yield "```"
    if len(timed) > len(longest):
        yield ""
        yield f"{count(len(timed) - len(longest), 'shorter step')} not drawn."
    yield ""
    yield "</details>"


def _kind(step: Step) -> str:
    return "cached" if step.cached else step.how or "other"


def _bars(step: Step, begun: float, drawn: str) -> Iterator[str]:
    place = f"line {step.line}" if step.line else "step"
    # The figure is the step's, as in the table, also where it ran in several parts.
    for start, end in step.intervals:
        first, last = (round(1000 * (time - begun)) for time in (start, end))
        took = "" if step.cached else f" {_label(seconds(step.seconds))}"
        text = _label(f"{place} {step.text}")
        yield f"    {text}{took} :{drawn}{first}, {max(last, first + 1)}"


def _label(text: str) -> str:
    """What Mermaid takes for text: its own signs are left out, and it begins with no word of its own."""
    return shorten(clean(_NOT_IN_A_LABEL.sub(" ", text)), _LABEL)
