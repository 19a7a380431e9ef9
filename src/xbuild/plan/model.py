"""The plan as data: per stage a verdict with its evidence, what will change, and what would make it sure.

`rewrite` needs nothing but the source text and these values; `xbuild plan --json` prints them whole
(schema: `views/schemas/plan.schema.json`).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from xbuild.platforms import Platform
from xbuild.text import Span, fresh, value


class VerdictWord(StrEnum):
    """The verdict words."""

    CROSS = "cross"
    PORTABLE = "portable"
    ASSISTED = "assisted"
    EMULATED = "emulated"
    UNSURE = "unsure"
    ALREADY = "already"


@value()
class Place:
    """Where something stands: the line of the Dockerfile, or of another file that it calls."""

    line: int
    file: str | None = None


@value()
class Evidence:
    """One thing seen that the verdict rests on."""

    text: str
    place: Place | None = None


@value()
class Reason:
    """Why a stage is unsure or emulated: the instruction, the path at stake, and what would make it sure."""

    text: str
    place: Place
    path: str | None = None
    cure: str | None = None


# Changes. Spans of `SetEnvironment` and `ReplaceInScript` are offsets into the RUN's script
# (`Run.script.text`); instruction numbers are indexes into `Dockerfile.instructions`.


@value()
class PinStage:
    """Add or replace `--platform=$BUILDPLATFORM` on a FROM."""

    instruction: int
    reason: str
    kind: str = "pin-stage"


@value()
class SplitStages:
    """Copy `stages` (the shared start of a FROM chain, root first) for the build platform, pinned.

    The copies stand right after the last of them and are named `names`; `redirect` lists the FROM
    instructions that then name the last copy. `lent` are COPY instructions that in the copies take from the
    stage of that name (a LendImage) what they take from an image.
    """

    stages: tuple[int, ...]
    names: tuple[str, ...]
    redirect: tuple[int, ...]
    reason: str
    lent: tuple[tuple[int, str], ...] = ()
    kind: str = "split-stages"


@value()
class DeclareArg:
    """Add `ARG name` on a line of its own just before an instruction."""

    name: str
    before: int
    reason: str
    kind: str = "declare-arg"


@value()
class RemoveArg:
    """Remove a declaration of a platform ARG (it moves to a later line, or shadows nothing any more)."""

    name: str
    instruction: int
    reason: str
    kind: str = "remove-arg"


@value()
class RemoveArgDefault:
    """Drop the default of a platform ARG, which hides BuildKit's own value."""

    name: str
    instruction: int
    reason: str
    kind: str = "remove-arg-default"


@value()
class RemoveEnv:
    """Remove one pair of an ENV; the whole instruction if it was its only one."""

    name: str
    instruction: int
    reason: str
    kind: str = "remove-env"


@value()
class SetEnvironment:
    """Put `assignments` (name, shell text) in front of the command at `at`.

    A name that the command assigns already has its value replaced instead. `wrapper` is "env" where the
    assignments must be given to `env` because a word such as `time` stands before the command.
    """

    instruction: int
    at: int
    assignments: tuple[tuple[str, str], ...]
    replaced: tuple[tuple[Span, str], ...]
    reason: str
    wrapper: str | None = None
    kind: str = "set-environment"


@value()
class ReplaceInScript:
    """Replace `span` of a RUN's script by `text`."""

    instruction: int
    span: Span
    text: str
    reason: str
    kind: str = "replace-in-script"


@value()
class AddMount:
    """Add `--mount=…` to a RUN."""

    instruction: int
    mount: str
    reason: str
    kind: str = "add-mount"


@value()
class InsertRun:
    """Add `RUN` with `lines` just before an instruction."""

    before: int
    lines: tuple[str, ...]
    reason: str
    kind: str = "insert-run"


@value()
class AddTwins:
    """Add a helper in front of a FROM: stages that make the native twins of programs of the image that
    `reference` names, as it stands in the file.

    `names` are those of its stages: the image for the target platform, the one that prepares, and what is
    mounted. `twins` are the names of rooms of `plan.twins`, some with `=` and what is accepted of them.
    """

    before: int
    reference: str
    names: tuple[str, str, str]
    twins: tuple[str, ...]
    reason: str
    kind: str = "add-twins"


@value()
class AssistRun:
    """Give a RUN what the stage `helper` holds, and put it to use in front of its own words.

    `at` is where in its script that goes; in exec form a program of the helper's stands in front.
    """

    instruction: int
    helper: str
    at: int
    reason: str
    kind: str = "assist-run"


