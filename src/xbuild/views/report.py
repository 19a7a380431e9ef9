"""The report of a build: what each step took and where, what emulation is left, the time saved. Pure.

Step texts come from the user's Dockerfile, never from the engine's step names, in which build args are
expanded: a report holds no value that was given on the command line.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import dropwhile

from xbuild.dockerfile.model import Dockerfile, Instruction, Run
from xbuild.plan.model import Assistance, Plan, StageVerdict, VerdictWord
from xbuild.plan.twins import TWINS
from xbuild.platforms import Platform
from xbuild.solve.history import Vertex
from xbuild.solve.marks import twin_lines
from xbuild.views.baseline import ASSISTED, Saved, Timed
from xbuild.views.terminal import clean, shorten

FORMAT = 1
_STEP_TEXT = 200
HOWS = ("native", "cross", "assisted", "emulated")
"""How a RUN may run (see `Step`)."""


@dataclass(frozen=True, slots=True)
class Step:
    """One operation of the build.

    `platform` is where it ran, `target` the platform it worked for (None: shared by all, or not known). `how`
    is "native", "cross", "emulated", "assisted" (emulated, but for the native twins of some programs), or ""
    for what runs nothing. `line` is in the user's Dockerfile. `twins` is what twins said: "apt: native".
    """

    id: str
    text: str
    stage: str | None = None
    line: int | None = None
    platform: str | None = None
    target: str | None = None
    how: str = ""
    cached: bool = False
    intervals: tuple[tuple[float, float], ...] = ()
    kind: str = ""
    is_critical: bool = False
    error: str = ""
    twins: tuple[str, ...] = ()

    @property
    def executed(self) -> bool:
        return not self.cached and bool(self.intervals)

    @property
    def seconds(self) -> float:
        return sum(end - start for start, end in self.intervals)

    @property
    def emulated(self) -> bool:
        return self.how == "emulated"


@dataclass(frozen=True, slots=True)
class Emulation:
    """A step that still runs under QEMU, and why."""

    stage: str
    line: int | None
    text: str
    platforms: tuple[str, ...]
    seconds: float
    reason: str


@dataclass(frozen=True, slots=True)
class Delivered:
    """Where the image went. `kind` is "push", "load" or "file"."""

    kind: str
    name: str
    digest: str | None = None
    ok: bool = True
    error: str = ""


@dataclass(frozen=True, slots=True)
class VerifiedPlatform:
    """What was checked for one platform."""

    platform: str
    ok: bool
    files: int
    findings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """All that one `xbuild build` came to; `phases` are names and seconds of what xbuild did."""

    dockerfile: str
    platforms: tuple[str, ...]
    created: str
    total: float
    phases: tuple[tuple[str, float], ...] = ()
    target: str | None = None
    builder: str = ""
    engine: str = ""
    rewritten: bool = False
    why_not: str = ""
    digest: str | None = None
    steps: tuple[Step, ...] = ()
    critical_seconds: float = 0.0
    emulation: tuple[Emulation, ...] = ()
    verdicts: tuple[tuple[str, str, int], ...] = ()
    verified: tuple[VerifiedPlatform, ...] | None = None
    delivered: tuple[Delivered, ...] = ()
    saved: Saved = field(default_factory=lambda: Saved("none"))
    warnings: tuple[str, ...] = ()
    lint: tuple[str, ...] = ()

    @property
    def split(self) -> tuple[tuple[str, float], ...]:
        """The seconds of the RUNs that were executed, by how they ran."""
        ran = [step for step in self.steps if step.executed]
        sums = ((how, sum(step.seconds for step in ran if step.how == how)) for how in HOWS)
        return tuple((how, value) for how, value in sums if any(step.how == how for step in ran))


def steps_of(
    vertices: Iterable[Vertex],
    critical: Iterable[Vertex],
    dockerfile: Dockerfile | None,
    platforms: Sequence[Platform],
) -> tuple[Step, ...]:
    """The steps of the Dockerfile among the operations of a solve, each with its place in the user's file."""
    longest = {vertex.digest for vertex in critical}
    return tuple(
        _step(vertex, dockerfile, platforms, is_critical=vertex.digest in longest)
        for vertex in vertices
        if not vertex.internal
    )


def _step(
    vertex: Vertex, dockerfile: Dockerfile | None, platforms: Sequence[Platform], *, is_critical: bool
) -> Step:
    line = vertex.user_lines[0] if vertex.user_lines else None
    target = vertex.target_platform or (platforms[0] if len(platforms) == 1 else None)
    said = twin_lines(vertex.log) if vertex.emulated else ()
    keyword = vertex.instruction or ""  # of the engine's name no more: build args are expanded in it
    fallback = keyword if dockerfile is None else f"{keyword} (added by xbuild)"
    # What we added has the line where it was put, and its time counts there.
    theirs = None if vertex.is_added else dockerfile
    return Step(
        id=vertex.digest,
        text=step_text(theirs, line, fallback),
        stage=vertex.stage,
        line=line,
        platform=str(vertex.platform) if vertex.platform else None,
        target=str(target) if target else None,
        how="assisted" if any(each.word == "native" for each in said) else _how(vertex, target),
        cached=vertex.cached,
        intervals=vertex.intervals,
        kind=step_kind(theirs, line, vertex.step.text),
        is_critical=is_critical and vertex.executed,
        error=vertex.error,
        twins=tuple(": ".join(filter(None, (each.twin, each.word, each.why))) for each in said),
    )


def _how(vertex: Vertex, target: Platform | None) -> str:
    if vertex.instruction != "RUN":
        return ""
    if vertex.emulated:
        return "emulated"
    is_foreign = target is not None and vertex.platform is not None and target != vertex.platform
    return "cross" if is_foreign else "native"


