"""Which RUNs of the stages that stay on the target platform get native twins of their programs.

Nothing of the shell has to be understood for that, but what might find the folder of the twins: it is
mounted, read-only, while the RUN lasts, and a command that walks the whole root would see it.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from xbuild.dockerfile.frontend import blocks
from xbuild.dockerfile.model import Copy, Instruction, Onbuild, Run, Trivia
from xbuild.dockerfile.script import Command, Script, Word
from xbuild.dockerfile.shell import parse_script
from xbuild.errors import PlatformError
from xbuild.graph.model import ImageBase, ScratchBase, Stage, StageGraph
from xbuild.graph.platform import TARGET
from xbuild.graph.scope import Scope
from xbuild.plan.deciding.caching import UnnamedCacheError, own_caches
from xbuild.plan.deciding.calling import Called, called_scripts
from xbuild.plan.deciding.inner import name_of, with_inner
from xbuild.plan.deciding.survey import Survey
from xbuild.plan.deciding.telling import why_told
from xbuild.plan.deciding.walking import why_walked
from xbuild.plan.facts.images import Image, bound_to, describe
from xbuild.plan.model import (
    AddTwins,
    Assistance,
    AssistRun,
    Change,
    Evidence,
    Inspection,
    Place,
    Question,
    Reason,
    Renumber,
    ReplaceInScript,
    StageVerdict,
    VerdictWord,
)
from xbuild.plan.programs import PROGRAMS
from xbuild.plan.programs.program import by_name
from xbuild.plan.table import words
from xbuild.plan.twins import TWINS
from xbuild.plan.twins.twin import HELPER, MOUNT, Twin
from xbuild.platforms import Platform, parse_platforms
from xbuild.text import Span

_SHELLS = ("sh", "bash", "ash", "dash")
# Programs that print the environment, which names the folder.
_TELLERS = frozenset(words("env printenv"))
_PRINTERS = frozenset(words("export declare typeset set readonly"))
_ASSIGNING = frozenset(words("export declare typeset readonly local"))
_WRITING = frozenset(words("echo printf"))
_FINDERS = frozenset(words("command which type whereis hash"))
# Programs that start no others but those that their words name.
_PLAIN = by_name(PROGRAMS)
_SOURCES = (".", "source")
_INSTALLING = frozenset(words("apt-get apt aptitude dpkg apk"))
_PATH = re.compile(r"\$\{?[#!]?PATH\b")
_SHOWING = re.compile(r"\b(IFS|BASH_COMMAND|compgen|alias|trap|jobs|fc|history)\b|\$\{!")
_KNOWN_FLAGS = frozenset(words("mount network"))
_COMMENT = re.compile(r"#\s*xbuild\s+(.*\S)\s*")
_STAGES_OF_A_HELPER = 3
# What a build machine is.
_BUILDERS = parse_platforms(("linux/amd64", "linux/arm64"))


def with_assistance(survey: Survey, verdicts: Sequence[StageVerdict]) -> list[StageVerdict]:
    """The verdicts, with what twins do where a stage stays on the target platform."""
    if MOUNT in survey.graph.dockerfile.source.text:
        verdicts = [_as_written(survey.graph, survey.graph.stages[v.stage], v) for v in verdicts]
    if not survey.settings.assist:
        return list(verdicts)
    return _Assisting(survey, verdicts).verdicts()


def _as_written(graph: StageGraph, stage: Stage, verdict: StageVerdict) -> StageVerdict:
    """What `xbuild rewrite --assist` has written: the stage that makes twins, and those that use them."""
    if verdict.is_pinned and _makes_twins(graph, stage):
        told = (Evidence("it makes native twins for other stages"),)
        return replace(verdict, word=VerdictWord.ALREADY, evidence=told, reasons=(), notes=(), questions=())
    made = tuple(t.name for t in TWINS if any(t.name in words for words in _preparing(graph)))
    runs = tuple(
        (i.first_line, _named_in(_text(i)) or made)
        for i in stage.instructions
        if isinstance(i, Run) and any(mount.get("target") == MOUNT for mount in i.mounts)
    )
    if not runs or verdict.is_pinned:
        return verdict
    return replace(verdict, word=VerdictWord.ASSISTED, assistance=Assistance(runs))


def _text(run: Run) -> str:
    return run.script.text if run.script is not None else run.logical.text


def _preparing(graph: StageGraph) -> Iterator[tuple[str, ...]]:
    """The words of the RUNs that make twins: their names are behind the script's."""
    for instruction in graph.dockerfile.instructions:
        if isinstance(instruction, Run) and f"{HELPER}/prepare.sh" in (instruction.words or ()):
            yield tuple(word.partition("=")[0] for word in instruction.words or ())


