"""Sites and what else is text made of text, one build of which does for all platforms: Hugo, Jekyll, MkDocs,
Sphinx, mdBook, Zola, Sass, Elm, Dart to JavaScript, PHP's packages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xbuild.plan.table import Work

if TYPE_CHECKING:
    from xbuild.plan.toolchains.sites.sites_toolchain import TOOLCHAIN as TOOLCHAIN

WORK = (
    Work(
        "site build",
        "hugo, mkdocs build, sphinx-build, mdbook build, zola build, sass, elm make, jekyll build, "
        "bundle exec jekyll",
    ),
    Work("composer install", "composer install, composer i"),
)


def __getattr__(name: str) -> Any:
    if name == "TOOLCHAIN":
        from xbuild.plan.toolchains.sites.sites_toolchain import TOOLCHAIN

        return TOOLCHAIN
    raise AttributeError(name)