@value()
class OwnCache:
    """Give a cache mount of a RUN, its `mount`th, another `id`: the last one that is said counts."""

    instruction: int
    mount: int
    id: str
    reason: str
    kind: str = "own-cache"


@value()
class LendImage:
    """Add a stage for the build platform in front of a FROM, made from the image that `reference` names as it
    stands in the file, and take from that stage, `name`, what `takers` take from the image: instructions, and
    for a RUN the number of its mount.
    """

    before: int
    reference: str
    name: str
    takers: tuple[tuple[int, int | None], ...]
    reason: str
    kind: str = "lend-image"


@value()
class Renumber:
    """Name a stage by its new number in COPY --from."""

    instruction: int
    number: int
    reason: str
    kind: str = "renumber"


Change = (
    PinStage
    | SplitStages
    | DeclareArg
    | RemoveArg
    | RemoveArgDefault
    | RemoveEnv
    | SetEnvironment
    | ReplaceInScript
    | AddMount
    | InsertRun
    | AddTwins
    | AssistRun
    | OwnCache
    | LendImage
    | Renumber
)


# Questions: what the text cannot tell. The toolchain that asks reads the answer, which is raw text.


@value()
class Probe:
    """A script of one line for `sh`, to run in the builder, natively, where the command stands; the answer is
    what it prints.

    It runs once, or for each of `platforms` (as in `--platform`) in turn: TARGETPLATFORM, TARGETOS,
    TARGETARCH and TARGETVARIANT are then set for it, and `sections` takes the answer apart. `is_exact` tells
    that it must run right in front of the command, in the very shell. Without `has_mounts` the RUN's secret,
    ssh and cache mounts are not there.

    With `images` it is run in the image for each of these platforms, not natively: the answer has a section
    for each that could be had (behind `IMAGE`). That of the builder's own is `NATIVE`: it would be what the
    same probe says natively. `unpinned` is the FROM that is without its --platform then.
    """

    script: str
    platforms: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    unpinned: int | None = None
    is_exact: bool = False
    has_mounts: bool = True
    kind: str = "probe"


@value()
class LookUp:
    """A page or an index to be read online; the answer is its text."""

    url: str
    kind: str = "look-up"


@value()
class Inspection:
    """A base image to be looked at online: the answer is the JSON of its configs by platform."""

    reference: str
    kind: str = "inspection"


@value()
class Machines:
    """Which machines build; the answer is Docker's names of their architectures."""

    kind: str = "machines"


@value()
class Question:
    """Something to be found out about a command.

    `instruction` is the index in `Dockerfile.instructions`, `at` where in the RUN's script the command
    starts: what stands in front of it may change the answer. `directory` is where it runs, if that is known.
    `text` says for readers what is asked, `name` tells questions about one command apart.
    """

    stage: int
    instruction: int
    name: str
    text: str
    how: Probe | LookUp | Inspection | Machines
    at: int = 0
    directory: str | None = None

    @property
    def key(self) -> str:
        """Stable name of the question: equal questions have equal answers."""
        if isinstance(self.how, LookUp):
            return self.how.url
        if isinstance(self.how, Inspection):
            return self.how.reference
        if isinstance(self.how, Machines):
            return self.how.kind
        return f"{self.stage}:{self.instruction}:{self.at}:{self.name}"


SECTION = "# xbuild-platform "
"""What stands in front of the name of a platform, on a line of its own, in an answer of several sections."""


IMAGE = "# xbuild-image "
"""The same in front of what was said in the image for a platform."""

NATIVE = "native"


def sections(answer: str, head: str = SECTION) -> dict[str, str]:
    """By platform what a probe printed."""
    parts = f"\n{answer}".split(f"\n{head}")[1:]
    return {name: rest for name, _, rest in (part.partition("\n") for part in parts)}


@value()
class Written:
    """What a command writes: a file, or anything below a folder (None: anywhere), and of which kind it is."""

    path: str | None
    kind: str


