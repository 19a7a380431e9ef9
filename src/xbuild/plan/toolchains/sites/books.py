"""MkDocs and mdBook: their settings name the plugins that have a say, and a table tells what these do.

Sources: MkDocs' "Configuration" and "Command Line Interface"; Material for MkDocs' "Built-in plugins";
Python-Markdown's and PyMdown's lists of extensions; mdBook's "Configuration", "Preprocessors" and
"Alternative Backends"; the pages of the plugins named.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from typing import Any

from xbuild.plan.programs.grammar import Reading, Style
from xbuild.plan.programs.program import Program
from xbuild.plan.recipes.own_files import UntoldError, own_text
from xbuild.plan.table import words
from xbuild.plan.toolchain import Call
from xbuild.plan.toolchains.sites.site import (
    IMAGES,
    PYTHON,
    Found,
    builds,
    check_length,
    check_modules,
    is_in_context,
    known,
    toml,
)
from xbuild.text import expression

# -- MkDocs

_PLUGINS = frozenset(
    words(
        "search material/search material/blog material/tags material/privacy material/offline "
        "material/group material/meta material/typeset blog tags privacy offline group meta typeset "
        "awesome-pages awesome-nav literate-nav section-index "
        "minify redirects glightbox git-revision-date git-revision-date-localized git-authors "
        "include-markdown mermaid2 table-reader exclude i18n rss autorefs autolinks_plugin swagger-ui-tag "
        "print-site open-in-new-tab tooltips enumerate-headings roamlinks ezlinks callouts same-dir panzoom"
    )
)
"""None that runs or builds other projects (projects, techdocs-core), or tells of the machine (info)."""
_DRAWING = frozenset(words("social material/social optimize material/optimize"))
"""Plugins that compute images (Material's "Built-in social plugin", "Built-in optimize plugin")."""
_EXTENSIONS = frozenset(
    words(
        "abbr admonition attr_list codehilite def_list extra fenced_code footnotes legacy_attrs legacy_em "
        "meta md_in_html nl2br sane_lists smarty tables toc wikilinks mdx_math mdx_truly_sane_lists "
        "mdx_include markdown_include.include def_list"
    )
)
_FAMILIES = expression(r"(?:markdown\.extensions|pymdownx|material\.extensions)\.\w+$")
_OBJECTS = expression(r"(?:pymdownx|material|materialx|markdown|mermaid2)\.[\w.]+$")
_CURE = "leave it out, or build the site in the stage for the target"
_MOST_INHERITED = 5


def settings_of_site(text: str, path: str) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    """What `mkdocs.yml` holds, and the names of Python objects in it. Raises UntoldError."""
    import yaml

    check_length(text, path)
    names: list[str] = []

    class MkDocsLoader(yaml.SafeLoader):
        """MkDocs' own tags beside those of YAML."""

    def python(_loader: yaml.SafeLoader, suffix: str, _node: yaml.Node) -> None:
        names.append(suffix.partition(":")[2])

    def plain(loader: yaml.SafeLoader, node: yaml.Node) -> object:
        if isinstance(node, yaml.SequenceNode):
            return loader.construct_sequence(node)
        return loader.construct_scalar(node) if isinstance(node, yaml.ScalarNode) else None

    MkDocsLoader.add_multi_constructor("tag:yaml.org,2002:python/", python)
    for tag in ("!ENV", "!relative"):
        MkDocsLoader.add_constructor(tag, plain)
    try:
        found = yaml.load(text, MkDocsLoader)
    except (yaml.YAMLError, RecursionError, ValueError):
        raise UntoldError(f"{path} does not parse as YAML") from None
    if not isinstance(found, dict):
        raise UntoldError(f"{path} holds no settings")
    return found, tuple(names)


def _mkdocs(call: Call, given: Reading, folder: str) -> Found:
    check_modules(call)
    path = call.seen(given.value("-f")) if given.has("-f") else None
    if path is None:
        names = (posixpath.join(folder, name) for name in ("mkdocs.yml", "mkdocs.yaml"))
        path = next((p for p in names if own_text(call, p) is not None), None)
    if path is None:
        raise UntoldError("its mkdocs.yml is not in the build context", "COPY it from there")
    notes: dict[str, None] = {}
    sources: list[str] = []
    for settings, named, base in _inherited(call, path):
        sources += (posixpath.join(base, folder) for folder in _folders(settings))
        known(named, _Matching(_OBJECTS), "the Python object", _CURE)
        if settings.get("hooks"):
            raise UntoldError("hooks run scripts of the project", _CURE)
        known(_keys(settings.get("plugins")), _PLUGINS | _DRAWING, "the plugin", _CURE)
        extensions = [n for n in _keys(settings.get("markdown_extensions")) if n not in _EXTENSIONS]
        known(extensions, _Matching(_FAMILIES), "the Markdown extension", _CURE)
        if any(name in _DRAWING for name in _keys(settings.get("plugins"))):
            notes[IMAGES] = None
    return Found(tuple(notes), tuple(sources))


def _folders(settings: Mapping[str, Any]) -> Iterator[str]:
    """Other folders of which the site is made."""
    theme = settings.get("theme")
    own = theme.get("custom_dir") if isinstance(theme, dict) else None
    for folder in (settings.get("docs_dir"), own):
        if isinstance(folder, str):
            yield folder
        elif folder is not None:
            raise UntoldError("where its pages lie cannot be told")


def _inherited(call: Call, path: str) -> Iterator[tuple[Mapping[str, Any], tuple[str, ...], str]]:
    """The settings, with the Python objects in them and their folder, and those that they build upon
    (`INHERIT`).
    """
    for _ in range(_MOST_INHERITED):
        text = own_text(call, path)
        if text is None:
            raise UntoldError(f"{path} is not in the build context", "COPY it from there")
        settings, names = settings_of_site(text, path)
        yield settings, names, posixpath.dirname(path)
        above = settings.get("INHERIT")
        if above is None:
            return
        if not isinstance(above, str):
            raise UntoldError("what its settings build upon cannot be told")
        path = posixpath.normpath(posixpath.join(posixpath.dirname(path), above))
    raise UntoldError("its settings build upon too many others")


class _Matching:
    """Names that a pattern fits, as a container."""

    def __init__(self, pattern: Any) -> None:
        self.pattern = pattern

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.pattern.match(name) is not None


def _keys(told: object) -> list[object]:
    """The names in a list of names, or of mappings with a name each, or in one mapping."""
    if told is None:
        return []
    if isinstance(told, dict):
        return [*told]
    if not isinstance(told, list):
        raise UntoldError("its settings are not as MkDocs wants them")
    return [name for one in told for name in (one if isinstance(one, dict) else (one,))]


MKDOCS = Program(
    "mkdocs",
    "-q,--quiet -v,--verbose --color --no-color",
    style=Style.FIRST,
    verbs={
        "build": Program(
            "build",
            "-c,--clean --dirty -f,--config-file=< -s,--strict --no-strict -t,--theme= "
            "--use-directory-urls --no-directory-urls -d,--site-dir=/ -q,--quiet -v,--verbose",
            does=builds(_mkdocs),
        )
    },
    variables=PYTHON,
    is_extra=True,
)

# -- mdBook

_PREPROCESSORS = frozenset(
    words(
        "links index mermaid admonish toc katex pagetoc alerts emojicodes open-on-gh template variables "
        "footnote callouts"
    )
)
_RENDERERS = frozenset(words("html markdown linkcheck linkcheck2"))


def _mdbook(call: Call, _given: Reading, folder: str) -> Found:
    told = next((name for name in (*call.variables, *call.assignments) if name.startswith("MDBOOK_")), None)
    if told is not None:
        raise UntoldError(f"{told} changes its settings", "say it in book.toml")
    path = posixpath.join(folder, "book.toml")
    settings = toml(own_text(call, path) or "", path)
    for table, rows, what in (
        ("preprocessor", _PREPROCESSORS, "the preprocessor"),
        ("output", _RENDERERS, "the renderer"),
    ):
        told = settings.get(table, {})
        if not isinstance(told, dict) or not all(isinstance(own, dict) for own in told.values()):
            raise UntoldError(f"{path} is not as mdBook wants it")
        known(told, rows, what, _CURE)
        own = next((n for n in told if is_in_context(call, f"mdbook-{n}")), None)
        if own is not None:
            raise UntoldError(f"mdbook-{own} is a script of the project", _CURE)
        named = {name: own["command"] for name, own in told.items() if "command" in own}
        for name, command in named.items():
            known((command,), (f"mdbook-{name}",), "the command", _CURE)
    return Found()


def _backends(_call: Call) -> Iterator[str]:
    """The programs that mdBook may start; which ones, its settings tell."""
    yield from (f"mdbook-{name}" for name in sorted(_PREPROCESSORS | _RENDERERS))


MDBOOK = Program(
    "mdbook",
    style=Style.FIRST,
    verbs={"build": Program("build", "-d,--dest-dir=/", does=builds(_mdbook, source=0))},
    starts=_backends,
    is_extra=True,
)
