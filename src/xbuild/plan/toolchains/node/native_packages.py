"""Packages with something native in them, a row each, and what is known of what they do to an output.

A package that only computes gives bytes that its input decides. Where no row says that these bytes were
compared on machines of both kinds, the plan says that they come from the build machine.

Sources: the packages' own package.json (`os`, `cpu`, `libc`, `optionalDependencies`, `scripts`) and READMEs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum
from fnmatch import fnmatchcase

from xbuild.plan.table import words
from xbuild.text import value


class Part(StrEnum):
    """What a native package has to do with an output."""

    COMPUTES = "computes"  # bytes that its input decides
    ASIDE = "aside"  # nothing of it reaches the output: it watches files, prints, tests, talks
    TEXT = "text"  # what its install script does is the same everywhere
    MACHINE = "machine"  # what it makes names the machine, or is for it


@value()
class NativePackage:
    """Names (patterns), the part that it plays, and what it is for readers."""

    names: str
    part: Part
    what: str


_ROWS = (
    NativePackage("esbuild @esbuild/* esbuild-*", Part.COMPUTES, "esbuild"),
    NativePackage("rollup @rollup/rollup-*", Part.COMPUTES, "rollup's parser"),
    NativePackage("@swc/core @swc/core-* @swc/html @swc/html-* @swc/css @swc/css-*", Part.COMPUTES, "swc"),
    NativePackage("@next/swc-*", Part.COMPUTES, "next's swc"),
    NativePackage("lightningcss lightningcss-*", Part.COMPUTES, "lightningcss"),
    NativePackage("@tailwindcss/oxide @tailwindcss/oxide-*", Part.COMPUTES, "tailwindcss"),
    NativePackage("rolldown @rolldown/binding-*", Part.COMPUTES, "rolldown"),
    NativePackage("@rspack/binding @rspack/binding-*", Part.COMPUTES, "rspack"),
    NativePackage("oxc-* @oxc-*/binding-* @oxc-*/*", Part.COMPUTES, "oxc"),
    NativePackage("@biomejs/biome @biomejs/cli-*", Part.ASIDE, "biome"),
    NativePackage("oxlint @oxlint/*", Part.ASIDE, "oxlint"),
    NativePackage("oxfmt @oxfmt/* dprint @dprint/*", Part.ASIDE, "a formatter of sources"),
    NativePackage(
        "@parcel/source-map @parcel/fs-search @parcel/rust @parcel/rust-*", Part.COMPUTES, "parcel"
    ),
    NativePackage("sass-embedded sass-embedded-*", Part.COMPUTES, "sass"),
    NativePackage("node-sass", Part.COMPUTES, "node-sass"),
    NativePackage("@bufbuild/buf @bufbuild/buf-*", Part.COMPUTES, "buf"),
    NativePackage(
        "typescript @typescript/typescript-* @typescript/native-preview @typescript/native-preview-*",
        Part.COMPUTES,
        "typescript",
    ),
    NativePackage("@astrojs/compiler-*", Part.COMPUTES, "astro's compiler"),
    NativePackage("@minify-html/node @minify-html/node-*", Part.COMPUTES, "minify-html"),
    NativePackage("@resvg/resvg-js @resvg/resvg-js-*", Part.COMPUTES, "resvg"),
    NativePackage("@node-rs/* @napi-rs/simple-git*", Part.COMPUTES, "node-rs"),
    NativePackage("sharp @img/sharp-*", Part.COMPUTES, "sharp"),
    NativePackage(
        "mozjpeg optipng-bin gifsicle jpegtran-bin pngquant-bin cwebp-bin", Part.COMPUTES, "imagemin"
    ),
    NativePackage("lmdb @lmdb/lmdb-* msgpackr-extract @msgpackr-extract/*", Part.ASIDE, "lmdb, a cache"),
    NativePackage("@parcel/watcher @parcel/watcher-* fsevents", Part.ASIDE, "a watcher of files"),
    NativePackage("unrs-resolver @unrs/resolver-binding-*", Part.ASIDE, "a resolver of imports"),
    NativePackage("nice-napi", Part.ASIDE, "the priority of a thread"),  # piscina's README, `niceIncrement`
    NativePackage("bufferutil utf-8-validate", Part.ASIDE, "an extension of ws"),
    NativePackage("cypress", Part.ASIDE, "a browser for tests"),
    NativePackage("nx @nx/nx-*", Part.ASIDE, "nx"),
    NativePackage("turbo turbo-*", Part.ASIDE, "turbo"),
    NativePackage("@sentry/cli @sentry/cli-*", Part.ASIDE, "sentry's command line"),
    NativePackage("husky yorkie simple-git-hooks lefthook lefthook-* pre-commit", Part.ASIDE, "hooks of git"),
    NativePackage(
        "core-js core-js-pure core-js-bundle es5-ext styled-components protobufjs @nestjs/core nodemon ejs "
        "postinstall-postinstall vue-demi msw bootstrap-vue @angular/cli @scarf/scarf "
        "@firebase/util svelte-preprocess @clerk/shared "
        "@fortawesome/fontawesome-free @fortawesome/fontawesome-common-types "
        "@fortawesome/fontawesome-svg-core @fortawesome/free-solid-svg-icons "
        "@fortawesome/free-brands-svg-icons @fortawesome/free-regular-svg-icons",
        Part.TEXT,
        "an install script that prints, or changes its own text",
    ),
    NativePackage(
        "prisma @prisma/client @prisma/engines", Part.MACHINE, "what prisma generates names its engine"
    ),
    NativePackage("puppeteer puppeteer-core playwright playwright-core", Part.MACHINE, "a headless browser"),
    NativePackage("electron electron-*", Part.MACHINE, "electron is for the machine"),
    NativePackage("bytenode pkg nexe @yao-pkg/pkg", Part.MACHINE, "what it makes is for the machine"),
)
_EXACT = {name: row for row in _ROWS for name in words(row.names) if "*" not in name}
_PATTERNS = tuple((name, row) for row in _ROWS for name in words(row.names) if "*" in name)


def row_of(name: str) -> NativePackage | None:
    """What is known of a package, by its name."""
    found = _EXACT.get(name)
    return found or next((row for pattern, row in _PATTERNS if fnmatchcase(name, pattern)), None)


_SYSTEM = re.compile(r"(?:^|[-/])linux-(x64|arm64)(?:-(gnu|glibc|musl))?$")


def needed_variants(optional: Iterable[str]) -> tuple[str, ...]:
    """Those of a package's optional dependencies that a build machine needs, be it of one or the other
    architecture.
    """
    return tuple(name for name in optional if _SYSTEM.search(name))