def _named_in(text: str) -> tuple[str, ...]:
    return tuple(t.name for t in TWINS if _is_named(text, t.programs))


def _makes_twins(graph: StageGraph, stage: Stage) -> bool:
    """Whether all that a stage runs is the helper, and what is taken from it gets no further than a mount:
    nothing of it may get into an image.
    """
    runs = [i for i in stage.instructions if isinstance(i, Run)]
    taken = graph.edges_out_of(stage.index)
    further = [e for edge in taken for e in graph.edges_out_of(edge.consumer)]
    return (
        len(runs) == 1
        and f"{HELPER}/prepare.sh" in (runs[0].words or ())
        and all(e.kind == "copy" and isinstance(graph.stages[e.consumer].base, ScratchBase) for e in taken)
        and bool(further)
        and all(e.kind == "mount" and e.destination == MOUNT for e in further)
    )


class _NoTwinError(Exception):
    """Why a stage or a RUN gets no twins."""


class _Assisting:
    def __init__(self, survey: Survey, verdicts: Sequence[StageVerdict]) -> None:
        self.survey, self.graph, self.given = survey, survey.graph, verdicts
        self.taken = {s.name for s in self.graph.stages}
        self.found: dict[int, list[tuple[int, tuple[str, ...], tuple[Change, ...]]]] = {}
        self.left: dict[int, list[Reason]] = {}
        self.questions: dict[int, Question] = {}
        self.told_of: dict[str, dict[str, str]] = {}  # by image, of twins that a RUN tells of, why

    def verdicts(self) -> list[StageVerdict]:
        for verdict in self.given:
            if verdict.has_run and not verdict.is_pinned:
                self.look_at(self.graph.stages[verdict.stage])
        self.drop_told()
        helpers = self.helpers()
        return [self.told(verdict, helpers) for verdict in self.given]

    def told(self, verdict: StageVerdict, helpers: Mapping[int, AddTwins]) -> StageVerdict:
        if verdict.stage in self.questions:
            verdict = replace(verdict, questions=(*verdict.questions, self.questions[verdict.stage]))
        runs = self.found.get(verdict.stage, [])
        left = tuple(self.left.get(verdict.stage, ()))
        if not runs:
            is_written = verdict.assistance is not None and bool(verdict.assistance.runs)
            return replace(verdict, assistance=Assistance(left=left)) if left and not is_written else verdict
        helper = helpers[verdict.stage]
        changes: list[Change] = [helper]
        for number, names, own in runs:
            why = f"{', '.join(names)} run natively"
            changes += [AssistRun(number, helper.names[-1], self.start_of(number), why), *own]
        changes += self.renumbered(sorted({h.before for h in helpers.values()}))
        used = {name for _, names, _ in runs for name in names}
        notes = [
            f"assist.{t.name} is {choice}: {meaning}"
            for t in TWINS
            for choice, meaning in t.choices
            if t.name in used and self.survey.settings.accepted.get(t.name) == choice
        ]
        verdict = replace(verdict, notes=(*verdict.notes, *notes))
        lines = tuple((self.graph.dockerfile.instructions[n].first_line, names) for n, names, _ in runs)
        assistance = Assistance(lines, left, tuple(dict.fromkeys(changes)))
        return replace(verdict, word=VerdictWord.ASSISTED, assistance=assistance)

    # -- a stage

    def look_at(self, stage: Stage) -> None:
        try:
            twins = self.twins_for(stage)
        except _NoTwinError as error:
            self.left[stage.index] = [Reason(str(error), Place(stage.from_.first_line))]
            return
        for index, instruction in enumerate(stage.instructions):
            if not isinstance(instruction, Run):
                continue
            try:
                names, own = self.read(stage, index, instruction, twins)
            except _NoTwinError as error:
                reason = Reason(str(error), Place(instruction.first_line))
                self.left.setdefault(stage.index, []).append(reason)
                continue
            self.found.setdefault(stage.index, []).append((stage.position + index, names, own))

    def twins_for(self, stage: Stage) -> tuple[Twin, ...]:
        """The twins of the programs of its image."""
        dockerfile, settings = self.graph.dockerfile, self.survey.settings
        root = self.graph.stages[self.graph.root_of(stage.index)]
        if MOUNT in dockerfile.source.text:
            raise _NoTwinError(f"the file names {MOUNT}, where twins would be")
        if stage.label in settings.without or _is_off(self, stage.from_):
            raise _NoTwinError("assist is off for it")
        if dockerfile.source.text.startswith("\ufeff"):
            raise _NoTwinError(
                "the file begins with a byte-order mark, which has to stay the first thing in it"
            )
        blocked = blocks(dockerfile.syntax, "heredoc")
        if blocked is not None:
            raise _NoTwinError(f"no twins: {blocked}")
        if any(
            _names_by_number(i.inner) is not None for i in dockerfile.instructions if isinstance(i, Onbuild)
        ):
            raise _NoTwinError("an ONBUILD names a stage by number, and a helper would move the numbers")
        if self.survey.runs_on[stage.index] != TARGET:
            raise _NoTwinError("it is not known to run on the target platform")
        image = self.image_of(stage, root)
        # Of an image that is not known by its name the helper tells what it is.
        fitting = (t for t in TWINS if image.family == "unknown" or _fits(t, image))
        found = tuple(_of_image(t, image) for t in fitting if t.name not in settings.without_twins)
        if not found:
            raise _NoTwinError(f"there are no twins for programs of {image.reference} yet")
        return found

    def image_of(self, stage: Stage, root: Stage) -> Image:
        """What a stage is based on: nothing of it may run in the helper by itself (ONBUILD), and there
        must be one for the build machine. Official images are known; others are asked for.
        """
        base = root.base
        if root.is_replaced or not isinstance(base, ImageBase) or base.reference is None or base.stages:
            raise _NoTwinError("its base is no image that is known")
        if bound_to(base.reference) is not None:
            raise _NoTwinError(f"{base.reference} is for one platform")
        image = describe(base.reference, tuple(row for t in self.survey.toolchains for row in t.images))
        if image.is_plain:
            return image
        text = f"for which platforms {base.reference} is, and what it has run in images made from it"
        question = Question(stage.index, root.position, "base image", text, Inspection(base.reference))
        answer = self.survey.knowledge.answers.get(question.key)
        if answer is None:
            self.questions[stage.index] = question
            raise _NoTwinError(f"{base.reference} would have to be looked at (--online)")
        trouble = _trouble_with(answer, self.survey.platforms or ())
        if trouble is not None:
            raise _NoTwinError(f"{base.reference} {trouble}")
        return replace(image, family=image.family or "unknown")

    # -- a RUN

    def read(
        self, stage: Stage, index: int, run: Run, twins: Sequence[Twin]
    ) -> tuple[tuple[str, ...], tuple[Change, ...]]:
        """The twins that a RUN would use, and the changes beside the mount."""
        if _is_off(self, run):
            raise _NoTwinError("assist is off for it")
        scope = Scope(self.graph, stage.index, index)
        for flag in run.flags:
            if flag.name not in _KNOWN_FLAGS:
                raise _NoTwinError(f"--{flag.name} is not known here")
        for mount in run.mounts:
            target = mount.get("target")
            text = scope.expand_known(target).text if target is not None else None
            if target is not None and (text is None or f"{MOUNT}/".startswith(text.rstrip("/") + "/")):
                raise _NoTwinError(f"it mounts something at {target}, where twins would be hidden")
        script = _script(run, scope)
        told = {n: v.text for n, v in scope.environment().items() if v.text is not None}
        _check(script, scope.workdir(), twins, told)
        called = list(called_scripts([c for c in self.survey.alone(stage.index).calls if c.run is run]))
        _check_called(called, twins)
        number = stage.position + index
        scripts = [script, *(c.script for c in called if c.script is not None)]
        text = "\n".join(s.text for s in scripts)
        names, changes = [], list[Change]()
        for twin in twins:
            words_of_it = [w for c in script.commands if (w := _module_word(c, twin)) is not None]
            words_of_it = [] if _shows_words(script) or self.is_taken(twin.variable) else words_of_it
            if words_of_it and run.script is not None:
                changes += [
                    ReplaceInScript(
                        number, Span(w.span.start, w.span.start), f"${{{twin.variable}-}} ", _why(twin)
                    )
                    for w in words_of_it
                ]
            is_hidden = twin.is_called_by_others and _may_call_others(script)
            if words_of_it or is_hidden or _is_named(script.text, twin.programs):
                names.append(twin.name)
        started = [t.name for t in twins if self.is_started(stage, index, _but_installing(scripts), t)]
        names = names or _names_in(called, twins, is_enough=bool(started))
        used = [t.name for t in twins if t.name in (*names, *started)]
        names = self.not_told(stage, run, text, used, twins)
        if not names:
            raise _NoTwinError("it names no program that has a twin")
        try:
            changes += own_caches(self.graph, stage.index, index, run)
        except UnnamedCacheError as error:
            raise _NoTwinError(str(error)) from error
        return tuple(names), tuple(changes)

    def is_taken(self, variable: str) -> bool:
        """Whether the author's file has a variable of a twin's name: it would be put in front of words."""
        return bool(variable) and variable in self.graph.dockerfile.source.text

    def is_started(self, stage: Stage, index: int, text: str, twin: Twin) -> bool:
        """Whether a RUN may start a program of which there is one: in the image, or installed before."""
        if not twin.starters:
            return False
        image = self.image_of(stage, self.root(stage.index))
        own = [p for t in self.survey.toolchains if image.row in t.images for p in t.programs]
        is_own = image.has_compiler is True and any(_is_named(text, program.names.split()) for program in own)
        is_sure = _has_word(text, twin.starters)
        if not is_sure and not is_own and not _has_word(text, twin.installers):
            return False
        chain = [self.graph.stages[number] for number in self.graph.chain_of(stage.index)]
        before = [i for s in chain for i in (s.instructions[: index + 1] if s is stage else s.instructions)]
        installed = "\n".join(i.logical.text for i in before if isinstance(i, Run))
        if _has_word(installed, twin.packages):
            return True
        tagged = f"{image.name}:{image.tag}".rstrip(":")
        is_there = image.has_compiler is True or re.fullmatch(twin.provided_by, tagged) is not None
        return is_there and (is_sure or _has_word(installed, twin.headers))

    def not_told(
        self, stage: Stage, run: Run, text: str, names: Sequence[str], twins: Sequence[Twin]
    ) -> list[str]:
        """Those of the names whose twin's place the RUN does not print or write down. A RUN that has others
        has all of its image (`drop_told`), so all are looked at.
        """
        is_shipped = stage.index in self.graph.chain_of(self.graph.target)
        told = {
            twin.name: f"{twin.name} stays emulated: {why}"
            for twin in twins
            for what, why, is_local in reversed(twin.telling)
            if re.search(what, text) and (is_shipped or not is_local)
        }
        kept = [name for name in names if name not in told]
        reasons = [told[name] for name in names if name in told]
        if reasons and not kept:
            raise _NoTwinError(reasons[0])
        if kept:
            self.told_of.setdefault(self.root(stage.index).from_.image, {}).update(told)
        self.left.setdefault(stage.index, []).extend(Reason(why, Place(run.first_line)) for why in reasons)
        return kept

    def drop_told(self) -> None:
        """RUNs of an image have one helper, with all its twins: one that a RUN tells of goes from all."""
        for number, runs in list(self.found.items()):
            told = self.told_of.get(self.root(number).from_.image, {})
            kept = []
            for position, names, changes in runs:
                place = Place(self.graph.dockerfile.instructions[position].first_line)
                why = (f"{told[name]} (another RUN on the same image)" for name in names if name in told)
                self.left.setdefault(number, []).extend(Reason(each, place) for each in why)
                fitting = tuple(name for name in names if name not in told)
                if fitting:
                    kept.append((position, fitting, changes))
            self.found[number] = kept
            if not kept:
                del self.found[number]

    def start_of(self, number: int) -> int:
        """Where in the script of a RUN something goes that is to happen first: behind a `#!` line."""
        run = self.graph.dockerfile.instructions[number]
        assert isinstance(run, Run)
        text = run.script.text if run.script is not None else ""
        return text.index("\n") + 1 if text.startswith("#!") and "\n" in text else 0

    # -- the helpers

    def helpers(self) -> dict[int, AddTwins]:
        """By stage the helper that its RUNs use: one for each root image."""
        by_image: dict[str, list[int]] = {}
        for stage in sorted(self.found):
            by_image.setdefault(self.root(stage).from_.image, []).append(stage)
        made: dict[int, AddTwins] = {}
        for reference, stages in by_image.items():
            used = {name for s in stages for _, names, _ in self.found[s] for name in names}
            names = self.fresh_names()
            before = self.graph.stages[stages[0]].position
            reason = f"native twins of programs of {reference}"
            twins = tuple(t.name + self.choice_of(t) for t in TWINS if t.name in used)
            made.update(dict.fromkeys(stages, AddTwins(before, reference, names, twins, reason)))
        return made

    def choice_of(self, twin: Twin) -> str:
        """What is accepted for a twin, as the helper reads it behind its name."""
        choice = self.survey.settings.accepted.get(twin.name)
        return "" if choice is None else f"={choice}"

    def root(self, stage: int) -> Stage:
        return self.graph.stages[self.graph.root_of(stage)]

    def fresh_names(self) -> tuple[str, str, str]:
        number = 1
        while True:
            suffix = f"-{number}" if number > 1 else ""
            target, native, twins = (f"xbuild-{part}{suffix}" for part in ("target", "native", "twins"))
            if self.taken.isdisjoint((target, native, twins)):
                self.taken |= {target, native, twins}
                return target, native, twins
            number += 1

    def renumbered(self, positions: Sequence[int]) -> Iterator[Renumber]:
        """COPY --from=NUMBER of a stage behind a helper."""
        for number, instruction in enumerate(self.graph.dockerfile.instructions):
            named = _names_by_number(instruction)
            if named is None or named >= len(self.graph.stages):
                continue
            moved = sum(at <= self.graph.stages[named].position for at in positions)
            if moved:
                yield Renumber(
                    number, named + moved * _STAGES_OF_A_HELPER, "stages of helpers stand in front of it"
                )


