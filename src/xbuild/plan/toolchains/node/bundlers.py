"""What makes an output of a project's sources, a row each: which configuration it reads, what it runs, and
what it leaves beside the output.

A row's output is whatever lies in the project's folder behind it, but for its `beside`: that is for the
machine, or was not looked into.

Sources: the tools' own documentation of their configuration files, command lines and output folders.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from xbuild.plan.context import Context
from xbuild.plan.facts.filesystem import Kind, Write, is_within, join
from xbuild.plan.facts.positions import ancestors
from xbuild.plan.model import Evidence
from xbuild.plan.programs.program import write
from xbuild.plan.recipes.own_files import UntoldError, context_file, mount_target, told_once
from xbuild.plan.table import words
from xbuild.plan.toolchain import Call, Effect
from xbuild.plan.toolchains.node.accounts import Account, checked, is_installed, is_telling, open_account
from xbuild.plan.toolchains.node.installs import check_surroundings, put
from xbuild.plan.toolchains.node.machine_facts import without_comments
from xbuild.plan.toolchains.node.manifests import PackageJson, manifest, members, standing
from xbuild.plan.toolchains.node.npm_scripts import seen_kind
from xbuild.plan.toolchains.node.project_sources import (
    check_links,
    check_loaders,
    check_patches,
    check_sources,
    check_taken,
    check_templates,
    names_file_of,
)
from xbuild.plan.toolchains.node.sources_read import (
    check_configuration,
    check_text,
    check_variables,
    found_script,
    named_in_data,
)
from xbuild.text import expression, value

Check = Callable[[Call, PackageJson, Account], None]
_LARGEST_SETTINGS = 1_000_000


@value()
class BundlerRow:
    """A program that makes an output. `package` brings it. `verbs`: the first operands with which it does;
    None for any. `configs` are names of files (patterns) that it reads and runs, in the project's folder or
    below `.*`; `runs_packages`: other packages than its own run in it, plugins for instance. `runs_sources`:
    it runs the project's own sources, to make pages of them. `beside` are folders that it leaves, which are
    not the output. `check` raises UntoldError for what rows cannot say. `what` is for readers.
    """

    names: str
    package: str
    verbs: tuple[str, ...] | None = None
    configs: str = ""
    runs_packages: bool = True
    runs_sources: bool = False
    beside: str = "node_modules/.cache node_modules/.vite node_modules/.tmp .swc"
    check: Check | None = None
    uses: str = ""


# -- what rows cannot say

_EXPORT = expression(r"\boutput\s*:\s*(['\"`])export\1")
_OTHER_OUTPUT = expression(r"\boutput\s*[:=](?!\s*(['\"`])export\1)")


def _text_of(call: Call, found: PackageJson, *patterns: str) -> tuple[str, str] | None:
    """The first file of the project whose name matches, and its text."""
    for path in _files(call, found, patterns):
        text = standing(call, path)
        if text is not None:
            return posixpath.basename(path), text
    return None


def _exports(call: Call, found: PackageJson, account: Account) -> None:
    """`next build` makes files alone by `output: 'export'`; before 14 `next export` made them."""
    config = _text_of(call, found, "next.config.*")
    text = without_comments(config[1]) if config is not None else ""
    is_old = all(re.match(r"(?:[0-9]|1[0-3])\.", v) for v in account.lock.versions("next"))
    if not is_old and (not _EXPORT.search(text) or _OTHER_OUTPUT.search(text)):
        natives = sorted(p.name for p in account.lock.packages if p.is_variant and not p.is_elsewhere)
        named = f" ({', '.join(natives[:3])})" if natives else ""
        raise UntoldError(
            f"next takes packages along that may be for the machine{named}",
            "set output: 'export' in next.config, if pages alone are wanted",
        )


def _is_static(call: Call, found: PackageJson, _account: Account) -> None:
    config = _text_of(call, found, "svelte.config.*")
    if config is not None and "adapter" in config[1] and "@sveltejs/adapter-static" not in config[1]:
        raise UntoldError(
            f"the adapter of {config[0]} is not @sveltejs/adapter-static", "take that, for pages alone"
        )


_BUILDERS = (
    "@angular-devkit/build-angular:*",
    "@angular/build:*",
    "@angular-builders/custom-webpack:*",
    "@angular-eslint/builder:lint",
    "@angular-devkit/build-angular",
)


def _by_builders(call: Call, found: PackageJson, _account: Account) -> None:
    text = standing(call, posixpath.join(found.folder, "angular.json"))
    if text is None:
        raise UntoldError("angular.json is not in the build context")
    settings = tuple(_settings_in("angular.json", text))
    named = (str(value) for key, value in settings if key == "builder")
    strange = next((n for n in named if not any(fnmatchcase(n, b) for b in _BUILDERS)), None)
    if strange is not None:
        raise UntoldError(f"angular.json names the builder {strange[:60]}, which is not known")
    keys = {key for key, _ in settings}
    if not keys.isdisjoint(words("indexTransforms plugins codePlugins")):
        raise UntoldError("angular.json names plugins, which are not followed")
    if not keys.isdisjoint(words("prerender ssr server outputMode appShell")):
        check_sources(call, found)


_PIECE = expression(r'("(?:[^"\\]|\\.)*+"?)|//[^\n]*|/\*(?s:.*?)(?:\*/|\Z)')
_TRAILING = expression(r'("(?:[^"\\]|\\.)*+"?)|,(?=\s*[}\]])')


def _settings_in(file: str, text: str) -> Iterator[tuple[str, object]]:
    """All keys and what they hold, of a file of JSON in which comments, and commas at an end, may stand.
    Raises UntoldError.
    """
    if len(text) > _LARGEST_SETTINGS:
        raise UntoldError(f"{file} is longer than {_LARGEST_SETTINGS} characters, and is not read")
    try:
        data = json.loads(_TRAILING.sub(_kept, _PIECE.sub(_kept, text)))
    except (ValueError, RecursionError) as error:
        raise UntoldError(f"{file} cannot be read: {error}") from error
    if not isinstance(data, dict):
        raise UntoldError(f"{file} is no object of JSON")
    pending: list[object] = [data]
    while pending:
        one = pending.pop()
        yield from one.items() if isinstance(one, dict) else ()
        pending += one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()


def _kept(found: re.Match[str]) -> str:
    return found[1] or ""


def _by_typescript(call: Call, found: PackageJson, _account: Account) -> None:
    """Nest's command compiles by tsc, or by swc, unless it is told to bundle by webpack."""
    text = standing(call, posixpath.join(found.folder, "nest-cli.json"))
    try:
        options = json.loads(text or "{}").get("compilerOptions", {})
        builder = options.get("builder") or ("webpack" if options.get("webpack") else "tsc")
        builder = builder.get("type") if isinstance(builder, dict) else builder
    except (ValueError, AttributeError) as error:
        raise UntoldError("nest-cli.json cannot be read") from error
    if builder not in ("tsc", "swc") or "webpack" in (text or ""):
        raise UntoldError("nest-cli.json has it bundle by webpack, which is not followed")


