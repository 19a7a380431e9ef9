"""Rust's targets by platform, and how they are made ready in a stage, once for all platforms: the standard
library, the linker and the C compiler of each.

Sources: The rustc book, "Platform Support"; The Cargo Book, "Configuration" (`target.<triple>.linker`,
`env`); the pages of the crates cc and pkg-config (`CC_<target>`, `PKG_CONFIG_LIBDIR_<target>`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from xbuild.architectures import ARCHITECTURES
from xbuild.plan.cross.debian import CROSS, cross_key, keys_of, package_lines
from xbuild.plan.toolchain import HELPERS
from xbuild.platforms import Platform

TELLER = "xbuild-target"
"""Prints Rust's name of the target, by TARGETARCH."""
TOLD = f"$({TELLER})"
STRIP = "xbuild-strip"
"""The target's strip, by TARGETARCH."""
_RUST = {row.docker: row.rust for row in ARCHITECTURES}


GNU, MUSL = "gnu", "musl"
_WITH = {GNU: (*CROSS,), MUSL: ("amd64", "arm64")}
"""The platforms with each C library: glibc is Debian's; musl and its start files come with rustc's standard
library, and Debian's gcc links with them (built and run for these two)."""


def triples(platforms: Sequence[Platform] | None, c_library: str = GNU) -> tuple[str, ...]:
    """Rust's names of the platforms that this C library is there for; of all for None."""
    return tuple(_triple(key, c_library) for key in keys_of(platforms) if key in _WITH[c_library])


def _triple(key: str, c_library: str) -> str:
    return _RUST[key].replace(f"-{GNU}", f"-{c_library}")


def c_library_of(named: Mapping[Platform, str]) -> str | None:
    """The C library of targets that are named for each platform; None where one is not that platform's."""
    pairs = [(cross_key(platform), name) for platform, name in named.items()]
    fitting = (c for c, keys in _WITH.items() if all(k in keys and _triple(k, c) == n for k, n in pairs))
    return next(fitting, None)


def linkers() -> dict[str, str]:
    """By Rust's name of a target the linker that Debian has for it."""
    return {_RUST[key]: f"{row.triplet}-gcc" for key, row in CROSS.items()}


def ready_lines(
    platforms: Sequence[Platform] | None,
    libraries: Sequence[str],
    *,
    has_c: bool,
    has_cxx: bool,
    has_musl: bool,
    rustup: tuple[str, ...],
    home: str,
) -> tuple[str, ...]:
    """The lines of the RUN that makes all targets ready. `rustup` are lines that bring the standard library,
    where rustup has it; `home` is cargo's folder; `has_c` and `has_cxx` tell that C or C++ is compiled,
    `has_musl` that something is for musl.
    """
    keys = keys_of(platforms)
    settings = " ".join(_settings(keys, has_c=has_c, has_musl=has_musl))
    return (
        *package_lines(platforms, libraries, has_cxx=has_cxx),
        *rustup,
        f"mkdir -p {HELPERS} /usr/local/bin; "
        f"printf '%s\\n' '#!/bin/sh' '{_case(keys)}' '{_WHAT}' > {HELPERS}/{TELLER};",
        f"chmod 755 {HELPERS}/{TELLER}; "
        + " ".join(f"ln -sf {HELPERS}/{TELLER} /usr/local/bin/{name};" for name in (TELLER, STRIP)),
        f"mkdir -p {home}; printf '%s\\n' {settings} > {home}/config.toml",
    )


def rustup_lines(
    platforms: Sequence[Platform] | None, toolchain: str | None, *, has_musl: bool
) -> tuple[str, ...]:
    """What brings the standard library of all targets; to the toolchain of that name, which the project asks
    for, or to the image's own.
    """
    listed = " ".join((*triples(platforms), *(triples(platforms, MUSL) if has_musl else ())))
    if toolchain is None:
        return (f"rustup target add {listed};",)
    return (
        f"rustup toolchain install {toolchain} --profile minimal --no-self-update;",
        f"rustup target add --toolchain {toolchain} {listed};",
    )


def _case(keys: Sequence[str]) -> str:
    cases = " ".join(f"{key.replace('/', '')}) t={_RUST[key]} g={CROSS[key].triplet};;" for key in keys)
    unknown = "*) t=no-target-for-$TARGETARCH$TARGETVARIANT;;"
    return f'case "$TARGETARCH${{TARGETVARIANT#v[1234]}}" in {cases} {unknown} esac'


_WHAT = 'case "$0" in *-strip) exec "$g-strip" "$@";; *) echo "$t";; esac'


def _settings(keys: Sequence[str], *, has_c: bool, has_musl: bool) -> list[str]:
    """cargo's settings, line by line, quoted for the shell; those for C where it is compiled."""
    named = [(_RUST[key], key) for key in keys]
    named += [(_triple(key, MUSL), key) for key in keys if has_musl and key in _WITH[MUSL]]
    lines = [line for name, key in named for line in (f"'[target.{name}]'", _linker_line(key))]
    if has_c:
        lines.append("'[env]'")
    for key in keys if has_c else ():
        name = _RUST[key].replace("-", "_")
        folder = f"/usr/lib/{CROSS[key].library}/pkgconfig:/usr/share/pkgconfig"
        lines += [
            f"'CC_{name} = \"{_tool(key, 'gcc')}\"'",
            f"'CXX_{name} = \"{_tool(key, 'g++')}\"'",
            f"'AR_{name} = \"{_tool(key, 'ar')}\"'",
            f"'PKG_CONFIG_ALLOW_CROSS_{name} = \"1\"'",
            f"'PKG_CONFIG_LIBDIR_{name} = \"{folder}\"'",
        ]
    return lines


def _linker_line(key: str) -> str:
    """The linker of a target, but for the build machine's own: from 1.90 on rustc links for amd64 with an LLD
    of its own unless a linker is set (Rust's blog, "Faster linking times with 1.90.0 stable on Linux using
    the LLD linker"; seen with 1.95), and what it makes for its own machine is to come out as before.
    """
    line = f"'linker = \"{_tool(key, 'gcc')}\"'"
    return f'"$([ "$native" = {CROSS[key].debian} ] || echo {line})"'


def _tool(key: str, tool: str) -> str:
    return f"{CROSS[key].triplet}-{tool}"
