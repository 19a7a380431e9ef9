"""What has a say in what cargo builds beside its words: variables, and files of settings.

Sources: The Cargo Book, "Environment Variables" and "Configuration"; The rustc book, "Codegen Options"; the
pages of the crates cc, cmake, pkg-config, bindgen and of those that take libraries of the system (variables).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence

from xbuild.plan.facts.filesystem import Kind
from xbuild.plan.table import words
from xbuild.plan.toolchain import Call
from xbuild.plan.toolchains.rust.triples import linkers
from xbuild.text import expression

Found = Iterator[tuple[str, str]]
"""What is in the way, and what would help."""

# Variables that choose compilers, targets, libraries or what reaches them. `[build]` has no `features`,
# `profile`, `args`, `flags` and `options`, so that variables of these names are the author's own.
_CHOOSING = expression(
    r"CARGO_BUILD_(?!(?:JOBS|INCREMENTAL|TARGET_DIR|PIPELINING|WARNINGS|FEATURES|PROFILE|ARGS|FLAGS|OPTIONS)$)\w+|CARGO_ENCODED_RUSTFLAGS|CARGO_UNSTABLE_\w+"
    r"|CARGO_TARGET_\w+_(?:RUSTFLAGS|LINKER|AR)|CARGO_PROFILE_\w+_RUSTFLAGS"
    r"|RUSTC(?:_WRAPPER|_WORKSPACE_WRAPPER|_LINKER)?|RUSTC_BOOTSTRAP"
    r"|(?:HOST_|TARGET_)?(?:CC|CXX|AR|RANLIB|NM|LD|STRIP)(?:_\w+)?|(?:HOST_|TARGET_)?(?:C|CXX|CPP|LD|AR)FLAGS(?:_\w+)?"
    r"|CARGO_ALIAS_\w+|COMPILER_PATH|GCC_EXEC_PREFIX|CROSS_COMPILE|CC_\w+|(?:\w+_)?PKG_CONFIG\w*|CMAKE\w*|BINDGEN_\w+|LIBCLANG\w*|LLVM_CONFIG\w*|CPATH"
    r"|\w*(?:LIBRARY|INCLUDE)_PATH|TARGET|HOST|OUT_DIR|DEP_\w+|LD_PRELOAD"
    r"|(?:OPENSSL|LIBZ|LIBSQLITE3|SQLITE3|SQLITE|ZSTD|PQ|LZMA|BZIP2|LIBGIT2|LIBSSH2|RING|AWS_LC|RUSTONIG|JEMALLOC"
    r"|ROCKSDB|SNAPPY|LIBDBUS|SODIUM|MYSQLCLIENT)_\w+"
)
# Flags of rustc that are the same for every target, and that no build script asks for (its own `cfg`).
_FLAG = expression(
    r"-g|-O|--verbose|-v|--remap-path-prefix(?:=\S+)?|-[ADWF]\S*|--cap-lints(?:=\S+)?"
    r"|-C(?:opt-level|debuginfo|strip|lto|codegen-units|panic|overflow-checks|debug-assertions|incremental"
    r"|embed-bitcode|force-frame-pointers|inline-threshold|relocation-model|split-debuginfo)(?:=\S+)?"
    r"|-Ctarget-feature=[+-]crt-static|-Clink-args?=(?:-s|-Wl,(?:-z,\S+|--gc-sections|--as-needed|-O\d|--strip-\w+))"
    r"|--cfg=(?:\w+_unstable|docsrs)"
)
_TAKING = frozenset(words("-C -A -D -W -F --cfg --cap-lints --remap-path-prefix"))


def variable_troubles(call: Call, but: Sequence[str] = ()) -> Found:
    """What is set for the command, by the Dockerfile, the script or in front; `but` is what is followed."""
    told = {n: (v.text, v.kind) for n, v in call.variables.items() if v.origin != "shell"}
    told.update({n: (word.value, kind) for n, (word, kind) in call.assignments.items()})
    for name, (text, kind) in told.items():
        if name in but:
            continue
        if kind >= Kind.BUILD:
            yield f"{name} depends on the machine or cannot be told", "set it to what is the same everywhere"
        elif name in ("RUSTFLAGS", "CARGO_BUILD_RUSTFLAGS") or re.fullmatch(
            r"CARGO_TARGET_\w+_RUSTFLAGS", name
        ):
            yield from ((f"{name}: {why}", _DROP) for why in flag_troubles(text))
        elif re.fullmatch(r"CARGO_TARGET_\w+_LINKER", name) and text in linkers().values():
            continue
        elif text != "" and _CHOOSING.fullmatch(name):
            yield f"{name} is set, which may be right for one platform alone", f"leave {name} to xbuild"


_DROP = "leave it out, or set it where one platform alone is built"


def flag_troubles(flags: str | None) -> Iterator[str]:
    """Why flags of rustc are not known to be right for every target."""
    if flags is None:
        yield "what it says cannot be told"
        return
    joined: list[str] = []
    given = flags.split()
    for at, text in enumerate(given):
        if at and given[at - 1] in _TAKING:
            continue
        if text in _TAKING and at + 1 < len(given):
            text += ("" if text[1] != "-" else "=") + given[at + 1]
        joined.append(text)
    for text in joined:
        if not _FLAG.fullmatch(text):
            yield f"`{text}` is not known to be right for every target"


# Tables and keys of cargo's settings that do not choose what is built for whom.
_HARMLESS = frozenset(
    words(
        "profile net http term registry registries registry-auth source alias future-incompat-report "
        "cargo-new cache credential-alias doc patch resolver lints"
    )
)
_BUILD = frozenset(
    words("jobs incremental target-dir dep-info-basedir pipelining rustdocflags rustflags build-dir warnings")
)


def file_troubles(files: Mapping[str, str]) -> Found:
    """What files of settings say, by path."""
    for path, text in files.items():
        name = posixpath.basename(path)
        if name in ("config.toml", "config"):
            yield from ((f"{path}: {why}", _DROP) for why in _config_troubles(text))
        elif name.startswith("rust-toolchain"):
            yield from ((f"{path}: {why}", "name a release there") for why in _toolchain_troubles(text))


def _read(text: str) -> Mapping[str, object]:
    import tomllib

    return tomllib.loads(text)


def _config_troubles(text: str) -> Iterator[str]:
    try:
        data = _read(text)
    except (ValueError, RecursionError):
        yield "it cannot be read"
        return
    for name, table in data.items():
        if name in _HARMLESS:
            continue
        found = _TABLES.get(name)
        if found is None or not isinstance(table, dict):
            yield f"[{name}] is not known to leave the target alone"
        else:
            yield from found(table)


def _build_troubles(table: Mapping[str, object]) -> Iterator[str]:
    for key, given in table.items():
        if key not in _BUILD and given != "":
            yield f"build.{key} chooses what is built, and how"
        elif key == "rustflags":
            yield from flag_troubles(_flags(given))


def _target_troubles(table: Mapping[str, object]) -> Iterator[str]:
    for target, settings in table.items():
        if not isinstance(settings, dict):
            yield f"target.{target} cannot be read"
            continue
        for key, given in settings.items():
            if key == "rustflags":
                yield from (f"target.{target}: {why}" for why in flag_troubles(_flags(given)))
            elif key != "runner" and not (key == "linker" and linkers().get(target) == given):
                yield f"target.{target}.{key} chooses what is built, and how"


def _flags(given: object) -> str | None:
    if isinstance(given, str):
        return given
    if isinstance(given, list) and all(isinstance(one, str) for one in given):
        return " ".join(given)
    return None


def _variable_table_troubles(table: Mapping[str, object]) -> Iterator[str]:
    for name in table:
        if _CHOOSING.fullmatch(name) or name == "RUSTFLAGS":
            yield f"it sets {name}, which may be right for one platform alone"


_TABLES = {"build": _build_troubles, "target": _target_troubles, "env": _variable_table_troubles}


# A channel with the host behind it (The rustup book, "Toolchains", "Toolchain specification").
_HOST = expression(r"(?m)^\s*(?:channel\s*=\s*[\"'])?[\w.-]*-(?:\w+-)?(?:unknown|pc)-linux-\w+")


def _toolchain_troubles(text: str) -> Iterator[str]:
    if _HOST.search(text):
        yield "it names a toolchain for one machine alone"
    if "[" not in text:
        return
    try:
        table = _read(text).get("toolchain")
    except (ValueError, RecursionError):
        yield "it cannot be read"
        return
    if not isinstance(table, dict) or "path" in table:
        yield "it names a toolchain that rustup does not bring"
