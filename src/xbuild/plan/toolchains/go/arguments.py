"""What a go command is told: flags, packages, variables.

Source: `go help build`, Go `src/flag/flag.go`.
"""

from __future__ import annotations

import posixpath
import re

from xbuild.dockerfile.script import Word
from xbuild.plan.programs.grammar import Style, grammar, read
from xbuild.plan.programs.program import open_words, shifted
from xbuild.plan.table import words
from xbuild.plan.toolchain import Call

# `-buildvcs` is not among them: its value comes with `=` alone.
_VALUE_FLAGS = frozenset(
    words(
        "-o -p -C -asmflags -buildmode -compiler -gccgoflags -gcflags -installsuffix -ldflags "
        "-mod -modfile -overlay -pgo -pkgdir -tags -toolexec -covermode -coverpkg -exec -run -timeout "
        "-count -f"
    )
)


# `go help build`; a flag without a value may have one all the same (`-race=false`).
_BUILD = (
    "-C= -a[=] -n[=] -p= -race[=] -msan[=] -asan[=] -cover[=] -covermode= -coverpkg= -v[=] -work[=] -x[=] "
    "-asmflags= -buildmode= -buildvcs[=] -compiler= -gccgoflags= -gcflags= -installsuffix= -i[=] -json[=] "
    "-ldflags= -linkshared[=] -mod= -modcacherw[=] -modfile= -o=> -pgo= -pkgdir= -tags= "
    "-trimpath[=] -toolexec= -c[=]"
)


def is_read(call: Call) -> bool:
    """Whether all flags of a command that builds are known ones."""
    behind = next((n for n, t in enumerate(call.texts) if n and t is not None and not t.startswith("-")), 0)
    texts, opened = call.texts[behind + 1 :], shifted(open_words(call), behind)
    return read(grammar(_BUILD), texts, opened, Style.LONG) is not None


def with_single_dashes(texts: tuple[str | None, ...]) -> tuple[str | None, ...]:
    """`--race` is `-race` (Go `src/flag/flag.go`, `parseOne`), up to the first package."""
    found = list(texts)
    operands = 0
    skip = False
    for at, text in enumerate(texts[1:], 1):
        if skip:
            skip = False
        elif text is not None and text.startswith("-"):
            found[at] = text = "-" + text.lstrip("-") if len(text) > 2 else text
            skip = text in _VALUE_FLAGS
        elif (operands := operands + 1) > 1:
            break
    return tuple(found)


def flag(call: Call, name: str) -> tuple[bool, str | None]:
    """Whether a flag of the go command stands there, and its value: `-o X` or `-o=X`; the last one counts."""
    found: tuple[bool, str | None] = (False, None)
    texts = call.texts
    for at, text in enumerate(texts[1:], 1):
        if text == name:
            found = (True, texts[at + 1] if at + 1 < len(texts) else None)
        elif text is not None and text.startswith(name + "="):
            found = (True, text[len(name) + 1 :] or None)
    return found


def packages_of(call: Call) -> tuple[str | None, ...]:
    """The package arguments of a go command."""
    found: list[str | None] = []
    skip = False
    seen_verb = False
    for text in call.texts[1:]:
        if skip:
            skip = False
        elif text is not None and text.startswith("-"):
            skip = "=" not in text and text in _VALUE_FLAGS
        elif not seen_verb:
            seen_verb = True
        else:
            found.append(text)
    return tuple(found)


def binary_name(package: str) -> str:
    """Name of the program that a package path gives (`go help install`: the last element that is no major
    version).
    """
    path = package.split("@", 1)[0].rstrip("/")
    name = posixpath.basename(path)
    if re.fullmatch(r"v[2-9]\d*|v1\d+", name):
        name = posixpath.basename(posixpath.dirname(path))
    return name.removesuffix(".go")


def is_go(call: Call, *verbs: str) -> bool:
    return bool(call.texts) and call.texts[0] == "go" and any(t in verbs for t in call.texts[1:3])


def value(call: Call, name: str) -> tuple[Word | None, str | None]:
    """The word that assigns `name` to the command, if any, and the value as far as known from anywhere."""
    if name in call.assignments:
        word, _ = call.assignments[name]
        return word, word.value if word.value is not None else plain_text(call, word)
    variable = call.variables.get(name)
    if variable is not None and variable.origin == "shell":
        return None, None
    return None, variable.text if variable is not None else None


def plain_text(call: Call, word: Word) -> str | None:
    """The text of a word that is one variable with known text."""
    if len(word.expansions) != 1 or word.expansions[0].kind != "variable":
        return None
    variable = call.variables.get(word.expansions[0].name)
    stripped = word.raw.strip('"')
    if variable is None or stripped not in (f"${word.expansions[0].name}", f"${{{word.expansions[0].name}}}"):
        return None
    return variable.text


def environment_text(call: Call, name: str) -> tuple[bool, str | None]:
    """Whether an environment variable is set for the command, and to what as far as known."""
    if name in call.assignments:
        word, _ = call.assignments[name]
        return True, word.value if word.value is not None else plain_text(call, word)
    variable = call.variables.get(name)
    if variable is None or variable.origin == "shell":
        return False, None
    return True, variable.text
