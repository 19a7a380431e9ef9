"""What vendors call other machines, by the addresses of their files."""

from __future__ import annotations

import pytest

from xbuild.plan.facts.releases import architectures_in, is_for_one, spelling_of

NONE: frozenset[str] = frozenset()
PROTOC = "https://github.com/protocolbuffers/protobuf/releases/download/v{0}/protoc-{0}-linux-{1}.zip"
MDBOOK = "https://github.com/rust-lang/mdBook/releases/download/v0.4.40/mdbook-v0.4.40-{}.tar.gz"


@pytest.mark.parametrize(
    ("address", "other"),
    [
        (PROTOC.format("24.3", "x86_64"), "aarch_64"),
        (MDBOOK.format("x86_64-unknown-linux-gnu"), "aarch64-unknown-linux-musl"),
        (MDBOOK.format("x86_64-unknown-linux-musl"), "aarch64-unknown-linux-musl"),
        ("https://nodejs.org/dist/v20.9.0/node-v20.9.0-linux-x64.tar.xz", "arm64"),
        ("http://go.dev/dl/go1.22.5.linux-amd64.tar.gz", "arm64"),
        ("https://github.com/bufbuild/buf/releases/latest/download/buf-Linux-x86_64", "aarch64"),
        ("https://github.com/jqlang/jq/releases/download/jq-1.7.1/jq-linux-amd64", "arm64"),
        ("https://github.com/tianon/gosu/releases/download/1.17/gosu-amd64", "arm64"),
    ],
)
def test_known(address: str, other: str) -> None:
    names = spelling_of(address)
    assert names is not None
    assert names.names["arm64"] == other
    back = spelling_of(address.replace(names.word, other))
    assert back is not None
    assert back.word == other


def test_a_static_program_stays_one() -> None:
    names = spelling_of(MDBOOK.format("aarch64-unknown-linux-musl"))
    assert names is not None
    assert names.names["amd64"] == "x86_64-unknown-linux-musl"


@pytest.mark.parametrize(
    "address",
    [
        PROTOC.format("3.4.0", "x86_64"),  # no file for arm64 yet
        PROTOC.format("24.3", "x86_64").replace("protoc-24.3", "protoc-24.4"),
        PROTOC.format("24.3", "x86_64") + "?raw=1",
        PROTOC.format("24.3", "x86_64") + "/x",
        PROTOC.format("24.3", "x86_64").replace("github.com", "github.com.example.org"),
        PROTOC.format("24.3", "x86_64").replace("https://", "https://mirror.example.org/"),
        PROTOC.format("*", "x86_64"),
        PROTOC.format("24.3", "win64"),
        "https://github.com/stedolan/jq/releases/download/jq-1.6/jq-linux64",
        "https://github.com/gohugoio/hugo/releases/download/v0.90.0/hugo_0.90.0_Linux-64bit.tar.gz",
        "https://github.com/bufbuild/buf/releases/download/nightly/buf-Linux-x86_64",
    ],
)
def test_not_known(address: str) -> None:
    assert spelling_of(address) is None


def test_addresses_for_one_machine() -> None:
    assert is_for_one("https://example.org/tool-linux-amd64", NONE)
    assert is_for_one("example.org/tool_Linux-64bit.tar.gz", NONE)
    assert is_for_one("https://example.org/tool-*-linux-x64", frozenset(("arm64",)))
    assert is_for_one("https://example.org/tool-linux-amd64", frozenset(("amd64", "arm64")))
    assert not is_for_one("https://example.org/tool-linux-amd64", frozenset(("amd64",)))
    assert not is_for_one("https://example.org/tool-darwin-amd64", NONE)
    assert not is_for_one("https://example.org/tool.jar", NONE)
    assert not is_for_one("/opt/tool-linux-amd64", NONE)
    assert not is_for_one(None, NONE)
    assert architectures_in("a_Linux_x86_64 linux-aarch_64 armv7") == {"amd64", "arm64", "arm"}
