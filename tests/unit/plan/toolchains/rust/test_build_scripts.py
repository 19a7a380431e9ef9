"""What is read in the text of a build script."""

from __future__ import annotations

import pytest

from xbuild.plan.toolchains.rust.build_scripts import read_script


@pytest.mark.parametrize(
    "text",
    [
        'fn main() { println!("cargo:rerun-if-changed=build.rs"); }',
        'fn main() { let a = std::env::var("CARGO_CFG_TARGET_ARCH").unwrap(); }',
        'use std::{env, fs, path::{Path, PathBuf}};\nfn main() { fs::read_to_string("src/x").unwrap(); }',
        '// cfg!(target_arch = "x86_64")\nfn main() { /* std::env::consts::ARCH */ }',
        'fn main() { println!("cargo:rustc-check-cfg=cfg(target_arch)"); }',
        'fn main() { if cfg!(feature = "fast") {} if cfg!(target_os = "linux") {} }',
        '#[cfg(target_env = "msvc")]\nfn own() {}\nfn main() {}',
        'fn main() { autocfg::new().emit_has_type("i128"); }',
        'use std::process::Command;\nfn main() { Command::new("git").output().unwrap(); }',
        "use std::process::Command;\nfn main() { let rustc = 1; Command::new(&rustc).output(); }",
        'fn main() { println!("cargo:rustc-link-lib=dl"); }',
        # As getrandom 0.1.
        'fn main() { if target.contains("windows") { println!("cargo:rustc-link-lib=advapi32"); } }',
        'fn main() { if target.contains("-ios") { println!("cargo:rustc-link-lib=framework=Security"); } }',
        "#![allow(clippy::all)]\nfn main() {}",
        "mod own { pub fn done() {} }\nfn main() { own::done(); }",
        'fn main() { let c = \'"\'; let text = r#"std::env::consts::ARCH"#; }',
        'fn main() { println!("cargo:warning=/path/of/none"); }',
        'fn main() { let text = include_str!("text"); let own = env!("CARGO_PKG_VERSION"); }',
        "fn main() { rustc_version::version_meta().unwrap().channel; }",
        'fn main() { std::env::var("CARGO_PKG_NAME"); std::env::var("CARGO_HOME"); std::env::var("RUSTC"); }',
        'fn main() { if cfg!(unix) {} let target_arch = std::env::var("CARGO_CFG_TARGET_ARCH"); }',
        'fn main() { std::fs::read("../include/own.h"); "a/b".replace("/", "_"); }',
        "use std::u32;\nfn main() { let most = u32::MAX; let least = std::i64::MIN; }",
    ],
)
def test_nothing_is_found(text: str) -> None:
    assert read_script(text).findings == ()


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ('fn main() { if cfg!(target_arch = "x86_64") {} }', "cfg"),
        ('#[cfg(all(unix, target_pointer_width = "64"))]\nfn main() {}', "cfg"),
        ('#[cfg_attr(target_feature = "avx", own)]\nfn main() {}', "cfg"),
        ("fn main() { std::env::consts::ARCH; }", "consts"),
        ("use std::env::consts;\nfn main() { consts::OS; }", "consts"),
        ('fn main() { std::env::var("HOST"); }', "host"),
        ("fn main() { for (n, v) in std::env::vars() {} }", "environment"),
        ('fn main() { std::env::var("HOSTNAME"); }', "environment"),
        ("fn main() { unsafe { own() } }", "unsafe"),
        ('extern "C" { fn own(); }\nfn main() {}', "unsafe"),
        ("mod more;\nfn main() {}", "files"),
        ('include!("more.rs");\nfn main() {}', "files"),
        ("fn main() { cc::Build::new().get_compiler().to_command(); }", "compiler"),
        ('fn main() { cc::Build::new().compiler("gcc"); }', "compiler"),
        ("use std::process::Command as Start;\nfn main() {}", "alias"),
        ('fn main() { is_x86_feature_detected!("avx"); }', "features"),
        ('fn main() { std::process::Command::new("uname"); }', "starts"),
        ("use std::process::Command;\nfn main() { Command::new(program()); }", "starts"),
        ("use std::process::Command;\nfn main() { let start = Command::from(x); }", "starts"),
        ('fn main() { std::fs::read("/proc/cpuinfo"); }', "folder"),
        ('fn main() { flag("-march=native"); }', "native"),
        ('fn main() { println!("cargo:rustc-link-lib=other"); }', "links"),
        ('fn main() { println!("cargo:rustc-link-lib=static=advapi32x"); }', "links"),
        ('fn main() { println!("cargo:rustc-link-lib=frameworks"); }', "links"),
        ('fn main() { println!("cargo::rustc-link-lib=static={}", name); }', "links"),
        ('fn main() { println!("cargo:rustc-link-arg=-fuse-ld=lld"); }', "argument"),
        ("use vergen::Emitter;\nfn main() {}", "uses"),
        ("extern crate built;\nfn main() {}", "uses"),
        ("use built;\nfn main() {}", "uses"),
        ("fn main() { std::net::lookup(); }", "standard"),
        ("use std::usize;\nfn main() { let most = usize::MAX; }", "standard"),
        ('fn main() { let own = option_env!("MACHTYPE"); }', "environment"),
        ("fn main() { rustc_version::version_meta().unwrap().host; }", "host"),
        ('fn main() { println!("{:?}", rustc_version::version_meta().unwrap()); }', "host"),
        ('fn main() { std::env::var("CARGO_BUILD_TARGET").is_ok(); }', "told"),
        ('fn main() { println!("{:?}", std::env::var("RUSTUP_TOOLCHAIN")); }', "told"),
        ('fn main() { let own = std::env::var_os("CARGO"); }', "told"),
        ('fn main() { std::fs::copy(std::env::current_exe().unwrap(), "own"); }', "program"),
        ('fn main() { println!("cargo:rustc-flags=-l own"); }', "argument"),
        ('fn main() { println!("cargo:rustc-cdylib-link-arg=-Wl,-s"); }', "argument"),
        ("macro_rules! own { ($k:ident, $v:literal) => { cfg!($k = $v) } }\nfn main() {}", "cfg"),
        ('fn main() { cmake::build("own"); }', "cmake"),
        ("use std::{arch, env};\nfn main() {}", "standard"),
        ('#[cfg(any(\n    target_arch = "x86_64",\n    unix\n))]\nfn main() {}', "cfg"),
        ('fn main() { if cfg!(\n    any(unix, target_arch = "x86_64")\n) {} }', "cfg"),
        ('fn main() { if cfg![target_arch = "x86_64"] {} }', "cfg"),
        ("fn main() { let own = version_check::triples(); }", "host"),
        ("fn main() { let VersionMeta { host, .. } = rustc_version::version_meta().unwrap(); }", "host"),
        ('fn main() { Command::new("rustc").args(["--print", "cfg"]); }', "host"),
        ('fn main() { Command::new("rustc").arg("--print=target-libdir"); }', "host"),
        ('fn main() { Command::new("rustc").args(["--version", "-v"]); }', "host"),
        ('fn main() { Command::new("rustc").arg("-vV"); }', "host"),
        ('fn main() { std::fs::read("../../proc/cpuinfo"); }', "folder"),
        ('fn main() { let mut own = std::path::PathBuf::from("/"); own.push("proc"); }', "folder"),
        ("fn main() { std::ffi::c_char::MIN; }", "char"),
        ("use std::process::Command;\nfn main() { let start = Command::new; }", "starts"),
        (
            'use std::process::Command;\nfn main() { Command::new("rustc").arg("-vV"); find("host: "); }',
            "host",
        ),
    ],
)
def test_found(text: str, kind: str) -> None:
    assert kind in {name for name, _ in read_script(text).findings}