def _runs_no_transformers(_call: Call, _found: PackageJson, account: Account) -> None:
    """Patched, the compiler runs what tsconfig.json names."""
    patch = next((n for n in ("ts-patch", "ttypescript", "typia") if n in account.lock.names), None)
    if patch is not None:
        raise UntoldError(f"{patch} has the compiler run transformers, which are not followed")


_PAGES = expression(r".*\.(?:md|njk|liquid|html|hbs|mustache|ejs|haml|pug|webc|vto)")
_CODE_IN_FRONT = expression(r"\s*---[ \t]*(?:js|javascript)\b")


def _by_templates(call: Call, found: PackageJson, _account: Account) -> None:
    """What stands in front of a page of Eleventy's may be code, and so is much of WebC, Vento and Haml."""
    for path in _files(call, found, ("*",)):
        text = standing(call, path) if _PAGES.fullmatch(path) else None
        if text and (_CODE_IN_FRONT.match(text) or path.endswith((".webc", ".vto", ".haml"))):
            check_text(posixpath.relpath(path, found.folder), text)


_SINGLE = "node_modules/.cache .swc"

BUNDLERS = (
    BundlerRow(
        "tsc tsgo", "typescript", runs_packages=False, beside="", check=_runs_no_transformers,
        uses="typescript",  # from 7 on a native program
    ),
    BundlerRow("vue-tsc", "vue-tsc", runs_packages=False, beside="", uses="typescript"),
    BundlerRow("tsc-alias", "tsc-alias", configs="tsconfig*.json", runs_packages=False, beside=""),
    BundlerRow("ngc", "@angular/compiler-cli", runs_packages=False, beside="", uses="typescript"),
    BundlerRow(
        "nest", "@nestjs/cli", ("build",), "nest-cli.json", runs_packages=False, beside="",
        check=_by_typescript, uses="@swc/core typescript",
    ),
    BundlerRow("esbuild", "esbuild", runs_packages=False, beside="", uses="esbuild"),
    BundlerRow("swc", "@swc/cli", configs=".swcrc", runs_packages=False, beside="", uses="@swc/core"),
    BundlerRow("babel", "@babel/cli", configs="babel.config.* .babelrc*"),
    BundlerRow(
        "vite", "vite", ("build",),
        "vite.config.* postcss.config.* .postcssrc* tailwind.config.* svelte.config.* uno.config.* "
        "unocss.config.* babel.config.* .babelrc* windi.config.* react-router.config.*",
        check=_is_static,
        beside=f"{_SINGLE} node_modules/.vite .svelte-kit .react-router node_modules/.tmp",
    ),
    BundlerRow("rollup", "rollup", None,
            "rollup.config.* babel.config.* .babelrc* postcss.config.* tailwind.config.*"),
    BundlerRow("tsup", "tsup", None, "tsup.config.* postcss.config.* tailwind.config.*"),
    BundlerRow("tsdown", "tsdown", None, "tsdown.config.*"),
    BundlerRow("unbuild", "unbuild", None, "build.config.* build.preset.*"),
    BundlerRow("microbundle", "microbundle", None, ".babelrc* babel.config.*"),
    BundlerRow(
        "webpack webpack-cli", "webpack", None,
        "webpack.* webpack.config.* babel.config.* .babelrc* postcss.config.* .postcssrc* tailwind.config.* "
        ".swcrc .browserslistrc",
    ),
    BundlerRow("rspack", "@rspack/cli", None, "rspack.config.* postcss.config.* tailwind.config.*"),
    BundlerRow("rsbuild", "@rsbuild/core", ("build",), "rsbuild.config.* postcss.config.* tailwind.config.*"),
    BundlerRow(
        "react-scripts", "react-scripts", ("build",), "postcss.config.* tailwind.config.* .babelrc*",
    ),
    BundlerRow("craco", "@craco/craco", ("build",),
            "craco.config.* .cracorc* postcss.config.* tailwind.config.*"),
    BundlerRow("react-app-rewired", "react-app-rewired", ("build",), "config-overrides.* tailwind.config.*"),
    BundlerRow(
        "vue-cli-service", "@vue/cli-service", ("build",),
        "vue.config.* babel.config.* .babelrc* postcss.config.* .postcssrc* tailwind.config.*",
    ),
    BundlerRow(
        "ng", "@angular/cli", ("build",),
        "angular.json webpack.* *.webpack.* postcss.config.* .postcssrc* tailwind.config.* esbuild/*.js",
        beside=f"{_SINGLE} .angular", check=_by_builders,
    ),
    BundlerRow("parcel", "parcel", ("build",),
            ".parcelrc .babelrc* babel.config.* .postcssrc* postcss.config.* "
            "tailwind.config.*", beside=f"{_SINGLE} .parcel-cache"),
    BundlerRow(
        "next", "next", ("build", "export"),
        "next.config.* postcss.config.* tailwind.config.* .babelrc* babel.config.* mdx-components.*",
        runs_sources=True, beside=".next node_modules/.cache", check=_exports,
    ),
    BundlerRow(
        "astro", "astro", ("build", "check", "sync"),
        "astro.config.* postcss.config.* tailwind.config.* svelte.config.*", runs_sources=True,
        beside=f".astro node_modules/.astro {_SINGLE} node_modules/.vite",
    ),
    BundlerRow("eleventy", "@11ty/eleventy", None, ".eleventy.js eleventy.config.*", runs_sources=True,
            beside=f".cache {_SINGLE}", check=_by_templates),
    BundlerRow("vitepress", "vitepress", ("build",), "", runs_sources=True,
            beside=f"{_SINGLE} .vitepress/cache .vitepress/.temp"),
    BundlerRow("vuepress", "vuepress", ("build",), "", runs_sources=True,
            beside=f"{_SINGLE} .vuepress/.cache .vuepress/.temp"),
    BundlerRow(
        "docusaurus", "@docusaurus/core", ("build",), "docusaurus.config.* sidebars.* babel.config.*",
        runs_sources=True, beside=f".docusaurus {_SINGLE}",
    ),
    BundlerRow(
        "nuxt nuxi", "nuxt", ("generate", "prepare"), "nuxt.config.* tailwind.config.* postcss.config.*",
        runs_sources=True, beside=f".nuxt .output/server .output/nitro.json .data {_SINGLE}",
    ),
    BundlerRow(
        "gatsby", "gatsby", ("build",), "gatsby-config.* gatsby-node.* gatsby-ssr.* tailwind.config.*",
        runs_sources=True, beside=f".cache {_SINGLE}",
    ),
    BundlerRow(
        "vite-ssg", "vite-ssg", ("build",), "vite.config.* postcss.config.* tailwind.config.* uno.config.*",
        runs_sources=True, beside=f"{_SINGLE} node_modules/.vite .vite-ssg-temp",
    ),
    BundlerRow("tailwindcss tailwind", "tailwindcss", None, "tailwind.config.* postcss.config.*"),
    BundlerRow("postcss", "postcss-cli", None, "postcss.config.* .postcssrc* tailwind.config.*"),
    BundlerRow("sass", "sass", None, "", runs_packages=False, beside="", uses="@parcel/watcher"),
    BundlerRow("lessc", "less", None, ""),
    BundlerRow("terser", "terser", None, "", runs_packages=False, beside=""),
    BundlerRow("uglifyjs", "uglify-js", None, "", runs_packages=False, beside=""),
    BundlerRow("cleancss", "clean-css-cli", None, "", runs_packages=False, beside=""),
    BundlerRow("html-minifier html-minifier-terser", "html-minifier-terser", None,
               runs_packages=False, beside=""),
    BundlerRow("svgo", "svgo", None, "svgo.config.*"),
    BundlerRow("svelte-kit", "@sveltejs/kit", ("sync",), "svelte.config.*", beside=".svelte-kit"),
    BundlerRow("svelte-check", "svelte-check", None, "svelte.config.*"),
    BundlerRow("panda", "@pandacss/dev", ("codegen",), "panda.config.*"),
    BundlerRow("graphql-codegen gql-gen", "@graphql-codegen/cli", None,
            "codegen.* .graphqlrc* graphql.config.*"),
    BundlerRow("lingui", "@lingui/cli", ("compile", "extract"), "lingui.config.*"),
)  # fmt: skip


