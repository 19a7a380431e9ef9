"""How addresses name the machine that a program is for: any name of an architecture, and by vendor what the
others are called in its place.

Sources: the release pages themselves, as public build files and package recipes address them; BuildKit's and
the kernel's names are in `xbuild.architectures`. `since` is not the first release with both files, but one
that is known to have them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from xbuild.architectures import ARCHITECTURES
from xbuild.text import expression, value

_NAMES = {
    name.lower(): row.architecture
    for row in ARCHITECTURES
    for name in (*row.names, row.uname, row.npm, row.wheel)
    if name not in ("", "arm", "x86")
}
# What vendors say besides, and GCC's option.
_NAMES |= dict.fromkeys(("linux64", "lin64", "m64", "linux-64", "64bit"), "amd64") | {"aarch_64": "arm64"}

_ADDRESS = expression(r"\w+://|[\w-]+(\.[\w-]+)+(:\d+)?/")
_OTHER_SYSTEM = expression(r"(?<![a-z])(windows|win(32|64)?|darwin|macos|osx|apple)(?![a-z])", re.IGNORECASE)


@lru_cache(maxsize=64)
def names_of(wanted: tuple[str, ...] | None = None) -> re.Pattern[str]:
    """What the architectures, all or these, are called."""
    names = sorted((n for n, of in _NAMES.items() if wanted is None or of in wanted), key=len, reverse=True)
    return re.compile(rf"(?<![A-Za-z0-9])(?:{'|'.join(map(re.escape, names))})(?![A-Za-z0-9])", re.IGNORECASE)


def architectures_in(text: str, wanted: tuple[str, ...] | None = None) -> set[str]:
    """Docker's names of the architectures that a text names, among `wanted` ones."""
    return {_NAMES[found.lower()] for found in names_of(wanted).findall(text)}


def is_for_one(address: str | None, machines: frozenset[str]) -> bool:
    """Whether an address says that what it brings is for one architecture of Linux, which is not known to be
    that of all machines that build.
    """
    if address is None or _ADDRESS.match(address) is None or _OTHER_SYSTEM.search(address):
        return False
    named = architectures_in(address)
    return bool(named) and not (len(named) == 1 and named == machines)


@value()
class ReleasePage:
    """Where a vendor's programs are, and what each machine is called there, by Docker's name.

    In `address` stand `{name}` for that, `{version}` for the version, `{tag}` for where GitHub has a release,
    `*` for anything up to a slash. A folder in an archive may be called as the archive is, or else `inside`.
    """

    address: str
    names: Mapping[str, str]
    since: tuple[int, ...] = ()
    inside: str = ""