def _fits(twin: Twin, image: Image) -> bool:
    return image.family in twin.families and (not twin.images or image.name in twin.images)


def _of_image(twin: Twin, image: Image) -> Twin:
    """That a script may start it is taken for granted only where the image is known to have the program."""
    is_called = twin.is_called_by_others and image.name in twin.images
    return replace(twin, is_called_by_others=is_called)


def _why(twin: Twin) -> str:
    return f"{twin.name} runs natively where its twin fits"


def _trouble_with(answer: str, platforms: Sequence[Platform]) -> str | None:
    """Why no helper can be made from an image, by the JSON of its configs (`buildx imagetools inspect`)."""
    try:
        told = json.loads(answer)
        images = told if "os" not in told else {f"{told['os']}/{told['architecture']}": told}
        found = {name: image.get("config") or {} for name, image in images.items()}
    except (ValueError, KeyError, AttributeError, TypeError):
        return "says of itself what cannot be read"
    if any(config.get("OnBuild") for config in found.values()):
        return "has something run in images made from it"
    there = {_platform(name) for name in found}
    missing = next((p for p in (*_BUILDERS, *platforms) if p not in there), None)
    return None if missing is None else f"is not there for {missing}"


def _platform(name: str) -> Platform | None:
    try:
        return Platform.parse(name)
    except PlatformError:
        return None


