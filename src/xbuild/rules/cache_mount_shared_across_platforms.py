"""A cache mount that builds for several platforms use at once, and that is not made for it.

Why: a cache mount has no platform: what the build for one leaves there the others find. apt locks its
folders, so that of two builds at a time one stops ("Could not get lock"). Folders that compilers write to,
such as cargo's `target`, hold the file of whichever platform was built last under the same name, so that
a copy right behind the build may be of another one. Caches that keep several apart, those of Go, pip, uv,
npm, ccache and Maven, are left alone.

Fix: `sharing=locked`: one build at a time has the folder. Safe. None for `node_modules`, which keeps modules
of the platform before: it needs an `id` with `$TARGETPLATFORM`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from xbuild.dockerfile.model import Mount
from xbuild.graph.model import Stage
from xbuild.graph.scope import Scope
from xbuild.rules.constants import is_for_one
from xbuild.rules.rule import Finding, Fix, Level, Rule, RuleContext, RunScript
from xbuild.text import Edit, expression

_SAME = "the build for another platform writes to the same path"
# Folders by the end of their path, the programs that make them so, and what happens.
_FOLDERS = (
    (r"/var/(?:cache|lib)/apt(?:/\w+)?/?", ("apt-get", "apt"), "apt stops where another build has its lock"),
    (r"(?:.*/)?target/?", ("cargo",), _SAME),
    (r"(?:.*/)?(?:cmake-)?build/?", ("cmake", "meson", "ninja"), _SAME),
    (r"(?:.*/)?node_modules/?", ("npm", "yarn", "pnpm", "bun"), "modules of another platform stay in it"),
)
_TRIPLE = expression(r"--target\b|CARGO_BUILD_TARGET|build\.target")


def check(context: RuleContext) -> Iterator[Finding]:
    for shell in context.scripts():
        for mount in shell.run.mounts:
            text = _harm(context, shell, mount)
            if text is not None:
                yield Finding(mount.flag.span, text, _fix(mount))


def _harm(context: RuleContext, shell: RunScript, mount: Mount) -> str | None:
    if (
        mount.type != "cache"
        or mount.get("sharing") not in (None, "shared")
        or not _is_for_several(context, shell.stage)
    ):
        return None
    scope = Scope(context.graph, shell.stage.index, shell.index)
    name = scope.expand_known(mount.get("id") or mount.get("target") or "")
    if name.depends_on or name.text is None:
        return None
    programs = {(c.name or "").rpartition("/")[2] for c in shell.script.commands}
    for folder, users, text in _FOLDERS:
        if re.fullmatch(folder, mount.get("target") or "") and programs.intersection(users):
            return None if users == ("cargo",) and _TRIPLE.search(shell.script.text) else text
    return None


def _is_for_several(context: RuleContext, stage: Stage) -> bool:
    """Whether the stage runs once for each platform: it is not pinned, or takes its name."""
    if is_for_one(context, stage):
        return False
    if stage.index not in context.pinned:
        return True
    end = Scope(context.graph, stage.index, len(stage.instructions))
    return any(
        (value := end.lookup(name)) is not None and not value.is_unset
        for name in ("TARGETARCH", "TARGETPLATFORM")
    )


def _fix(mount: Mount) -> Fix | None:
    if (mount.get("target") or "").rstrip("/").endswith("node_modules") or mount.flag.value_span is None:
        return None
    if mount.get("sharing") is not None:
        return None
    edit = Edit.insert(mount.flag.value_span.end, ",sharing=locked")
    return Fix((edit,), "let one build at a time have it: sharing=locked")


RULE = Rule(
    "cache-mount-shared-across-platforms",
    Level.WARNING,
    "a cache mount that builds for several platforms use at once",
    check,
    __doc__,
)
