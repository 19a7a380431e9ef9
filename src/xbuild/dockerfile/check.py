"""What BuildKit refuses after parsing: wrong arguments and flags.

Facts: moby/buildkit `frontend/dockerfile/instructions/{parse,bflag,commands_run*}.go`. `parser.parse` accepts
such files, with `Other` or a lenient type in place of the malformed instruction. `read` does both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from xbuild.dockerfile.frontend import detect_syntax, is_known
from xbuild.dockerfile.model import Dockerfile, Flag, Instruction, Other
from xbuild.dockerfile.parser import parse
from xbuild.dockerfile.typed import opens_heredoc, split_csv
from xbuild.dockerfile.words import KEYWORDS, SPACE, split_gaps, split_health, split_quoted
from xbuild.errors import DockerfileSyntaxError
from xbuild.text import Source, expression

# Flags that an instruction takes, and of which kind: one value, several, or a truth value.
_FLAGS: dict[str, dict[str, str]] = {
    "ADD": {
        "chown": "one",
        "chmod": "one",
        "link": "bool",
        "keep-git-dir": "bool",
        "checksum": "one",
        "unpack": "bool",
        "exclude": "many",
    },
    "COPY": {
        "chown": "one",
        "from": "one",
        "chmod": "one",
        "link": "bool",
        "exclude": "many",
        "parents": "bool",
    },
    "FROM": {"platform": "one"},
    "HEALTHCHECK": {
        "interval": "one",
        "timeout": "one",
        "start-period": "one",
        "start-interval": "one",
        "retries": "one",
    },
    "RUN": {"mount": "many", "network": "one", "security": "one", "device": "many"},
}
# BuildKit never looks at the flags of these.
_FLAGS_IGNORED = frozenset({"ARG", "STOPSIGNAL"})
_DURATION = expression(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)")
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_INTEGER = expression(r"[+-]?[0-9]+")
# BuildKit stores durations as signed 64-bit nanoseconds, retries as 32-bit.
_LONGEST = 2**63 / 1e9
_MOST_RETRIES = 2**31 - 1


class _WrongError(ValueError):
    def __init__(self, message: str, expected: str, hint: str = "correct this line") -> None:
        super().__init__(message)
        self.message = message
        self.expected = expected
        self.hint = hint


def read(source: Source, syntax: str | None = None) -> Dockerfile:
    """The tree of a file that BuildKit accepts. Raises DockerfileSyntaxError.

    `syntax` is the frontend given from outside (BUILDKIT_SYNTAX), which counts before the file's own line.
    What a frontend takes that is not known, or newer than known, is not refused as long as there is a tree.
    """
    dockerfile = parse(source)
    if is_known(syntax or detect_syntax(source.text)):
        check(dockerfile)
    return dockerfile


def check(dockerfile: Dockerfile) -> None:
    """Raises DockerfileSyntaxError for the first instruction that BuildKit refuses."""
    has_stage = False
    for instruction in dockerfile.instructions:
        try:
            _check(instruction, dockerfile.escape)
            has_stage |= instruction.keyword == "FROM"
            if not has_stage and instruction.keyword != "ARG":
                raise _WrongError(
                    f"{instruction.keyword} stands before the first FROM",
                    "FROM, or ARG in front of it",
                    "move the instruction below a FROM",
                )
        except _WrongError as error:
            raise DockerfileSyntaxError(
                error.message,
                file=dockerfile.source.path,
                line=instruction.first_line,
                expected=error.expected,
                hint=error.hint,
            ) from None


def _check(instruction: Instruction, escape: str) -> None:
    keyword = instruction.keyword
    if keyword not in KEYWORDS:
        raise _WrongError(
            f"instruction {keyword} is not known",
            "an instruction of the Dockerfile reference",
            _meant(keyword, KEYWORDS),
        )
    checker = _CHECKERS.get(keyword)
    if checker is not None:
        checker(instruction, escape)
    is_bare_none = keyword == "HEALTHCHECK" and instruction.arguments.text[:4].upper() == "NONE"
    if keyword not in _FLAGS_IGNORED and not is_bare_none:
        _check_flags(instruction)
    if keyword == "RUN":
        _check_run(instruction)
    elif keyword == "HEALTHCHECK" and not is_bare_none:
        _check_health_flags(instruction)


def _check_flags(instruction: Instruction) -> None:
    known = _FLAGS.get(instruction.keyword, {})
    used: set[str] = set()
    for flag in instruction.flags:
        kind = known.get(flag.name)
        if kind is None:
            names = tuple(f"--{name}" for name in known)
            raise _WrongError(
                f"{instruction.keyword} does not know --{flag.name}",
                ", ".join(names) or "no flags",
                _meant(f"--{flag.name}", names),
            )
        if flag.name in used and kind != "many":
            raise _WrongError(f"--{flag.name} twice", f"--{flag.name} once")
        used.add(flag.name)
        if kind != "bool":
            if flag.value is None:
                raise _WrongError(f"--{flag.name} has no value", f"--{flag.name}=value")
        elif flag.value is not None and flag.value.lower() not in ("true", "false"):
            raise _WrongError(f"--{flag.name}={flag.value}", f"--{flag.name}, =true or =false")


def _meant(word: str, known: Iterable[str]) -> str:
    """What was probably meant; something newer than this table is said to be so by the file itself."""
    from difflib import get_close_matches

    near = get_close_matches(word, sorted(known), 1)
    if near:
        return f"write {near[0]}"
    return "correct this line; if a newer frontend has it, name that in `# syntax=docker/dockerfile:VERSION`"


def _check_run(instruction: Instruction) -> None:
    for flag in instruction.flags:
        value = flag.value or ""
        if flag.name == "mount":
            _check_mount(value)
        elif flag.name == "network" and value not in ("default", "none", "host"):
            raise _WrongError(f"--network={value}", "default, none or host")
        elif flag.name == "security" and value not in ("insecure", "sandbox"):
            raise _WrongError(f"--security={value}", "insecure or sandbox")
        elif flag.name == "device":
            _check_device(value)


def _check_mount(value: str) -> None:
    fields = split_csv(value)
    if fields is None:
        raise _WrongError(f"--mount={value} is not a list", "key=value pairs with commas between")
    for field in fields:
        key, _, text = field.partition("=")
        if key.lower() == "from" and "$" in text[:-1]:
            raise _WrongError(
                f"--mount with from={text}", "a name without variables: give the image a stage of its own"
            )


def _check_device(value: str) -> None:
    """Facts: moby/buildkit `instructions/commands_rundevice.go`."""
    fields = split_csv(value)
    if fields is None:
        raise _WrongError(f"--device={value} is not a list", "a device name, perhaps with options")
    name = ""
    for field in fields:
        key, equals, text = field.partition("=")
        key = key.lower()
        if key == "required" and not equals:
            continue
        if not equals or key == "name":
            if name:
                raise _WrongError(f"--device={value}", "one device name")
            name = text if equals else field
        elif key == "required":
            if text not in _GO_BOOLEANS:
                raise _WrongError(f"--device with required={text}", "true or false")
        elif not name:
            name = field
        else:
            raise _WrongError(f"--device with {key}", "name and required")


_GO_BOOLEANS = frozenset(["1", "t", "T", "TRUE", "true", "True", "0", "f", "F", "FALSE", "false", "False"])


def _check_from(instruction: Instruction, _escape: str) -> None:
    if isinstance(instruction, Other):
        raise _WrongError(
            f"FROM {instruction.arguments.text}".rstrip(),
            "FROM image, or FROM image AS name, the name a letter followed by letters, digits, `-`, `_`, `.`",
        )


def _check_pairs(instruction: Instruction, escape: str) -> None:
    if not isinstance(instruction, Other):
        return
    keyword = instruction.keyword
    if not split_quoted(instruction.arguments.text, escape):
        raise _WrongError(f"{keyword} has no arguments", f"{keyword} name=value")
    raise _WrongError(f"{keyword} with an empty name", f"{keyword} name=value")


def _check_copy(instruction: Instruction, _escape: str) -> None:
    words = instruction.words
    if words is None:
        words = tuple(piece.value for piece in split_gaps(instruction.arguments.text))
    if len(words) < 2:
        raise _WrongError(
            f"{instruction.keyword} needs a source and a destination",
            f"{instruction.keyword} source … destination",
        )
    if opens_heredoc(words[-1]):
        raise _WrongError(
            f"{instruction.keyword} with a heredoc as destination", "a path as the last argument"
        )


def _check_text(instruction: Instruction, _escape: str) -> None:
    if not instruction.arguments.text:
        raise _WrongError(f"{instruction.keyword} has no argument", "exactly one argument")


def _check_volume(instruction: Instruction, _escape: str) -> None:
    words = instruction.words
    if words is None:
        words = tuple(piece.value for piece in split_gaps(instruction.arguments.text))
    if not words or not all(word.strip(SPACE) for word in words):
        raise _WrongError("VOLUME without a path, or with an empty one", "at least one path")


def _check_shell(instruction: Instruction, _escape: str) -> None:
    if not instruction.words:
        raise _WrongError("SHELL takes a JSON array of strings", 'SHELL ["/bin/sh", "-c"]')


def _check_onbuild(instruction: Instruction, _escape: str) -> None:
    if isinstance(instruction, Other):
        raise _WrongError(
            "ONBUILD without an instruction to defer", "any instruction but ONBUILD, FROM and MAINTAINER"
        )


def _check_health(instruction: Instruction, _escape: str) -> None:
    kind, rest = split_health(instruction.arguments.text)
    if kind == "NONE":
        if rest and instruction.words != ():
            raise _WrongError("HEALTHCHECK NONE with arguments", "HEALTHCHECK NONE")
    elif kind != "CMD":
        raise _WrongError(f"HEALTHCHECK {kind}".rstrip(), "HEALTHCHECK CMD command, or HEALTHCHECK NONE")
    elif not rest or instruction.words == ():
        raise _WrongError("HEALTHCHECK CMD without a command", "HEALTHCHECK CMD command")


def _check_health_flags(instruction: Instruction) -> None:
    for flag in instruction.flags:
        if flag.name == "retries":
            _check_retries(flag)
        elif flag.value:
            _check_duration(flag.name, flag.value)


def _check_retries(flag: Flag) -> None:
    if not flag.value:
        return
    if not _INTEGER.fullmatch(flag.value) or not 0 <= int(flag.value) <= _MOST_RETRIES:
        raise _WrongError(f"--retries={flag.value}", "a number, not negative")


def _check_duration(name: str, value: str) -> None:
    """As Go's time.ParseDuration, and at least a millisecond unless zero."""
    text = value.removeprefix("-") if value.startswith("-") else value.removeprefix("+")
    parts = _DURATION.findall(text)
    if text != "0" and (not parts or "".join(number + unit for number, unit in parts) != text):
        raise _WrongError(f"--{name}={value}", "a duration such as 30s or 1m30s")
    seconds = sum(float(number) * _SECONDS[unit] for number, unit in parts)
    if value.startswith("-"):
        seconds = -seconds
    if seconds and not 1e-3 <= seconds < _LONGEST:
        raise _WrongError(f"--{name}={value}", "at least 1ms")


_CHECKERS: dict[str, Callable[[Instruction, str], None]] = {
    "ADD": _check_copy,
    "ARG": _check_pairs,
    "COPY": _check_copy,
    "ENV": _check_pairs,
    "EXPOSE": _check_text,
    "FROM": _check_from,
    "HEALTHCHECK": _check_health,
    "LABEL": _check_pairs,
    "MAINTAINER": _check_text,
    "ONBUILD": _check_onbuild,
    "SHELL": _check_shell,
    "STOPSIGNAL": _check_text,
    "USER": _check_text,
    "VOLUME": _check_volume,
    "WORKDIR": _check_text,
}
