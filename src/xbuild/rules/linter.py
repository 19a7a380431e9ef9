"""All rules over one file: what they find, but for what comments ignore and what another rule says better."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

from xbuild.dockerfile.model import Dockerfile
from xbuild.rules import RULES, unused_ignore
from xbuild.rules.comments import Comment, read_comments, skipped
from xbuild.rules.planned import in_the_way, plan_fix
from xbuild.rules.rule import Finding, Fix, Level, Rule, RuleContext, Told
from xbuild.text import Edit, Source, apply_edits, value


@value()
class Judged:
    """What was found in one file, in the order of its lines, how many findings comments ignored, and how many
    more are in the baseline.
    """

    told: tuple[Told, ...]
    ignored: int = 0
    known: int = 0


@value()
class Unlinted:
    """Why a file was not linted."""

    message: str
    line: int | None = None
    hint: str | None = None


@value()
class Linted:
    """What came of one file: its findings, or a problem. `after` is its text with all fixes and new ignores,
    if asked for, and `judged` then what is found in it; `first` is what was found before. `fail_on` is the
    least of its findings that fails.
    """

    path: str
    judged: Judged = Judged(())
    problem: Unlinted | None = None
    source: Source | None = None
    after: str | None = None
    fixes: int = 0
    ignores: int = 0
    first: Judged | None = None
    fail_on: Level = Level.WARNING


def judge(subject: RuleContext, rules: Sequence[Rule]) -> Judged:
    """Run `rules`; rules about several platforms are silent where one is asked for."""
    is_single = len(subject.platforms) < 2
    skips = skipped(subject.dockerfile)
    running = [
        rule
        for rule in rules
        if not (rule.several and is_single)
        and not (rule.buildkit and (rule.buildkit in skips or "all" in skips))
    ]
    found = [told(subject, rule, finding) for rule in running for finding in rule.check(subject)]
    found = list(_without_superfluous(found))
    comments = [c for c in read_comments(subject.dockerfile) if c.is_ignore and not c.problem]
    at_line: dict[int | None, list[Comment]] = {}
    for comment in comments:
        for line in (None,) if comment.lines is None else range(comment.lines[0], comment.lines[1] + 1):
            at_line.setdefault(line, []).append(comment)
    used: set[tuple[int, str]] = set()
    kept = []
    for one in found:
        there = (*at_line.get(None, ()), *at_line.get(one.line, ()))
        by = next((c for c in there if one.rule.name in c.rules), None)
        if by is None:
            kept.append(one)
        else:
            used.add((by.line, one.rule.name))
    ignored = len(found) - len(kept)
    if any(one.rule.from_plan for one in kept):
        fix, obeyed = _plan_fix(subject, running, comments, is_narrowed=_is_narrowed(found, kept))
        kept = [_with_fix(one, fix) if one.rule.from_plan else one for one in kept]
        used |= obeyed
    if unused_ignore.RULE in running:
        kept += _unused(subject, comments, used, {rule.name for rule in running})
    return Judged(tuple(sorted(kept, key=_place)), ignored)


def narrowed(judged: Judged, is_kept: Callable[[Told], bool]) -> Judged:
    """Without some of the findings, and without the plan's fix if one of them asks for it."""
    kept = tuple(one for one in judged.told if is_kept(one))
    if _is_narrowed(judged.told, kept):
        kept = tuple(_with_fix(one, None) if one.rule.from_plan else one for one in kept)
    return Judged(kept, judged.ignored, judged.known)


def _is_narrowed(found: Iterable[Told], kept: Collection[Told]) -> bool:
    return any(one.rule.from_plan and one not in kept for one in found)


