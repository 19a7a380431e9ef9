"""Which twins one RUN is lent: those of the programs that it names or may start, where nothing in it may come
upon the mount.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from xbuild.dockerfile.model import Dockerfile, Instruction, Run, Trivia
from xbuild.dockerfile.script import Command, Expansion, Script, Word
from xbuild.dockerfile.shell import parse_script
from xbuild.graph.model import Stage
from xbuild.graph.scope import Scope
from xbuild.plan.deciding.activating import is_activation, words_to_replace
from xbuild.plan.deciding.caching import UnnamedCacheError, own_caches
from xbuild.plan.deciding.calling import SOURCES, Called, called_scripts
from xbuild.plan.deciding.inner import name_of, with_inner
from xbuild.plan.deciding.survey import Survey
from xbuild.plan.deciding.telling import why_told
from xbuild.plan.deciding.walking import why_walked
from xbuild.plan.deciding.weighing import is_light
from xbuild.plan.deciding.written import written_before
from xbuild.plan.facts.images import Image
from xbuild.plan.model import Change, ReplaceInScript
from xbuild.plan.programs import PROGRAMS
from xbuild.plan.programs.program import by_name
from xbuild.plan.table import words
from xbuild.plan.twins import TWINS
from xbuild.plan.twins.twin import MOUNT, Twin
from xbuild.text import Span, value

_SHELLS = ("sh", "bash", "ash", "dash")
# Programs that print the environment, which names the folder.
_TELLERS = frozenset(words("env printenv"))
_PRINTERS = frozenset(words("export declare typeset set readonly"))
_ASSIGNING = frozenset(words("export declare typeset readonly local"))
_WRITING = frozenset(words("echo printf"))
_FINDERS = frozenset(words("command which type whereis hash"))
# Programs that start no others but those that their words name.
_PLAIN = by_name(PROGRAMS)
_ENDING = ("trap", "exec")
_PATH = re.compile(r"\$\{?[#!]?PATH\b")
_SHOWING = re.compile(r"\b(IFS|BASH_COMMAND|compgen|alias|trap|jobs|fc|history)\b|\$\{!")
_KNOWN_FLAGS = frozenset(words("mount network"))
_COMMENT = re.compile(r"#\s*xbuild\s+(.*\S)\s*")


class NoTwinError(Exception):
    """Why a stage or a RUN gets no twins."""


@value()
class Lent:
    """What a RUN is lent: the names of twins, and the changes beside the mount. `told`: of twins whose place
    it would print or write down, why; that counts for every RUN with the same mount.
    """

    names: tuple[str, ...]
    changes: tuple[Change, ...]
    told: tuple[tuple[str, str], ...] = ()
    left: tuple[str, ...] = ()
    """Why a twin is not among them although its program is named."""


def lend(survey: Survey, stage: Stage, index: int, image: Image, twins: Sequence[Twin]) -> Lent:
    """The twins that the RUN with this index uses. Raises NoTwinError where there are none."""
    return _Lending(survey, stage, index, image, twins).lent()


def is_off(dockerfile: Dockerfile, instruction: Instruction) -> bool:
    """Whether a comment directly above says so; one that is not understood counts as well."""
    return any(not text.endswith("assist=auto") for text in _comments_above(dockerfile, instruction))


def _comments_above(dockerfile: Dockerfile, instruction: Instruction) -> Iterator[str]:
    """What the `# xbuild …` comments directly above an instruction say of assist."""
    at = dockerfile.nodes.index(instruction)
    while at > 0 and isinstance(node := dockerfile.nodes[at - 1], Trivia):
        for line in reversed(dockerfile.source[node.span].splitlines()):
            found = _COMMENT.fullmatch(line.strip())
            if not line.strip():
                return
            if found is not None and found[1].startswith("assist"):
                yield found[1]
        at -= 1


class _Lending:
    """One RUN of a stage."""

    def __init__(self, survey: Survey, stage: Stage, index: int, image: Image, twins: Sequence[Twin]) -> None:
        run = stage.instructions[index]
        assert isinstance(run, Run)
        self.survey, self.graph, self.image, self.twins = survey, survey.graph, image, twins
        self.stage, self.index, self.run = stage, index, run
        self.scope = Scope(self.graph, stage.index, index)

    def lent(self) -> Lent:
        run, scope, twins = self.run, self.scope, self.twins
        if is_off(self.graph.dockerfile, run):
            raise NoTwinError("assist is off for it")
        self.check_flags()
        script = _script(run, scope)
        told = {n: v.text for n, v in scope.environment().items() if v.text is not None}
        replaced = self.behind_activation(script)
        _check(script, scope.workdir(), twins, told, may_activate=replaced is not None)
        _check_end(with_inner(script))
        called = list(called_scripts([c for c in self.survey.alone(self.stage.index).calls if c.run is run]))
        _check_called(called, twins)
        for line, text in written_before(self.graph, self.stage.index, self.index, script):
            with _named(f"what line {line} writes"):
                _check(text, None, twins, {})
        scripts = [script, *(c.script for c in called if c.script is not None)]
        absent = [f"{t.name} stays emulated: {why}" for t, why in self.absent() if self.is_used(scripts, t)]
        names, changes = self.named(script, replaced or {})
        started = [t.name for t in twins if self.is_started(_but_installing(scripts, t), t)]
        light = [t.name for t in twins if t.name in started and self.is_light(t, scripts)]
        started = [name for name in started if name not in light]
        names = names or _names_in(called, twins, is_enough=bool(started))
        used = [t.name for t in twins if t.name in (*names, *started)]
        kept, of_others, left = self.not_told("\n".join(s.text for s in scripts), used)
        left += [f"{name} stays emulated: what it compiles takes less time than a helper" for name in light]
        left += absent
        if not kept:
            raise NoTwinError(*left[:1] or ["it names no program that has a twin"])
        try:
            changes += own_caches(self.survey, self.stage.index, self.index, run)
        except UnnamedCacheError as error:
            raise NoTwinError(str(error)) from error
        return Lent(tuple(kept), tuple(changes), tuple(of_others.items()), tuple(left))

    def check_flags(self) -> None:
        for flag in self.run.flags:
            if flag.name not in _KNOWN_FLAGS:
                raise NoTwinError(f"--{flag.name} is not known here")
        for mount in self.run.mounts:
            target = mount.get("target")
            text = self.scope.expand_known(target).text if target is not None else None
            if target is not None and (text is None or f"{MOUNT}/".startswith(text.rstrip("/") + "/")):
                raise NoTwinError(f"it mounts something at {target}, where twins would be hidden")

    def behind_activation(self, script: Script) -> Mapping[str, Sequence[Word]] | None:
        """By twin the words of its programs behind the activation of an environment; None where they do not
        tell of all that follows.
        """
        if not any(map(is_activation, script.commands)) or self.run.script is None or _shows_words(script):
            return None
        texts = [i.script.text if isinstance(i, Run) and i.script else i.logical.text for i in self.before()]
        usable = (t for t in self.twins if not self.is_taken(t.variable))
        found = ((t.name, words_to_replace(script, texts, t)) for t in usable)
        return {name: words for name, words in found if words is not None} or None

    def named(self, script: Script, replaced: Mapping[str, Sequence[Word]]) -> tuple[list[str], list[Change]]:
        """The twins of programs that the script itself names, and what goes in front of words of it."""
        number = self.stage.position + self.index
        names, changes = [], list[Change]()
        for twin in self.twins:
            words_of_it = [w for c in script.commands if (w := _module_word(c, twin)) is not None]
            words_of_it += replaced.get(twin.name, ())
            words_of_it = [] if _shows_words(script) or self.is_taken(twin.variable) else words_of_it
            if words_of_it and self.run.script is not None:
                place, why = f"${{{twin.variable}-}} ", f"{twin.name} runs natively where its twin fits"
                changes += [
                    ReplaceInScript(number, Span(w.span.start, w.span.start), place, why) for w in words_of_it
                ]
            is_hidden = twin.is_called_by_others and _may_call_others(script)
            if words_of_it or is_hidden or is_named(script.text, twin.programs):
                names.append(twin.name)
        return names, changes

    def is_taken(self, variable: str) -> bool:
        """Whether the author's file has a variable of a twin's name: it would be put in front of words."""
        return bool(variable) and variable in self.graph.dockerfile.source.text

    def is_started(self, text: str, twin: Twin) -> bool:
        """Whether a RUN may start a program of which there is one: in the image, or installed before."""
        if not twin.starters:
            return False
        image = self.image
        own = [p for t in self.survey.toolchains if image.row in t.images for p in t.programs]
        is_own = image.has_compiler is True and any(is_named(text, program.names.split()) for program in own)
        is_sure = _has_word(text, twin.starters)
        if not is_sure and not is_own and not _has_word(text, twin.installers):
            return False
        installed = "\n".join(i.logical.text for i in self.before() if isinstance(i, Run))
        if _has_word(installed, twin.packages):
            return True
        tagged = f"{image.name}:{image.tag}".rstrip(":")
        is_there = image.has_compiler is True or re.fullmatch(twin.provided_by, tagged) is not None
        return is_there and (is_sure or _has_word(installed, twin.headers))

    def absent(self) -> Iterator[tuple[Twin, str]]:
        """The twins that there are for images of other families, and why not for this one."""
        for twin in TWINS:
            is_of_it = not twin.images or self.image.name in twin.images
            yield from (
                (twin, why) for family, why in twin.absent if family == self.image.family and is_of_it
            )

    def is_used(self, scripts: Sequence[Script], twin: Twin) -> bool:
        """Whether a RUN names or starts a program of which there would be one."""
        is_hidden = twin.is_called_by_others and _may_call_others(scripts[0])
        return (
            is_hidden
            or any(is_named(script.text, twin.programs) for script in scripts)
            or any(_module_word(command, twin) is not None for s in scripts for command in s.commands)
            or self.is_started(_but_installing(scripts, twin), twin)
        )

    def is_light(self, twin: Twin, scripts: Sequence[Script]) -> bool:
        return is_light(twin, scripts, self.before(), self.survey.context)

    def before(self) -> list[Instruction]:
        """All instructions of the stage up to the RUN, and of those that it is made from."""
        stage, upto = self.stage, self.index + 1
        chain = [self.graph.stages[number] for number in self.graph.chain_of(stage.index)]
        return [i for s in chain for i in (s.instructions[:upto] if s is stage else s.instructions)]

    def not_told(self, text: str, names: Sequence[str]) -> tuple[list[str], dict[str, str], list[str]]:
        """Those of the names whose twin there is, and whose place the RUN does not print or write down; why
        for all others; and that of the other names. All are looked at: RUNs of an image have one mount.
        """
        is_shipped = self.stage.index in self.graph.chain_of(self.graph.target)
        told = {
            twin.name: f"{twin.name} stays emulated: {why}"
            for twin in self.twins
            for what, why, is_local in reversed(twin.telling)
            if re.search(what, text) and (is_shipped or not is_local)
        }
        told |= {
            twin.name: f"{twin.name} stays emulated: {why}"
            for twin in self.twins
            for release, why in twin.refused
            if re.fullmatch(release, self.image.release) and twin.name not in self.survey.settings.accepted
        }
        kept = [name for name in names if name not in told]
        reasons = [told[name] for name in names if name in told]
        if reasons and not kept:
            raise NoTwinError(reasons[0])
        return kept, told, reasons


def _script(run: Run, scope: Scope) -> Script:
    if run.words is not None:
        spans, at = [], 0
        for text in run.words:
            spans.append(Word(Span(at, at + len(text)), text, text))
            at += len(text) + 1
        return Script(" ".join(run.words), (Command(Span(0, at), tuple(spans)),), has_error=False)
    shell = scope.shell()
    if run.script is None or posixpath.basename(shell[0] if shell else "") not in _SHELLS:
        raise NoTwinError("its script is not for a POSIX shell")
    script = parse_script(run.script.text)
    if script.has_error:
        raise NoTwinError("its script cannot be read without doubt")
    return script


def _check(
    script: Script,
    directory: str | None,
    twins: Sequence[Twin],
    environment: Mapping[str, str],
    *,
    may_activate: bool = False,
) -> None:
    programs = [program for twin in TWINS for program in (*twin.programs, *twin.modules)]
    for number, each in enumerate(with_inner(script)):
        _check_tells(each)
        _check_places(each, twins)
        if any(map(is_activation, each.commands)) and not (may_activate and number == 0):
            raise NoTwinError("it activates a virtual environment, whose programs come before the twins")
        why = why_walked(each, directory, environment) or why_told(each, programs)
        if why is not None:
            raise NoTwinError(why)


def _check_called(called: Sequence[Called], twins: Sequence[Twin]) -> None:
    """The same for scripts of the build context that are called, as far as they can be read."""
    for each in called:
        if each.script is not None:
            with _named(each.name):
                _check(each.script, each.directory, twins, {})
                if each.is_sourced:
                    _check_end(with_inner(each.script))


@contextmanager
def _named(name: str) -> Iterator[None]:
    try:
        yield
    except NoTwinError as error:
        raise NoTwinError(f"{name}: {error}") from error


def _names_in(called: Sequence[Called], twins: Sequence[Twin], *, is_enough: bool) -> list[str]:
    """The twins of programs that scripts name, if all of them can be read."""
    scripts = [each.script for each in called if each.script is not None]
    found = [t.name for t in twins if any(is_named(script.text, t.programs) for script in scripts)]
    trouble = next((each.trouble for each in called if each.trouble), None)
    if found and trouble is not None:
        raise NoTwinError(trouble)
    if not scripts and trouble is not None and not is_enough:
        raise NoTwinError(f"it names no program that has a twin, and {trouble}")
    return found


def _check_end(scripts: Iterable[Script]) -> None:
    """Refuse what keeps the shell from looking for marks of twins at its end, as `env` tells it to."""
    for command in (c for script in scripts for c in script.commands if c.words[1:]):
        if (name := name_of(command)) in _ENDING:
            raise NoTwinError(f"`{name}` decides how its shell ends, where marks of twins are found")


def _check_tells(script: Script) -> None:
    """Refuse what writes down the search path or the whole environment, which name the folder."""
    for command in script.commands:
        rest = [w for w in command.words[1:] if not (w.value or "-").startswith("-") and "=" not in w.raw]
        name = name_of(command)
        is_bare = not rest and not command.exports
        if (name in (*_TELLERS, *_PRINTERS) and is_bare) and not (name == "set" and command.words[1:]):
            raise NoTwinError(f"`{name}` tells the whole environment")
        if name == "printenv" and not all(w.value and "PATH" not in w.value for w in rest):
            raise NoTwinError("it asks for a variable of the environment")
        if name in _ASSIGNING:
            continue
        text = [r.heredoc for r in command.redirects if r.heredoc is not None]
        # What is only written down, as text, is no search path yet.
        is_text = name in _WRITING and not command.is_inside("pipeline")
        text += [w.raw for w in command.words if not is_text or any(e.name == "PATH" for e in w.expansions)]
        if any(_PATH.search(each) for each in text):
            raise NoTwinError("it uses PATH as text, which names the folder of the twins")


def _check_places(script: Script, twins: Sequence[Twin]) -> None:
    """Refuse what asks where a program with a twin lies: the answer names the folder of the twins."""
    names = {name for twin in twins for name in twin.programs}
    given = {a.name for c in script.commands for a in c.assignments if a.value.value in _FINDERS}
    for command in script.commands:
        is_finder = name_of(command) in _FINDERS or any(e.name in given for e in _first(command))
        if is_finder and any(w.value in names for w in command.words[1:]):
            raise NoTwinError(f"`{command.words[0].raw}` asks where a program with a twin lies")


def _first(command: Command) -> tuple[Expansion, ...]:
    return command.words[0].expansions if command.words else ()


def _shows_words(script: Script) -> bool:
    """Whether a word put in front of a command may be seen, split otherwise, or hide a function."""
    names = {c.name for c in script.commands}
    return bool(names & set(script.functions)) or _SHOWING.search(script.text) is not None


def is_named(text: str, programs: Sequence[str]) -> bool:
    """Whether a program is named as one that PATH leads to."""
    names = "|".join(map(re.escape, programs))
    return bool(programs) and re.search(rf"(?<![\w./-])(?:{names})(?![\w./-])", text) is not None


def _but_installing(scripts: Sequence[Script], twin: Twin) -> str:
    """The words of all commands but of those that install packages, the program's own among them."""
    commands = (c for script in scripts for c in script.commands if c.name not in twin.package_managers)
    return "\n".join(" ".join(word.raw for word in command.words) for command in commands)


def _has_word(text: str, pattern: str) -> bool:
    """Whether a word of a text is, or a path in it ends in, what fits a pattern."""
    return re.search(rf"(?<![\w.-])(?:{pattern})(?![\w-])", text) is not None


def _may_call_others(script: Script) -> bool:
    """Whether a command may start programs that its words do not name."""
    names = (c.name for c in script.commands if c.words)
    return any(n not in script.functions and (n not in _PLAIN or n in SOURCES) for n in names)


def _module_word(command: Command, twin: Twin) -> Word | None:
    """The word of an interpreter that is told to run a module which has a twin, or a path to the program."""
    values = [w.value for w in command.words[:3]]
    if twin.paths and values and values[0] is not None and re.fullmatch(twin.paths, values[0]):
        return None if command.is_inside("function") else command.words[0]
    if len(values) < 3 or not twin.modules or values[1] != "-m" or values[2] not in twin.modules:
        return None
    is_known = values[0] is not None and re.fullmatch(twin.interpreters, values[0]) is not None
    return command.words[0] if is_known and not command.is_inside("function") else None