def _names_by_number(instruction: Instruction) -> int | None:
    named = instruction.from_ if isinstance(instruction, Copy) else None
    return int(named) if named is not None and named.isdecimal() else None


def _is_off(assisting: _Assisting, instruction: Instruction) -> bool:
    """Whether a comment directly above says so; one that is not understood counts as well."""
    return any(not text.endswith("assist=auto") for text in comments_above(assisting, instruction))


def comments_above(assisting: _Assisting, instruction: Instruction) -> Iterator[str]:
    """What the `# xbuild …` comments directly above an instruction say of assist."""
    dockerfile = assisting.graph.dockerfile
    at = dockerfile.nodes.index(instruction)
    while at > 0 and isinstance(node := dockerfile.nodes[at - 1], Trivia):
        for line in reversed(dockerfile.source[node.span].splitlines()):
            found = _COMMENT.fullmatch(line.strip())
            if not line.strip():
                return
            if found is not None and found[1].startswith("assist"):
                yield found[1]
        at -= 1


# -- scripts


def _script(run: Run, scope: Scope) -> Script:
    if run.words is not None:
        spans, at = [], 0
        for text in run.words:
            spans.append(Word(Span(at, at + len(text)), text, text))
            at += len(text) + 1
        return Script(" ".join(run.words), (Command(Span(0, at), tuple(spans)),), has_error=False)
    shell = scope.shell()
    if run.script is None or posixpath.basename(shell[0] if shell else "") not in _SHELLS:
        raise _NoTwinError("its script is not for a POSIX shell")
    script = parse_script(run.script.text)
    if script.has_error:
        raise _NoTwinError("its script cannot be read without doubt")
    return script