def bundler_of(name: str, operands: tuple[str | None, ...]) -> BundlerRow | None:
    """The row of a program, by its name and what it is told."""
    row = next((b for b in BUNDLERS if name in words(b.names)), None)
    if row is None or row.verbs is None:
        return row
    verb = next((o for o in operands if o is None or not o.startswith("-")), "")
    return row if verb in row.verbs else None


# -- the effect

_PRERENDERING = frozenset(
    words(
        "@sveltejs/kit vite-ssg vike vite-plugin-ssr @react-router/dev @remix-run/dev @tanstack/react-start "
        "@tanstack/start @tanstack/solid-start @analogjs/platform @builder.io/qwik-city @solidjs/start "
        "vite-react-ssg vite-ssr react-ssr-prepass static-site-generator-webpack-plugin vite-plugin-ssg "
        "@prerenderer/rollup-plugin vite-plugin-qwik @docusaurus/core astro waku @lynx-js/rspeedy"
    )
)
"""Packages that, in a configuration, have a bundler run the project's own sources to make pages of them."""
_EVALUATING = frozenset(
    words(
        "preval.macro babel-plugin-preval codegen.macro babel-plugin-codegen val-loader unplugin-macros "
        "vite-plugin-compile-time vite-plugin-macro @linaria/babel-preset @linaria/vite @linaria/rollup "
        "@linaria/webpack-loader @linaria/webpack5-loader @linaria/esbuild @wyw-in-js/babel-preset "
        "@wyw-in-js/vite @wyw-in-js/rollup @wyw-in-js/webpack-loader @vanilla-extract/vite-plugin "
        "@vanilla-extract/webpack-plugin @vanilla-extract/rollup-plugin @vanilla-extract/esbuild-plugin "
        "@compiled/webpack-loader @compiled/parcel-transformer handlebars-loader"
    )
)
"""Packages with which some sources are run where they are bundled."""
_BY_LOADERS = frozenset(
    words(
        "webpack @rspack/cli @rsbuild/core react-scripts @craco/craco react-app-rewired @vue/cli-service "
        "@angular/cli next @docusaurus/core gatsby vuepress nuxt"
    )
)
"""Packages that bundle by webpack's loaders, which a source may name."""
_CONFIG = expression(
    r"(?:--?[\w-]*(?:config|conf|plugin|require|import|loader|preset|transform|override|use|parser|syntax"
    r"|stringifier)[\w-]*|-[crpu])(?:=(.*))?"
)
_PATHS_IN_PACKAGE = words("cracoConfig config-overrides-path")
_IN_PACKAGE = words("babel postcss parcel vite tsup swc browserify stylelint")
"""What package.json itself configures."""
_OUT = expression(r"(?:\.{1,2}/|/).*")
_NATIVE_WORD = expression(r".*\.node\b.*|.*(?:^|[=:/])node_modules/.*\.node.*")


