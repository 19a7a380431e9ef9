"""Completion of words: `xbuild completion SHELL` prints what a shell needs, which asks `xbuild __complete`.

That answers as a cobra program does (spf13/cobra `completions.go`): words, each with a description behind a
tab, then `:DIRECTIVE`. docker asks its plugins in the same way, so its own completion covers `docker xbuild`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module

from xbuild.cli.main import COMMANDS
from xbuild.cli.screen.output import print_lines
from xbuild.errors import UsageError
from xbuild.solve.options import ASSISTS, BASELINES, PROGRESS

# cobra's directives: what the shell is to do where no word is offered
_FILES, _NOTHING, _FOLDERS = 0, 4, 16


@dataclass(frozen=True)
class Choice:
    """An option as it is typed, whether it takes a value, what it is for, and the values that it may have."""

    word: str
    has_value: bool
    text: str = ""
    values: tuple[str, ...] = ()


_SHELLS = ("bash", "zsh", "fish")
_VALUES = {
    "--assist": ASSISTS,
    "--baseline": BASELINES,
    "--progress": PROGRESS,
    "--platform": (
        "linux/amd64", "linux/arm64", "linux/arm/v7", "linux/ppc64le", "linux/riscv64", "linux/s390x",
    ),
}  # fmt: skip
_TAKE_FILES = frozenset(
    {"--against", "--config", "--file", "--iidfile", "--metadata-file", "--output", "--policy", "--report",
     "--build-context", "--secret", "--ssh", "--stdin-filename", "-f", "-o"}
)  # fmt: skip
_ARGUMENTS: dict[str, tuple[tuple[str, ...], int]] = {
    **dict.fromkeys(("build", "plan", "rewrite", "bench"), ((), _FOLDERS)),
    **dict.fromkeys(("lint", "verify"), ((), _FILES)),
    "plugin": (("install",), _NOTHING),
    "completion": (_SHELLS, _NOTHING),
}


def main(arguments: Sequence[str]) -> int:
    if arguments[:1] in (["__complete"], ["__completeNoDesc"]):
        print_lines(answer(arguments[1:], described=arguments[0] == "__complete"))
        return 0
    if "--help" in arguments or "-h" in arguments:
        print_lines(_HELP.format(summary=COMMANDS["completion"]).splitlines())
        return 0
    if len(arguments) != 1 or arguments[0] not in _SHELLS:
        raise UsageError(f"completion takes a shell: {', '.join(_SHELLS)}", hint="xbuild completion --help")
    print_lines(_SCRIPTS[arguments[0]].splitlines())
    return 0


def answer(words: Sequence[str], *, described: bool = True) -> Iterator[str]:
    """What may stand in place of the last of `words`, which follow the program's name."""
    choices, directive = _choices(_whole(words))
    last = _whole(words)[-1] if words else ""
    for word, text in choices:
        if word.startswith(last):
            yield f"{word}\t{text}" if text and described else word
    yield f":{directive}"


def _whole(words: Sequence[str]) -> list[str]:
    """`--flag=value` as two words; bash cuts it at the sign, and others do not."""
    found: list[str] = []
    for word in words:
        if word == "=":
            found.append("")
        elif found and found[-1] == "" and len(found) > 1 and found[-2].startswith("--"):
            found[-1] = word
        elif word.startswith("--") and "=" in word:
            found += word.split("=", 1)
        else:
            found.append(word)
    return found


def _choices(words: Sequence[str]) -> tuple[list[tuple[str, str]], int]:
    """All that may stand in place of the last word, with descriptions, and what the shell offers beside."""
    if len(words) < 2:
        return [*COMMANDS.items()], _NOTHING
    command, *before, last = words
    options = list(options_of(command)) if command in COMMANDS else []
    previous = next((o for o in options if before and o.word == before[-1] and o.has_value), None)
    if previous is not None:
        values = previous.values or _VALUES.get(previous.word, ())
        return [(value, "") for value in values], _FILES if previous.word in _TAKE_FILES else _NOTHING
    if last.startswith("-"):
        return [(option.word, option.text) for option in options if len(option.word) > 2], _NOTHING
    arguments, directive = _ARGUMENTS.get(command, ((), _NOTHING))
    return [(word, "") for word in arguments if word not in before], directive


def options_of(command: str) -> Iterator[Choice]:
    """The options of a command, as its own help has them."""
    yield from _SOURCES[command](command)
    yield Choice("--help", False, "Show the help")