def _plan_fix(
    subject: RuleContext, running: Sequence[Rule], comments: Sequence[Comment], *, is_narrowed: bool
) -> tuple[Fix | None, set[tuple[int, str]]]:
    """The plan's fix, unless a rule that asks for it is left out where it touches a stage; and the comments
    that are obeyed so, by line and rule.
    """
    fix = plan_fix(subject)
    if fix is None:
        return None, set()
    names = frozenset(rule.name for rule in RULES if rule.from_plan)
    obeyed = in_the_way(subject, fix, comments, names)
    silent = (rule for rule in RULES if rule.from_plan and rule.is_on and rule not in running)
    is_left_out = is_narrowed or bool(obeyed) or any(True for rule in silent for _ in rule.check(subject))
    return None if is_left_out else fix, {(c.line, name) for c in obeyed for name in names}


def _with_fix(one: Told, fix: Fix | None) -> Told:
    finding = one.finding
    with_it = Finding(finding.span, finding.message, fix, finding.severity)
    return Told(one.rule, with_it, one.line, one.column, one.end_line, one.end_column, one.stage)


def told(subject: RuleContext, rule: Rule, finding: Finding) -> Told:
    """A finding with its place in lines and columns."""
    source = subject.dockerfile.source
    line, end = (
        source.line_of(finding.span.start),
        source.line_of(max(finding.span.end - 1, finding.span.start)),
    )
    stage = next((s for s in reversed(subject.graph.stages) if s.from_.first_line <= line), None)
    return Told(
        rule,
        finding,
        line,
        finding.span.start - source.line_starts[line - 1] + 1,
        end,
        finding.span.end - source.line_starts[end - 1] + 1,
        stage.label if stage is not None else "",
    )


def _place(one: Told) -> tuple[int, int, str]:
    return one.line, one.column, one.rule.name


def covers(comment: Comment, rule: str, line: int) -> bool:
    """Whether a comment ignores what the rule finds at a line."""
    if rule not in comment.rules:
        return False
    return comment.lines is None or comment.lines[0] <= line <= comment.lines[1]


def _without_superfluous(found: Sequence[Told]) -> Iterator[Told]:
    """One place gives one finding: that of the rule which goes first there."""
    at_line: dict[int, list[Told]] = {}
    for one in found:
        for line in range(one.line, one.end_line + 1):
            at_line.setdefault(line, []).append(one)
    for one in found:
        lines = range(one.line, one.end_line + 1) if one.rule.first else ()
        there = (other for line in lines for other in at_line[line])
        if not any(other.rule.name in one.rule.first and _overlap(other, one) for other in there):
            yield one


def _overlap(one: Told, other: Told) -> bool:
    a, b = one.finding.span, other.finding.span
    return a.start < b.end and b.start < a.end


def _unused(
    subject: RuleContext,
    comments: Iterable[Comment],
    used: Collection[tuple[int, str]],
    running: Collection[str],
) -> Iterator[Told]:
    """Ignores of rules that ran and found nothing there."""
    for comment in comments:
        idle = tuple(n for n in comment.rules if n in running and (comment.line, n) not in used)
        if idle:
            yield told(subject, unused_ignore.RULE, unused_ignore.unused(subject, comment, idle))


def fixed(dockerfile: Dockerfile, found: Iterable[Told], *, unsafe: bool = False) -> tuple[str, int]:
    """The text with the fixes of these findings, and how many were made. A fix that overlaps with one before
    it is left for the next round, and so is the plan's until there is no other: it is proved for this text.
    """
    allowed = [one for one in found if (fix := one.finding.fix) is not None and (fix.is_safe or unsafe)]
    chosen = [one for one in allowed if not one.rule.from_plan] or allowed
    edits: list[Edit] = []
    count = 0
    for one in chosen:
        fix = one.finding.fix
        assert fix is not None
        new = [edit for edit in fix.edits if edit not in edits]
        if not any(_collide(edit, other) for edit in new for other in edits):
            edits += new
            count += 1
    return apply_edits(dockerfile.source.text, edits), count


def _collide(one: Edit, other: Edit) -> bool:
    if one.span.start == one.span.end == other.span.start == other.span.end:
        return True
    return one.span.start < other.span.end and other.span.start < one.span.end
