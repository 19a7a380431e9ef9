"""pnpm-lock.yaml, read as pnpm writes it: two blanks for each level.

Sources: pnpm/spec `lockfile/5.md`, `6.0.md`, `9.0.md`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from xbuild.plan.recipes.own_files import UntoldError
from xbuild.plan.toolchains.node.node_locks import NodeLock, NodePackage, machines
from xbuild.text import expression

_VERSION = expression(r"^lockfileVersion: *'?(\d+)(?:\.(\d+))?", re.MULTILINE)
_LINE = expression(r"""( *)(?:'([^']*)'|"([^"]*)"|([^\s:'"#-][^:]*(?::[^\s:][^:]*)*)):(?: (.*))?""")
_ITEM = expression(r"( *)- ['\"]?([^'\"]*)['\"]?")
_LIST = expression(r"[\w!.-]+")
# How a package is named: `/a/1.0.0_peer`, `/@s/a/1.0.0`, `/a@1.0.0(peer@2)`, `a@1.0.0`, `a@https://…`.
_OLD = expression(r"/(@[^/]+/[^/]+|[^/]+)/([^/_(]+).*")
_NEW = expression(r"/?(@?[^@(]+)@([^(]+).*")
_SECTIONS = ("dependencies", "devDependencies", "optionalDependencies")


def read_pnpm(file: str, text: str) -> NodeLock:
    found = _VERSION.search(text)
    if found is None or not 5 <= int(found[1]) <= 9:
        told = found[1] if found is not None else "none"
        raise UntoldError(f"{file} is of version {told}, which is not known")
    entries: dict[str, dict[str, str]] = {}
    optional: dict[str, list[str]] = {}
    wanted: set[str] = set()
    for path, given in _leaves(text):
        if path[0] == "packages" and len(path) > 1:
            entry = entries.setdefault(path[1], {})
            if len(path) == 3:
                entry[path[2]] = given
        if path[0] in ("packages", "snapshots") and len(path) == 4 and path[2] == "optionalDependencies":
            optional.setdefault(path[1].partition("(")[0], []).append(path[3])
        wanted.update(_asked(path, given))
    form = _OLD if int(found[1]) == 5 else _NEW
    packages = tuple(_package(name, entry, optional, form) for name, entry in entries.items())
    says_all = int(found[1]) < 9
    named = f"{file} {found[1]}"
    return NodeLock(file, named, packages, says_all, frozenset(wanted), says_machines=True)


def _leaves(text: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """Each line as the keys that lead to it and what it holds; items of a list are joined by a blank."""
    keys: list[str] = []
    pending: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#") or line == "---":
            continue
        item = _ITEM.fullmatch(line)
        if item is not None and keys:
            pending.append(item[2])
            yield tuple(keys), " ".join(pending)
            continue
        found = _LINE.fullmatch(line)
        if found is None or len(found[1]) % 2:
            if keys[:1] in (["packages"], ["snapshots"], ["importers"]):
                if len(line) - len(line.lstrip()) > 4:
                    continue  # a text that goes on
                raise ValueError(f"line {number} is not as pnpm writes it")
            continue
        depth = len(found[1]) // 2
        keys[depth:] = [found[2] or found[3] or found[4]]
        pending = []
        yield tuple(keys), (found[5] or "").strip()


def _asked(path: tuple[str, ...], given: str) -> Iterator[str]:
    """What a project asks for: `specifiers` until version 5, `specifier` since."""
    inner = path[2:] if path[0] == "importers" else path
    told = given.strip("'\"")
    if len(inner) == 2 and inner[0] == "specifiers":
        yield f"{inner[1]}@{told}"
    if len(inner) == 3 and inner[0] in _SECTIONS and inner[2] == "specifier":
        yield f"{inner[1]}@{told}"


def _package(
    key: str, entry: Mapping[str, str], optional: Mapping[str, list[str]], form: re.Pattern[str]
) -> NodePackage:
    found = form.fullmatch(key)
    name = entry.get("name", "").strip("'\"") or (found[1] if found else key)
    version = entry.get("version", "").strip("'\"") or (found[2] if found else "")
    os, cpu, libc = (_LIST.findall(entry.get(n, "")) for n in ("os", "cpu", "libc"))
    is_variant, is_elsewhere = machines(os, cpu, libc)
    resolution = entry.get("resolution", "")
    is_built = "type: git" in resolution or "repo:" in resolution or "codeload." in key
    return NodePackage(
        name,
        version,
        is_variant,
        is_elsewhere,
        entry.get("requiresBuild") == "true",
        tuple(optional.get(key, ())),
        is_built,
        "type: directory" in resolution or "directory:" in resolution or "tarball: file:" in resolution,
        entry.get("dev") == "true",
    )
