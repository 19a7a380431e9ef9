"""Rust: one compiler for all targets; the linker, and C, are of each target's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xbuild.plan.table import Work

if TYPE_CHECKING:
    from xbuild.plan.toolchains.rust.rust_toolchain import TOOLCHAIN as TOOLCHAIN

WORK = (
    Work(
        "cargo build", "cargo build, cargo install, cargo test, cargo check, xx-cargo build", is_compiler=True
    ),
)


def __getattr__(name: str) -> Any:
    if name == "TOOLCHAIN":
        from xbuild.plan.toolchains.rust.rust_toolchain import TOOLCHAIN

        return TOOLCHAIN
    raise AttributeError(name)
