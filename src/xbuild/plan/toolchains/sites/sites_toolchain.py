"""What the planner knows of generators of sites, and of programs whose output is text for every machine."""

from __future__ import annotations

from xbuild.plan.programs.generators import generator
from xbuild.plan.toolchain import Call, Effect, EqualCache, Toolchain
from xbuild.plan.toolchains.sites import WORK
from xbuild.plan.toolchains.sites.books import MDBOOK, MKDOCS
from xbuild.plan.toolchains.sites.composer import COMPOSER
from xbuild.plan.toolchains.sites.dart import DART
from xbuild.plan.toolchains.sites.hugo import HUGO, ZOLA
from xbuild.plan.toolchains.sites.jekyll import BUNDLER, GEM, JEKYLL
from xbuild.plan.toolchains.sites.site_images import IMAGES
from xbuild.plan.toolchains.sites.sphinx import SPHINX

PROGRAMS = (
    HUGO,
    ZOLA,
    MKDOCS,
    MDBOOK,
    SPHINX,
    COMPOSER,
    DART,
    JEKYLL,
    BUNDLER,
    GEM,
    generator("sass sassc elm"),
)


def judge(call: Call) -> Effect | None:  # noqa: ARG001
    """The descriptions say it all."""
    return None


TOOLCHAIN = Toolchain(
    name="sites",
    judge=judge,
    programs=PROGRAMS,
    images=IMAGES,
    # Composer "Config", cache-files-dir: archives by package and reference.
    equal_caches=(EqualCache(r".*/(\.cache/composer|\.composer/cache)", "archives by their reference"),),
    equal_variables=("COMPOSER_CACHE_DIR",),
    work=WORK,
)
