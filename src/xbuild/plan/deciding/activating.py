"""A RUN that activates an environment whose programs come before the twins in PATH: which words have to be
replaced for all that follows to be reached (docs/decisions/0058-activated-environments.md).

`. FOLDER/bin/activate` puts FOLDER/bin in front of PATH. What follows is found there, not by the twin's
folder, and what that starts sees the folder in PATH. In front of a word of it a variable leads to the twin,
as in front of `python -m`, and the twin looks for the program by PATH, as the shell would have.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence

from xbuild.dockerfile.script import Command, Script, Word
from xbuild.dockerfile.shell import parse_script
from xbuild.plan.deciding.calling import SOURCES
from xbuild.plan.deciding.inner import DESCRIBED, READERS, RUNNERS, name_of
from xbuild.plan.twins.twin import Twin

_FILE = "/bin/activate"
_NAMED = re.compile(r"(?<![\w-])activate\b")
_READ = re.compile(rf"(?<![\w./-])(?:\.|source)\s+[\"']?[\w./-]*{_FILE}\b")


def is_activation(command: Command) -> bool:
    return command.name in SOURCES and any(_path(w).endswith("/activate") for w in command.words[1:2])


def words_to_replace(script: Script, before: Sequence[str], twin: Twin) -> list[Word] | None:
    """The words of a script that lead to the twin's program by an environment's folder; None where it is not
    sure that no others matter. `before` are the texts of the instructions up to this one.

    Sure is: the environment is made in the file, by the module whose `activate` has no function and no alias
    of a name that counts here; nothing else has to do with that file; and only the twin's programs, and
    programs that are described and start no others, follow.
    """
    used = [c for c in script.commands if is_activation(c)]
    if not used or not twin.environment or script.functions:
        return None
    made = {f for text in before if twin.environment in text for f in _made(parse_script(text), twin)}
    is_touched = any(_NAMED.search(_READ.sub("", text)) for text in before)
    following = [c for c in script.commands if c.words and c.span.start > used[0].span.start]
    is_known = {_path(c.words[1]).removesuffix(_FILE) for c in used} <= made
    if not is_known or is_touched or not all(_is_sure(c, twin) for c in following):
        return None
    return [c.words[0] for c in following if c.name in twin.programs]


def _made(script: Script, twin: Twin) -> Iterator[str]:
    """The folders of environments that a script makes."""
    for command in script.commands:
        given = [word.value or "" for word in command.words]
        if given[1:3] == ["-m", twin.environment] and re.fullmatch(twin.interpreters, given[0]):
            yield _path(command.words[-1])


def _is_sure(command: Command, twin: Twin) -> bool:
    """Whether a command is the twin's program, or has nothing to do with it."""
    name, *given = (word.value for word in command.words)
    if name is None or command.is_inside("function"):
        return False
    if re.fullmatch(twin.interpreters, name):
        return given[:1] == ["-m"] and given[1:2] != [] and given[1] in twin.modules
    if twin.paths and re.fullmatch(twin.paths, name):
        return True  # led to the twin by a word of its own
    own = name_of(command)
    is_plain = own in DESCRIBED and own not in RUNNERS | READERS
    return is_activation(command) or name in twin.programs or name == "deactivate" or is_plain


def _path(word: Word) -> str:
    return posixpath.normpath(word.raw.strip("'\""))