def test_cxx_is_seen() -> None:
    assert read_script("fn main() { cc::Build::new().cpp(true); }").has_cxx
    assert not read_script("fn main() { cc::Build::new().cpp(false); }").has_cxx
    assert read_script('fn main() { cmake::build("own"); }').has_cxx


@pytest.mark.parametrize(
    "text",
    [
        "fn main() { std::mem::size_of::<usize>(); }",
        "fn main() { usize::MAX; }",
        'fn main() { std::fs::write("x", "y"); }',
        'fn main() { std::fs::File::create("x"); }',
        "fn main() { 1u32.to_ne_bytes(); }",
    ],
)
def test_words_are_seen(text: str) -> None:
    assert read_script(text).is_of_words


def test_no_words_are_seen() -> None:
    assert not read_script('fn main() { println!("cargo:rustc-cfg=own"); }').is_of_words


def test_modules_that_are_there_are_no_further_files() -> None:
    text = "mod more;\nfn main() { more::done(); }\npub fn done() {}"
    assert read_script(text, ("more",)).findings == ()
    assert {kind for kind, _ in read_script(text, ("other",)).findings} == {"files"}
    asking = text.replace("pub fn done() {}", "pub fn done() { std::env::consts::ARCH; }")
    assert {kind for kind, _ in read_script(asking, ("more",)).findings} == {"consts"}


@pytest.mark.parametrize(
    ("text", "started"),
    [
        ('fn main() { std::process::Command::new("git"); }', {"git"}),
        ('fn main() { std::process::Command::new("rustc"); }', set()),
        ('fn main() { prost_build::compile_protos(&["own.proto"], &["."]); }', {"protoc"}),
        ("fn main() { openssl_src::Build::new(); }", {"perl", "make"}),
    ],
)
def test_programs_are_seen(text: str, started: set[str]) -> None:
    assert read_script(text).starts == started
