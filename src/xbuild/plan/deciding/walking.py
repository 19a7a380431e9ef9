"""Which commands of a script may go through the whole root, where they would meet the folder of the twins."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping

from xbuild.dockerfile.script import Command, Script, Word
from xbuild.plan.table import words
from xbuild.text import expression, value


@value()
class _RootWalker:
    """Programs that go through folders: always, or with an option whose letter or name `deep` has; never with
    one of `not_in`, also of old style in the first word. `other` operands in front are no paths.
    """

    names: str
    deep: str = ""
    not_in: str = ""
    other: int = 0


_WALKERS = (
    _RootWalker("find du mv ls rsync tree scp cpio pax tripwire aide ncdu fd rg 7z restorecon"),
    _RootWalker("rm", deep="r R recursive"),
    _RootWalker("cp", deep="r R a recursive archive"),
    _RootWalker("zip", deep="r R recurse-paths recurse-patterns"),
    _RootWalker("chown chgrp chmod", deep="R recursive", other=1),
    _RootWalker("getfacl setfacl getfattr setfattr", deep="R recursive m M x X n v n v restore"),
    _RootWalker("grep egrep fgrep", deep="r R d recursive dereference-recursive directories", other=1),
    _RootWalker("tar", not_in="x t extract get list"),
)
_BY_NAME = {name: each for each in _WALKERS for name in words(each.names)}
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
    at_root = directory in (None, "/") or any(_is_root(_raw(w, known), w, at_root=True) for w in moves)
    for command in script.commands:
        walker = _BY_NAME.get(posixpath.basename(command.name or ""))
        if walker is not None:
            for word in _paths(command, walker, known):
                if _is_root(_raw(word, known), word, at_root=at_root):
                    return f"`{command.name} … {word.raw}` may go through the whole root"
    return None


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


def _paths(command: Command, walker: _RootWalker, known: Mapping[str, str]) -> list[Word]:
    """The words that such a program goes through."""
    options = [w.raw for w in command.words[1:] if w.raw.startswith("-")]
    operands = [w for w in command.words[1:] if not w.raw.startswith("-")]
    if walker.not_in:
        old = [f"-{w.raw}" for w in command.words[1:2] if re.fullmatch(r"[a-zA-Z]+", w.raw)]
        if _has_one(walker.not_in, options + old):
            return []
    # What is not known may be an option.
    is_open = any(w.value is None and "$" in _raw(w, known)[:2] for w in command.words[1:])
    if walker.deep and not _has_one(walker.deep, options) and not is_open:
        return []
    reference = any(o.startswith("--reference") for o in options)
    return operands if reference else operands[walker.other :]


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