def _check(
    script: Script, directory: str | None, twins: Sequence[Twin], environment: Mapping[str, str]
) -> None:
    programs = [program for twin in TWINS for program in (*twin.programs, *twin.modules)]
    for each in with_inner(script):
        _check_tells(each)
        _check_places(each, twins)
        why = why_walked(each, directory, environment) or why_told(each, programs)
        if why is not None:
            raise _NoTwinError(why)


def _check_called(called: Sequence[Called], twins: Sequence[Twin]) -> None:
    """The same for scripts of the build context that are called, as far as they can be read."""
    for each in called:
        try:
            if each.script is not None:
                _check(each.script, each.directory, twins, {})
        except _NoTwinError as error:
            raise _NoTwinError(f"{each.name}: {error}") from error


def _names_in(called: Sequence[Called], twins: Sequence[Twin], *, is_enough: bool) -> list[str]:
    """The twins of programs that scripts name, if all of them can be read."""
    scripts = [each.script for each in called if each.script is not None]
    found = [t.name for t in twins if any(_is_named(script.text, t.programs) for script in scripts)]
    trouble = next((each.trouble for each in called if each.trouble), None)
    if found and trouble is not None:
        raise _NoTwinError(trouble)
    if not scripts and trouble is not None and not is_enough:
        raise _NoTwinError(f"it names no program that has a twin, and {trouble}")
    return found


