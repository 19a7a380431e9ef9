"""Commands that change nothing which a question asks about."""

from __future__ import annotations

from xbuild.dockerfile.script import Command
from xbuild.plan.table import words

_PLAIN = frozenset(words("echo printf true : test [ [[ cd export set mkdir date pwd"))
_PLAIN_VERBS = {
    "go": frozenset(words("build install vet version env list test")),
    "git": frozenset(words("rev-parse describe log status show rev-list config")),
}
_IDLE = frozenset(words("chmod chown ls file strip upx du cat stat sha256sum sleep which type"))


def is_plain(command: Command) -> bool:
    """Whether it neither changes what a toolchain would answer, nor needs what was built."""
    verb = next((w.value for w in command.words[1:] if w.value is None or not w.value.startswith("-")), None)
    return not command.words or command.name in _PLAIN or verb in _PLAIN_VERBS.get(command.name or "", ())


def is_idle(command: Command) -> bool:
    """Whether it does not change it either, but may need what was built."""
    return command.name in _IDLE