def _of_build(_command: str) -> Iterator[Choice]:
    from xbuild.cli.door import described_build_flags

    for flag, text in described_build_flags():
        yield from _spellings(flag.name, flag.short, text, has_value=flag.takes_value)


def _of_door(command: str) -> Iterator[Choice]:
    for flag, _, text in import_module(f"xbuild.cli.{command}").DOOR.rows:
        yield from _spellings(flag.name, flag.short, text, has_value=flag.takes_value)


def _spellings(name: str, short: str, text: str, *, has_value: bool) -> Iterator[Choice]:
    values = _VALUES.get(f"--{name}", ())
    yield Choice(f"--{name}", has_value, text, values)
    if short:
        yield Choice(f"-{short}", has_value, text, values)


def _of_lint(_command: str) -> Iterator[Choice]:
    from xbuild.cli.lint import _parser

    for action in _parser()._actions:
        for word in action.option_strings:
            if word not in ("-h", "--help"):
                values = tuple(map(str, action.choices or ()))
                yield Choice(word, action.nargs != 0, action.help or "", values)


def _of_typer(command: str) -> Iterator[Choice]:
    import typer

    from xbuild.cli.parameters import application

    function = getattr(import_module(f"xbuild.cli.{command}"), command)
    made = typer.main.get_command(application(command, "", function))
    for parameter in made.params:
        for word in parameter.opts:
            if word.startswith("-"):
                is_flag = bool(getattr(parameter, "is_flag", False))
                yield Choice(word, not is_flag, getattr(parameter, "help", None) or "")


def _of_plugin(_command: str) -> Iterator[Choice]:
    yield Choice("--dry-run", False, "show what would be written or removed, and change nothing")
    yield Choice("--remove", False, "remove the file, if it is one that this command has written")


_SOURCES: dict[str, Callable[[str], Iterator[Choice]]] = {
    "build": _of_build,
    **dict.fromkeys(("plan", "rewrite", "bench"), _of_door),
    "lint": _of_lint,
    **dict.fromkeys(("generate", "verify", "merge", "doctor"), _of_typer),
    "plugin": _of_plugin,
    "completion": lambda _command: iter(()),
}

_HELP = """\
Usage: xbuild completion bash|zsh|fish

{summary}.

  bash  xbuild completion bash > ~/.local/share/bash-completion/completions/xbuild
  zsh   xbuild completion zsh > "${{fpath[1]}}/_xbuild"
  fish  xbuild completion fish > ~/.config/fish/completions/xbuild.fish

`docker xbuild` is completed by docker's own completion (docker completion bash).
"""

_SCRIPTS = {
    "bash": """\
# bash completion for xbuild
_xbuild() {
    local answer directive
    answer=$(xbuild __completeNoDesc "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null) || return
    directive=${answer##*:}
    answer=${answer%:*}
    COMPREPLY=()
    while IFS= read -r word; do
        [ -n "$word" ] && COMPREPLY+=("$word")
    done <<<"$answer"
    if [ ${#COMPREPLY[@]} -eq 0 ]; then
        case $directive in
            0) compopt -o default ;;
            16) compopt -o dirnames ;;
        esac
    fi
}
complete -F _xbuild xbuild
""",
    "zsh": """\
#compdef xbuild
_xbuild() {
    local -a answer shown
    local directive each
    answer=("${(@f)$(xbuild __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    directive=${answer[-1]#:}
    for each in "${(@)answer[1,-2]}"; do
        each=${each//:/\\\\:}
        shown+=("${each/$'\\t'/:}")
    done
    if (( ${#shown} )); then
        _describe -V 'xbuild' shown
    elif [[ $directive == 0 ]]; then
        _files
    elif [[ $directive == 16 ]]; then
        _files -/
    fi
}
if [[ ${funcstack[1]} == _xbuild ]]; then
    _xbuild "$@"
else
    compdef _xbuild xbuild
fi
""",
    "fish": """\
# fish completion for xbuild
function __xbuild_complete
    set -l words (commandline -opc)
    set -l last (commandline -ct)
    set -l answer (xbuild __complete $words[2..-1] "$last" 2>/dev/null)
    switch $answer[-1]
        case :0
            test (count $answer) -eq 1; and __fish_complete_path "$last"
        case :16
            test (count $answer) -eq 1; and __fish_complete_directories "$last" ''
    end
    test (count $answer) -gt 1; and string join \\n -- $answer[1..-2]
end
complete -c xbuild -f -a '(__xbuild_complete)'
""",
}
