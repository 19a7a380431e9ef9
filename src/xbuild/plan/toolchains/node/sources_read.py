"""The files that a bundler runs: its configuration, what that imports of the project, and the project's own
sources where they are run to make the output. Each is looked for what may take something from the machine.

Sources: Node.js "Modules: ECMAScript modules" and "Modules: CommonJS modules" (how a relative import is
found); TypeScript "Modules - Reference".
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from xbuild.plan.facts.filesystem import Write, is_within
from xbuild.plan.recipes.own_files import UntoldError, context_file, link_out
from xbuild.plan.toolchain import Call
from xbuild.plan.toolchains.node.accounts import is_installed
from xbuild.plan.toolchains.node.machine_facts import (
    expansion_of,
    facts_of,
    package_name,
    without_comments,
)
from xbuild.plan.toolchains.node.manifests import PackageJson, standing
from xbuild.text import expression

_MOST_FILES, _MOST_TEXT = 3000, 20_000_000
_MOST_BUNDLED = 20_000
_MOST_LOCAL = 200
_LARGEST_TEXT = 2_000_000
_ENDINGS = ("", ".ts", ".js", ".mjs", ".cjs", ".mts", ".cts", ".tsx", ".jsx", ".json", ".vue", ".svelte")
_INDEXES = ("/index.ts", "/index.js", "/index.mjs", "/index.cjs", "/index.tsx", "/index.jsx")
_RUN = expression(r".*\.(?:[cm]?[jt]sx?|vue|svelte|astro|mdx?)")
_IMPORT = expression(
    r"""(?:\bfrom\s*|\bimport\s*\(?\s*|\brequire(?:\.resolve)?\s*\(\s*)(['"`])([^'"`\s,;()]+)\1"""
)
_STRING = expression(r"""(['"`])(\.{1,2}/[\w./@-]+|[\w./@-]+\.[cm]?[jt]s)\1""")
_TAKEN = expression(r"\bnode_modules/((?:@[\w.-]+/)?[\w.-]+)")
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
_FENCED = expression(r"(?ms)^[ \t]*(```|~~~).*?^[ \t]*\1|`[^`\n]*`")


@lru_cache(maxsize=4096)
def _first_fact(text: str) -> tuple[str, int] | None:
    found = min(facts_of(text), key=lambda one: one.line, default=None)
    return (found.what, found.line) if found is not None else None


def check_text(file: str, text: str) -> None:
    """Raises UntoldError for a text that may take something from the machine."""
    if len(text) > _LARGEST_TEXT:
        raise UntoldError(f"{file} is longer than {_LARGEST_TEXT} characters, and is not looked into")
    plain = _FENCED.sub(_blank, text) if file.endswith((".md", ".mdx")) else text
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


def _blank(found: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", found[0])


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
    names = {m.name: m for m in local if m.name}
    pending = list(start)
    used: set[str] = set()
    for path in pending:
        if len(pending) > _MOST_LOCAL:
            raise UntoldError("its configuration imports too many files to be followed")
        text = standing(call, path)
        if text is None:
            continue
        file = context_file(call, path) or path
        if not path.endswith(".json"):
            check_text(file, text)
        if _DATA.fullmatch(posixpath.basename(path)):
            pending += [p for p in named_in_data(call, path, text) if p not in pending]
        for name in _imported(text):
            found = _followed(call, path, name)
            if found is not None:
                pending += [found] if found not in pending else []
                continue
            package = package_name(name.removeprefix("node:"))
            if name.startswith("."):
                raise UntoldError(f"{file} imports {name}, which is not in the build context")
            if package in names:
                raise UntoldError(
                    f"{file} imports {package}, a package of the project, which is not followed"
                )
            if package not in known and package not in _BUILT_IN:
                raise UntoldError(f"{file} imports {package[:60]}, which is not in the lock file")
            used.add(package)
        _check_names(file, text, natives)
        for found in _named(call, path, text):
            own = standing(call, found) or ""
            check_text(context_file(call, found) or found, own)
            # What is an entry is bundled, and not run.
            is_run = "module.exports" in own or ("export default" in own and "/src/" not in found)
            pending += [found] if is_run and found not in pending else []
    return frozenset(used)


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
        places = tuple(_places(path, name, *_ENDINGS, *_INDEXES, "/package.json"))
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
    places = _places(posixpath.join(base, ""), ".", *_ENDINGS, *_INDEXES) if base is not None else ()
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
    taken = (*_TAKEN.findall(text), *_TAKEN.findall(put_together), *_PLACE_OF.findall(text))
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


def _imported(text: str) -> Iterator[str]:
    for found in _IMPORT.finditer(without_comments(text)):
        yield found[2]


def _followed(call: Call, path: str, name: str) -> str | None:
    """The file of the project that a relative import means."""
    if not name.startswith((".", "/")):
        return None
    places = _places(path, name, *_ENDINGS, *_INDEXES)
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
        return _blank(found)

    rest = _JOIN.sub(take, plain)
    return tuple(dict.fromkeys(n for n in names if _NAME.fullmatch(n))), rest


def _called(call: Call, path: str, name: str) -> Iterator[str]:
    """Files of the build context whose path ends so, but among what is bundled."""
    start = posixpath.dirname(context_file(call, path) or "")
    wanted = re.sub(r"^(?:\.{0,2}/)+", "", name)
    endings = ("",) if _SCRIPT.search(wanted) else (".js", ".cjs", ".mjs", ".ts", "/index.js")
    own = tuple(wanted + ending for ending in endings)
    folder = posixpath.dirname(path)
    for file in call.around.context.files(start):
        inner = posixpath.relpath(file, start or ".")
        is_meant = any(inner == one or inner.endswith(f"/{one}") for one in own)
        if is_meant and "node_modules/" not in inner and not _BUNDLED.search(inner):
            place = posixpath.join(folder, inner)
            if standing(call, place) is not None:
                yield place


_SCRIPT = expression(r"\.[cm]?[jt]s$")
_NAME = expression(r"[\w./@-]*\w")
_BUNDLED = expression(r"(?:^|/)(?:src|app|pages|components)/")
_BEHIND_FOLDER = expression(
    r"(?:\b(?:__dirname|import\.meta\.dirname|process\.cwd\(\))\s*\+\s*(['\"`])|"
    r"(`)\$\{(?:__dirname|import\.meta\.dirname|process\.cwd\(\))\})/"
)
_JOIN = expression(r"\b(?:join|resolve)\(((?:[^()'\"`]|\(\)|(['\"`])[^'\"`\n]*\2)*)\)")
_PART = expression(r"""['"`]([^'"`\n]*)['"`]""")

# -- loaders of webpack

_INLINE = expression(
    r"""(?:\bfrom\s*|\bimport\b[\s(]*|\brequire[\w.]*\s*\(\s*)(?:/\*[^*]*\*/\s*)?(['"`])([^'"`\s]*!)[^'"`\s]*\1"""
)


def check_loaders(call: Call, root: PackageJson, known: frozenset[str]) -> None:
    """No source names a loader of the project by its place. `known` are names of packages of the lock file.
    Raises UntoldError.
    """
    for file in _bundled(call, root, _RUN):
        text = call.around.context.read(file) or ""
        for found in _INLINE.finditer(text) if "!" in text else ():
            loaders = (part.partition("?")[0] for part in found[2].split("!"))
            strange = next(
                (n for n in loaders if n.strip("-") and package_name(n.strip("-")) not in known), None
            )
            if strange is not None:
                raise UntoldError(f"{file} names the loader {strange[:60]}, which is not followed")


# -- templates

_TEMPLATE = expression(r".*\.(?:html?|ejs)")
_CODE = expression(r"(?s)<%.*?%>")
_STYLES = expression(r".*\.(?:css|pcss|postcss|less|scss|sass|styl|stylus|vue|svelte|astro)")
_PLUGIN = expression(
    r"""@(?:plugin|config)\s+(?:\([^()]*\)\s*)?["']([^"'\n]+)["']|^\s*use\(\s*["']([^"'\n]+)["']\s*[,)]""",
    re.MULTILINE,
)
"""A plugin of Tailwind's, Less' (whose path needs no `./`) or Stylus', which runs."""
_IN_STYLE = expression(r"`[^`\n]*`")
_PUG = expression(r".*\.(?:pug|jade)")
_PUG_INSIDE = expression(r"""(?s)<template\b[^>]*\blang=["'](?:pug|jade)["'].*?</template>""")
_MOST_TEMPLATES = 3000


def check_templates(call: Call, found: PackageJson) -> None:
    """Looks into the code in pages of the project, which some bundlers run, and the plugins that style sheets
    name. Raises UntoldError.
    """
    start = posixpath.dirname(found.file)
    own = [f for f in call.around.context.files(start) if "node_modules/" not in f]
    files = [f for f in own if _TEMPLATE.fullmatch(f) or _STYLES.fullmatch(f) or _PUG.fullmatch(f)]
    if len(files) > _MOST_TEMPLATES:
        raise UntoldError(f"more than {_MOST_TEMPLATES} pages and style sheets are not looked into")
    for file in files:
        text = call.around.context.read(file) or ""
        _check_plugins(call, file, text, own)
        if _PUG.fullmatch(file):
            check_text(file, text)
        if file.endswith(".less"):
            check_text(file, _only(text, [r.span() for r in _IN_STYLE.finditer(without_comments(text))]))
        if file.endswith(".vue"):
            check_text(file, _only(text, [r.span() for r in _PUG_INSIDE.finditer(text)]))
        if "<%" in text:
            # All but the code becomes blank, so that lines are those of the file.
            code = [r.span() for r in _CODE.finditer(text[: text.rfind("%>") + 2])]
            check_text(file, _only(text, code))


def _check_plugins(call: Call, file: str, text: str, own: Sequence[str]) -> None:
    """The plugins that a style sheet names by a path take nothing from the machine. Raises UntoldError."""
    for name in ("".join(pair) for pair in _PLUGIN.findall(text) if _STYLES.fullmatch(file)):
        base = posixpath.normpath(posixpath.join(posixpath.dirname(file), name))
        endings = ("", ".js", ".ts", ".mjs", ".cjs", ".mts", *_INDEXES)
        plugin = next((base + e for e in endings if base + e in own), None)
        if plugin is not None:
            check_text(plugin, call.around.context.read(plugin) or "")
        elif name.startswith((".", "/")):
            raise UntoldError(f"{file} names the plugin {name[:60]}, which is not in the build context")


# -- what is installed, taken along by a source

_BUNDLED_TEXT = expression(r".*\.(?:[cm]?[jt]sx?|vue|svelte|astro|mdx?|html?|css|scss|less|pcss)")
_LISTED = expression(r"\bnode_modules/(?:\.|@[\w.-]+/[*{]|[*{])")
_FILE_OF = expression(
    r"""['"(~/]((?:@[\w.-]+/)?[\w.-]+)/(?:bin/|[^'")\s]*\.node\b|[^'")\s?]*\?(?:url|raw|inline))"""
)


_TOLD_BY_NPM = expression(
    r"\bprocess\.env(?:\.|\[['\"])(?:npm_config_user_agent|npm_execpath|npm_node_execpath|MACHTYPE|HOSTTYPE)\b"
)


def names_file_of(text: str, natives: frozenset[str]) -> bool:
    """Whether a word is the path of a file of one of these packages."""
    return any(name in natives for name in _TAKEN.findall(text))


def check_patches(call: Call, root: PackageJson) -> None:
    """What patches of the project put into packages takes nothing from the machine. Raises UntoldError."""
    for file in call.around.context.files(posixpath.dirname(root.file)):
        if file.endswith((".patch", ".diff")) and "node_modules/" not in file:
            lines = (call.around.context.read(file) or "").splitlines()
            added = (line[1:] if re.match(r"\+(?!\+\+ )", line) else "" for line in lines)
            check_text(file, "\n".join(added))


def check_taken(
    call: Call, root: PackageJson, natives: frozenset[str], *, has_environment: bool = True
) -> None:
    """No source has a bundler take along a program or another file of a package that may have something
    native (`natives`), nor what tells which packages are installed; with `has_environment` variables of the
    process may be put into the output, and it names none of the package manager's. Raises UntoldError.
    """
    for file in _bundled(call, root, _BUNDLED_TEXT):
        text = call.around.context.read(file) or ""
        if "node_modules/" in text and _LISTED.search(without_comments(text)):
            raise UntoldError(f"{file} takes what is installed, which is for the machine")
        told = _TOLD_BY_NPM.search(text) if has_environment and "process.env" in text else None
        if told is not None:
            raise UntoldError(f"{file} uses {told[0]}, which tells of the machine where it is filled in")
        native = next((n for n in _FILE_OF.findall(text) if n in natives), None)
        if native is not None:
            raise UntoldError(f"{file} takes files of {native}, which may have something native")


def _bundled(call: Call, root: PackageJson, names: re.Pattern[str]) -> list[str]:
    """The files of the project, of these names, that may be bundled. Raises UntoldError for too many."""
    found = [
        file
        for file in call.around.context.files(posixpath.dirname(root.file))
        if names.fullmatch(file) and "node_modules/" not in file and not _ASIDE.search(file)
    ]
    if len(found) > _MOST_BUNDLED:
        raise UntoldError(f"more than {_MOST_BUNDLED} sources may be bundled, and are not looked into")
    return found


def check_links(call: Call, root: PackageJson) -> None:
    """No symbolic link of the project leads to the image's own files. Raises UntoldError."""
    found = link_out(call, root.folder, posixpath.dirname(root.file))
    if found is not None:
        raise UntoldError(f"{found[0]} is a link to {found[1][:60]}, out of the project")


def _only(text: str, spans: Iterable[tuple[int, int]]) -> str:
    blank = list(re.sub(r"[^\n]", " ", text))
    for start, end in spans:
        blank[start:end] = text[start:end]
    return "".join(blank)


# -- sources


def check_sources(
    call: Call, root: PackageJson, local: Sequence[PackageJson] = (), *, has_pages: bool = True
) -> None:
    """Looks into all sources of a package of the project, and of those of the project that it needs; with
    `has_pages` into those in Markdown too. Raises UntoldError.
    """
    scanned = _needed(root, local)
    for one in scanned:
        _check_package(call, one, [posixpath.dirname(s.file) for s in scanned], has_pages=has_pages)


def _needed(root: PackageJson, local: Sequence[PackageJson]) -> list[PackageJson]:
    """The package and, of the project, all that it asks for, and what these ask for."""
    by_name = {m.name: m for m in local if m.name}
    found = [root]
    for one in found:
        asked = (by_name[name] for name, _ in one.asked if name in by_name)
        found += [m for m in asked if all(m.folder != f.folder for f in found)]
    return found


def _check_package(call: Call, one: PackageJson, known: Sequence[str], *, has_pages: bool) -> None:
    where = posixpath.dirname(one.file)
    made = next((w for w in call.writes if _may_be_source(w, one.folder)), None)
    if made is not None:
        raise UntoldError(f"`{made.text}` of line {made.place.line} may have changed a source")
    files = [
        f
        for f in call.around.context.files(where)
        if _RUN.fullmatch(f) and "node_modules/" not in f and not _ASIDE.search(f)
        if has_pages or not f.endswith((".md", ".mdx"))
    ]
    if len(files) > _MOST_FILES:
        raise UntoldError(
            f"more than {_MOST_FILES} sources are run to make the output, and are not looked into"
        )
    size = 0
    for file in files:
        text = call.around.context.read(file) or ""
        size += len(text)
        if size > _MOST_TEXT:
            raise UntoldError("the sources that are run to make the output are too long to be looked into")
        check_text(file, text)
        _check_inside(file, text, known)


def _check_inside(file: str, text: str, known: Sequence[str]) -> None:
    """What a source imports by a path lies in what is looked into. Raises UntoldError."""
    if "../" not in text or "" in known:
        return
    for name in _imported(text):
        if name.startswith("../"):
            place = posixpath.normpath(posixpath.join(posixpath.dirname(file), name))
            if not any(place == folder or place.startswith(f"{folder}/") for folder in known):
                raise UntoldError(f"{file} imports {name[:60]}, which is not looked into")


_ASIDE = expression(
    r"(?:^|/)(?:__tests__|tests?|e2e|cypress|playwright|\.storybook|\.github)/|\.(?:test|spec|stories)\.\w+$"
    r"|(?:^|/)(?:jest|vitest|playwright|cypress|eslint|prettier)\.config\.\w+$|(?:^|/)\.eslintrc"
)


def _may_be_source(made: Write, folder: str) -> bool:
    """Whether a command wrote a source there, or what may hold one; what the project's own programs write is
    of what was looked into.
    """
    path = made.path
    if path is None or made.by[:1] != ("RUN",) or made.adds or made.is_empty or is_installed(made):
        return False
    name = posixpath.basename(path)
    return is_within(path, folder) and (_RUN.fullmatch(name) is not None or "." not in name)
