"""The sources of a project: what a bundler takes along of them, and what of them it runs. Each is looked for
what may take something from the machine, once for a plan.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence

from xbuild.plan.context import Context
from xbuild.plan.facts.filesystem import Write, is_within
from xbuild.plan.recipes.own_files import UntoldError, context_file, link_out, told_once
from xbuild.plan.recipes.recipe import folders_copied
from xbuild.plan.toolchain import Call
from xbuild.plan.toolchains.node.accounts import is_installed
from xbuild.plan.toolchains.node.machine_facts import package_name, without_comments
from xbuild.plan.toolchains.node.manifests import PackageJson
from xbuild.plan.toolchains.node.markdown_code import code_of
from xbuild.plan.toolchains.node.sources_read import INDEXES, TAKEN, blanked, check_text, imported
from xbuild.text import expression, value

_MOST_FILES, _MOST_TEXT = 3000, 20_000_000
_MOST_BUNDLED = 20_000
_RUN = expression(r".*\.(?:[cm]?[jt]sx?|vue|svelte|astro|mdx?)")
# What is for tests and their tools, by its path in the project, where no pages are made of it.
_FOR_TESTS = r"(?:test|spec|stories)\.\w+"
_ASIDE = expression(
    r"(?:test|tests|__tests__|e2e|cypress|playwright|\.storybook|\.github)/(?:(?!\+)[^/]*/)*+(?!\+)[^/]*(?<!\.md)(?<!\.mdx)"
    rf"|(?:(?!(?:pages|app|routes)/)[^/]+/)*(?:__tests__/.*|[^/]*\.{_FOR_TESTS})(?<!\.md)(?<!\.mdx)"
    r"|(?:.*/)?(?:(?:jest|vitest|playwright|cypress|eslint|prettier)\.config\.\w+|\.eslintrc[^/]*)"
    # What vite has made of packages where it serves them; no build reads it.
    r"|(?:.*/)?(?:\.vite|\.vitepress/cache)/deps(?:_temp\w*)?/.*"
)
_NAMED_ASIDE = expression(
    r"(?:^|/)(?:tests?|__tests__|e2e|cypress|playwright|\.storybook|\.github|\.vite|\.vitepress/cache)(?:/|$)"
    rf"|\.(?:{_FOR_TESTS}|test|spec|stories)$"
    r"|(?:^|/)(?:(?:jest|vitest|playwright|cypress|eslint|prettier)\.config(?:\.|$)|\.eslintrc)"
)
_RELATIVE = expression(r"""['"`](\.{1,2}/[^'"`\s]*)['"`]""")
_INCLUDES = expression(r"<!--\s*@include\b|(?m:^<<<.*-vue\b)")
_GLOBS = expression(r"\bglob(?!al)|\brequire\s*\.\s*context\b|\bfdir\b")


def _start(root: PackageJson) -> str:
    return posixpath.dirname(root.file)


def _own(context: Context, start: str) -> Iterator[str]:
    """The files of a project, without what is installed."""
    return (file for file in context.files(start) if "node_modules/" not in file)


def _bundled(context: Context, start: str, names: re.Pattern[str]) -> Sequence[str]:
    """Those, of these names, that may be bundled. Raises UntoldError for too many."""
    found = [f for f in _own(context, start) if names.fullmatch(f)]
    if len(found) > _MOST_BUNDLED:
        raise UntoldError(f"more than {_MOST_BUNDLED} sources may be bundled, and are not looked into")
    return found


# -- loaders of webpack

_INLINE = expression(
    r"""(?:\bfrom\s*|\bimport\b[\s(]*|\brequire[\w.]*\s*\(\s*)(?:/\*[^*]*\*/\s*)?(['"`])([^'"`\s]*!)[^'"`\s]*\1"""
)


def check_loaders(call: Call, root: PackageJson, own: frozenset[str]) -> None:
    """No source names a loader of the project, by its place or as one of its `own` packages. Another package
    is in the lock file, or there is none: no bundler goes on then. Raises UntoldError.
    """
    for file, loader in told_once(call, _loaders, _start(root)):
        if not _PACKAGE.fullmatch(loader) or package_name(loader) in own:
            raise UntoldError(f"{file} names the loader {loader[:60]}, which is not followed")


_PACKAGE = expression(r"(?:@[\w-][\w.-]*/)?[\w-][\w.-]*(?:/[\w./-]*)?")


def _loaders(context: Context, start: str) -> Sequence[tuple[str, str]]:
    """The loaders that sources name, each with its file."""
    texts = ((file, context.read(file) or "") for file in _bundled(context, start, _RUN))
    return [
        (file, name)
        for file, text in texts
        for found in (_INLINE.finditer(text) if "!" in text else ())
        for part in found[2].split("!")
        if (name := part.partition("?")[0].strip("-"))
    ]


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


def check_templates(call: Call, root: PackageJson) -> None:
    """Looks into the code in pages of the project, which some bundlers run, and the plugins that style sheets
    name. Raises UntoldError.
    """
    told_once(call, _check_templates, _start(root))


def _check_templates(context: Context, start: str) -> None:
    own = frozenset(_own(context, start))
    files = [f for f in sorted(own) if any(kind.fullmatch(f) for kind in (_TEMPLATE, _STYLES, _PUG))]
    if len(files) > _MOST_TEMPLATES:
        raise UntoldError(f"more than {_MOST_TEMPLATES} pages and style sheets are not looked into")
    for file in files:
        text = context.read(file) or ""
        _check_plugins(context, file, text, own)
        for part in _code_in(file, text):
            check_text(file, part)


def _code_in(file: str, text: str) -> Iterator[str]:
    """What of a page or style sheet is code; all but that is blank, so that lines are those of the file."""
    if _PUG.fullmatch(file):
        yield text
    if file.endswith(".less"):
        yield _only(text, _IN_STYLE, without_comments(text))
    if file.endswith(".vue"):
        yield _only(text, _PUG_INSIDE, text)
    if "<%" in text:
        yield _only(text, _CODE, text[: text.rfind("%>") + 2])


def _only(text: str, pattern: re.Pattern[str], searched: str) -> str:
    blank = list(blanked(text))
    for found in pattern.finditer(searched):
        blank[found.start() : found.end()] = text[found.start() : found.end()]
    return "".join(blank)


def _check_plugins(context: Context, file: str, text: str, own: frozenset[str]) -> None:
    """The plugins that a style sheet names by a path take nothing from the machine. Raises UntoldError."""
    for name in ("".join(pair) for pair in _PLUGIN.findall(text) if _STYLES.fullmatch(file)):
        base = posixpath.normpath(posixpath.join(posixpath.dirname(file), name))
        endings = ("", ".js", ".ts", ".mjs", ".cjs", ".mts", *INDEXES)
        plugin = next((base + e for e in endings if base + e in own), None)
        if plugin is not None:
            check_text(plugin, context.read(plugin) or "")
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
    return any(name in natives for name in TAKEN.findall(text))


@value()
class TakenAlong:
    """What a source takes along: all that is installed, a variable of the package manager's (`told`), files
    of the packages that are named.
    """

    file: str
    is_listing: bool
    told: str
    packages: tuple[str, ...]


def check_taken(
    call: Call, root: PackageJson, natives: frozenset[str], *, has_environment: bool = True
) -> None:
    """No source has a bundler take along a program or another file of a package that may have something
    native (`natives`), nor what tells which packages are installed; with `has_environment` variables of the
    process may be put into the output, and it names none of the package manager's. Raises UntoldError.
    """
    for one in told_once(call, _taken, _start(root)):
        if one.is_listing:
            raise UntoldError(f"{one.file} takes what is installed, which is for the machine")
        if one.told and has_environment:
            raise UntoldError(f"{one.file} uses {one.told}, which tells of the machine where it is filled in")
        native = next((name for name in one.packages if name in natives), None)
        if native is not None:
            raise UntoldError(f"{one.file} takes files of {native}, which may have something native")


def _taken(context: Context, start: str) -> Sequence[TakenAlong]:
    found = (_taken_by(f, context.read(f) or "") for f in _bundled(context, start, _BUNDLED_TEXT))
    return [one for one in found if one.is_listing or one.told or one.packages]


def _taken_by(file: str, text: str) -> TakenAlong:
    told = _TOLD_BY_NPM.search(text) if "process.env" in text else None
    return TakenAlong(
        file,
        "node_modules/" in text and _LISTED.search(without_comments(text)) is not None,
        told[0] if told is not None else "",
        tuple(dict.fromkeys(_FILE_OF.findall(text))),
    )


def check_patches(call: Call, root: PackageJson) -> None:
    """What patches of the project put into packages takes nothing from the machine. Raises UntoldError."""
    told_once(call, _check_patches, _start(root))


def _check_patches(context: Context, start: str) -> None:
    for file in _own(context, start):
        if file.endswith((".patch", ".diff")):
            lines = (context.read(file) or "").splitlines()
            added = (line[1:] if re.match(r"\+(?!\+\+ )", line) else "" for line in lines)
            check_text(file, "\n".join(added))


def check_links(call: Call, root: PackageJson) -> None:
    """No symbolic link of the project leads to the image's own files. Raises UntoldError."""
    found = link_out(call, root.folder, _start(root))
    if found is not None:
        raise UntoldError(f"{found[0]} is a link to {found[1][:60]}, out of the project")


# -- sources that are run


def check_sources(
    call: Call, root: PackageJson, local: Sequence[PackageJson] = (), *, has_pages: bool = True
) -> None:
    """Looks into all sources of a package of the project, and of those of the project that it needs; with
    `has_pages` into those in Markdown too. Raises UntoldError.
    """
    scanned = _needed(root, local)
    known = tuple(map(_start, scanned))
    for one in scanned:
        for made in call.writes:
            if _may_be_source(made, one.folder):
                _check_brought(call, made)
        for place, start in folders_copied(call):
            if is_within(place, one.folder) and not any(_is_below(start, folder) for folder in known):
                told_once(call, _check_run, start, (*known, start), has_pages)
        told_once(call, _check_run, _start(one), known, has_pages)


def _needed(root: PackageJson, local: Iterable[PackageJson]) -> Sequence[PackageJson]:
    """The package and, of the project, all that it asks for, and what these ask for."""
    by_name = {m.name: m for m in local if m.name}
    found = [root]
    for one in found:
        asked = (by_name[name] for name, _ in one.asked if name in by_name)
        found += [m for m in asked if all(m.folder != f.folder for f in found)]
    return found


def _may_be_source(made: Write, folder: str) -> bool:
    """Whether what was written there is a source, or may hold one; what the project's own programs write is
    of what was looked into.
    """
    path = made.path
    if path is None or made.adds or made.is_empty or is_installed(made):
        return False
    names = (posixpath.basename(path), *made.brought)
    return is_within(path, folder) and any(_RUN.fullmatch(n) or "." not in n for n in names)


def _check_brought(call: Call, made: Write) -> None:
    """A source that an instruction brings is of the build context, and looked into whatever it is called
    there. Raises UntoldError.
    """
    is_written = any(_RUN.fullmatch(name) for name in made.brought)  # in the instruction itself
    if made.by[:1] == ("RUN",) or not made.is_context or is_written:
        raise UntoldError(f"`{made.text}` of line {made.place.line} may have changed a source")
    file = context_file(call, made.path)
    if file is not None:
        check_text(file, call.around.context.read(file) or "")


def _is_below(path: str, folder: str) -> bool:
    return not folder or path == folder or path.startswith(f"{folder}/")


def _check_run(context: Context, start: str, known: tuple[str, ...], has_pages: bool) -> None:
    own = [f for f in _own(context, start) if _RUN.fullmatch(f)]
    own = [f for f in own if has_pages or not f.endswith((".md", ".mdx"))]
    aside = frozenset(f for f in own if _ASIDE.fullmatch(posixpath.relpath(f, start or ".")))
    if len(own) - len(aside) > _MOST_FILES:
        raise UntoldError(
            f"more than {_MOST_FILES} sources are run to make the output, and are not looked into"
        )
    size, is_globbing = 0, False
    for file in sorted(own, key=aside.__contains__):
        if file in aside and not is_globbing:
            break
        text = context.read(file) or ""
        size += len(text)
        if size > _MOST_TEXT:
            raise UntoldError("the sources that are run to make the output are too long to be looked into")
        check_text(file, text)
        if file not in aside:
            _check_inside(file, text, known)
            is_globbing = is_globbing or _GLOBS.search(text) is not None


def _check_inside(file: str, text: str, known: Sequence[str]) -> None:
    """What a source imports by a path lies in what is looked into. Raises UntoldError."""
    is_page = file.endswith((".md", ".mdx"))
    if is_page and _INCLUDES.search(text) is not None:
        raise UntoldError(
            f"{file} has other files put into it, where they may be other than code that is shown"
        )
    plain = code_of(text) if is_page else text
    names = tuple(imported(plain))
    bad = next((n for n in names if n.startswith("../") and not _is_inside(file, n, known)), None)
    named = (n for n in (*names, *_RELATIVE.findall(plain)) if _NAMED_ASIDE.search(n.partition("?")[0]))
    bad = bad or next(named, None)
    if bad is not None:
        raise UntoldError(f"{file} imports {bad[:60]}, which is not looked into")


def _is_inside(file: str, name: str, known: Sequence[str]) -> bool:
    place = posixpath.normpath(posixpath.join(posixpath.dirname(file), name))
    return any(_is_below(place, folder) for folder in known)