def step_text(dockerfile: Dockerfile | None, line: int | None, fallback: str) -> str:
    """The instruction at a line of the user's file, on one line, its values unexpanded."""
    found = instruction_at(dockerfile, line)
    return shorten(clean(found.logical.text if found else fallback), _STEP_TEXT)


def instruction_at(dockerfile: Dockerfile | None, line: int | None) -> Instruction | None:
    """The instruction that covers a line."""
    if dockerfile is None or line is None:
        return None
    covering = (i for i in dockerfile.instructions if i.first_line <= line <= i.last_line)
    return next(covering, None)


def step_kind(dockerfile: Dockerfile | None, line: int | None, name: str) -> str:
    """The kind of work of a RUN ("run" for none that has a name); of others the keyword. Without a line of
    the user's it is told from the engine's name of the step.
    """
    from xbuild.plan.deciding.work import work_in, work_of

    found = instruction_at(dockerfile, line)
    if isinstance(found, Run):
        work = work_in(found.script.text) if found.script else work_of(found.words or ())
        return work.name if work is not None else "run"
    if found is not None:
        return found.keyword.lower()
    word, *rest = name.split(" ")
    if not word.isupper():
        return ""
    work = work_in(" ".join(dropwhile(_is_flag, rest))) if word == "RUN" else None
    return work.name if work is not None else word.lower()


def _is_flag(word: str) -> bool:
    return word.startswith("--")


def timed(steps: Iterable[Step]) -> tuple[Timed, ...]:
    """The RUN steps that were executed, for counting the time saved."""
    return tuple(
        Timed(
            step.line,
            step.target or step.platform,
            step.intervals,
            f"{step.kind}{ASSISTED}" if step.how == "assisted" else step.kind,
            step.emulated,
            _factors(step),
        )
        for step in steps
        if step.executed and step.line is not None and step.how
    )


def _factors(step: Step) -> tuple[float, float] | None:
    """The measured factors of the twins that a step had, from the least to the largest."""
    native = [t.factors for t in TWINS if f"{t.name}: native" in step.twins]
    return (min(low for low, _ in native), max(high for _, high in native)) if native else None


def moved(steps: Iterable[Step], plan: Plan | None) -> tuple[Timed, ...]:
    """The executed RUN steps that ran natively only because their stage was pinned by the plan, and those
    that native twins took part in.
    """
    if plan is None:
        return ()
    names = {s.name for s in plan.stages if is_moved(s)}
    lines = {s.line for s in steps if s.how == "assisted"}
    return timed(
        step for step in steps if step.line in lines or (not step.emulated and _belongs(step, plan, names))
    )


def is_moved(verdict: StageVerdict) -> bool:
    """Whether the plan moved this stage to the build platform."""
    kinds = {change.kind for change in verdict.changes}
    return (
        verdict.is_pinned
        and verdict.is_proved
        and (
            bool(kinds & {"pin-stage", "split-stages"})
            or verdict.word in (VerdictWord.CROSS, VerdictWord.PORTABLE)
        )
    )


def _belongs(step: Step, plan: Plan, names: set[str]) -> bool:
    verdict = verdict_at(plan, step.line)
    return verdict is not None and verdict.name in names


def verdict_at(plan: Plan, line: int | None) -> StageVerdict | None:
    """The stage that a line of the user's file stands in."""
    if line is None:
        return None
    before = [verdict for verdict in plan.stages if verdict.line <= line]
    return max(before, key=lambda verdict: verdict.line, default=None)


def emulation_left(steps: Sequence[Step], plan: Plan | None, why_not: str) -> tuple[Emulation, ...]:
    """The emulated steps by line, each with the reason that the plan gives for its stage."""
    grouped: dict[tuple[str | None, int | None, str], list[Step]] = {}
    for step in steps:
        if step.emulated:
            grouped.setdefault((step.stage, step.line, step.text), []).append(step)
    return tuple(
        Emulation(
            stage or "",
            line,
            text,
            tuple(dict.fromkeys(step.platform or "" for step in group)),
            sum(step.seconds for step in group if step.executed),
            _reason(plan, line, why_not, group),
        )
        for (stage, line, text), group in sorted(grouped.items(), key=lambda item: item[0][1] or 0)
    )


def _without_twins(assistance: Assistance, line: int | None, group: Sequence[Step]) -> str:
    """Why no native twin took over in a RUN: what the plan says, or what they said."""
    left = next((reason.text for reason in assistance.left if reason.place.line == line), "")
    if left or all(line != at for at, _ in assistance.runs):
        return f"no native twins: {left}" if left else ""
    said = dict.fromkeys(text for step in group for text in step.twins)
    if said:
        return f"native twins stepped aside: {', '.join(said)}"
    why = "" if any(step.executed for step in group) else ": it comes from the cache"
    return f"what its native twins did is not known{why}"


def _reason(plan: Plan | None, line: int | None, why_not: str, group: Sequence[Step]) -> str:
    verdict = verdict_at(plan, line) if plan else None
    if verdict is None:
        return why_not or "the Dockerfile was not rewritten"
    if verdict.assistance is not None and (why := _without_twins(verdict.assistance, line, group)):
        return why
    own = next((reason for reason in verdict.reasons if reason.place.line == line), None)
    reason = own or next(iter(verdict.reasons), None)
    if reason is not None:
        return reason.text
    if verdict.is_target:
        return "the stage becomes the image: its RUNs run on the target platform"
    return next(iter(verdict.conditions), f"the stage is {verdict.word}")
