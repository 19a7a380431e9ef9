"""Jekyll: templates and plugins in Ruby; the gems that Bundler installs stay in the stage.

Bundler writes the machine into `Gemfile.lock`, which no site holds.

Sources: Jekyll's "Configuration Options", "Default Configuration" (exclude), "Plugins"; Bundler's
"bundle install", "bundle exec", "bundle config".
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

from xbuild.plan.facts.filesystem import Kind
from xbuild.plan.facts.positions import ancestors
from xbuild.plan.programs.grammar import Reading, Style
from xbuild.plan.programs.program import Program, plain, told_kind, write
from xbuild.plan.recipes.own_files import UntoldError, context_file, own_text
from xbuild.plan.table import words
from xbuild.plan.toolchain import Call, Effect
from xbuild.plan.toolchains.sites.site import NAME, Found, builds, check_length, known
from xbuild.text import expression

_PLUGINS = frozenset(
    words(
        "jekyll-feed jekyll-seo-tag jekyll-sitemap jekyll-paginate jekyll-redirect-from jemoji "
        "jekyll-mentions jekyll-relative-links jekyll-optional-front-matter jekyll-readme-index "
        "jekyll-titles-from-headings jekyll-default-layout jekyll-include-cache jekyll-remote-theme "
        "jekyll-gist jekyll-archives jekyll-toc jekyll-last-modified-at jekyll-avatar "
        "jekyll-github-metadata jekyll-commonmark jekyll-sass-converter jekyll-coffeescript "
        "jekyll-paginate-v2 github-pages kramdown-parser-gfm webrick"
    )
)
_CURE = "leave it out, or build the site in the stage for the target"
_GROUP = expression(
    r"^\s*group\s*\(?\s*:jekyll_plugins\b[^\n]*\bdo\b(.*?)^\s*end\b", re.DOTALL | re.MULTILINE
)
_SINGLE = expression(r"^\s*gem\s+[\"']([\w.-]+)[\"'][^\n;]*:jekyll_plugins", re.MULTILINE)
_GEM = expression(r"\s*gem\s*\(?\s*[\"']([\w.-]+)[\"'](?:\s*,\s*[\"'][^\"'\n]*[\"'])*\s*\)?\s*(?:#.*)?")
_BLANK = expression(r"\s*(?:#.*)?")
_STRANGE = expression(
    r"^\s*(?:eval|load|require|eval_gemfile|instance_eval|system|exec|plugin)\b|`|%x|RUBY_PLATFORM|RbConfig"
    r"|\bEtc\b|\bpopen|^\s*gem\b[^\n]*\bpath\b",
    re.MULTILINE,
)
_RUBY = words("RUBYOPT RUBYLIB BUNDLE_GEMFILE GEM_HOME GEM_PATH")
"""Variables that have Ruby load something else, or gems lie elsewhere."""
LEFT_OUT = ("Gemfile.lock", "vendor", ".bundle")
"""What Bundler writes into the folder, and no site holds by default."""


def _jekyll(call: Call, given: Reading, folder: str) -> Found:
    if any(name is None for name in given.values("--config")):
        raise UntoldError("its settings cannot be told")
    files = [f for told in given.values("--config") for f in (told or "").split(",")]
    for name in files or ("_config.yml", "_config.yaml"):
        path = call.seen(name) if files else posixpath.join(folder, name)
        _check_settings(own_text(call, path or "/") or "", path or name)
    if own_text(call, posixpath.join(folder, "_config.toml")) is not None:
        raise UntoldError("_config.toml is not looked into", "use _config.yml")
    if any(f"/{name}".endswith("/.bundle/config") for name in call.around.context.files()):
        raise UntoldError(".bundle/config is not looked into", "leave it out by .dockerignore")
    for place in dict.fromkeys((folder, *ancestors(call.directory or "/"))):
        gemfile = own_text(call, posixpath.join(place, "Gemfile")) or ""
        if _STRANGE.search(gemfile):
            raise UntoldError("its Gemfile does more than name gems", _CURE)
        known(_plugins_of(gemfile), _PLUGINS, "the plugin", _CURE)
    if _has_own_plugins(call, folder):
        raise UntoldError("the scripts in _plugins run here", _CURE)
    return Found()


def _check_settings(text: str, path: str) -> None:
    """Raises UntoldError for plugins that no row knows, and settings that keep other folders."""
    import yaml

    check_length(text, path)
    try:
        found: Any = yaml.safe_load(text) or {}
    except (yaml.YAMLError, RecursionError, ValueError):
        raise UntoldError(f"{path} does not parse as YAML") from None
    if not isinstance(found, dict):
        raise UntoldError(f"{path} holds no settings")
    elsewhere = next((key for key in ("plugins_dir", "source", "collections_dir") if key in found), None)
    if elsewhere is not None:
        raise UntoldError(f"{path} sets {elsewhere}", _CURE)
    included, excluded = ({str(n).strip("/") for n in found.get(key) or ()} for key in ("include", "exclude"))
    kept = {name for name in LEFT_OUT if any(fnmatchcase(name, pattern) for pattern in included)}
    if "exclude" in found:  # up to Jekyll 3 in place of the defaults
        kept |= set(() if "Gemfile.lock" in excluded else ("Gemfile.lock",))
        kept |= set(() if excluded & {"vendor", "vendor/bundle"} else ("vendor",))
    if kept:
        raise UntoldError(
            f"{path} may put {min(kept)}, which Bundler writes, into the site",
            "exclude: [Gemfile.lock, vendor]",
        )
    plugins = found.get("plugins") or found.get("gems") or []
    known(plugins if isinstance(plugins, list) else [plugins], _PLUGINS, "the plugin", _CURE)


def _plugins_of(gemfile: str) -> Iterator[str]:
    """The gems that Jekyll loads. Raises UntoldError where they are named in another way than one a line."""
    single, groups = _SINGLE.findall(gemfile), _GROUP.findall(gemfile)
    if gemfile.count("jekyll_plugins") != len(single) + len(groups):
        raise UntoldError("which gems of its Gemfile are plugins cannot be told", _CURE)
    yield from single
    for line in (line for inner in groups for line in inner.splitlines()):
        found = _GEM.fullmatch(line)
        if found is not None:
            yield found[1]
        elif _BLANK.fullmatch(line) is None:
            raise UntoldError("which gems of its Gemfile are plugins cannot be told", _CURE)


def _has_own_plugins(call: Call, folder: str) -> bool:
    names = (n for n in call.around.context.files() if "/_plugins/" in f"/{n}")
    return next(names, None) is not None or context_file(call, posixpath.join(folder, "_plugins")) is not None


_BUILD = Program(
    "build",
    "-s,--source=< -d,--destination=/ --config= --drafts -D --future --unpublished --lsi -l,--limit_posts= "
    "-b,--baseurl= -q,--quiet -V,--verbose -t,--trace --strict_front_matter --safe -I,--incremental "
    "--profile --disable-disk-cache",
    does=builds(_jekyll, source="-s", without=LEFT_OUT),
)
JEKYLL = Program(
    "jekyll",
    "-V,--verbose -t,--trace",
    style=Style.FIRST,
    verbs={"build": _BUILD, "b": _BUILD},
    variables=_RUBY,
    is_extra=True,
)

# -- Bundler

_GEMS = (
    "/usr/local/bundle",
    "/var/lib/gems",
    "/usr/local/lib/ruby",
    "/root/.bundle",
    "/root/.local/share/gem",
)


def _installs(call: Call, given: Reading) -> Effect | None:
    """Gems for this machine, and the lock file with its name."""
    if given.operands:
        return None
    here = call.directory or "/"
    made = [write(call, path, Kind.BUILD) for path in _GEMS]
    made += [write(call, posixpath.join(here, name), Kind.BUILD) for name in LEFT_OUT]
    return replace(plain(call, Kind.BUILD, made, (".",)), toolchain=NAME)


def _sets(call: Call, given: Reading) -> Effect | None:
    """`bundle config`: in the folder, or for the user."""
    keys = [o for o in given.operands if o not in ("set", "--local", "--global")]
    if len(keys) != 2 or keys[0] not in ("path", "without", "deployment", "jobs", "frozen", "retry"):
        return None
    if keys[0] == "path" and keys[1] not in (
        "vendor",
        "vendor/bundle",
        "./vendor/bundle",
        "/usr/local/bundle",
    ):
        return None
    places = (posixpath.join(call.directory or "/", ".bundle"), "/root/.bundle", "/usr/local/bundle")
    return replace(plain(call, told_kind(call), [write(call, p, Kind.BUILD) for p in places]), toolchain=NAME)


def _runs(call: Call, given: Reading) -> Effect | None:
    """`bundle exec jekyll …`."""
    at = next((n for n, text in enumerate(call.texts) if text == "exec"), None)
    if at is None or call.texts[at + 1 : at + 2] != ("jekyll",) or given.options:
        return None
    inner = replace(call, words=call.words[at + 1 :], texts=call.texts[at + 1 :], kinds=call.kinds[at + 1 :])
    return JEKYLL.effect(inner)


BUNDLER = Program(
    "bundle bundler",
    style=Style.FIRST,
    verbs={
        "install": Program(
            "install",
            "-j,--jobs= --retry= --quiet --deployment --frozen --without= --no-cache --local --clean",
            does=_installs,
        ),
        "config": Program("config", "--local --global", does=_sets),
        "exec": Program("exec", style=Style.NONE, does=_runs),
    },
    variables=(*_RUBY, *words("BUNDLE_PATH BUNDLE_APP_CONFIG BUNDLE_BIN BUNDLE_CACHE_PATH")),
    is_extra=True,
)


def _gem(call: Call, given: Reading) -> Effect | None:
    """Known gems for the stage's own use."""
    if not given.operands or any(name not in _OWN_GEMS for name in given.operands):
        return None
    return replace(plain(call, Kind.BUILD, [write(call, p, Kind.BUILD) for p in _GEMS]), toolchain=NAME)


_OWN_GEMS = frozenset(("jekyll", "bundler", *_PLUGINS))
GEM = Program(
    "gem",
    style=Style.FIRST,
    verbs={"install": Program("install", "-v,--version= -N,--no-document --no-doc -q,--quiet", does=_gem)},
    is_extra=True,
)
