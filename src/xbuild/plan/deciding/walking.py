"""Which commands of a script may go through the whole root, where they would meet the folder of the twins."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from itertools import takewhile

from xbuild.dockerfile.script import Command, Script, Word
from xbuild.plan.deciding.inner import DESCRIBED, RUNNERS, name_of
from xbuild.plan.table import words
from xbuild.text import expression, value


@value()
class _RootWalker:
    """Programs that go through folders: always, or with an option whose letter or name `deep` has; never with
    one of `not_in`, also of old style in the first word, where no letter of `valued` stands before it in its
    word. `other` operands in front are no paths, but for an option of `instead`. `is_here`: without a path
    they go through the folder in which they are.
    """

    names: str
    deep: str = ""
    not_in: str = ""
    valued: str = ""
    other: int = 0
    instead: str = ""
    is_here: bool = False


_WALKERS = (
    _RootWalker("mv rsync scp cpio pax tripwire aide 7z restorecon"),
    _RootWalker("find du ls tree ncdu", is_here=True),
    _RootWalker("rg fd ag", other=1, instead="e f regexp file files", is_here=True),
    _RootWalker("rm", deep="r R recursive"),
    _RootWalker("cp", deep="r R a recursive archive"),
    _RootWalker("zip", deep="r R recurse-paths recurse-patterns"),
    _RootWalker("chown chgrp chmod", deep="R recursive", other=1, instead="reference"),
    _RootWalker("getfacl setfacl getfattr setfattr", deep="R recursive m M x X n v n v restore"),
    _RootWalker(
        "grep egrep fgrep zgrep",
        deep="r R d recursive dereference-recursive directories",
        other=1,
        instead="e f regexp file",
        is_here=True,
    ),
    _RootWalker("tar bsdtar", not_in="x t extract get list", valued="fCbFgHKLNTVXI"),
)
_BY_NAME = {name: each for each in _WALKERS for name in words(each.names)}
# Programs without a description that look at no folder below the one that they are told.
_NEAR = frozenset((*words("cd pushd chroot mkdir stat test [ [[ useradd adduser usermod"), *RUNNERS))
_ROOT = expression(r"(?:^|:)/+\.?$")
_TEST = re.compile(r"-[^HLPDO]|[(!]|\\")
_MOVING = ("cd", "pushd", "chroot")
# A variable of the image's may be another one behind these.
_ASSIGNING = ("eval", ".", "source", "read", "mapfile", "readarray", "getopts", "printf", "unset", "let")
_LITERAL = r"[^*?\[\]$`'\"{}~]*"
# Behind what is not known: a path that leads on, not back. A name that begins with a dot is fitted only by a
# pattern that does.
_LEADING_ON = expression(r"[\"']?/+(?!\.\.?(?:/|$))[^$`'\"{}~/]+(?:/+(?!\.\.(?:/|$))[^$`'\"{}~/]*)*[\"']?")
_HIDDEN_PATTERN = expression(r"/\.[^/]*[*?\[]")


def why_walked(script: Script, directory: str | None, environment: Mapping[str, str]) -> str | None:
    """The command that may go through the root, in words; None where none does.

    `directory` is where the script begins, None if that is not known; `environment` what is known of the
    variables that it sees.
    """
    known = {} if any(c.name in _ASSIGNING for c in script.commands) else environment
    known = {name: text for name, text in known.items() if _is_only_used(name, script.text)}
    moves = [word for c in script.commands if c.name in _MOVING for word in c.words[1:]]
    is_home = any(c.name == "cd" and not c.words[1:] for c in script.commands)  # that may be the root
    at_root = directory in (None, "/") or is_home
    at_root = at_root or any(_is_root(_raw(w, known), w, at_root=True) for w in moves)
    for command in script.commands:
        name = name_of(command)
        walker = _BY_NAME.get(name)
        paths = None if walker is None else _paths(command, walker, known)
        found = [w for w in paths or () if _is_root(_raw(w, known), w, at_root=at_root)]
        if walker is not None and walker.is_here and at_root and paths == []:
            return f"`{command.name}` may go through the whole root"
        found += [w for w in command.words[1:] if w.is_glob and _is_root(_raw(w, known), w, at_root=at_root)]
        if walker is None and name not in DESCRIBED and name not in _NEAR:
            found += [w for w in command.words[1:] if _is_given(w, at_root=directory == "/" and not moves)]
        if found:
            return f"`{command.name} … {found[0].raw}` may go through the whole root"
    patterns = [w for loop in script.loops for w in loop.words or () if w.is_glob]
    fitting = [w for w in patterns if _is_root(_raw(w, known), w, at_root=at_root)]
    return f"`{fitting[0].raw}` may fit the folder of the twins" if fitting else None


def _is_given(word: Word, *, at_root: bool) -> bool:
    """Whether a word is the root itself, for a program of which nothing is known."""
    text = word.value or ""
    return _ROOT.search(text) is not None or (at_root and text in (".", "./"))


def _is_only_used(name: str, text: str) -> bool:
    """Whether a name stands in a script only where its value is asked for."""
    everywhere = re.findall(rf"(?<!\w){re.escape(name)}(?!\w)", text)
    used = re.findall(rf"\$(?:{re.escape(name)}(?!\w)|\{{{re.escape(name)}\}})", text)
    return len(everywhere) == len(used)


def _raw(word: Word, known: Mapping[str, str]) -> str:
    """A word as it is written, with what is known of its variables."""
    text, end = word.raw, len(word.raw)
    for each in sorted(word.expansions, key=lambda e: e.span.start, reverse=True):
        start, stop = each.span.start - word.span.start, each.span.end - word.span.start
        is_plain = each.kind == "variable" and not each.operator and stop <= end
        if is_plain and re.fullmatch(r"[\w./+-]+", known.get(each.name, "")):
            text = text[:start] + known[each.name] + text[stop:]
        end = start
    return text


def _paths(command: Command, walker: _RootWalker, known: Mapping[str, str]) -> list[Word] | None:
    """The words that such a program goes through; None where it goes through nothing."""
    options = [w.raw for w in command.words[1:] if w.raw.startswith("-")]
    operands = [w for w in command.words[1:] if not w.raw.startswith("-")]
    if walker.not_in:
        old = [f"-{w.raw}" for w in command.words[1:2] if re.fullmatch(r"[a-zA-Z]+", w.raw)]
        short = [re.split(f"[{walker.valued}]", o)[0] if not o.startswith("--") else o for o in options]
        if _has_one(walker.not_in, short + old):
            return None
    # What is not known may be an option.
    is_open = any(w.value is None and "$" in _raw(w, known)[:2] for w in command.words[1:])
    if walker.deep and not _has_one(walker.deep, options) and not is_open:
        return None
    if name_of(command) == "find":  # behind the first test or action there are no paths
        operands = list(takewhile(lambda w: not _TEST.match(w.raw), command.words[1:]))
        return [w for w in operands if not w.raw.startswith("-")]
    return operands if walker.instead and _has_one(walker.instead, options) else operands[walker.other :]


def _has_one(names: str, options: list[str]) -> bool:
    letters = {name for name in words(names) if len(name) == 1}
    long = [name for name in words(names) if len(name) > 1]
    for option in options:
        if option.startswith("--"):
            given = option[2:].partition("=")[0]
            if given and any(name.startswith(given) for name in long):
                return True
        elif letters & set(option):
            return True
    return False


def _is_root(raw: str, word: Word, *, at_root: bool) -> bool:
    """Whether a word may be the root, or a pattern that the folder of the twins in it fits."""
    text: str | None = word.value
    if text is None:
        bare = raw.replace('"', "").replace("'", "")
        text = bare if re.fullmatch(r"[\w./+-]*", bare) else None
    if text is None:
        rest = raw.lstrip("'\"")
        start = re.match(_LITERAL, rest)
        assert start is not None
        folder, slash, last = start[0].rpartition("/")
        if word.is_glob and rest[start.end() : start.end() + 1] in ("*", "?", "["):
            # A pattern fits names that begin with a dot only where it begins with one.
            return last.startswith(".") and ((slash + folder).strip("/") == "" and (bool(slash) or at_root))
        if not slash and last.strip(".") and not last.startswith("."):
            return False
        if _leads_on(raw):
            return False
        text = (folder or "/") if slash else ".."
    path = posixpath.normpath(text) if text else "."
    if path.startswith("/"):
        return path.strip("/") == ""
    return path.startswith("..") or (at_root and path == ".")


def _leads_on(raw: str) -> bool:
    """Whether something that is not known has a path behind it which is not the root, whatever it is."""
    found = re.search(r"(?:^[\"']?~\w*|\$\w+|\$\{\w+\})([^$`~{}]*)$", raw)
    if found is None:
        return False
    tail = found[1].replace('"', "").replace("'", "")
    return _LEADING_ON.fullmatch(tail) is not None and _HIDDEN_PATTERN.search(tail) is None
