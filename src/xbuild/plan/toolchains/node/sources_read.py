"""The files of configuration that a bundler runs, and what they import of the project: looked for what may
take something from the machine.

Sources: Node.js "Modules: ECMAScript modules" and "Modules: CommonJS modules" (how a relative import is
found); TypeScript "Modules - Reference".
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache

from xbuild.plan.context import Context
from xbuild.plan.recipes.own_files import UntoldError, context_file, told_once
from xbuild.plan.toolchain import Call
from xbuild.plan.toolchains.node.machine_facts import (
    expansion_of,
    facts_of,
    package_name,
    without_comments,
)
from xbuild.plan.toolchains.node.manifests import PackageJson, standing
from xbuild.plan.toolchains.node.markdown_code import code_of
from xbuild.text import expression

_MOST_LOCAL = 200
_LARGEST_TEXT = 2_000_000
_ENDINGS = ("", ".ts", ".js", ".mjs", ".cjs", ".mts", ".cts", ".tsx", ".jsx", ".json", ".vue", ".svelte")
INDEXES = ("/index.ts", "/index.js", "/index.mjs", "/index.cjs", "/index.tsx", "/index.jsx")
_IMPORT = expression(
    r"""(?:\bfrom\s*|\bimport\s*\(?\s*|\brequire(?:\.resolve)?\s*\(\s*)(['"`])([^'"`\s,;()]+)\1"""
)
_STRING = expression(r"""(['"`])(\.{1,2}/[\w./@-]+|[\w./@-]+\.[cm]?[jt]s)\1""")
TAKEN = expression(r"\bnode_modules/((?:@[\w.-]+/)?[\w.-]+)")
_BUILT_IN = frozenset(
    [
        "assert",
        "async_hooks",
        "buffer",
        "console",
        "constants",
        "crypto",
        "diagnostics_channel",
        "dns",
        "domain",
        "events",
        "fs",
        "http",
        "http2",
        "https",
        "module",
        "net",
        "path",
        "perf_hooks",
        "punycode",
        "querystring",
        "readline",
        "stream",
        "string_decoder",
        "timers",
        "tls",
        "tty",
        "url",
        "util",
        "vm",
        "wasi",
        "worker_threads",
        "zlib",
        "v8",
        "cluster",
        "inspector",
        "process",
    ]
)


@lru_cache(maxsize=4096)
def _first_fact(text: str) -> tuple[str, int] | None:
    found = min(facts_of(text), key=lambda one: one.line, default=None)
    return (found.what, found.line) if found is not None else None


def check_text(file: str, text: str) -> None:
    """Raises UntoldError for a text that may take something from the machine."""
    if len(text) > _LARGEST_TEXT:
        raise UntoldError(f"{file} is longer than {_LARGEST_TEXT} characters, and is not looked into")
    plain = code_of(text) if file.endswith((".md", ".mdx")) else text
    found = _first_fact(plain)
    if found is not None:
        raise UntoldError(
            f"{file}:{found[1]} uses {found[0]}, which may take something from the machine",
            "let it take what it needs from a variable that ENV or ARG sets",
        )


def check_variables(file: str, text: str) -> None:
    """Raises UntoldError for a file of variables (`.env`) that may take something from the machine."""
    check_text(file, text)
    found = expansion_of(text)
    if found is not None:
        raise UntoldError(
            f"{file}:{found.line} uses {found.what}, which may take something from the machine",
            "write out what it stands for",
        )


def blanked(text: str) -> str:
    """Blanks in its place, on as many lines."""
    return re.sub(r"[^\n]", " ", text)


# -- configuration


def check_configuration(
    call: Call,
    start: Iterable[str],
    known: frozenset[str],
    local: Iterable[PackageJson],
    natives: frozenset[str] = frozenset(),
) -> frozenset[str]:
    """Looks into files of configuration and all that they import of the project; the packages that these
    import. `known` are names of packages of the lock file, `natives` those of them that may have something
    native, `local` the packages of the project. Raises UntoldError.
    """
    projects = {m.folder: m for m in local}.values()
    # One alone is found by its name where it exports itself; one among others may be linked.
    names = frozenset(m.name for m in projects if m.name and (m.exports_itself or len(projects) > 1))
    pending, used = list(start), set[str]()
    for path in pending:
        if len(pending) > _MOST_LOCAL:
            raise UntoldError("its configuration imports too many files to be followed")
        text = standing(call, path)
        if text is None:
            continue
        file = context_file(call, path) or path
        if not path.endswith(".json"):
            check_text(file, text)
        is_data = _DATA.fullmatch(posixpath.basename(path)) is not None
        found = list(named_in_data(call, path, text)) if is_data else []
        for name in imported(text):
            own = _followed(call, path, name)
            if own is not None:
                found.append(own)
            else:
                used.add(_imported_package(file, name, names, known))
        _check_names(file, text, natives)
        found += _run_by_name(call, path, text)
        pending += [p for p in dict.fromkeys(found) if p not in pending]
    return frozenset(used)


def _imported_package(file: str, name: str, own: frozenset[str], known: frozenset[str]) -> str:
    """The package that an import means which is no file of the project. Raises UntoldError."""
    package = package_name(name.removeprefix("node:"))
    if name.startswith("."):
        raise UntoldError(f"{file} imports {name}, which is not in the build context")
    if package in own:
        raise UntoldError(f"{file} imports {package}, a package of the project, which is not followed")
    if package not in known and package not in _BUILT_IN:
        raise UntoldError(f"{file} imports {package[:60]}, which is not in the lock file")
    return package


def _run_by_name(call: Call, path: str, text: str) -> Iterator[str]:
    """The files that strings of a configuration name and that it runs; what is an entry is bundled, and not
    run. Raises UntoldError for one that may take something from the machine.
    """
    for found in _named(call, path, text):
        own = standing(call, found) or ""
        check_text(context_file(call, found) or found, own)
        if "module.exports" in own or ("export default" in own and "/src/" not in found):
            yield found


# Configuration without code: what it names by a path is loaded.
_DATA = expression(
    r"\.(?:babelrc|postcssrc|graphqlrc)(?:\.(?:json5?|ya?ml))?|(?:codegen|babel\.config)\.(?:json5?|ya?ml)"
)
_IN_DATA = expression(r"(?:^|[\s'\"\[,:{])(?:module:)?(\.{1,2}/[\w./@-]+|/[\w./@-]+)", re.MULTILINE)


def named_in_data(call: Call, path: str, text: str) -> Iterator[str]:
    """The files of the project that configuration without code (JSON, YAML) names by their paths, as that at
    `path` says. Raises UntoldError for a folder with a package in it.
    """
    for name in dict.fromkeys(_IN_DATA.findall(text)):
        places = tuple(_places(path, name, *_ENDINGS, *INDEXES, "/package.json"))
        place = next((p for p in places if _is_there(call, p)), None)
        if place is not None and place.endswith("/package.json"):
            raise UntoldError(
                f"{context_file(call, path)} names the package {name[:60]}, which is not followed"
            )
        if place is not None and _SCRIPT.search(place):
            yield place


def found_script(call: Call, name: str) -> str | None:
    """The program of the project that a word names, with its ending or without."""
    base = call.seen(name)
    places = _places(posixpath.join(base, ""), ".", *_ENDINGS, *INDEXES) if base is not None else ()
    return next((p for p in places if _MAY_RUN.search(p) and _is_there(call, p)), None)


_MAY_RUN = expression(r"\.[cm]?[jt]s$|(?:^|/)[^./]+$")


def _check_names(file: str, text: str, natives: frozenset[str]) -> None:
    """A configuration names neither what is native nor where loaders are found. Raises UntoldError."""
    if _RESOLVES.search(text):
        raise UntoldError(f"{file} uses resolveLoader, by which loaders of the project are found")
    variant = next((n for n in sorted(natives) if _names_variant(text, n)), None)
    if variant is not None:
        raise UntoldError(f"{file} names {variant}, which is there on some machines alone")
    put_together = " ".join("/".join(_PART.findall(found[1])) for found in _JOIN_OF_FOLDERS.finditer(text))
    taken = (*TAKEN.findall(text), *TAKEN.findall(put_together), *_PLACE_OF.findall(text))
    native = next((n for n in taken if n in natives), None)
    if native is not None:
        raise UntoldError(f"{file} names files of {native}, which may have something native")


_JOIN_OF_FOLDERS = expression(r"\b(?:join|resolve)\(((?:[^()'\"`]|\(\)|['\"`][^'\"`\n]*['\"`])*)\)")
_PLACE_OF = expression(r"""\bresolve\(\s*['"`]((?:@[\w.-]+/)?[\w.-]+)/package\.json['"`]""")
_RESOLVES = expression(r"\bresolveLoader\b")
_OF_MACHINE = expression(r".*(?:x64|x86_64|amd64|arm64|aarch64|ia32|arm|riscv64|s390x|ppc64|-64)\b.*")


def _names_variant(text: str, name: str) -> bool:
    """Whether a text names a package for some machines alone, whole or by its last part."""
    last = name.rpartition("/")[2]
    if last not in text or _OF_MACHINE.fullmatch(last) is None:
        return False
    return re.search(rf"""['"`/]{re.escape(last)}['"`/]""", text) is not None


def imported(text: str) -> Iterator[str]:
    """What a text imports, as it is spelled there."""
    for found in _IMPORT.finditer(without_comments(text)):
        yield found[2]


def _followed(call: Call, path: str, name: str) -> str | None:
    """The file of the project that a relative import means."""
    if not name.startswith((".", "/")):
        return None
    places = _places(path, name, *_ENDINGS, *INDEXES)
    return next((p for p in places if _is_there(call, p)), None)


def _is_there(call: Call, place: str) -> bool:
    return context_file(call, place) is not None and standing(call, place) is not None


def _places(path: str, name: str, *endings: str) -> Iterator[str]:
    base = posixpath.normpath(posixpath.join(posixpath.dirname(path), name.partition("?")[0]))
    yield from (base + ending for ending in endings)
    yield re.sub(r"\.([cm]?)js$", r".\1ts", base)


def _named(call: Call, path: str, text: str) -> Iterator[str]:
    """Files that a string names: loaders and plugins by their paths, put together or not. What lies in no
    folder that can be told is looked for by its name, wherever in the project, but among what is bundled.
    """
    joined, rest = _joined(without_comments(text))
    for name in (*joined, *(found[2] for found in _STRING.finditer(rest))):
        bases = (path, posixpath.join(call.directory or "/", "any"))
        places = (p for b in bases for p in _places(b, name, *_ENDINGS) if _SCRIPT.search(p))
        place = next((p for p in places if _is_there(call, p)), None)
        if place is not None:
            yield place
            continue
        if _SCRIPT.search(name) or name in joined:
            yield from _called(call, path, name)


def _joined(text: str) -> tuple[tuple[str, ...], str]:
    """The paths that calls of `join` and `resolve` put together, as far as they are written out, and the
    text without them; what is put behind `__dirname` becomes a relative path.
    """
    plain = _BEHIND_FOLDER.sub(r"\1\2./", text)
    names: list[str] = []

    def take(found: re.Match[str]) -> str:
        parts = [part[1] for part in _PART.finditer(found[1])]
        names.append("/".join(parts) or ".")
        return blanked(found[0])

    rest = _JOIN.sub(take, plain)
    return tuple(dict.fromkeys(n for n in names if _NAME.fullmatch(n))), rest


def _called(call: Call, path: str, name: str) -> Iterator[str]:
    """Files of the build context whose path ends so, but among what is bundled."""
    start = posixpath.dirname(context_file(call, path) or "")
    prefix = f"{start}/" if start else ""
    wanted = re.sub(r"^(?:\.{0,2}/)+", "", name)
    endings = ("",) if _SCRIPT.search(wanted) else (".js", ".cjs", ".mjs", ".ts", "/index.js")
    named = told_once(call, _by_name)
    found = {
        file.removeprefix(prefix)
        for own in (wanted + ending for ending in endings)
        for file in named.get(posixpath.basename(own), ())
        if file.startswith(prefix) and f"/{file.removeprefix(prefix)}".endswith(f"/{own}")
    }
    for inner in sorted(found):
        place = posixpath.join(posixpath.dirname(path), inner)
        is_bundled = "node_modules/" in inner or _BUNDLED.search(inner) is not None
        if not is_bundled and standing(call, place) is not None:
            yield place


def _by_name(context: Context) -> Mapping[str, Sequence[str]]:
    """The files of the build context by their names without folders."""
    found: dict[str, list[str]] = {}
    for file in context.files():
        found.setdefault(file.rpartition("/")[2], []).append(file)
    return found


_SCRIPT = expression(r"\.[cm]?[jt]s$")
_NAME = expression(r"[\w./@-]*\w")
_BUNDLED = expression(r"(?:^|/)(?:src|app|pages|components)/")
_BEHIND_FOLDER = expression(
    r"(?:\b(?:__dirname|import\.meta\.dirname|process\.cwd\(\))\s*\+\s*(['\"`])|"
    r"(`)\$\{(?:__dirname|import\.meta\.dirname|process\.cwd\(\))\})/"
)
_JOIN = expression(r"\b(?:join|resolve)\(((?:[^()'\"`]|\(\)|(['\"`])[^'\"`\n]*\2)*)\)")
_PART = expression(r"""['"`]([^'"`\n]*)['"`]""")