def bundles(call: Call, row: BundlerRow) -> Effect:
    """The effect of a bundler. Raises UntoldError."""
    if call.directory is None:
        raise UntoldError("where it runs cannot be told", "set it by WORKDIR")
    check_surroundings(call)
    found = manifest(call, call.directory)
    account = open_account(call, found)
    if row.package not in account.lock.names:
        raise UntoldError(f"{row.package} is not in {account.lock.file}, so that its version cannot be told")
    if any(p.is_local for p in account.lock.packages if p.name == row.package):
        raise UntoldError(f"{row.package} is a package of the project's own, which is not followed")
    if None in call.texts:
        raise UntoldError("what it is told cannot be told from the text", "write it out")
    bad = next((t for t in call.texts[1:] if t is not None and _NATIVE_WORD.match(t)), None)
    if bad is not None:
        raise UntoldError(f"`{bad[:40]}` has native modules taken along")
    if row.check is not None:
        row.check(call, found, account)
    natives = frozenset(p.name for p in account.lock.packages if p.is_variant or p.has_script)
    check_links(call, found)
    check_taken(call, found, natives, has_environment=row.runs_packages)
    if any(text is not None and names_file_of(text, natives) for text in call.texts[1:]):
        raise UntoldError(f"`{call.spelled()}` takes files of a package that may have something native")
    if row.runs_packages or row.configs:
        _check_what_runs(call, row, found, account)
    used = None if row.runs_packages else frozenset(words(row.uses))
    account = checked(call, account, used)
    return _effect(call, row, found, account)


