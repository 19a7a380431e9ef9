"""Scripts of a package.json: walked like any shell script, each in a shell of its own.

Sources: npm "scripts" (order of pre- and post-scripts, environment), yarn 1 "yarn run", pnpm "pnpm run",
Bun "bun run".
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from xbuild.dockerfile.shell import parse_script
from xbuild.plan.facts.filesystem import Kind, join
from xbuild.plan.model import Evidence, Place, Question, Reason
from xbuild.plan.programs.program import anything
from xbuild.plan.recipes.own_files import UntoldError
from xbuild.plan.toolchain import Call, Demand, Effect, Variable
from xbuild.plan.toolchains.node.manifests import PackageJson
from xbuild.text import expression, value


@value()
class ScriptLine:
    """A script that is run: where, its text, and where it stands."""

    folder: str
    text: str
    place: Place


def refused(call: Call, error: UntoldError) -> Effect:
    """The effect of a command that is not followed, and why."""
    question = getattr(error, "question", None)
    reason = Reason(f"`{call.spelled()}`: {error}", call.place, cure=error.cure)
    return replace(
        anything(call),
        reasons=(reason,),
        questions=(_put_here(call, question),) if question is not None else (),
        toolchain="node",
    )


def _put_here(call: Call, question: Question) -> Question:
    """A question about a command that this one runs, to be put in front of this one."""
    return replace(question, at=call.command.span.start, directory=call.directory)


def with_hooks(found: PackageJson, name: str, arguments: str = "") -> tuple[ScriptLine, ...]:
    """A script of a package.json between its pre- and its post-script. Raises UntoldError for one that there
    is not.
    """
    scripts = found.scripts
    if name not in scripts:
        raise UntoldError(f"{found.file} has no script {name[:60]}")
    names = (f"pre{name}", name, f"post{name}")
    return tuple(
        ScriptLine(
            found.folder,
            f"{scripts[one]} {arguments}".rstrip() if one == name else scripts[one],
            Place(found.line(one), found.file),
        )
        for one in names
        if one in scripts
    )


def run(call: Call, lines: Sequence[ScriptLine], told: str = "", own: Collection[str] = ()) -> Effect:
    """The effect of scripts that run one behind the other. Raises UntoldError where one is not followed.

    `told` is what the plan says of it: what was looked into. `own` are programs that the project brings: they
    stand in front of all others.
    """
    if call.walk is None:
        raise UntoldError("its scripts cannot be looked into here")
    text, starts = "", []
    for line in lines:
        starts.append((len(text), line.place))
        text += f"(\ncd {_quoted(line.folder)}\n{line.text}\n)\n"
    script = parse_script(text)
    if script.has_error:
        where = lines[0].place
        raise UntoldError(f"the scripts of {where.file}:{where.line} cannot be read without doubt")

    def place(at: int) -> Place:
        return next((where for start, where in reversed(starts) if start <= at), lines[0].place)

    effects, inner, writes = call.walk(call, script, {**_own(text), **_environment(call)}, place)
    for effect, command in zip(effects, inner, strict=True):
        if command.program_name in own:
            raise UntoldError(f"`{command.spelled()}` runs a program that the project brings")
        _check(effect, command)
    seen = (Evidence(f"what `{call.spelled()}` runs was looked into ({told})", call.place),) if told else ()
    return Effect(
        writes=tuple(writes),
        reads=(None,),
        output=Kind.UNKNOWN,
        evidence=(*seen, *(v for e in effects for v in e.evidence)),
        notes=tuple(dict.fromkeys(n for e in effects for n in e.notes)),
        questions=tuple(_put_here(call, q) for e in effects for q in e.questions),
        packages=tuple(p for e in effects for p in e.packages),
        toolchain="node",
    )


def rephrased(call: Call, text: str, told: str = "") -> Effect:
    """The effect of a command that only runs another: `text`, in the folder of this one."""
    if call.directory is None:
        raise UntoldError("where it runs cannot be told", "set it by WORKDIR")
    return run(call, (ScriptLine(call.directory, text, call.place),), told)


def _check(effect: Effect, command: Call) -> None:
    """Raises UntoldError for a command that is not followed, or has to be changed."""
    where = f" ({command.place.file}:{command.place.line})" if command.place.file is not None else ""
    if effect.reasons:
        first = effect.reasons[0]
        text = first.text if where == "" or f"({command.place.file}:" in first.text else first.text + where
        error = UntoldError(text, first.cure)
        if effect.questions:
            vars(error)["question"] = effect.questions[0]
        raise error
    if any(made.path is None and made.kind is Kind.UNKNOWN for made in effect.writes):
        raise UntoldError(f"`{command.spelled()}` may write anything{where}", _CURE)
    if effect.demand != Demand() or effect.needs or effect.compiles:
        raise UntoldError(f"`{command.spelled()}` in it is for the target{where}", _CURE)


_CURE = "run it in a stage of its own, or call what makes the output in the Dockerfile"


def _environment(call: Call) -> dict[str, Variable]:
    """What its process sees: exported variables, and what is set in front of it."""
    known = {n: v for n, v in call.variables.items() if v.origin != "shell"}
    for name, (word, kind) in call.assignments.items():
        known[name] = Variable(word.value, kind, "export")
    return known


_OF_NPM = expression(r"\b(npm_(?:config|node|execpath|command)\w*)")


def _own(text: str) -> dict[str, Variable]:
    """What a package manager sets by itself, and what tells the machine among it."""
    return {name: Variable(None, Kind.BUILD, "shell") for name in _OF_NPM.findall(text)}


def seen_kind(call: Call) -> Kind:
    """What the variables depend on that a process started here sees."""
    exported = (v.kind for v in call.variables.values() if v.origin != "shell")
    assigned = (kind for _, kind in call.assignments.values())
    return join((call.condition, *call.kinds, *exported, *assigned))


def quoted(texts: Iterable[str | None]) -> str:
    """Words as a shell is given them. Raises UntoldError for one that cannot be told."""
    found: list[str] = []
    for text in texts:
        if text is None or "*" in text:
            raise UntoldError("what it is told cannot be told from the text", "write it out")
        found.append(_quoted(text))
    return " ".join(found)


def _quoted(text: str) -> str:
    return text if re.fullmatch(r"[\w./:=@+,%-]+", text) else "'" + text.replace("'", "'\\''") + "'"