_SPELLINGS: Mapping[str, Mapping[str, str]] = {
    "docker": {"amd64": "amd64", "arm64": "arm64"},
    "kernel": {"amd64": "x86_64", "arm64": "aarch64"},
    "node": {"amd64": "x64", "arm64": "arm64"},
    "protoc": {"amd64": "x86_64", "arm64": "aarch_64"},
    "mixed": {"amd64": "x86_64", "arm64": "arm64"},
    "gnu": {"amd64": "x86_64-unknown-linux-gnu", "arm64": "aarch64-unknown-linux-gnu"},
    "musl": {"amd64": "x86_64-unknown-linux-musl", "arm64": "aarch64-unknown-linux-musl"},
    "gnu-or-musl": {"amd64": "x86_64-unknown-linux-gnu", "arm64": "aarch64-unknown-linux-musl"},
}
_PAGES = """
docker 1.12 https://go.dev/dl/go{version}.linux-{name}.tar.gz
docker 1.12 https://golang.org/dl/go{version}.linux-{name}.tar.gz
docker 1.12 https://dl.google.com/go/go{version}.linux-{name}.tar.gz
docker 1.12 https://storage.googleapis.com/golang/go{version}.linux-{name}.tar.gz
node 8 https://nodejs.org/dist/v{version}/node-v{version}-linux-{name}.tar.*
docker 1.12 https://dl.k8s.io/release/v{version}/bin/linux/{name}/*
docker 1.12 https://storage.googleapis.com/kubernetes-release/release/v{version}/bin/linux/{name}/*
kernel 0 https://awscli.amazonaws.com/awscli-exe-linux-{name}.zip
kernel 2.0.30 https://awscli.amazonaws.com/awscli-exe-linux-{name}-{version}.zip
docker 1.3 https://releases.hashicorp.com/*/{version}/*_{version}_linux_{name}.zip
protoc 3.5 https://github.com/protocolbuffers/protobuf/{tag}/protoc-{version}-linux-{name}.zip
protoc 3.5 https://github.com/google/protobuf/{tag}/protoc-{version}-linux-{name}.zip
kernel 1 https://github.com/bufbuild/buf/{tag}/buf-Linux-{name}
kernel 1 https://github.com/bufbuild/buf/{tag}/buf-Linux-{name}.tar.gz
docker 0.104 https://github.com/gohugoio/hugo/{tag}/hugo_{version}_linux-{name}.*
docker 0.104 https://github.com/gohugoio/hugo/{tag}/hugo_extended_{version}_linux-{name}.*
gnu 0.20 https://github.com/getzola/zola/{tag}/zola-v{version}-{name}.tar.gz
musl 0.4.36 https://github.com/rust-lang/mdBook/{tag}/mdbook-v{version}-{name}.tar.gz
gnu-or-musl 0.4.36 https://github.com/rust-lang/mdBook/{tag}/mdbook-v{version}-{name}.tar.gz
node 3 https://github.com/tailwindlabs/tailwindcss/{tag}/tailwindcss-linux-{name}
node 1.53 https://github.com/sass/dart-sass/{tag}/dart-sass-{version}-linux-{name}.tar.gz
docker 4 https://github.com/upx/upx/{tag}/upx-{version}-{name}_linux.tar.xz
docker 1.7 https://github.com/jqlang/jq/{tag}/jq-linux-{name}
docker 4 https://github.com/mikefarah/yq/{tag}/yq_linux_{name}
docker 4 https://github.com/mikefarah/yq/{tag}/yq_linux_{name}.tar.gz
mixed 0.2.600 https://github.com/a-h/templ/{tag}/templ_Linux_{name}.tar.gz
docker 1.20 https://github.com/sqlc-dev/sqlc/{tag}/sqlc_{version}_linux_{name}.tar.gz
mixed 2.6 https://github.com/hadolint/hadolint/{tag}/hadolint-Linux-{name}
gnu 1.41 https://github.com/denoland/deno/{tag}/deno-{name}.zip
kernel 1.2.4 https://github.com/Yelp/dumb-init/{tag}/dumb-init_{version}_{name}
docker 0.18 https://github.com/krallin/tini/{tag}/tini-{name}
docker 0.18 https://github.com/krallin/tini/{tag}/tini-static-{name}
docker 1.10 https://github.com/tianon/gosu/{tag}/gosu-{name}
docker 0.4.5 https://github.com/grpc-ecosystem/grpc-health-probe/{tag}/grpc_health_probe-linux-{name}
docker 4.15 https://github.com/golang-migrate/migrate/{tag}/migrate.linux-{name}.tar.gz
docker 3 https://get.helm.sh/helm-v{version}-linux-{name}.tar.gz linux-{name}/
"""
_TAGS = r"releases/(?:download/(?:[\w.]+-)?v?{version}|latest/download)"
_VERSION = expression(r"\d+(\.\d+)*")


@value()
class VendorNames:
    """How an address names a machine: the word that stands in it, and what stands there for each machine."""

    word: str
    names: Mapping[str, str]
    inside: str = ""


@lru_cache(maxsize=1)
def _pages() -> tuple[ReleasePage, ...]:
    rows = (line.split() for line in _PAGES.strip().splitlines())
    return tuple(
        ReleasePage(address, _SPELLINGS[names], tuple(map(int, since.split("."))), *inside)
        for names, since, address, *inside in rows
    )


def spelling_of(address: str) -> VendorNames | None:
    """The vendor's names in an address, which is known as a whole; None where they are not known, or for a
    release that may not have every one.
    """
    for page in _pages() if "*" not in address else ():
        for word in page.names.values():
            found = _place(page.address, word).fullmatch(address)
            if found is not None and _is_since(found.groupdict().get("version"), page.since):
                return VendorNames(word, page.names, page.inside.replace("{name}", word))
    return None


def told_by(variable: str, names: VendorNames) -> str:
    """What gives a vendor's name of a platform in a script, by Docker's name of it in a variable."""
    if all(docker == name for docker, name in names.names.items()):
        return f"${{{variable}}}"
    arms = " ".join(f"({docker}) echo {name} ;;" for docker, name in names.names.items())
    return f"$(case ${variable} in {arms} esac)"


@lru_cache(maxsize=256)
def _place(address: str, word: str) -> re.Pattern[str]:
    text = re.escape(address).replace(r"\*", "[^/]*").replace(r"\{name\}", re.escape(word))
    text = text.replace(r"\{tag\}", _TAGS).replace(r"\{version\}", "{version}")
    text = text.replace("{version}", r"(?P<version>[\w.+-]+?)", 1).replace("{version}", "(?P=version)")
    return re.compile(text.replace("https:", "https?:", 1))


def _is_since(version: str | None, since: tuple[int, ...]) -> bool:
    """Whether a release is not older; one without a number is the newest."""
    number = _VERSION.match(version) if version else None
    if version and number is None:
        return False
    return number is None or tuple(map(int, number[0].split("."))) >= since