def _check_tells(script: Script) -> None:
    """Refuse what writes down the search path or the whole environment, which name the folder."""
    for command in script.commands:
        rest = [w for w in command.words[1:] if not (w.value or "-").startswith("-") and "=" not in w.raw]
        name = name_of(command)
        is_bare = not rest and not command.exports
        if (name in (*_TELLERS, *_PRINTERS) and is_bare) and not (name == "set" and command.words[1:]):
            raise _NoTwinError(f"`{name}` tells the whole environment")
        if name == "printenv" and not all(w.value and "PATH" not in w.value for w in rest):
            raise _NoTwinError("it asks for a variable of the environment")
        if name in _ASSIGNING:
            continue
        text = [r.heredoc for r in command.redirects if r.heredoc is not None]
        # What is only written down, as text, is no search path yet.
        is_text = name in _WRITING and not command.is_inside("pipeline")
        text += [w.raw for w in command.words if not is_text or any(e.name == "PATH" for e in w.expansions)]
        if any(_PATH.search(each) for each in text):
            raise _NoTwinError("it uses PATH as text, which names the folder of the twins")


def _check_places(script: Script, twins: Sequence[Twin]) -> None:
    """Refuse what asks where a program with a twin lies: the answer names the folder of the twins."""
    names = {name for twin in twins for name in twin.programs}
    if any(c.name in (".", "source") and _ends(c, "/activate") for c in script.commands):
        raise _NoTwinError("it activates a virtual environment, whose programs come before the twins")
    for command in script.commands:
        if name_of(command) in _FINDERS and any(w.value in names for w in command.words[1:]):
            raise _NoTwinError(f"`{command.name}` asks where a program with a twin lies")


