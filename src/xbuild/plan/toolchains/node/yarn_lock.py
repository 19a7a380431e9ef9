"""yarn.lock of yarn 1 and of berry: blocks whose heads name what was asked for.

Sources: yarnpkg/yarn `src/lockfile/parse.js` and `stringify.js`; yarnpkg/berry `Project.ts`,
`packages/yarnpkg-parsers` (a subset of YAML).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from xbuild.plan.recipes.own_files import UntoldError
from xbuild.plan.toolchains.node.node_locks import NodeLock, NodePackage, is_repository, machines
from xbuild.text import expression

_HEAD = expression(r"\S.*:")
_ENTRY = expression(r'  (?:"([^"]+)"|([\w@/.-]+))(?::\s*|\s+)("?)(.*?)\3')
_INNER = expression(r'    (?:"([^"]+)"|([\w@/.-]+))(?::\s*|\s+).*')
_ASKED = expression(r"(@?[^@]+)@(.+)")
_CONDITION = expression(r"(os|cpu|libc)=([\w-]+)")
_LOCAL = ("workspace:", "link:", "portal:", "file:")


def read_yarn(file: str, text: str) -> NodeLock:
    lines = text.splitlines()
    blocks = tuple(_blocks(lines))
    if not blocks and "yarn lockfile v1" not in text:
        raise UntoldError(f"{file} is no lock file of yarn")
    metadata = next((body for head, body in blocks if head == "__metadata"), None)
    is_berry = metadata is not None
    packages = [_package(head, body) for head, body in blocks if head != "__metadata"]
    wanted = frozenset(
        asked for head, _ in blocks if head != "__metadata" for asked in _plain(head, is_berry=is_berry)
    )
    form = f"{file} of yarn {'2 or newer' if is_berry else '1'}"
    return NodeLock(file, form, tuple(packages), says_all=False, wanted=wanted)


def _blocks(lines: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """What stands at the margin, and the lines below it. Raises ValueError for what is neither."""
    head: str | None = None
    body: list[str] = []
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith(" "):
            if head is None:
                raise ValueError(f"line {number} stands in no block")
            body.append(line)
            continue
        if _HEAD.fullmatch(line) is None:
            raise ValueError(f"line {number} is neither a head nor an entry")
        if head is not None:
            yield head, body
        head, body = line[:-1], []
    if head is not None:
        yield head, body


def _asked(head: str) -> tuple[str, ...]:
    """What was asked for: `"a@^1, a@^2"` of berry, `a@^1, "a@npm:b@^2"` of yarn 1."""
    return tuple(one.strip().strip('"') for one in head.strip('"').split(", "))


def _plain(head: str, *, is_berry: bool) -> Iterator[str]:
    for asked in _asked(head):
        found = _ASKED.fullmatch(asked)
        if found is not None:
            yield f"{found[1]}@{found[2].removeprefix('npm:') if is_berry else found[2]}"


def _package(head: str, body: Sequence[str]) -> NodePackage:
    first = _ASKED.fullmatch(_asked(head)[0])
    if first is None:
        raise ValueError(f"`{head[:40]}` names no package")
    told: dict[str, str] = {}
    optional: list[str] = []
    metadata: list[str] = []
    section = ""
    for line in body:
        entry = _ENTRY.fullmatch(line)
        if entry is not None:
            section = entry[1] or entry[2]
            told[section] = entry[4]
        inner = _INNER.fullmatch(line)
        if inner is not None and section in ("optionalDependencies", "dependenciesMeta"):
            (optional if section == "optionalDependencies" else metadata).append(inner[1] or inner[2])
    resolution = told.get("resolution", "")
    # Under another name (`npm:`) it is the package that it stands for.
    alias = _ASKED.fullmatch(first[2].removeprefix("npm:")) if first[2].startswith("npm:") else None
    name = (_ASKED.fullmatch(resolution) or alias or first)[1]
    source = told.get("resolved", "") or resolution or first[2]
    conditions = dict(_CONDITION.findall(told.get("conditions", "")))
    is_variant, is_elsewhere = machines(conditions.get("os"), conditions.get("cpu"), conditions.get("libc"))
    asked = first[2].removeprefix("npm:")
    rest = (_ASKED.fullmatch(resolution) or first)[2]
    return NodePackage(
        name,
        told.get("version", ""),
        is_variant,
        is_elsewhere,
        optional=(*optional, *metadata),
        is_built=is_repository(source) or is_repository(rest) or "commit=" in resolution,
        is_local=asked.startswith(_LOCAL) or rest.startswith(_LOCAL),
    )
