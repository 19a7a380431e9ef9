"""Shell lines made from the descriptions: options of the grammar, operands that fit, inputs of both sorts.

`{f}` and the like in the tables stand for words that fit: a file, a folder, a new name. Where a table has
nothing, operands come from the roles of the description and values of options from a common pool.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tests.generator.tables import (
    BASHISMS,
    FIND,
    FLAGS_THAT_WAIT,
    OPERANDS,
    SCRIPTS,
    VALUES,
    WORDS,
)
from xbuild.plan.programs.grammar import Spelling, Style, Takes
from xbuild.plan.programs.program import Program, Role

_BY_ROLE = {
    Role.TEXT: "{w}",
    Role.READ: "{f}",
    Role.WRITE: "{o}",
    Role.MAKE: "{o}",
    Role.CHANGE: "{o}",
}
_PLACEHOLDER = re.compile(r"\{([a-z0-9]+)\}")
_MACHINE_SHARE = 0.4
_FOLDERS = ("/w", "/in/p", "/in/m", "/out", "/in/p/d")


@dataclass(frozen=True)
class Target:
    """One spelling of one option (None: none in particular) of a program, or of a verb of it."""

    name: str
    program: Program
    verb: str | None
    spelling: str | None


@dataclass(frozen=True)
class Line:
    """A script, where it runs, and what it was made for."""

    target: Target
    script: str
    directory: str
    is_busybox: bool
    shell: str
    used: frozenset[str] = field(default_factory=frozenset)


def targets(programs: Mapping[str, Program]) -> list[tuple[Target, ...]]:
    """Everything that has to occur: each name, each verb, each spelling of each option of a description; of
    programs that share one, any will do.
    """
    found: dict[tuple[object, str | None], list[Target]] = {}
    for name, program in programs.items():
        for verb in program.verbs or (None,):
            inner = program.verbs[verb] if verb is not None else program
            found[name, verb] = [Target(name, program, verb, None)]
            for spelled in _spellings(inner):
                found.setdefault((inner, spelled), []).append(Target(name, program, verb, spelled))
            for spelled in _spellings(program) if verb is not None else ():
                found.setdefault((program, spelled), []).append(Target(name, program, verb, spelled))
    return [tuple(t) for t in found.values()]


def _spellings(program: Program) -> Iterator[str]:
    known = program.grammar
    yield from known.spellings
    yield from (prefix for prefix, _ in known.prefixes)
    if known.has_number:
        yield "-NUM"


class Maker:
    """Makes lines by chance, the same for the same `chance`."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.directory, self.uses, self.is_all_portable = "/w", set[str](), False

    def line(self, target: Target) -> Line:
        """A line with the option that the target names."""
        self.directory = self.chance.choice((*_FOLDERS, *_FOLDERS, "/l"))
        self.uses = set()
        self.is_all_portable = self.chance.random() < 0.1
        words = self.words(target)
        command = " ".join(words)
        if target.name in ("((", "[", "[["):
            command += {"((": " ))", "[": " ]", "[[": " ]]"}[target.name]
        command = self.surrounded(command)
        prefix = "".join(
            f"{self.variable(name)}\n" for name in sorted(set(re.findall(r"\b(MV|MN|MF|V)\b", command)))
        )
        if not prefix and self.chance.random() < 0.2:
            prefix = "export MV=$(cat /in/m/word)\n"
        return Line(
            target,
            prefix + command,
            self.directory,
            self.chance.random() < 0.25,
            "bash" if target.name in BASHISMS or self.chance.random() < 0.3 else "sh",
            frozenset(self.uses),
        )

    def variable(self, name: str) -> str:
        value = {
            "MV": "$(cat /in/m/word)",
            "MN": "$(cat /in/m/number)",
            "MF": "/in/m/a.txt",
            "V": "/in/p/a.txt",
        }[name]
        export = "export " if self.chance.random() < 0.4 else ""
        return f"{export}{name}={value}"

    # -- words

    def words(self, target: Target) -> list[str]:
        program = target.program
        inner = program.verbs[target.verb] if target.verb is not None else program
        is_front = (
            bool(program.verbs) and target.spelling is not None and target.spelling not in _spellings(inner)
        )
        operands = self.operands(target, inner)
        options = self.options(inner, target, None if is_front else target.spelling)
        if target.verb is None:
            return [target.name, *self.mixed(operands, options, program.style)]
        front = self.options(program, target, target.spelling if is_front else None, most=1)
        return [target.name, *front, target.verb, *self.mixed(operands, options, inner.style)]

    def operands(self, target: Target, program: Program) -> list[str]:
        keys = (f"{target.name} {target.verb}", target.name)
        templates = next((OPERANDS[k] for k in keys if k in OPERANDS), None)
        if templates is not None:
            return [self.filled_path(self.filled(w)) for w in _split(self.chance.choice(templates))]
        roles = list(program.roles)
        if target.spelling is not None and target.spelling in program.instead:
            roles = roles[1:]
        if program.operands.endswith("*") and roles:
            roles = roles[:-1] + [roles[-1]] * self.chance.choice((0, 1, 1, 1, 2))
        return [self.filled(_BY_ROLE[role]) for role in roles]

    def options(self, program: Program, target: Target, must: str | None, most: int = 3) -> list[str]:
        known = program.grammar
        names = list(_spellings(program))
        if not names:
            return []
        more = self.chance.choice((0, 0, 0, 0, 0, 1, 1, 2, most))
        wanted = [n for n in self.chance.sample(names, min(more, len(names))) if n not in FLAGS_THAT_WAIT]
        if must is not None:
            wanted.append(must)
        self.chance.shuffle(wanted)
        self.uses.update(wanted)
        found: list[str] = []
        bundle = ""
        for spelled in wanted:
            spelling = _spelling(known.spellings, known.prefixes, spelled)
            is_short = len(spelled) == 2 and spelled != "--" and program.style is not Style.LONG
            if is_short and spelling.value is Takes.NONE and self.chance.random() < 0.6:
                bundle += spelled[1]
                continue
            found.append(self.option(program, target, spelled, spelling, is_short=is_short, bundle=""))
        if bundle:
            valued = [
                s
                for s in wanted
                if len(s) == 2
                and _spelling(known.spellings, known.prefixes, s).value
                in (Takes.TEXT, Takes.WRITES, Takes.READS, Takes.INTO)
            ]
            if valued and program.style is not Style.LONG and self.chance.random() < 0.7:
                last = valued[0]
                found = [f for f in found if not f.startswith(last)]
                found.append(
                    self.option(program, target, last, known.spellings[last], is_short=True, bundle=bundle)
                )
            else:
                found.insert(self.chance.randint(0, len(found)), "-" + bundle)
        return found

    def option(
        self,
        program: Program,
        target: Target,
        spelled: str,
        spelling: Spelling,
        *,
        is_short: bool,
        bundle: str,
    ) -> str:
        name = f"-{bundle}{spelled[1:]}" if bundle else spelled
        if spelled == "-NUM":
            return f"-{self.chance.randint(1, 9)}"
        if spelling.value is Takes.NONE:
            return name
        value = self.value(target, spelling)
        if spelling.value is Takes.REST:
            return f"{name}{value}"
        if spelling.value is Takes.MAYBE:
            if self.chance.random() < 0.4:
                return name
            return f"{name}{value}" if is_short else f"{name}={value}"
        if is_short:
            return f"{name}{value}" if self.chance.random() < 0.5 else f"{name} {value}"
        if len(spelled) > 2 and not spelled.startswith("--") and program.style is not Style.LONG:
            return f"{name} {value}"
        return f"{name}={value}" if self.chance.random() < 0.5 else f"{name} {value}"

    def value(self, target: Target, spelling: Spelling) -> str:
        if spelling.value is Takes.WRITES:
            return self.filled("{o}")
        name = spelling.name
        keys = (f"{target.name} {target.verb} {name}", f"{target.name} {name}", name)
        pool = next((VALUES[k] for k in keys if k in VALUES), None)
        if pool is None:
            pool = ("{f}",) if spelling.value is Takes.READS else ("{w}", "{num}", "{f}", "{n}", "x")
        return self.filled_path(self.filled(self.chance.choice(pool)))

    def mixed(self, operands: list[str], options: list[str], style: Style) -> list[str]:
        """Options among the operands, or in front of them where the first one ends them; never between an
        option of the template and its value.
        """
        if style is Style.TAR and operands and not operands[0].startswith("-"):
            return [*operands, *options]
        if style in (Style.FIRST, Style.NONE, Style.LONG) or self.chance.random() < 0.4:
            return [*options, *operands]
        is_plain = not any(o.startswith("-") for o in operands)
        places = [n for n, o in enumerate(operands) if is_plain or n == 0 or o.startswith("-")]
        found = [*operands, ""]
        for option in options:
            at = self.chance.choice((*places, len(operands)))
            found[at] = f"{option} {found[at]}".strip()
        return [f for f in found if f]

    def filled(self, word: str) -> str:
        return _PLACEHOLDER.sub(lambda m: self.word(m[1]), word)

    def word(self, name: str) -> str:
        if name in SCRIPTS:
            return self.script(name)
        if name == "find":
            return self.filled_path(self.chance.choice(FIND))
        text = self.chance.choice(WORDS[name])
        if "{" in text:
            return self.filled(text)
        if self.is_all_portable and "$M" in text:
            return text.replace("$MF", "/in/p/b.txt").replace("$MV", "one").replace("$MN", "3")
        return self.filled_path(text)

    def filled_path(self, text: str) -> str:
        """The folder of inputs for `/in/X`, portable or not; perhaps seen from the current folder."""
        if "/in/X" not in text:
            return text
        share = 0.0 if self.is_all_portable else _MACHINE_SHARE
        text = text.replace("/in/X", "/in/m" if self.chance.random() < share else "/in/p")
        if text.startswith(self.directory + "/") and self.chance.random() < 0.5:
            return text[len(self.directory) + 1 :]
        return text

    def script(self, name: str) -> str:
        """One, or some in a row, of the sub-language, quoted; with a variable in double quotes."""
        pool, joint = SCRIPTS[name]
        many = self.chance.choice((1, 1, 1, 1, 1, 2, 3)) if joint else 1
        text = joint.join(self.chance.choice(pool) for _ in range(many))
        if "$MV" in text and self.chance.random() < 0.5:
            return '"' + text.replace('"', '\\"') + '"'
        return "'" + text.replace("'", "'\\''") + "'"

    def surrounded(self, command: str) -> str:
        """Input by a pipe or a redirect, output to a file. What a pipe is still reading nothing changes."""
        dice = self.chance.random()
        if dice < 0.25:
            command = f"cat {self.filled('{piped}')} | {command}"
        elif dice < 0.4:
            command = f"{command} < {self.filled('{t}')}"
        dice = self.chance.random()
        if dice < 0.15:
            command += f" > {self.filled('{o}')}"
        elif dice < 0.2:
            command += " >> /out/old.txt"
        elif dice < 0.25:
            command += " 2> /out/errors"
        elif dice < 0.3:
            command += " | sort"
        return command


def _spelling(
    known: Mapping[str, Spelling], prefixes: Sequence[tuple[str, Spelling]], spelled: str
) -> Spelling:
    if spelled == "-NUM":
        return Spelling("-NUM", Takes.TEXT)
    return known[spelled] if spelled in known else dict(prefixes)[spelled]


def _split(template: str) -> list[str]:
    """The words of a template; those in quotes stay together."""
    return re.findall(r"(?:'[^']*'|\"[^\"]*\"|[^\s'\"])+", template)