def _check_what_runs(call: Call, row: BundlerRow, found: PackageJson, account: Account) -> None:
    """Looks into what of the project runs to make the output. Raises UntoldError."""
    root = manifest(call, account.folder)
    local = (root, found, *members(call, root))
    own = next((m for m in local if call.program_name in m.programs), None)
    if own is not None:
        raise UntoldError(f"{own.file} brings a program of that name")
    natives = frozenset(p.name for p in account.lock.packages if p.is_variant or p.has_script)
    in_project = {p.name for p in account.lock.packages if p.is_local}
    known = account.lock.names - in_project
    check_patches(call, found)
    taken = check_configuration(call, _start(call, found, row), known, local, natives)
    if row.package in _BY_LOADERS:
        asked = {name for one in local for name, _ in one.asked}
        names = in_project.union((m.name for m in local), asked - account.lock.names)
        check_loaders(call, found, frozenset(names))
    check_templates(call, found)
    for path in _files(call, found, (".env*",)):
        check_variables(path, standing(call, path) or "")
    has_pages = row.runs_sources or not _PRERENDERING.isdisjoint(taken)
    if has_pages or not _EVALUATING.isdisjoint(account.lock.names):
        check_sources(call, found, local, has_pages=has_pages)


def _start(call: Call, found: PackageJson, row: BundlerRow) -> Iterator[str]:
    """The files of configuration to begin with: those of the row, and those that are named."""
    yield from _files(call, found, words(row.configs))
    yield from _placed(call, found, words(row.configs))
    told = json.dumps([found.data.get(key) for key in _IN_PACKAGE])
    yield from named_in_data(call, posixpath.join(found.folder, "package.json"), told)
    own = (
        posixpath.join(found.folder, str(found.data[key])) for key in _PATHS_IN_PACKAGE if key in found.data
    )
    yield from (p for name in own if (p := found_script(call, name)) is not None)
    given = call.texts[1:]
    for at, text in enumerate(given):
        option = _CONFIG.fullmatch(text or "")
        if option is None:
            continue
        first = (option[1],) if option[1] is not None else given[at + 1 : at + 2]
        if None in first:
            raise UntoldError("which configuration it reads cannot be told")
        for name in _listed(first if option[1] is not None else _values(given[at + 1 :])):
            path = found_script(call, name)
            if path is not None:
                yield path
        for name in _listed(first):
            if re.search(r"\.[cm]?[jt]s(?:on)?$", name):
                path = call.seen(name)
                if path is None or standing(call, path) is None:
                    raise UntoldError(f"{name[:60]} is not in the build context")
                yield path


