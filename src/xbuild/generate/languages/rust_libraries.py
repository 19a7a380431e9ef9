"""Crates with C in them: which bring what they need, and which want a library of the system.

From the crates' own descriptions. A crate whose name ends in `-sys` and that is in no table is not trusted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xbuild.generate.excerpts import first_seen
from xbuild.generate.shape import SourceTree, UnreadyError

# Declarations alone, or for another system: nothing is compiled on Linux.
_DECLARED = frozenset({
    "block-sys", "clang-sys", "core-foundation-sys", "coreaudio-sys", "dirs-sys", "dirs-sys-next",
    "fsevent-sys", "fuchsia-zircon-sys", "inotify-sys", "io-kit-sys", "jni-sys", "js-sys", "kernel32-sys",
    "kqueue-sys", "libz-rs-sys", "linux-raw-sys", "ndk-sys", "netlink-sys", "nvml-wrapper-sys",
    "objc-sys", "oboe-sys", "security-framework-sys", "system-configuration-sys", "web-sys", "wepoll-sys",
    "windows-sys", "ws2_32-sys",
})  # fmt: skip
# These compile what they bring, where pkg-config finds nothing.
_BUNDLED = frozenset({
    "aws-lc-fips-sys", "aws-lc-sys", "brotli-sys", "bzip2-sys", "curl-sys", "jemalloc-sys", "libgit2-sys",
    "libmimalloc-sys", "libnghttp2-sys", "libssh2-sys", "libz-ng-sys", "libz-sys", "lmdb-master-sys",
    "lz4-sys", "lzma-sys", "onig_sys", "secp256k1-sys", "tikv-jemalloc-sys", "zstd-sys",
})  # fmt: skip
# Crate → Debian's package of a program that it starts on the build machine, and the crate that brings it too.
_TOOLS = {
    "prost-build": ("protobuf-compiler", "protoc-bin-vendored"),
    "cmake": ("cmake", ""),
    "nasm-rs": ("nasm", ""),
}
# Crate → what it is compiled against, and the crate beside it that brings that; what would help.
_LIBRARIES: dict[str, tuple[str, str, str]] = {
    "openssl-sys": ("libssl", "openssl-src", "rustls, or the feature `vendored` of openssl"),
    "libsqlite3-sys": ("libsqlite3", "cc", "the feature `bundled` of rusqlite or libsqlite3-sys"),
    "pq-sys": ("libpq", "pq-src", "the feature `bundled` of pq-sys"),
    "libdbus-sys": ("libdbus", "cc", "the feature `vendored` of dbus"),
    "libusb1-sys": ("libusb", "", "the feature `vendored` of rusb"),
    "mysqlclient-sys": ("libmysqlclient", "mysqlclient-src", "the feature `bundled` of mysqlclient-sys"),
}
_ADVICE = "write the Dockerfile as for one platform: xbuild build makes the rest of it"
# Crates with C++ in them: the compiler and its library are needed for each platform.
_CXX = frozenset({"link-cplusplus", "cxx", "esaxx-rs", "snappy_src", "cxx-build", "autocxx"})
# Who may name bindgen without running it where the target is amd64 or arm64.
_PREPARED = frozenset({"aws-lc-sys", "aws-lc-fips-sys", "clang-sys", "bindgen"})


def check_libraries(tree: SourceTree, lock: str, crates: Mapping[str, Mapping[str, Any]]) -> None:
    """Raises UnreadyError for a crate that needs what the images do not have."""
    for name, crate in sorted(crates.items()):
        if crate.get("source") is None or name in _DECLARED or name in _BUNDLED:
            continue
        library, bringer, help_ = _LIBRARIES.get(name, ("", "", ""))
        if library:
            if bringer and bringer in crate["dependencies"]:
                continue
            raise _refused(tree, lock, name, f"{name} is compiled against {library} of the system", help_)
        if name.endswith(("-sys", "_sys")):
            text = f"whether {name} brings what it is compiled against is not known"
            raise _refused(tree, lock, name, text, _ADVICE)
    users = [n for n, c in crates.items() if "bindgen" in c["dependencies"] and n not in _PREPARED]
    if users:
        text = f"{users[0]} runs bindgen, which needs libclang and headers of each platform"
        raise _refused(tree, lock, users[0], text, _ADVICE)


def _refused(tree: SourceTree, lock: str, name: str, text: str, hint: str) -> UnreadyError:
    line = first_seen(tree, lock, rf'^name = "{name}"', "").line
    return UnreadyError(text, file=lock, line=line, hint=hint)


def tools(crates: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
    """Debian's packages that building takes besides the compiler."""
    wanted = (row for name, row in _TOOLS.items() if name in crates)
    return tuple(package for package, bringer in wanted if bringer not in crates)


def needs_cxx(crates: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether something of it is compiled by a C++ compiler."""
    return any(name in crates for name in _CXX)
