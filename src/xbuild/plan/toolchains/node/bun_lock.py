"""bun.lock: JSON with commas behind the last of a list (oven-sh/bun `src/install/lockfile/bun.lock.zig`)."""

from __future__ import annotations

import json

from xbuild.plan.recipes.own_files import UntoldError
from xbuild.plan.toolchains.node.node_locks import NodeLock, NodePackage, is_repository, machines
from xbuild.text import expression

_LAST_COMMA = expression(r"""("(?:[^"\\]|\\.)*")|,(?=\s*[}\]])""")
_NAMED = expression(r"(@?[^@]+)@(.*)")
_DEPENDENCIES = ("dependencies", "devDependencies", "optionalDependencies")


def read_bun(file: str, text: str) -> NodeLock:
    data = json.loads(_LAST_COMMA.sub(lambda m: m[1] or "", text))
    version = data["lockfileVersion"]
    if version not in (0, 1):
        raise UntoldError(f"{file} is of version {str(version)[:20]}, which is not known")
    wanted = frozenset(
        f"{name}@{asked}"
        for project in data["workspaces"].values()
        for key in _DEPENDENCIES
        for name, asked in project.get(key, {}).items()
    )
    packages = tuple(_package(entry) for entry in data.get("packages", {}).values())
    return NodeLock(file, f"{file} {version}", packages, says_all=False, wanted=wanted)


def _package(entry: list[object]) -> NodePackage:
    found = _NAMED.fullmatch(str(entry[0]))
    if found is None:
        raise ValueError(f"`{str(entry[0])[:40]}` names no package")
    told = next((one for one in entry[1:] if isinstance(one, dict)), {})
    is_variant, is_elsewhere = machines(told.get("os"), told.get("cpu"), told.get("libc"))
    return NodePackage(
        found[1],
        found[2],
        is_variant,
        is_elsewhere,
        optional=tuple(told.get("optionalDependencies", {})),
        is_built=is_repository(found[2]),
        is_local=found[2].startswith(("workspace:", "link:", "file:")),
    )
