"""What a rule is, what it looks at, and what it says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from functools import cached_property

from xbuild.dockerfile.model import Dockerfile, Instruction, Run
from xbuild.dockerfile.script import Script
from xbuild.dockerfile.shell import parse_script
from xbuild.graph.model import Stage, StageGraph
from xbuild.graph.platform import BUILD, runs_on
from xbuild.plan.context import Context
from xbuild.plan.model import Plan, StageVerdict
from xbuild.platforms import Platform
from xbuild.text import Edit, Span, fresh, value


class Level(StrEnum):
    """How bad a finding is. Error only where an image is proved wrong; what is slow is at most a warning."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"

    @property
    def rank(self) -> int:
        """0 for the worst."""
        return tuple(Level).index(self)


@value()
class Fix:
    """Edits of the whole file that put a finding right; `text` says what they do. A safe one changes no image
    but for what the finding says is wrong or slow.
    """

    edits: tuple[Edit, ...]
    text: str
    is_safe: bool = True


@value()
class Finding:
    """What a rule found at `span` of the source, in one sentence. `severity` is that of the rule, unless the
    case is worse or better than most.
    """

    span: Span
    message: str
    fix: Fix | None = None
    severity: Level | None = None


@value()
class Told:
    """A finding with the rule that made it, ready to be shown. `line` and `column` count from 1, `stage` is
    the label of the stage it is in.
    """

    rule: Rule
    finding: Finding
    line: int
    column: int
    end_line: int
    end_column: int
    stage: str

    @property
    def severity(self) -> Level:
        return self.finding.severity or self.rule.severity


@value(slots=False)
class RuleContext:
    """One Dockerfile and what is known around it: what rules look at.

    `platforms` are those that images are wanted for; `build_platform` is the one that builds. `has_context`
    tells whether `context` can be looked at: nothing follows from a file's absence otherwise. `make_plan`
    plans the file, at the first look at `plan`. `known` are answers that were fetched online, by key.
    """

    dockerfile: Dockerfile
    graph: StageGraph
    platforms: tuple[Platform, ...]
    build_platform: Platform
    context: Context
    has_context: bool
    make_plan: Callable[[], Plan]
    known: Mapping[str, str] = fresh(dict)

    @cached_property
    def plan(self) -> Plan:
        """The plan of the file, made at the first look."""
        return self.make_plan()

    def verdict(self, stage: Stage) -> StageVerdict:
        return self.plan.stages[stage.index]

    @property
    def foreign(self) -> tuple[Platform, ...]:
        """The platforms that are not that of the build machine."""
        return tuple(p for p in self.platforms if p != self.build_platform)

    @cached_property
    def pinned(self) -> frozenset[int]:
        """The stages that run on the build platform because their author says so."""
        return frozenset(s.index for s in self.graph.stages if runs_on(self.graph, s.index) == BUILD)

    def instructions(self, *kinds: type[Instruction]) -> Iterator[tuple[Stage, int, Instruction]]:
        """All instructions of these types, each with its stage and its index there."""
        for stage in self.graph.stages:
            for index, instruction in enumerate(stage.instructions):
                if isinstance(instruction, kinds):
                    yield stage, index, instruction

    def scripts(self) -> Iterator[RunScript]:
        """The script of every RUN in shell form."""
        for stage, index, run in self.instructions(Run):
            assert isinstance(run, Run)
            if run.script is not None:
                yield RunScript(stage, index, run, self.script(run))

    def script(self, run: Run) -> Script:
        """The parsed script of a RUN; each is parsed once."""
        memo: dict[int, Script] = self.graph.memo.setdefault("rules", {})
        at = run.span.start
        if at not in memo:
            memo[at] = parse_script(run.script.text if run.script is not None else "")
        return memo[at]


@value()
class RunScript:
    """The script of a RUN: `index` is that of the instruction in its stage."""

    stage: Stage
    index: int
    run: Run
    script: Script

    def span(self, inner: Span) -> Span:
        """A span of the script as one of the source."""
        assert self.run.script is not None
        return self.run.script.to_source(inner)


Check = Callable[[RuleContext], Iterable[Finding]]


@value()
class Rule:
    """One rule: its name is the pattern, not the cure. The docstring of its module is its page.

    `summary` says it in a line. `check` finds. `is_on` tells whether it is on by default, `several` that it
    is silent where one platform is asked for, `is_online` that it needs answers from registries. `buildkit`
    is the name of BuildKit's check that is its twin, `first` names rules whose finding at the same place
    makes this one superfluous. `from_plan` tells that its fix is what `xbuild rewrite` writes: it finds, and
    the linter adds the fix, as it is that of the whole file.
    """

    name: str
    severity: Level
    summary: str
    check: Check
    page: str
    is_on: bool = True
    several: bool = True
    is_online: bool = False
    buildkit: str = ""
    first: tuple[str, ...] = ()
    from_plan: bool = False

    def __reduce__(self) -> tuple[Callable[..., Rule], tuple[object, ...]]:
        """Pickled by its name: findings come from other processes."""
        return _rule_named, tuple(getattr(self, name) for name in ("name", "severity", "summary", "page"))


def _rule_named(name: str, severity: Level, summary: str, page: str) -> Rule:
    from xbuild.rules import BY_NAME

    return BY_NAME.get(name) or Rule(name, severity, summary, lambda _: (), page)