def _ends(command: Command, text: str) -> bool:
    return any(w.raw.strip("'\"").endswith(text) for w in command.words[1:2])


def _shows_words(script: Script) -> bool:
    """Whether a word put in front of a command may be seen, split otherwise, or hide a function."""
    names = {c.name for c in script.commands}
    return bool(names & set(script.functions)) or _SHOWING.search(script.text) is not None


def _is_named(text: str, programs: Sequence[str]) -> bool:
    """Whether a program is named as one that PATH leads to."""
    names = "|".join(map(re.escape, programs))
    return bool(programs) and re.search(rf"(?<![\w./-])(?:{names})(?![\w./-])", text) is not None


def _but_installing(scripts: Sequence[Script]) -> str:
    """The words of all commands but of those that install packages of the distribution."""
    commands = (c for script in scripts for c in script.commands if c.name not in _INSTALLING)
    return "\n".join(" ".join(word.raw for word in command.words) for command in commands)


def _has_word(text: str, pattern: str) -> bool:
    """Whether a word of a text is, or a path in it ends in, what fits a pattern."""
    return re.search(rf"(?<![\w.-])(?:{pattern})(?![\w-])", text) is not None


def _may_call_others(script: Script) -> bool:
    """Whether a command may start programs that its words do not name."""
    names = (c.name for c in script.commands if c.words)
    return any(n not in script.functions and (n not in _PLAIN or n in _SOURCES) for n in names)


def _module_word(command: Command, twin: Twin) -> Word | None:
    """The word of an interpreter that is told to run a module which has a twin, or a path to the program."""
    values = [w.value for w in command.words[:3]]
    if twin.paths and values and values[0] is not None and re.fullmatch(twin.paths, values[0]):
        return None if command.is_inside("function") else command.words[0]
    if len(values) < 3 or not twin.modules or values[1] != "-m" or values[2] not in twin.modules:
        return None
    is_known = values[0] is not None and re.fullmatch(twin.interpreters, values[0]) is not None
    return command.words[0] if is_known and not command.is_inside("function") else None
