"""What the planner knows of Rust."""

from __future__ import annotations

from xbuild.plan.toolchain import EqualCache, SourceFiles, Toolchain
from xbuild.plan.toolchains.rust import WORK
from xbuild.plan.toolchains.rust.cargo import judge
from xbuild.plan.toolchains.rust.rust_image import IMAGES
from xbuild.plan.toolchains.rust.rust_programs import PROGRAMS
from xbuild.plan.toolchains.rust.target_caches import finish

TOOLCHAIN = Toolchain(
    name="rust",
    judge=judge,
    finish=finish,
    programs=PROGRAMS,
    images=IMAGES,
    # The Cargo Book, "Environment Variables" (RUSTC, RUSTDOC); rustc's linker (cc); what build scripts start.
    started=(
        "rustc",
        "rustdoc",
        "cc",
        "gcc",
        "g++",
        "c++",
        "clang",
        "ar",
        "ld",
        "pkg-config",
        "git",
        "protoc",
    ),
    folders=("/usr/local/cargo/bin", "/root/.cargo/bin"),
    caches=("/usr/local/cargo/registry", "/usr/local/cargo/git", "/root/.cargo"),
    # The Cargo Book, "Cargo Home": archives by version, checked against Cargo.lock, and sources unpacked
    # from them.
    equal_caches=(EqualCache(r".*/\.?cargo/(registry|git)(/.*)?", "packages by version and sum"),),
    variables=("CARGO_BUILD_TARGET", "CARGO_TARGET_DIR"),
    work=WORK,
    sources=(SourceFiles(".rs", 'pub const XBUILD_BENCH: &str = "{}";'),),
)