@value()
class StageStep:
    """One command of a stage, as it is on the build platform.

    `instruction` is the index in `Dockerfile.instructions`, `words` are the program and what is said to it up
    to the next option, as far as it stands there literally. `reads` are absolute paths, None for anything.
    Kinds are the names of `filesystem.Kind`; `prints` is that of its output and exit status. `changes` is how
    many changes the command asks for. `work` names the kind of work as reports do ("apt-get install"), ""
    for what they do not tell apart; `is_compiler` tells that a compiler does it.
    """

    instruction: int
    place: Place
    words: tuple[str, ...]
    reads: tuple[str | None, ...]
    writes: tuple[Written, ...]
    prints: str
    changes: int = 0
    work: str = ""
    is_compiler: bool = False


@value()
class Assistance:
    """What native twins do for a stage that stays on the target platform.

    `runs` names by line of a RUN the twins that stand in for programs there; `left` says of every other RUN,
    or of the stage as a whole, why none does. `changes` are what has to be written for it.
    """

    runs: tuple[tuple[int, tuple[str, ...]], ...] = ()
    left: tuple[Reason, ...] = ()
    changes: tuple[Change, ...] = ()


@value()
class StageVerdict:
    """What is decided for one stage.

    `is_proved` is False when the verdict rests on `conditions` that could not be looked at; `questions`
    would settle them. `changes` may touch other stages' lines only for SplitStages. `is_pinned` tells
    whether the stage runs on the build platform after the changes; `has_run` whether it runs anything at all.
    `steps` are its commands, read as if it ran on the build platform. `assistance` is what twins do in it;
    `reasons` say then why it is not pinned.
    """

    stage: int
    name: str
    line: int
    word: VerdictWord
    is_proved: bool = True
    is_target: bool = False
    is_pinned: bool = False
    has_run: bool = True
    toolchains: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    reasons: tuple[Reason, ...] = ()
    notes: tuple[str, ...] = ()
    questions: tuple[Question, ...] = ()
    changes: tuple[Change, ...] = ()
    steps: tuple[StageStep, ...] = ()
    assistance: Assistance | None = None


@value()
class Plan:
    """All verdicts. `platforms` is None when the output must be right for any list of platforms; `sha256` is
    that of the Dockerfile, whose places the verdicts name.
    """

    path: str
    platforms: tuple[Platform, ...] | None
    target: str | None
    stages: tuple[StageVerdict, ...]
    notes: tuple[str, ...] = ()
    sha256: str = ""

    def changes(self, *, conditional: bool = False, assist: bool = False) -> tuple[Change, ...]:
        """The changes of every proved verdict; with `conditional` those of conditional ones too, with
        `assist` those for twins.
        """
        found = [c for s in self.stages if s.is_proved or conditional for c in s.changes]
        if assist:
            found += [c for s in self.stages if s.assistance is not None for c in s.assistance.changes]
        return tuple(dict.fromkeys(found))

    @property
    def questions(self) -> tuple[Question, ...]:
        return tuple({q.key: q for s in self.stages for q in s.questions}.values())


@value()
class Setting:
    """What a user can choose about a language: a key in its `section` of `.xbuild.yaml`, and a keyword of the
    library. `choices` are the values, the default first, and what each means.
    """

    section: str
    name: str
    choices: tuple[tuple[str, str], ...]

    @property
    def key(self) -> str:
        return f"{self.section}.{self.name}"

    @property
    def values(self) -> tuple[str, ...]:
        return tuple(value for value, _ in self.choices)


@value()
class Settings:
    """What a user has set about planning; `chosen` are values of settings of languages, by their key.

    `assist`: whether twins are planned; `without` are names of stages that do without, `without_twins` of
    twins that are not used, `accepted` is what is accepted of a twin, by its name. `helpers`: whether small
    files may be written that tell a program of the target; `without_pin` are names of stages that stay on the
    target platform, and why. `is_brief`: verdicts, reasons and changes alone, without what readers are told
    besides.
    """

    cache_mounts: bool = True
    chosen: Mapping[str, str] = fresh(dict)
    assist: bool = False
    without: frozenset[str] = frozenset()
    without_twins: frozenset[str] = frozenset()
    accepted: Mapping[str, str] = fresh(dict)
    helpers: bool = True
    without_pin: Mapping[str, str] = fresh(dict)
    is_brief: bool = False

    def of(self, setting: Setting) -> str:
        """What was chosen, or the default."""
        return self.chosen.get(setting.key, setting.values[0])


@value()
class Knowledge:
    """What was found out elsewhere: the raw answers to questions, by their key.

    `may_ask` tells that questions can still be put to a builder: nothing is then settled by a table which
    the builder would know better.
    """

    answers: Mapping[str, str] = fresh(dict)
    may_ask: bool = False
