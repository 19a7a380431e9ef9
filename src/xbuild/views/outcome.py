"""The report of a build as text for a terminal and as Markdown for a GitHub job summary. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from xbuild.views.baseline import Saved
from xbuild.views.report import Delivered, Outcome, Step, VerifiedPlatform
from xbuild.views.terminal import Cell, Column, Terminal, clean, count, listed, seconds, table, wrap

# GitHub refuses a job summary above 1 MiB; other steps of the job may add to theirs, not to ours.
MARKDOWN_LIMIT = 1 << 20
_SHORT = 0.5


def outcome_lines(outcome: Outcome, terminal: Terminal) -> Iterator[str]:
    """The report for a terminal or a log."""
    yield terminal.paint(headline(outcome), "bold")
    shown, hidden = split_steps(outcome.steps)
    if shown:
        yield ""
        yield from table(_COLUMNS, (_row(step) for step in shown), terminal)
    for line in _closing(outcome, hidden):
        yield from wrap(line, terminal, "  ")
    yield from _verified(outcome.verified, terminal)
    for place in outcome.delivered:
        yield _delivered(place, terminal)


_COLUMNS = (
    Column("stage", flexible=True),
    Column("line", right=True),
    Column("step", flexible=True),
    Column("for"),
    Column("how"),
    Column("time", right=True),
)
_STYLES = {"emulated": ("yellow",), "assisted": ("green",), "cross": ("green",), "native": ("green",)}


def headline(outcome: Outcome) -> str:
    """`2 platforms in 33 s: rewritten, verified, pushed`."""
    words = ["rewritten" if outcome.rewritten else "built as it is"]
    if outcome.verified is not None:
        words.append("verified" if all(each.ok for each in outcome.verified) else "NOT verified")
    done = {"push": "pushed", "load": "loaded", "file": "written"}
    words += list(dict.fromkeys(done[place.kind] for place in outcome.delivered if place.ok))
    return f"{listed(outcome.platforms)} in {seconds(outcome.total)}: {', '.join(words)}"


def split_steps(steps: Sequence[Step]) -> tuple[list[Step], list[Step]]:
    """What is worth a line (RUNs, failures, and anything slow), and the rest."""
    shown: list[Step] = []
    hidden: list[Step] = []
    for step in steps:
        is_worth = step.executed and (step.how or step.seconds >= _SHORT)
        (shown if is_worth or step.error else hidden).append(step)
    shown.sort(key=lambda step: (step.line or 0, step.target or ""))
    return shown, hidden


def _row(step: Step) -> tuple[Cell, ...]:
    return (
        Cell(step.stage or ""),
        Cell(str(step.line) if step.line else ""),
        Cell(step.text),
        Cell(step.target or "all"),
        Cell(step.how, _STYLES.get(step.how, ())),
        Cell(seconds(step.seconds) + (" *" if step.is_critical else "  ")),
    )


def _closing(outcome: Outcome, hidden: Sequence[Step]) -> Iterator[str]:
    cached = sum(step.cached for step in hidden)
    rest = [step for step in hidden if step.executed]
    parts = [f"{count(cached, 'step')} from the cache"] if cached else []
    if rest:
        parts.append(f"{count(len(rest), 'other step')} took {seconds(sum(step.seconds for step in rest))}")
    if any(step.is_critical for step in outcome.steps):
        parts.append(f"* critical path, {seconds(outcome.critical_seconds)}")
    if parts:
        yield "; ".join(parts)
    if outcome.phases:
        yield "phases: " + ", ".join(f"{name} {seconds(value)}" for name, value in outcome.phases)
    yield from _runs(outcome)
    if outcome.why_not:
        yield f"not rewritten: {outcome.why_not}"
    for left in outcome.emulation:
        where = f"{outcome.dockerfile}:{left.line}" if left.line else left.stage
        took = f" ({seconds(left.seconds)})" if left.seconds else " (from the cache)"
        yield f"still emulated: {where} on {listed(left.platforms)}{took}: {clean(left.reason)}"
    if outcome.steps and not outcome.emulation:
        yield f"still emulated: {_left(outcome)}"
    if outcome.lint:
        yield f"{count(len(outcome.lint), 'warning')} of BuildKit's linter (xbuild build --check shows them)"
    for warning in outcome.warnings:
        yield f"warning: {warning}"
    yield f"time saved: {saved_text(outcome.saved)}"


def _left(outcome: Outcome) -> str:
    """What runs emulated although no step does as a whole."""
    if any(step.how == "assisted" and step.executed for step in outcome.steps):
        return "no step as a whole; in assisted ones all but the native twins"
    return "nothing"


def _runs(outcome: Outcome) -> Iterator[str]:
    """How the RUNs ran, and what native twins said in them."""
    if outcome.split:
        yield "time in RUNs: " + ", ".join(f"{how} {seconds(value)}" for how, value in outcome.split)
    for step in outcome.steps:
        if step.how == "assisted":
            where = f"{outcome.dockerfile}:{step.line} on {step.platform}"
            yield f"native twins: {where}: {clean(', '.join(step.twins))}"


def saved_text(saved: Saved) -> str:
    """What was saved, of what kind the figure is, and what it rests on."""
    if saved.kind == "none":
        return f"none counted: {saved.basis}" if saved.basis else "not looked at (--baseline none)"
    steps = count(len(saved.lines), "step")
    if saved.kind == "estimated":
        return (
            f"estimated {_range(saved.low, saved.high)} ({steps}: {seconds(saved.actual)} instead of "
            f"{_range(saved.original_low, saved.original_high)}; {saved.basis})"
        )
    dated = f" on {saved.date}" if saved.date else ""
    if not saved.lines:
        return f"none counted: no step was executed both here and by {saved.basis}{dated}"
    return (
        f"measured {_signed(saved.low)} ({steps} executed on both sides: {seconds(saved.actual)} instead of "
        f"{seconds(saved.original_low)}; {saved.basis}{dated})"
    )


def _range(low: float, high: float) -> str:
    return f"{_signed(low)} to {_signed(high)}"


def _signed(value: float) -> str:
    return f"-{seconds(-value)}" if value < 0 else seconds(value)


def _verified(verified: Sequence[VerifiedPlatform] | None, terminal: Terminal) -> Iterator[str]:
    if verified is None:
        yield terminal.paint("not verified (--no-verify)", "yellow")
        return
    for each in verified:
        word = terminal.paint("ok", "green") if each.ok else terminal.paint("WRONG", "red", "bold")
        yield f"verified: {each.platform} {word}, {binaries(each.files)}"
        yield from (f"  {clean(finding)}" for finding in each.findings)


def binaries(number: int) -> str:
    """`1 binary`, `2 binaries`."""
    return f"{number} {'binary' if number == 1 else 'binaries'}"


def _delivered(place: Delivered, terminal: Terminal) -> str:
    by_digest = place.digest is None or place.name.endswith(f"@{place.digest}")
    digest = "" if by_digest else f"@{place.digest}"
    word = {"push": "pushed", "load": "loaded", "file": "written"}[place.kind]
    if place.ok:
        return f"{word}: {place.name}{digest}"
    return terminal.paint(f"not {word}: {place.name}: {clean(place.error)}", "red")


def markdown(outcome: Outcome, limit: int = MARKDOWN_LIMIT) -> str:
    """The report for a job summary; steps are left out from the end when it would be too long."""
    shown, hidden = split_steps(outcome.steps)
    rows = [markdown_row(step) for step in shown]
    head = list(markdown_head(outcome))
    tail = list(markdown_tail(outcome, hidden))
    room = limit - len("\n".join(head + tail).encode()) - 200
    kept = _fitting(rows, room)
    if len(kept) < len(rows):
        tail.insert(0, f"\n{len(rows) - len(kept)} more steps are left out here; the JSON report has all.")
    text = "\n".join([*head, *kept, *tail]) + "\n"
    return text.encode()[:limit].decode("utf-8", "ignore")


def markdown_head(outcome: Outcome) -> Iterator[str]:
    """Headline, time saved, and the head of the table of steps, where there are any."""
    yield f"### xbuild: {escape_markdown(headline(outcome))}"
    yield ""
    yield f"**Time saved:** {escape_markdown(saved_text(outcome.saved))}"
    yield ""
    if split_steps(outcome.steps)[0]:
        yield "| stage | line | step | for | how | time |"
        yield "|---|---:|---|---|---|---:|"


def markdown_row(step: Step) -> str:
    """A step's row of the table."""
    critical = " *" if step.is_critical else ""
    cells = (step.stage or "", str(step.line or ""), step.text, step.target or "all", step.how)
    return "| " + " | ".join([*map(escape_markdown, cells), seconds(step.seconds) + critical]) + " |"


def markdown_tail(outcome: Outcome, hidden: Sequence[Step]) -> Iterator[str]:
    """What there is to say beside the steps, as a list."""
    yield ""
    for line in _closing(outcome, hidden):
        if not line.startswith("time saved"):
            yield f"- {escape_markdown(line)}"
    for each in outcome.verified or ():
        yield f"- verified: {each.platform} {'ok' if each.ok else '**WRONG**'}, {binaries(each.files)}"
        yield from (f"  - {escape_markdown(clean(finding))}" for finding in each.findings)
    for place in outcome.delivered:
        yield f"- {escape_markdown(_delivered(place, Terminal()))}"


def _fitting(rows: Sequence[str], room: int) -> list[str]:
    kept: list[str] = []
    for row in rows:
        room -= len(row.encode()) + 1
        if room < 0:
            break
        kept.append(row)
    return kept


def escape_markdown(text: str) -> str:
    """Text that Markdown shows as it is: texts come from Dockerfiles that others wrote."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    for char in "\\`*_[]|":
        escaped = escaped.replace(char, "\\" + char)
    return clean(escaped)
