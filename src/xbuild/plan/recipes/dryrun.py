"""What `make`, `just` and `task` would run: the programs are asked, in the builder, and not imitated.

`make -n` prints lines, but neither their environment nor their shell. So the lines are also gone through for
real, with a SHELL that runs none of them: it notes its words, its environment and its folder. What make
asks a shell for itself (`$(shell …)`, `!=`) is told by its standard output, which is a pipe then: it is
noted, run, and answered alike from then on. Both must tell of the same lines: what make would make first to
read it (an include), or finds changed or not, makes the two differ. `just` is asked in the same way.

Sources: GNU make manual, sections 5.3.2 (SHELL on the command line wins, but for `override`), 5.7.1
(`$(MAKE)` lines run under `-n`), 9.7 (options); GNU make `src/job.c` (`construct_command_argv`),
`src/function.c` (`func_shell`); `just --help`, `task --help`. Tried with GNU make 4.3.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest

from xbuild.dockerfile.shell import parse_script
from xbuild.plan.model import sections
from xbuild.platforms import Platform
from xbuild.text import Span, expression, value

_FOLDER = "/tmp/xbuild-dry"
_RECORDER = f"{_FOLDER}/sh"
# A line that does nothing but call make again is run: the lines behind it are noted likewise.
_BODY = r"""#!/bin/sh
X=/tmp/xbuild-dry
for line; do :; done
make=${line#cd * && }
kind=runs
case $make in make|make\ *)
  case $make in *[!A-Za-z0-9_./:=@+,\ -]*|*SHELL*) ;; *)
    case ${line%"$make"} in *[!A-Za-z0-9_./\ \&-]*|*\&*\&*\&*) ;; ""|cd\ *) kind=enters;; esac
  esac