def _listed(told: Iterable[str | None]) -> Iterator[str]:
    """The names that words give, one or several between commas."""
    yield from (name for word in told for name in (word or "").split(",") if name)


def _files(call: Call, found: PackageJson, patterns: tuple[str, ...]) -> Iterator[str]:
    """The files of the project whose names match: where it lies or below, and beside what is around it, for
    many tools look upwards.
    """
    start, folder = posixpath.dirname(found.file), found.folder
    below = told_once(call, _matching, start, patterns, True)
    yield from (posixpath.join(folder, inner) for inner in below)
    while start and folder != "/":
        start, folder = posixpath.dirname(start), posixpath.dirname(folder)
        for name in told_once(call, _matching, start, patterns, False):
            path = posixpath.join(folder, name)
            if context_file(call, path) == posixpath.join(start, name):
                yield path


def _placed(call: Call, found: PackageJson, patterns: tuple[str, ...]) -> Iterator[str]:
    """The same where they stand under a name or in a folder that the build context does not have them in:
    brought by COPY or a mount, or made in the stage.
    """
    told = (call.seen(text) for text in call.texts[1:] if text is not None and not text.startswith("-"))
    folders = (*ancestors(found.folder), *(place for place in told if place is not None))
    wanted = told_once(call, _names_like, patterns)
    made = [w.path for w in call.writes if w.path is not None and not (w.is_empty or is_installed(w))]
    made += [path for mount in call.run.mounts if (path := mount_target(call, mount)) is not None]
    paths = [posixpath.join(folder, name) for folder in folders for name in wanted]
    paths += [
        path
        for path in made
        if posixpath.dirname(path) in folders or is_within(path, found.folder)
        if any(fnmatchcase(posixpath.basename(path), p) for p in patterns)
    ]
    for path in dict.fromkeys(paths):
        if path in made or (context_file(call, path) and standing(call, path) is not None):
            yield path


def _values(given: tuple[str | None, ...]) -> tuple[str | None, ...]:
    """The words behind an option, up to the next one."""
    end = next((n for n, word in enumerate(given) if word is None or word.startswith("-")), len(given))
    return given[:end]


def _names_like(context: Context, patterns: tuple[str, ...]) -> Sequence[str]:
    """The names of files of the build context, without folders, that match."""
    named = {posixpath.basename(file) for file in context.files()}
    return [n for n in sorted(named) if any("/" not in p and fnmatchcase(n, p) for p in patterns)]


def _matching(context: Context, start: str, patterns: tuple[str, ...], is_deep: bool) -> Sequence[str]:
    """The files of a folder of the build context that match, by their paths in it: `is_deep`: or below."""
    prefix = f"{start}/" if start else ""
    found = []
    for file in context.files(start):
        inner = file.removeprefix(prefix)
        if "node_modules/" in inner or (not is_deep and "/" in inner):
            continue
        name = posixpath.basename(inner)
        if any(fnmatchcase(inner if "/" in p else name, p) for p in patterns):
            found.append(inner)
    return found


def _effect(call: Call, row: BundlerRow, found: PackageJson, account: Account) -> Effect:
    made = join(w.kind for w in call.writes.where(is_telling))
    kind = join((seen_kind(call), made, call.stdin))
    named = (text.rpartition("=")[2] for text in call.texts[1:] if text is not None)
    places = tuple(dict.fromkeys((found.folder, *(n for n in named if _OUT.fullmatch(n)))))
    if not kind.is_right:
        wrong = next((w for w in call.writes.where(is_telling) if not w.kind.is_right), None)
        where = f": `{wrong.text}` of line {wrong.place.line}" if wrong is not None else ""
        raise UntoldError(f"what it reads depends on the machine, or cannot be told{where}")
    evidence = Evidence(f"`{call.spelled()}` makes the same on every machine", call.place)
    return Effect(
        writes=(*(_output(call, place, kind) for place in places), *_beside(call, found, row)),
        reads=(found.folder,),
        output=Kind.BUILD,
        evidence=(evidence, *account.evidence),
        notes=account.notes,
        questions=account.questions,
        toolchain="node",
    )


def _output(call: Call, place: str, kind: Kind) -> Write:
    return replace(write(call, place, kind), adds=True, is_listed=True)


def _beside(call: Call, found: PackageJson, row: BundlerRow) -> Iterator[Write]:
    folders = {found.folder, call.directory or found.folder}
    for folder in sorted(folders):
        yield from (put(call, posixpath.join(folder, name)) for name in words(row.beside))
