"""Flags of rustc and files of settings."""

from __future__ import annotations

import pytest

from xbuild.plan.toolchains.rust.cargo_settings import file_troubles, flag_troubles


@pytest.mark.parametrize(
    "flags",
    [
        "",
        "-D warnings",
        "-Dwarnings -C opt-level=3 -Cstrip=symbols",
        "--cfg tokio_unstable",
        "-C target-feature=+crt-static",
        "-C link-arg=-s -C link-args=-Wl,-z,now",
        "--remap-path-prefix /src=.",
        "-g",
    ],
)
def test_right_for_every_target(flags: str) -> None:
    assert list(flag_troubles(flags)) == []


@pytest.mark.parametrize(
    "flags",
    [
        None,
        "-C target-cpu=native",
        "-Ctarget-cpu=x86-64-v3",
        "-C target-feature=+avx2",
        "-C linker=clang",
        "-C link-arg=-fuse-ld=mold",
        "-L /usr/lib/x86_64-linux-gnu",
        "-l foo",
        "--cfg own",
        "-Z threads=8",
        "-C link-arg=-Wl,-rpath,/opt",
        "-C",
    ],
)
def test_not_known(flags: str | None) -> None:
    assert list(flag_troubles(flags))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[net]\nretry = 3\n[http]\ntimeout = 5\n[profile.release]\nlto = true",
        '[build]\njobs = 4\ntarget-dir = "made"\nrustc-wrapper = ""',
        '[target.aarch64-unknown-linux-gnu]\nlinker = "aarch64-linux-gnu-gcc"\nrunner = "qemu-aarch64"',
        '[target."cfg(all())"]\nrustflags = ["-C", "strip=symbols"]',
        '[env]\nOWN = "1"\nOTHER = { value = "x", relative = true }',
        '[source.own]\nregistry = "sparse+https://example.org/"',
    ],
)
def test_settings_that_leave_the_target_alone(text: str) -> None:
    assert list(file_troubles({"/src/.cargo/config.toml": text})) == []


@pytest.mark.parametrize(
    "text",
    [
        "[build",
        '[build]\ntarget = "x86_64-unknown-linux-musl"',
        '[build]\nrustc-wrapper = "sccache"',
        '[build]\nrustflags = "-C target-cpu=native"',
        "[build]\nrustflags = 3",
        '[target.x86_64-unknown-linux-gnu]\nlinker = "clang"',
        '[target.x86_64-unknown-linux-gnu]\nrustflags = ["-Ctarget-cpu=native"]',
        "target = 3",
        "[target]\nx = 3",
        '[target.x86_64-unknown-linux-gnu.foo]\nrustc-link-lib = ["foo"]',
        '[env]\nCC = "clang"',
        '[env]\nRUSTFLAGS = "-O"',
        "[unstable]\nbuild-std = true",
        'paths = ["/other"]',
        "include = 'x'",
    ],
)
def test_settings_that_do_not(text: str) -> None:
    assert list(file_troubles({"/src/.cargo/config.toml": text}))
    assert list(file_troubles({"/src/.cargo/config": text}))


@pytest.mark.parametrize(
    ("text", "is_known"),
    [
        ("1.75.0\n", True),
        ('[toolchain]\nchannel = "stable"\ntargets = ["x"]', True),
        ('[toolchain]\npath = "/opt/rust"', False),
        ("[toolchain", False),
        ("stable-x86_64-unknown-linux-gnu\n", False),
        ('[toolchain]\nchannel = "1.80-aarch64-unknown-linux-gnu"', False),
        ('[toolchain]\nchannel = "stable"\ntargets = ["x86_64-unknown-linux-gnu"]', True),
        ("[other]", False),
    ],
)
def test_toolchain_files(text: str, is_known: bool) -> None:
    assert (not list(file_troubles({"/src/rust-toolchain.toml": text}))) == is_known