esac
[ -p /proc/self/fd/1 ] && kind=asks
(
  n=0
  for word; do n=$((n+1)); eval "export XBUILD_$n=\$word"; done
  XBUILD_PWD=$(pwd)
  export XBUILD_PWD
  echo "xbuild-$kind"
  export -p
) >> $X/log
case $kind in runs) exit 0;; enters) exec $(cat $X/real) "$@";; esac
p=a
case $line in *[!A-Za-z0-9_.:%+/\ \'\"-]*) ;; date*) p=d;; esac
answer=$X/$p-$(printf "%s\n" "$PWD" "$@" | cksum | tr " " -)
[ -f $answer.s ] || { $(cat $X/real) "$@" > $answer; echo $? > $answer.s; }
cat $answer
exit $(cat $answer.s)"""
_START = (
    f"X={_FOLDER}; mkdir -p $X; printf '%s\\n' {shlex.join(_BODY.splitlines())} > $X/sh; chmod +x $X/sh; "
    "rm -f $X/a-*; : > $X/lines; : > $X/printed; : > $X/log; echo /bin/sh > $X/real; "
)
_TELL = (
    'env -i XBUILD_SAID="$(cat $X/said)" XBUILD_PRINTED="$(cat $X/printed)" XBUILD_LINES="$(cat $X/lines)" '
    "sh -c 'echo xbuild-told; export -p'"
)
_FAIL = "env -i XBUILD_SAID=\"$(tail -n 1 $X/err)\" sh -c 'echo xbuild-fails; export -p'"
# The lines of the files that make read which may decide more than make says.
_LINES = "SHELL|FLAGS|MAKEOVERRIDES|MAKE_HOST|wildcard|guile|file|load"
_READ_FILES = (
    'awk \'/^CURDIR :*= /{c=$NF} /^MAKEFILE_LIST :*= /{$1=$2="";m=$0} /^# Finished Make data base/'
    '{n=split(m,p," ");for(i=1;i<=n;i++)print (p[i]~/^\\//?"":c"/")p[i]}\' $X/np'
)
_MAKE = (
    'd() { %(prefix)s %(program)s %(words)s SHELL=$X/sh -s -j1 -Onone "$@"; }; '
    f"if d -n -p > $X/np 2> $X/err; then for i in $({_READ_FILES}); do "
    f"grep -hE '{_LINES}' $i >> $X/lines; done; "
    "r=$(sed -n 's/^[^#.]*\\bSHELL *[:?]*= *//p' $X/lines | sort -u); "
    "case $r in '') ;; *'$'*) echo bash > $X/real;; *) echo \"$r\" > $X/real;; esac; "
    '[ -z "$r" ] || { rm -f $X/a-*; d -n -p > $X/np 2> $X/err; }; fi; '
    "sed '/^# GNU Make /,/^# Finished Make data base/d' $X/np > $X/printed; : > $X/log; "
    # These would have lines run for real.
    "! grep -E 'override.*SHELL|MAKEOVERRIDES|MAKEFLAGS *:?=' $X/lines > $X/why || "
    'd() { echo "$(cat $X/why) is not followed" >&2; false; }; '
)
_JUST = (
    "d() { %(prefix)s just --shell $X/sh --shell-arg -c %(words)s; }; just --dump > $X/lines 2> $X/err; "
    "! grep -q '^set shell.*bash' $X/lines || echo bash > $X/real; "
    "%(prefix)s just --dry-run %(words)s > $X/err 2>&1 && "
    "! grep -q '^#!' $X/err && ! grep -q '\\[script' $X/lines || "
    "{ grep '^error' $X/err > $X/why || echo it runs a script of its own > $X/why; "
    "d() { cat $X/why >&2; false; }; }; "
)


class NotToldError(Exception):
    """What would be run cannot be told."""


@value()
class DryRun:
    """What would be run, as a script: each line in a subshell, with what is set for it alone.

    `asked` are the parts of it whose output, as a word of `:`, went into the lines behind them. `starts` are
    where the lines begin, `folders` where they run, `exported` what is set for them.
    """

    script: str
    asked: tuple[Span, ...] = ()
    starts: tuple[int, ...] = ()
    folders: tuple[str, ...] = ()
    exported: frozenset[str] = frozenset()

    def line(self, offset: int) -> int:
        """The number of the line that stands at an offset."""
        return max(sum(start <= offset for start in self.starts), 1)


def script_for(program: str, prefix: str, words: str, exported: Sequence[str]) -> str:
    """The script that asks; `prefix` are assignments, `words` what stands behind the program; `exported` are
    variables that the real build will have in its environment.
    """
    names = "".join(f"export {name}; " for name in exported)
    prefix = f"env {prefix}".rstrip()
    if program == "task":
        return (
            f"{_START}{names}if {prefix} task --dry --verbose {words} > $X/said 2> $X/printed; then "
            f"cat Taskfile.y*ml taskfile.y*ml > $X/lines 2> $X/err; {_TELL}; "
            f"else cp $X/printed $X/err; {_FAIL}; fi"
        )
    start = f"echo xbuild-start; {prefix} sh -c 'export -p'; "
    run = f"if d > $X/said 2> $X/err; then cat $X/log; {_TELL}; else {_FAIL}; fi"
    ready = _JUST if program == "just" else _MAKE
    return _START + names + start + ready % {"prefix": prefix, "words": words, "program": program} + run


# -- the answers


@value()
class _Line:
    """One line, or what was asked of a shell: `kind` is runs, enters or asks."""

    kind: str
    words: tuple[str, ...]
    environment: Mapping[str, str]

    @property
    def text(self) -> str:
        return self.words[-1] if self.words else ""


@dataclass
class _Told:
    """What was noted for one platform."""

    start: dict[str, str] = field(default_factory=dict)
    lines: list[_Line] = field(default_factory=list)
    told: dict[str, str] = field(default_factory=dict)
    is_failed: bool = False


def read_dry_run(program: str, answer: str) -> DryRun:
    """What the script of `script_for` printed. Raises NotToldError."""
    return _assembled(_checked(program, answer))


def read_lines(program: str, answer: str, platform: Platform, without: Collection[str]) -> list[list[str]]:
    """What would be run for one platform, each line with all that is set for it but for some variables.
    Raises NotToldError.
    """
    told = _checked(program, answer).get(platform, _Told())
    return [
        [
            *(
                f"{n}={v}"
                for n, v in sorted(line.environment.items())
                if not _OWN.fullmatch(n) and n not in without
            ),
            f"cd {line.environment.get(_WHERE, '')}",
            *line.words,
        ]
        for line in told.lines
        if line.kind == "runs"
    ]


def _checked(program: str, answer: str) -> dict[Platform, _Told]:
    found = {Platform.parse(name): _read(text) for name, text in sections(answer).items()}
    if not found:
        raise NotToldError("nothing was answered")
    for platform, told in found.items():
        if told.is_failed:
            raise NotToldError(f"for {platform} it fails: {told.told.get('XBUILD_SAID', '')}")
        if "XBUILD_PRINTED" not in told.told:
            raise NotToldError("what was answered cannot be read")
    if program == "task":
        return {p: _Told(lines=_task_lines(t.told)) for p, t in found.items()}
    for told in found.values():
        if program == "just":
            _check_justfile(told)
        else:
            _check_lines(told)
            _check_printed(told)
        for line in told.lines:
            _check_shell(line, told.start)
    return found


def _read(text: str) -> _Told:
    script = parse_script(text)
    found = _Told()
    if script.has_error:
        return found
    kind, values = "", {}
    for command in script.commands:
        name = command.name or ""
        if name == "export" and kind:
            values.update({a.name: a.value.value for a in command.exports})
        elif name.startswith("xbuild-"):
            _note(found, kind, values)
            kind, values = name.removeprefix("xbuild-"), {}
    _note(found, kind, values)
    return found


def _note(found: _Told, kind: str, values: Mapping[str, str | None]) -> None:
    known = {name: text for name, text in values.items() if text is not None}
    if len(known) < len(values):
        raise NotToldError("a value in its environment cannot be read")
    if kind == "start":
        found.start = known
    elif kind in ("told", "fails"):
        found.told, found.is_failed = known, kind == "fails"
    elif kind:
        number = sum(re.fullmatch(r"XBUILD_\d+", name) is not None for name in known)
        words = (known[f"XBUILD_{n}"] for n in range(1, number + 1))
        real = "sh"
        found.lines.append(_Line(kind, tuple(w.replace(_RECORDER, real) for w in words), known))


# Different in every process, or ours.
_OWN = expression(
    r"XBUILD_\w+|SHELL|PWD|OLDPWD|SHLVL|_|MAKELEVEL|MAKEFLAGS|MFLAGS|MAKEOVERRIDES|MAKE_TERM(OUT|ERR)|JUST_\w+"
)
_WHERE = "XBUILD_PWD"
_FLAGS = expression(r"-[eux]*c|-[euxo]+|pipefail|errexit|nounset")


def _check_shell(line: _Line, start: Mapping[str, str]) -> None:
    gone = next((n for n in start if n not in line.environment and not _OWN.fullmatch(n)), None)
    if gone is not None:
        raise NotToldError(f"it takes {gone} out of the environment")
    if not all(_FLAGS.fullmatch(word) for word in line.words[:-1]):
        raise NotToldError(f"its shell gets `{' '.join(line.words[:-1])}`")


def _check_printed(told: _Told) -> None:
    """Whether the lines that were printed are those that were noted; what make itself says is in both."""
    printed = told.told["XBUILD_PRINTED"].replace(_RECORDER, "sh").split("\n")
    left: list[str] = []
    at = 0
    for line in (line for line in told.lines if line.kind != "asks"):
        rows = line.text.strip().split("\n")
        while at < len(printed) and not _are_same(printed[at : at + len(rows)], rows):
            left.append(printed[at])
            at += 1
        if at >= len(printed):
            raise NotToldError(f"it would run `{rows[0]}`, which it does not say")
        at += len(rows)
    left = [row.strip() for row in (*left, *printed[at:]) if row.strip()]
    said = [row.strip() for row in told.told.get("XBUILD_SAID", "").split("\n") if row.strip()]
    if left != said:
        first = next((row for row in left if row not in said), "")
        raise NotToldError(f"it says `{first}`, but it would not run it")


def _are_same(some: Sequence[str], others: Sequence[str]) -> bool:
    return [row.strip() for row in some] == [row.strip() for row in others]


_SHELL = expression(
    r"(/usr/bin/env +(-S +)?)?(/usr)?(/local)?(/bin/)?(ba|da|a)?sh( +-[euxo]+( +pipefail)?)*"
    r"|\$\(shell +(which|command -v) +(ba|da|a)?sh\)"
)
_SETS_SHELL = expression(r"(?:.*:\s*)?(?:export\s+)?SHELL\s*(?:\?|::?:?)?=\s*(.*)")
_NOT_SEEN = expression(
    r"\$[({](MAKE_HOST|MAKEFLAGS|MFLAGS|MAKEOVERRIDES|guile|file)\b|^\s*-?load\s"
    r"|(override|ifn?eq|ifn?def|undefine|unexport|\$[({](?!SHELL\b|MAKE\b)[\w.]+\s).*\bSHELL\b"
)
_WILDCARD = expression(r"\$[({]wildcard\s+([^(){}$]*)[)}]")
# Expanded while the file is read (GNU make manual, section 3.7).
_IMMEDIATE = expression(
    r"\s*((export|override)\s+)*[\w.-]+\s*:?:?:=|\s*(else\s+)?ifn?eq\b|[^\s=#][^=#;]*:(?![:=])[^=;]*$"
)


def _check_lines(told: _Told) -> None:
    """Refuse what the files say that neither the printed lines nor the noted ones would show."""
    rows = [row for row in told.told.get("XBUILD_LINES", "").split("\n") if not row.lstrip().startswith("#")]
    for row in rows:
        if _NOT_SEEN.search(row):
            raise NotToldError(f"`{row.strip()}` is not followed")
        value = None if row.startswith("\t") else _SETS_SHELL.fullmatch(row)
        if value is not None and not _SHELL.fullmatch(value[1].split("#")[0].strip()):
            raise NotToldError(f"`{row.strip()}` is not followed")
        if "wildcard" in row:
            patterns = " ".join(m[1] for m in _WILDCARD.finditer(row)).split()
            is_whole = len(_WILDCARD.findall(row)) == row.count("wildcard")
            if not is_whole or any(p.startswith("/") for p in patterns):
                raise NotToldError(f"what `{row.strip()}` finds cannot be told")
            if not _IMMEDIATE.match(row) or any(line.kind == "enters" for line in told.lines):
                raise NotToldError(f"`{row.strip()}` may find what an earlier line makes")


# -- just and task

# Functions that answer alike everywhere (https://just.systems/man/en/functions.html).
_JUST_FUNCTIONS = frozenset(
    [
        "env",
        "env_var",
        "env_var_or_default",
        "justfile",
        "justfile_directory",
        "invocation_directory",
        "trim",
        "trim_start",
        "trim_end",
        "trim_start_match",
        "trim_end_match",
        "replace",
        "uppercase",
        "lowercase",
        "join",
        "file_name",
        "parent_directory",
        "extension",
        "without_extension",
        "quote",
        "os",
        "os_family",
        "error",
        "assert",
    ]
)
_JUST_CALL = expression(r"(?<![\w$-])([a-z_]\w*)\(")


def _check_justfile(told: _Told) -> None:
    for row in told.told["XBUILD_LINES"].split("\n"):
        other = next((m for m in _JUST_CALL.findall(row) if m not in _JUST_FUNCTIONS), None)
        if other is not None or re.match(r"(import|mod)\b|set (?!shell|dotenv-load|export|positional)", row):
            raise NotToldError(f"`{row.strip()}` of its justfile is not followed")


# Keys of a Taskfile that decide nothing but which lines are printed (https://taskfile.dev/reference/schema).
_TASK_KEYS = frozenset(
    [
        "version",
        "output",
        "method",
        "silent",
        "vars",
        "tasks",
        "cmds",
        "cmd",
        "deps",
        "desc",
        "summary",
        "sources",
        "generates",
        "aliases",
        "label",
        "task",
        "default",
        "for",
    ]
)
_TASK_LINE = expression(r"task: \[[^\]]+\] (.*)")
_TASK_NOTE = expression(r'task: "[^"]+" (started|finished)')
_TASK_MACHINE = expression(r"\{\{[^}]*\b(OS|ARCH|exeExt|numCPU|os|arch)\b")


def _task_lines(told: Mapping[str, str]) -> list[_Line]:
    """The lines that `task --dry` printed, if the Taskfile has nothing that it does not print."""
    text = told.get("XBUILD_LINES", "")
    section = ""
    for row in text.split("\n"):
        key = re.match(r"(\s*)(?:- )?([\w-]+):(\s|$)", row)
        if key and not key[1]:
            section = key[2]
        is_name = section in ("vars", "tasks") and key and len(key[1]) == 2
        in_variables = section == "vars" and key
        if key and key[2] not in _TASK_KEYS and not is_name and (key[2] == "sh" or not in_variables):
            raise NotToldError(f"`{row.strip()}` of its Taskfile is not followed")
        if _TASK_MACHINE.search(row):
            raise NotToldError(f"`{row.strip()}` of its Taskfile asks the machine")
    lines: list[str] = []
    for row in told["XBUILD_PRINTED"].split("\n"):
        start = _TASK_LINE.fullmatch(row)
        if start is not None:
            lines.append(start[1])
        elif lines and _TASK_NOTE.fullmatch(row):
            continue
        elif lines:
            lines[-1] += f"\n{row}"
        elif row.strip() and not _TASK_NOTE.fullmatch(row):
            raise NotToldError(f"it says `{row.strip()}`")
    return [_Line("runs", (line,), {}) for line in lines]


# -- one script for all platforms


_OPEN, _CLOSE = "\x00", "\x01"
_TOKENS = expression(r"[A-Za-z0-9]+|[^A-Za-z0-9]")
_NAMES: dict[str, Callable[[Platform], str]] = {
    "TARGETARCH": lambda p: p.architecture,
    "TARGETPLATFORM": str,
    "TARGETVARIANT": lambda p: p.variant,
    "TARGETVARIANT#v": lambda p: p.variant.removeprefix("v"),
}


def _common(texts: Mapping[Platform, str]) -> str:
    """The text for every platform, with a mark where the platform's own name stands. Raises NotToldError."""
    named = _named(texts)
    if named is not None:
        return named
    tokens = {platform: _TOKENS.findall(text) for platform, text in texts.items()}
    found: list[str] = []
    for row in zip_longest(*tokens.values()):
        values = dict(zip(tokens, row, strict=True))
        named = None if None in row else _named(values)
        if named is None:
            shown = ", ".join(f"`{text}`" for text in dict.fromkeys(texts.values()))
            raise NotToldError(f"it is not the same for every platform: {shown}")
        found.append(named)
    return "".join(found)


def _named(values: Mapping[Platform, str]) -> str | None:
    if len(set(values.values())) == 1:
        return next(iter(values.values()))
    for name, of in _NAMES.items():
        if all(of(platform) == text for platform, text in values.items()):
            return f"{_OPEN}{name}{_CLOSE}"
    return None


def _assembled(found: Mapping[Platform, _Told]) -> DryRun:
    """Each line with what is set for it, in a subshell of its own."""
    script: list[str] = []
    asked: list[Span] = []
    starts: list[int] = []
    exported: set[str] = set()
    size = 0
    for row in zip_longest(*(told.lines for told in found.values())):
        lines = {platform: line for platform, line in zip(found, row, strict=True) if line is not None}
        kinds = {line.kind for line in lines.values()}
        if len(lines) < len(found) or len(kinds) > 1:
            raise NotToldError(f"`{next(iter(lines.values())).text}` is not run for every platform")
        if kinds == {"enters"}:
            continue
        rows = _exports(lines, found)
        exported |= rows.keys()
        text = _in_subshell(lines, rows.values(), is_asked=kinds == {"asks"})
        span = Span(size, size + len(text))
        if kinds == {"asks"}:
            asked.append(span)
        else:
            starts.append(size)
        script.append(text)
        size = span.end + 1
    folders = {f for told in found.values() for line in told.lines if (f := line.environment.get(_WHERE))}
    return DryRun("\n".join(script), tuple(asked), tuple(starts), tuple(sorted(folders)), frozenset(exported))


def _exports(lines: Mapping[Platform, _Line], found: Mapping[Platform, _Told]) -> dict[str, str]:
    """By name the command that sets what is not as make itself found it."""
    given = {p: line.environment for p, line in lines.items()}
    changed = {n for p, values in given.items() for n in values if values[n] != found[p].start.get(n)}
    rows: dict[str, str] = {}
    for name in sorted(n for n in changed if not _OWN.fullmatch(n)):
        told = {p: environment[name] for p, environment in given.items() if name in environment}
        if len(told) < len(given):
            raise NotToldError(f"{name} is not set for every platform")
        rows[name] = f"export {name}={_quoted(_common(told))}"
    return rows


def _in_subshell(lines: Mapping[Platform, _Line], exports: Iterable[str], *, is_asked: bool) -> str:
    folders = {line.environment.get(_WHERE, "") for line in lines.values()}
    if len(folders) > 1:
        raise NotToldError("it does not run in the same folder for every platform")
    folder = [f"cd {shlex.quote(name)}" for name in folders if name]
    text = "".join(_marks(_common({p: line.text for p, line in lines.items()})))
    return "\n".join(("(", *exports, *folder, f': "$({text})"' if is_asked else text, ")"))


def _quoted(text: str) -> str:
    if _OPEN not in text:
        return shlex.quote(text)
    escaped = re.sub(r'(["\\$`])', r"\\\1", text)
    return '"' + escaped.replace(_OPEN, "${").replace(_CLOSE, "}") + '"'


def _marks(text: str) -> Iterator[str]:
    """The text with each mark as an expansion: it counts in single quotes too."""
    quote = ""
    at = 0
    while at < len(text):
        character = text[at]
        if character == _OPEN:
            end = text.index(_CLOSE, at)
            expansion = "${" + text[at + 1 : end] + "}"
            yield f"'\"{expansion}\"'" if quote == "'" else expansion
            at = end
        elif character == "\\" and quote != "'":
            yield text[at : at + 2]
            at += 1
        else:
            if character in "'\"" and quote in ("", character):
                quote = "" if quote else character
            yield character
        at += 1


def target_names(script: str) -> frozenset[str]:
    """The ARGs of the target platform that a script expands."""
    return frozenset(re.findall(r"\$\{?(TARGET(?:PLATFORM|OS|ARCH|VARIANT))\b", script))
