"""Go build information in both formats, and in bytes that only look like it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.verify.builder import Elf, go_blob, go_text
from xbuild.verify.elf import ElfFile, open_elf
from xbuild.verify.languages.go.buildinfo import GoBuildInfo, Module, parse_text, read_build_info


def read(data: bytes) -> GoBuildInfo | None:
    elf = open_elf(data)
    assert isinstance(elf, ElfFile)
    return read_build_info(elf)


@pytest.mark.parametrize("architecture", ["amd64", "arm", "s390x", "386", "riscv64"])
def test_inline_since_1_18(architecture: str) -> None:
    text = go_text(["github.com/a/b\tv1.2.3\th1:sum="], GOARCH=architecture, CGO_ENABLED="0", tags="x,y")
    found = read(Elf(architecture, go=go_blob("go1.23.4", text)).build())
    assert found is not None
    assert found.go_version == "go1.23.4"
    assert found.path == "example.com/app"
    assert found.main == Module("example.com/app", "(devel)", "")
    assert found.deps == (Module("github.com/a/b", "v1.2.3", "h1:sum="),)
    assert found.setting("GOARCH") == architecture
    assert found.setting("-tags") == "x,y"
    assert found.setting("GOARM") is None


@pytest.mark.parametrize("architecture", ["amd64", "arm", "s390x"])
def test_pointers_before_1_18(architecture: str) -> None:
    data = Elf(architecture, go_old=("go1.17", go_text(["m\tv1\th1:x"]))).build()
    found = read(data)
    assert found is not None
    assert found.go_version == "go1.17"
    assert found.deps == (Module("m", "v1", "h1:x"),)
    assert found.settings == ()


def test_without_sections_the_data_segment_is_searched() -> None:
    data = bytearray(Elf("amd64", go=go_blob("go1.22.0", go_text(GOOS="linux"))).build())
    data[40:48] = bytes(8)
    data[58:64] = bytes(6)
    found = read(bytes(data))
    assert found is not None
    assert found.setting("GOOS") == "linux"


def test_replaced_modules_and_quoted_settings() -> None:
    text = "\n".join(
        [
            "path\tp",
            "mod\tp\tv0\t",
            "=>\t../p\t\t",
            "dep\ta\tv1\th1:a",
            "=>\tb\tv2\th1:b",
            'build\t-ldflags="-X \\"main.v=\\u00e9\\x41\\t\\101\\""',
            "build\t`odd key`=1",
            "build\tno value",
            "other\tline",
        ]
    )
    found = parse_text("go1.20", text)
    assert found.main == Module("p", "v0", "", Module("../p"))
    assert found.deps == (Module("a", "v1", "h1:a", Module("b", "v2", "h1:b")),)
    assert found.setting("-ldflags") == '-X "main.v=éA\tA"'
    assert found.setting("odd key") == "1"


def test_programs_in_other_languages_have_none() -> None:
    assert read(Elf("amd64", kind=3, needed=("libc.so.6",)).build()) is None


@pytest.mark.parametrize(
    "blob",
    [
        b"\xff Go buildinf:",
        b"\xff Go buildinf:\x08\x02" + bytes(16),
        b"\xff Go buildinf:\x08\x02" + bytes(16) + b"\xff" * 20,
        b"\xff Go buildinf:\x08\x02" + bytes(16) + b"\x7fgo",
        b"\xff Go buildinf:\x03\x00" + bytes(16),
        b"\xff Go buildinf:\x08\x00" + b"\xff" * 16,
        go_blob("go1.20", "")[:-1],
    ],
)
def test_damaged_information_is_none_or_empty(blob: bytes) -> None:
    found = read(Elf("amd64", go=blob).build())
    assert found is None or found.deps == ()


@given(st.binary(max_size=200), st.sampled_from(["amd64", "arm", "s390x"]))
def test_any_bytes_after_the_magic(data: bytes, architecture: str) -> None:
    read(Elf(architecture, go=b"\xff Go buildinf:" + data).build())


@given(st.text(max_size=300))
def test_any_text(text: str) -> None:
    assert parse_text("go1", text).go_version == "go1"
