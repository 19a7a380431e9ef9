"""package-lock.json and npm-shrinkwrap.json (npm "package-lock.json")."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from xbuild.plan.recipes.own_files import UntoldError
from xbuild.plan.toolchains.node.node_locks import NodeLock, NodePackage, is_repository, machines
from xbuild.text import expression

_ALIAS = expression(r"npm:(@?[^@]+)@(.+)")
_DEPENDENCIES = ("dependencies", "devDependencies", "optionalDependencies")


def read_npm(file: str, text: str) -> NodeLock:
    data = json.loads(text)
    version = data.get("lockfileVersion", 1)
    if version not in (1, 2, 3):
        raise UntoldError(f"{file} is of version {str(version)[:20]}, which is not known")
    form = f"{file} {version}"
    if version == 1:
        return NodeLock(file, form, tuple(_of_tree(data.get("dependencies") or {})), says_all=False)
    entries = data["packages"]
    packages = tuple(_package(path, entry) for path, entry in entries.items() if "node_modules/" in path)
    wanted = frozenset(
        f"{name}@{asked}"
        for path, entry in entries.items()
        if "node_modules/" not in path
        for key in _DEPENDENCIES
        for name, asked in (entry.get(key) or {}).items()
    )
    return NodeLock(file, form, packages, says_all=True, wanted=wanted, says_machines=True)


def _package(path: str, entry: Mapping[str, object]) -> NodePackage:
    name = entry.get("name") or path.rpartition("node_modules/")[2]
    is_variant, is_elsewhere = machines(entry.get("os"), entry.get("cpu"), entry.get("libc"))
    resolved = str(entry.get("resolved") or "")
    optional = entry.get("optionalDependencies") or {}
    assert isinstance(optional, Mapping)
    return NodePackage(
        str(name),
        str(entry.get("version") or ""),
        is_variant,
        is_elsewhere,
        bool(entry.get("hasInstallScript")),
        tuple(optional),
        is_repository(resolved),
        bool(entry.get("link")) or resolved.startswith("file:"),
        # Not `devOptional`: that is installed without development, too (npm "package-lock.json").
        entry.get("dev") is True,
    )


def _of_tree(tree: Mapping[str, Mapping[str, object]]) -> Iterator[NodePackage]:
    """Version 1: packages within packages."""
    pending = [tree]
    for level in pending:
        for name, entry in level.items():
            version = str(entry.get("version") or "")
            is_local = version.startswith("file:")
            alias = _ALIAS.fullmatch(version)
            real, number = (alias[1], alias[2]) if alias is not None else (name, version)
            yield NodePackage(real, number, is_built=is_repository(version), is_local=is_local)
            inner = entry.get("dependencies")
            if isinstance(inner, Mapping):
                pending.append(inner)
